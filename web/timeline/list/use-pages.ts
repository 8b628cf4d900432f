/** Lists as components have them: they stay while one looks elsewhere, and a step back finds them as they were left. */
import { useEffect, useLayoutEffect, useMemo, useSyncExternalStore } from "react";
import { useConnection } from "../live/use-live";
import { Pages } from "./pages";
import type { Answer, Ask, Slot } from "./slots";

/** The lists that were looked at last: a step back finds them as they were left. */
export class PageMemory {
  readonly #kept = new Map<string, Pages>();

  recall(name: string, ask: Ask): Pages {
    const pages = this.#kept.get(name) ?? new Pages(name, ask);
    // The latest is the last one.
    this.#kept.delete(name);
    this.#kept.set(name, pages);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > MOST_LISTS && oldest !== undefined) this.#kept.delete(oldest);
    return pages;
  }
}

const MOST_LISTS = 20;

/** The name of the list that answers a question. */
export function nameOf(list: string, question: object): string {
  return `${list} ${JSON.stringify(question)}`;
}

/** The pages of a list, whose first one comes from elsewhere; null while it is on its way. */
export function usePages(name: string, ask: Ask, start: Answer | null): Pages {
  const { memory } = useConnection();
  const pages = useMemo(() => memory.recall(name, ask), [memory, name, ask]);
  useEffect(() => () => pages.rest(), [pages]);
  useLayoutEffect(() => {
    if (start !== null) pages.begin(start);
  }, [pages, start]);
  return pages;
}

/** The slots of a list, as they are now. */
export function useSlots(pages: Pages): readonly Slot[] {
  return useSyncExternalStore(pages.listen, pages.slots);
}
