/** The names of what an address names only by identifier. */
import type { NamedFragment } from "../../generated/operations";
import { isId, type View } from "../address/view";

/** `{id: name}`; null for an identifier that names nothing in the organization, absent until it is known. */
export type Names = ReadonlyMap<string, string | null>;

interface Answer {
  readonly named: readonly (NamedFragment | null)[];
}

/** The identifiers by which a view is filtered and that the API can be asked for, each once. */
export function namedIds(view: View): string[] {
  return filteredIds(view).filter(isId);
}

/** `data` answers this view; `latest` perhaps the one before it, most of whose names are still wanted. */
export function namesOf(view: View, data: Answer | null, latest: Answer | null): Names {
  const names = new Map<string, string | null>();
  for (const node of latest?.named ?? []) if (node !== null) names.set(node.id, nameOf(node));
  for (const id of filteredIds(view)) if (!isId(id)) names.set(id, null);
  const asked = namedIds(view);
  data?.named.forEach((node, place) => {
    const id = asked[place];
    if (id !== undefined) names.set(id, node && nameOf(node));
  });
  return names;
}

/** What to show for an identifier. */
export function shownName(id: string, names: Names): string {
  const name = names.get(id);
  return name === undefined ? "…" : (name ?? "not found in your organization");
}

function filteredIds({ lead, contact, account, assignee }: View): readonly string[] {
  return [...new Set([lead, contact, account, assignee].filter((id) => id !== null))];
}

function nameOf(node: NamedFragment): string | null {
  return "displayName" in node ? node.displayName : null;
}
