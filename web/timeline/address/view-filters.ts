/** What a view asks of the API. */
import { searchWords } from "../../api/search-words";
import type { TaskFilter, TaskStatus, TimelineFilter } from "../../generated/operations";
import { isId, type RecordId, type Tab, type View } from "./view";

/** The tasks that a view shows. */
export function taskFilter(view: View): TaskFilter {
  return {
    ...sharedTests(view),
    ...(view.record === null ? {} : { and: [linkedTo(view.record)] }),
    ...statusTest(view, OF_TAB[view.tab]),
    ...(view.orphaned ? { orphan: true } : {}),
  };
}

/** The tasks that the tabs count: all that the other filters leave. */
export function countFilter(view: View): TaskFilter {
  return taskFilter({ ...view, tab: "all" });
}

/** The interactions of the record's timeline that a view shows. */
export function timelineFilter(view: View): TimelineFilter {
  return {
    ...sharedTests(view),
    ...(view.kinds.length === 0 ? {} : { kinds: view.kinds }),
    ...(view.tab === "open" ? { open: true } : {}),
    ...statusTest(view, view.tab === "completed" ? OF_TAB.completed : undefined),
  };
}

/** What both lists can be asked in the same words. */
function sharedTests(view: View): TaskFilter & TimelineFilter {
  const words = searchWords(view.search);
  return {
    ...(view.lead === null ? {} : { leadId: is(view.lead) }),
    ...(view.contact === null ? {} : { contactId: is(view.contact) }),
    ...(view.account === null ? {} : { accountId: is(view.account) }),
    ...(view.only === null ? {} : { links: { only: view.only } }),
    ...(view.tab === "overdue" ? { overdue: true } : {}),
    ...(view.assignee === null ? {} : { assigneeId: is(view.assignee) }),
    ...(view.priority.length === 0 ? {} : { priority: view.priority }),
    ...(words === "" ? {} : { search: words }),
  };
}

const OF_TAB: { readonly [tab in Tab]?: readonly TaskStatus[] } = {
  open: ["PENDING", "SCHEDULED"],
  completed: ["COMPLETED"],
};

/** Both the tab's and the chosen ones; nothing when the two exclude each other. */
function statusTest(view: View, ofTab: readonly TaskStatus[] | undefined): { readonly status?: readonly TaskStatus[] } {
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
