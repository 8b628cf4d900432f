/** The numbers on the tabs: of what each would show. */
import type { TabCountsFragment, TaskCountsFragment } from "../../generated/operations";
import { TABS, type Tab, type View } from "../address/view";
import { timelineFilter } from "../address/view-filters";
import { isFiltered } from "./set-filters";

/** Absent for a tab that nobody has counted, or not yet. */
export type TabCounts = { readonly [tab in Tab]?: number };

/** What a record's view asks to know what its filters leave under each tab. */
export function countedTabs(view: View) {
  if (!isFiltered(view)) return { isFiltered: false };
  const filterOf = (tab: Tab) => timelineFilter({ ...view, tab });
  return {
    isFiltered: true,
    all: filterOf("all"),
    open: filterOf("open"),
    overdue: filterOf("overdue"),
    completed: filterOf("completed"),
  };
}

type Answer = { readonly [tab in Tab]?: TabCountsFragment[tab] };

/**
 * Without a filter those of the record's tasks: all of a record are its calls and notes too, which nobody has counted. They
 * stay until those under a filter are there.
 */
export function recordCounts(view: View, stats: TaskCountsFragment | null, answer: Answer | null): TabCounts {
  const counted = isFiltered(view) ? TABS.flatMap((tab) => (answer?.[tab] ? [[tab, answer[tab].totalCount] as const] : [])) : [];
  if (counted.length > 0) return Object.fromEntries(counted);
  return stats === null ? {} : { open: stats.open, overdue: stats.overdue, completed: stats.completed };
}

/** Of the organization's tasks that the filters leave. */
export function taskCounts(stats: TaskCountsFragment | null): TabCounts {
  return stats === null ? {} : { all: stats.total, open: stats.open, overdue: stats.overdue, completed: stats.completed };
}
