/** The filters of a view that are set, one by one, in words. */
import { EVERYTHING, type View } from "../address/view";
import { KIND_WORDS, linksWords, PRIORITY_WORDS, STATUS_WORDS } from "../words";
import { shownName, type Names } from "./names";

export interface SetFilter {
  /** Tells it from the others that are set. */
  readonly key: string;
  readonly name: string;
  readonly value: string;
  /** The change that takes it away and leaves the others. */
  readonly without: Partial<View>;
}

/** What a view without any filter has in their places. The tab, the record and the search aren't among them. */
export const UNFILTERED = {
  kinds: EVERYTHING.kinds,
  only: EVERYTHING.only,
  status: EVERYTHING.status,
  lead: EVERYTHING.lead,
  contact: EVERYTHING.contact,
  account: EVERYTHING.account,
  assignee: EVERYTHING.assignee,
  priority: EVERYTHING.priority,
  orphaned: EVERYTHING.orphaned,
} satisfies Partial<View>;

/** In the order of the panel. */
export function setFilters(view: View, names: Names): readonly SetFilter[] {
  return [
    ...eachOf(view, "kinds", "Kind", KIND_WORDS),
    ...eachOf(view, "status", "Status", STATUS_WORDS),
    ...eachOf(view, "priority", "Priority", PRIORITY_WORDS),
    ...byName(view, "lead", "Lead", names),
    ...byName(view, "contact", "Contact", names),
    ...byName(view, "account", "Account", names),
    ...byName(view, "assignee", "Assigned to", names),
    ...(view.only === null ? [] : [{ key: "only", name: "Links", value: linksWords(view.only), without: { only: null } }]),
    ...(view.orphaned ? [{ key: "orphaned", name: "Links", value: "All lost", without: { orphaned: false } }] : []),
  ];
}

/** Whether the view leaves out anything for another reason than its tab. */
export function isFiltered(view: View): boolean {
  return view.search.trim() !== "" || setFilters(view, new Map()).length > 0;
}

function eachOf<Field extends "kinds" | "status" | "priority">(
  view: View,
  field: Field,
  name: string,
  words: Readonly<Record<View[Field][number], string>>,
): readonly SetFilter[] {
  const values: readonly View[Field][number][] = view[field];
  return values.map((value) => ({
    key: `${field} ${value}`,
    name,
    value: words[value],
    without: { [field]: values.filter((other) => other !== value) },
  }));
}

function byName(view: View, field: "lead" | "contact" | "account" | "assignee", name: string, names: Names): readonly SetFilter[] {
  const id = view[field];
  if (id === null) return [];
  return [{ key: field, name, value: shownName(id, names), without: { [field]: null } }];
}
