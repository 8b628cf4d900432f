/** The names of what an address names only by identifier. */
import { useMemo } from "react";
import { useQuery } from "urql";
import { NamesDocument } from "../../generated/operations";
import { isId } from "../address/view";
import type { Names } from "./set-filters";

/** Asks only when there is something to ask. What isn't in the organization has the name null. */
export function useNames(given: readonly (string | null)[]): Names {
  const key = [...new Set(given.filter((id) => id !== null))].sort().join(" ");
  const ids = useMemo(() => (key === "" ? [] : key.split(" ")), [key]);
  const asked = useMemo(() => ids.filter(isId), [ids]);
  const [{ data }] = useQuery({ query: NamesDocument, variables: { ids: asked }, pause: asked.length === 0 });
  return useMemo(() => {
    const names = new Map<string, string | null>(ids.filter((id) => !isId(id)).map((id) => [id, null]));
    data?.nodes.forEach((node, place) => {
      const id = asked[place];
      if (id !== undefined) names.set(id, node && "displayName" in node ? node.displayName : null);
    });
    return names;
  }, [ids, asked, data]);
}
