/** What was, newest first, under the months' names. */
import { useCallback } from "react";
import type { MonthFragment } from "../../generated/operations";
import type { Heading, Line } from "../list/line";
import { List } from "../list/list";
import type { Pages } from "../list/pages";
import { useClock } from "../time/clock";
import { month, monthKey } from "../time/dates";

interface HistoryProps {
  readonly pages: Pages;
  readonly months: readonly MonthFragment[];
  /** Told the key of the month that is looked at. */
  readonly onSee: (month: string) => void;
}

export function History({ pages, months, onSee }: HistoryProps) {
  const { zone } = useClock();
  const headingOf = ({ entry }: Line): Heading => {
    const key = monthKey(entry.occursAt, zone);
    return { key, text: month(key), count: months.find((each) => each.key === key)?.count ?? null };
  };
  const see = useCallback(({ entry }: Line) => onSee(monthKey(entry.occursAt, zone)), [onSee, zone]);
  const total = months.reduce((sum, { count }) => sum + count, 0);
  return (
    <section className="list" aria-labelledby="history">
      <h2 id="history" className="visually-hidden">
        History
      </h2>
      <List key={pages.name} label="Timeline" order={1} pages={pages} headingOf={headingOf} total={total} isEndless onSee={see} />
    </section>
  );
}
