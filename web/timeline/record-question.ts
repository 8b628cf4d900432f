/** What a record's view asks of the API. */
import type { TimelineQueryVariables } from "../generated/operations";
import { PAGE_SIZE } from "./sources";
import { recordRef, timelineFilter, type RecordId, type View } from "./view";

// Above the history stand the next few things to do; the rest is a click away.
const NEXT_FEW = 8;

export function recordQuestion(view: View, record: RecordId, timeZone: string): TimelineQueryVariables {
  const filter = timelineFilter(view);
  const isAll = view.tab === "all";
  return {
    id: record.id,
    record: recordRef(record),
    related: view.related,
    timeZone,
    hasTodo: view.tab !== "completed",
    todo: isAll ? { ...filter, open: true } : filter,
    todoSize: isAll ? NEXT_FEW : PAGE_SIZE,
    hasHistory: isAll || view.tab === "completed",
    history: isAll ? { ...filter, open: false } : filter,
    historySize: PAGE_SIZE,
  };
}
