/** Finds a colleague by a few letters. */
import { useCallback } from "react";
import { useClient } from "urql";
import { query } from "../../api/query";
import { SearchUsersDocument, type SearchUsersQuery } from "../../generated/operations";
import { MOST_CHOICES } from "../../ui/use-search";

/** A search for pickers. */
export function useColleagues() {
  const client = useClient();
  return useCallback(
    async (term: string, signal: AbortSignal): Promise<SearchUsersQuery["users"]> =>
      (await query(client, SearchUsersDocument, { search: term, first: MOST_CHOICES + 1 }, signal)).users,
    [client],
  );
}
