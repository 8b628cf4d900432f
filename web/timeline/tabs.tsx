/** The tasks by state, with how many there are. */
import type { TaskCountsFragment } from "../generated/operations";
import { TABS, useView, type Tab } from "./view";
import "./tabs.css";

const LABELS: Readonly<Record<Tab, string>> = { all: "All", open: "Open", overdue: "Overdue", completed: "Completed" };

interface TabsProps {
  /** Null while they are counted. */
  readonly counts: TaskCountsFragment | null;
}

export function Tabs({ counts }: TabsProps) {
  const [view, change] = useView();
  return (
    <div role="tablist" aria-label="Tasks by state" className="tabs">
      {TABS.map((tab) => (
        <button key={tab} type="button" role="tab" aria-selected={view.tab === tab} onClick={() => change({ tab })}>
          {LABELS[tab]} {counts === null ? null : <span className="tabs__count">{counts[tab === "all" ? "total" : tab]}</span>}
        </button>
      ))}
    </div>
  );
}
