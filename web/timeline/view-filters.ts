/** What a view asks of the API. */
import type { TaskFilter, TaskStatus, TimelineFilter } from "../generated/operations";
import { isId, type RecordId, type Tab, type View } from "./view";

/** The tasks that a view shows. */
export function taskFilter(view: View): TaskFilter {
  return {
    ...(view.lead === null ? {} : { leadId: is(view.lead) }),
    ...(view.contact === null ? {} : { contactId: is(view.contact) }),
    ...(view.account === null ? {} : { accountId: is(view.account) }),
    ...(view.record === null ? {} : { and: [linkedTo(view.record)] }),
    ...(view.only === null ? {} : { links: { only: view.only } }),
    ...statusOf(view),
    ...(view.tab === "overdue" ? { overdue: true } : {}),
    ...(view.assignee === null ? {} : { assigneeId: is(view.assignee) }),
    ...(view.priority.length === 0 ? {} : { priority: view.priority }),
    ...(view.orphaned ? { orphan: true } : {}),
    ...(view.search.trim() === "" ? {} : { search: view.search.trim() }),
  };
}

/** The tasks that the tabs count: all that the other filters leave. */
export function countFilter(view: View): TaskFilter {
  return taskFilter({ ...view, tab: "all" });
}

/** The interactions of the record's timeline that a view shows. */
export function timelineFilter(view: View): TimelineFilter {
  return {
    ...(view.kinds.length === 0 ? {} : { kinds: view.kinds }),
    ...(view.only === null ? {} : { links: { only: view.only } }),
    ...statusOf(view),
    ...(view.assignee === null ? {} : { assigneeId: is(view.assignee) }),
    ...(view.search.trim() === "" ? {} : { search: view.search.trim() }),
  };
}

const OF_TAB: { readonly [tab in Tab]?: readonly TaskStatus[] } = {
  open: ["PENDING", "SCHEDULED"],
  overdue: ["PENDING", "SCHEDULED"],
  completed: ["COMPLETED"],
};

/** Both the tab's and the chosen ones; nothing when the two exclude each other. */
function statusOf(view: View): { readonly status?: readonly TaskStatus[] } {
  const ofTab = OF_TAB[view.tab];
  if (view.status.length === 0) return ofTab ? { status: ofTab } : {};
  return { status: ofTab ? view.status.filter((status) => ofTab.includes(status)) : view.status };
}

function linkedTo({ kind, id }: RecordId): TaskFilter {
  if (kind === "LEAD") return { leadId: is(id) };
  if (kind === "CONTACT") return { contactId: is(id) };
  return { accountId: is(id) };
}

/** A filter by what can't be an identifier finds what one by an unknown identifier does: nothing. */
function is(id: string): { readonly eq: string } {
  return { eq: isId(id) ? id : "00000000-0000-0000-0000-000000000000" };
}
