/** What a record's view asks of the API. */
import type { TimelineFilter, TimelineQueryVariables, TaskStatus } from "../generated/operations";
import { PAGE_SIZE } from "./sources";
import { recordRef, timelineFilter, type RecordId, type View } from "./view";

export function recordQuestion(view: View, record: RecordId, timeZone: string): TimelineQueryVariables {
  const filter = timelineFilter(view);
  const isAll = view.tab === "all";
  return {
    id: record.id,
    record: recordRef(record),
    related: view.related,
    timeZone,
    size: PAGE_SIZE,
    hasTodo: view.tab !== "completed",
    todo: isAll ? { ...filter, status: (filter.status ?? OPEN).filter((status) => OPEN.includes(status)) } : filter,
    hasHistory: isAll || view.tab === "completed",
    history: filter,
  };
}

const OPEN: readonly TaskStatus[] = ["PENDING", "SCHEDULED"];

/** What both lists show together. */
export function wholeFilter(view: View): TimelineFilter {
  return timelineFilter(view);
}
