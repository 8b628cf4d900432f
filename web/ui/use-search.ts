/** What a search field knows: the answer to what is typed now, and to nothing that was typed before. */
import { useEffect, useState } from "react";

export type Search<Item> = (term: string, signal: AbortSignal) => Promise<readonly Item[]>;

interface Answer<Item> {
  readonly term: string;
  readonly items: readonly Item[];
  readonly hasMore: boolean;
  readonly failure: string | null;
}

export interface Found<Item> {
  /** The items for this very term; null while they are on their way. */
  readonly items: readonly Item[] | null;
  /** What an earlier term found, to be looked at meanwhile and never chosen from. */
  readonly before: readonly Item[];
  /** Whether there are others that this term finds. */
  readonly hasMore: boolean;
  /** Why there is no answer, in words for people. */
  readonly failure: string | null;
}

/** How many choices are offered at once: who doesn't find theirs among them types on. A search asks for one more. */
export const MOST_CHOICES = 8;

/** Search for `term` while `isOn`. A new term aborts the request for the one before. */
export function useSearch<Item>(search: Search<Item>, term: string, isOn: boolean): Found<Item> {
  const [answer, setAnswer] = useState<Answer<Item> | null>(null);
  useEffect(() => {
    if (!isOn) {
      setAnswer(null);
      return;
    }
    const stop = new AbortController();
    const keep = (found: readonly Item[], failure: string | null): void => {
      const items = found.slice(0, MOST_CHOICES);
      if (!stop.signal.aborted) setAnswer({ term, items, hasMore: found.length > items.length, failure });
    };
    search(term, stop.signal).then(
      (items) => keep(items, null),
      (failure: unknown) =>
        keep([], failure instanceof Error ? failure.message : "The search failed. Type on to try again."),
    );
    return () => stop.abort();
    // The caller's function is a new one at each render; what it searches doesn't change while the field is open.
  }, [term, isOn]);
  const isFresh = answer !== null && answer.term === term;
  return {
    items: isFresh ? answer.items : null,
    before: answer?.items ?? [],
    hasMore: isFresh && answer.hasMore,
    failure: isFresh ? answer.failure : null,
  };
}
