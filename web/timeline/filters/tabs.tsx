/** The tasks by state, with how many there are. */
import { useLayoutEffect, useRef, type KeyboardEvent, type ReactNode } from "react";
import { TABS, useView, type Tab, type View } from "../address/view";
import { counted } from "../english";
import { isFiltered } from "./set-filters";
import "./tabs.css";
import type { TabCounts } from "./tab-counts";

const LABELS: Readonly<Record<Tab, string>> = { all: "All", open: "Open", overdue: "Overdue", completed: "Completed" };

/** What the arrow keys and their like move the focus to, from a place among `count`. */
const MOVES: Readonly<Record<string, (place: number, count: number) => number>> = {
  ArrowRight: (place, count) => (place + 1) % count,
  ArrowLeft: (place, count) => (place - 1 + count) % count,
  Home: () => 0,
  End: (_, count) => count - 1,
};

interface TabsProps {
  /** As last known. */
  readonly counts: TabCounts;
  /** Whether they are those of this very view. */
  readonly isCounted: boolean;
}

export function Tabs({ counts, isCounted }: TabsProps) {
  const [view, change] = useView();
  const list = useRef<HTMLDivElement>(null);
  // The numbers make room for themselves.
  useLayoutEffect(() => showChosen(list.current), [view.tab, isCounted]);
  // The arrows only move the focus: a tab asks the server, and each one passed would be a step for "back".
  const move = (event: KeyboardEvent): void => {
    const tabs = [...(list.current?.querySelectorAll<HTMLElement>("[role=tab]") ?? [])];
    const next = MOVES[event.key]?.(tabs.findIndex((tab) => tab === document.activeElement), tabs.length);
    if (next === undefined) return;
    event.preventDefault();
    tabs[next]?.focus();
  };
  return (
    <>
      <div ref={list} role="tablist" aria-label="Tasks by state" className="tabs" onKeyDown={move}>
        {TABS.map((tab) => (
          <button
            key={tab}
            id={`tab-${tab}`}
            type="button"
            role="tab"
            aria-selected={view.tab === tab}
            aria-controls="tab-panel"
            tabIndex={view.tab === tab ? 0 : -1}
            onClick={() => change({ tab })}
          >
            {LABELS[tab]}
            <Count count={counts[tab]} />
          </button>
        ))}
      </div>
      <Found view={view} count={isCounted ? counts[view.tab] : undefined} />
    </>
  );
}

/** On a narrow screen the tabs go on beyond its edge. Only they move: `scrollIntoView` would take the page along. */
function showChosen(list: HTMLElement | null): void {
  const chosen = list?.querySelector("[aria-selected=true]")?.getBoundingClientRect();
  const strip = list?.getBoundingClientRect();
  if (chosen === undefined || strip === undefined) return;
  list?.scrollBy({ left: Math.max(chosen.right - strip.right, 0) + Math.min(chosen.left - strip.left, 0), behavior: "instant" });
}

/** What the chosen tab shows. */
export function TabPanel({ children }: { readonly children: ReactNode }) {
  const [view] = useView();
  return (
    <div role="tabpanel" id="tab-panel" aria-labelledby={`tab-${view.tab}`}>
      {children}
    </div>
  );
}

/** Tells those who don't see the numbers what a filter has left. */
function Found({ view, count }: { readonly view: View; readonly count: number | undefined }) {
  const text = count === 0 ? "Nothing found" : `${counted(count ?? 0)} found`;
  return (
    <p role="status" className="visually-hidden">
      {count === undefined || !isFiltered(view) ? null : text}
    </p>
  );
}

function Count({ count }: { readonly count: number | undefined }) {
  return count === undefined ? null : <span className="tabs__count">{counted(count)}</span>;
}
