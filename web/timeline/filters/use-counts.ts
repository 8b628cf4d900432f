/** The numbers on the tabs: of what each would show. */
import { useMemo } from "react";
import { useQuery } from "urql";
import { TabCountsDocument, type TaskCountsFragment } from "../../generated/operations";
import { isId, recordRef, TABS, type Tab, type View } from "../address/view";
import { timelineFilter } from "../address/view-filters";
import { isFiltered } from "./set-filters";

export type Counts = { readonly [tab in Tab]?: number };

/**
 * `whole`: of all tasks of a record, or of the tasks that the filters leave where there is no record; null while they
 * are counted. A record's filters are counted apart, and again when its tasks change.
 */
export function useCounts(view: View, whole: TaskCountsFragment | null): Counts {
  const { record } = view;
  const isApart = record !== null && isId(record.id) && isFiltered(view);
  // Another object whenever the record's own numbers change: then these may have changed too.
  const context = useMemo(() => ({ requestPolicy: "network-only" as const }), [JSON.stringify(whole)]);
  const [{ data }] = useQuery({
    query: TabCountsDocument,
    variables: {
      record: recordRef(record ?? { kind: "LEAD", id: "" }),
      related: view.related,
      all: timelineFilter({ ...view, tab: "all" }),
      open: timelineFilter({ ...view, tab: "open" }),
      overdue: timelineFilter({ ...view, tab: "overdue" }),
      completed: timelineFilter({ ...view, tab: "completed" }),
    },
    context,
    pause: !isApart || whole === null,
  });
  if (isApart) return data ? Object.fromEntries(TABS.map((tab) => [tab, data[tab]?.totalCount ?? 0])) : {};
  if (whole === null) return {};
  const { open, overdue, completed, total } = whole;
  // All of a record are its calls and notes too, which nobody has counted.
  return record === null ? { all: total, open, overdue, completed } : { open, overdue, completed };
}
