/** What is new in a view: counted while it waits, shown when it is asked for, and at once where one made it oneself. */
import { flushSync } from "react-dom";
import type { Pages } from "../list/pages";
import type { Screen } from "../list/use-screen";
import { useTimePassing } from "../list/use-time-passing";
import { useArrivals, type Arrivals, type News } from "./arrivals";
import { useConnection, useOwnChanges } from "./use-live";

interface Shown {
  /** Another one: another view, of which nothing came yet. */
  readonly question: object;
  readonly screen: Pick<Screen<unknown>, "refresh">;
  readonly lists: readonly Pages[];
  /** Counts anew, soon. */
  readonly count: () => void;
}

interface Told extends News, Pick<Arrivals, "note"> {
  /** Ask for all that is shown anew: nobody knows what has happened to it. */
  readonly reread: () => void;
}

export function useNews({ question, screen, lists, count }: Shown): Told {
  const { farPages } = useConnection();
  const arrivals = useArrivals(question);
  // Where only first pages are seen, what changes is seen at once; further down everything stays in its place.
  const follow = async (): Promise<boolean> => {
    count();
    return lists.every(({ isAtStart }) => isAtStart) && screen.refresh();
  };
  useOwnChanges(({ id }) => {
    // The news of it may have been quicker than the answer that it is ours.
    arrivals.note(id, false);
    return follow();
  });
  useTimePassing(lists, () => void follow());
  const show = async (): Promise<void> => {
    const forget = arrivals.take();
    if (!(await screen.refresh())) return;
    // Lines that come in above keep the window at what is read: they must be there before it goes to the top.
    flushSync(() => {
      for (const list of lists) list.jump(null);
    });
    scrollTo({ top: 0 });
    forget();
  };
  const reread = (): void => {
    farPages.forget();
    for (const list of lists) list.reread();
    void screen.refresh();
  };
  return { count: arrivals.count, note: arrivals.note, show, reread };
}
