/** What a record's view asks of the API. */
import type { TimelineQueryVariables } from "../../generated/operations";
import { recordRef, type RecordId, type View } from "../address/view";
import { timelineFilter } from "../address/view-filters";
import { namedIds } from "../filters/names";
import { countedTabs } from "../filters/tab-counts";
import { PAGE_SIZE } from "../list/sources";

export function recordQuestion(view: View, record: RecordId, timeZone: string): TimelineQueryVariables {
  const filter = timelineFilter(view);
  const isAll = view.tab === "all";
  const todo = isAll ? { ...filter, open: true } : filter;
  return {
    id: record.id,
    record: recordRef(record),
    related: view.related,
    timeZone,
    hasTodo: view.tab !== "completed",
    todo,
    // On a timeline what has no due date stands at the time when it was made; among what is to be done it comes last.
    due: { ...todo, dueAt: { isNull: false } },
    undated: { ...todo, dueAt: { isNull: true } },
    todoSize: PAGE_SIZE,
    hasHistory: isAll || view.tab === "completed",
    history: isAll ? { ...filter, open: false } : filter,
    historySize: PAGE_SIZE,
    ...countedTabs(view),
    named: namedIds(view),
  };
}
