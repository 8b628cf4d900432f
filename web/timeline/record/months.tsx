/** The months in which something happened, with how much: a click goes there. */
import { useEffect, useRef } from "react";
import type { MonthFragment } from "../../generated/operations";
import { counted } from "../english";
import { month } from "../time/dates";
import "./months.css";

interface MonthsProps {
  /** Newest first. */
  readonly months: readonly MonthFragment[];
  /** The key of the month that is looked at. */
  readonly current: string | null;
  readonly onGo: (month: MonthFragment) => void;
}

export function Months({ months, current, onGo }: MonthsProps) {
  const rail = useRef<HTMLElement>(null);
  const here = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (rail.current === null || here.current === null) return;
    const { offsetTop: top, offsetLeft: left } = here.current;
    // Only the rail: `scrollIntoView` would take the page along.
    rail.current.scrollTo({ top: top - rail.current.clientHeight / 2, left: left - rail.current.clientWidth / 2 });
  }, [current]);
  const years = [...new Set(months.map(yearOf))];
  return (
    <nav ref={rail} className="months" aria-label="Months">
      {years.map((year) => (
        <section key={year} aria-label={year}>
          <h2 className="months__year">{year}</h2>
          {months.filter((each) => yearOf(each) === year).map((each) => (
            <button
              key={each.key}
              ref={each.key === current ? here : null}
              type="button"
              className="months__month"
              aria-current={each.key === current || undefined}
              onClick={() => onGo(each)}
            >
              {month(each.key, "short")}
              <span className="visually-hidden"> {year}, </span>
              <span className="months__count">{counted(each.count)}</span>
              <span className="visually-hidden"> entries</span>
            </button>
          ))}
        </section>
      ))}
    </nav>
  );
}

function yearOf({ key }: MonthFragment): string {
  return key.slice(0, 4);
}
