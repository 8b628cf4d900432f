/** On which entry of the page the keyboard stands: `j` and `k` go from list to list, and everybody can ask where. */
import { createContext, useContext, useMemo, useState, type ReactNode } from "react";
import type { EntryFragment } from "../../generated/operations";

/** A list on the page, as far as the keyboard goes through it. */
export interface Stretch {
  readonly count: number;
  readonly keyAt: (index: number) => string;
  readonly indexOf: (key: string) => number;
  readonly entryAt: (index: number) => EntryFragment | null;
  /** The first line in the window; null when the window shows none. */
  readonly inSight: () => number | null;
  /** Bring a line into the window. */
  readonly reveal: (index: number) => void;
}

export interface Standing {
  /** The entry's identifier; null when nobody stands anywhere yet. */
  readonly id: string | null;
  /** Whether the entry is to take the focus: it was stepped to. */
  readonly takesFocus: boolean;
}

export interface Walk {
  /** Go to the next (1) or previous (-1) entry; from nowhere to the first in the window. */
  readonly step: (by: 1 | -1) => void;
  /** The entry that the keyboard stands on; null when there is none, or it isn't held. */
  readonly entry: () => EntryFragment | null;
  /** The focus came to an entry. */
  readonly stand: (id: string) => void;
  /** Take part, at this place in the order of lists, until the returned function is called. */
  readonly join: (order: number, stretch: () => Stretch) => () => void;
}

const StandingContext = createContext<Standing>({ id: null, takesFocus: false });
const WalkContext = createContext<Walk | null>(null);

export function useStanding(): Standing {
  return useContext(StandingContext);
}

export function useWalk(): Walk {
  const walk = useContext(WalkContext);
  if (walk === null) throw new Error("Put this inside of <StandingProvider>.");
  return walk;
}

export function StandingProvider({ children }: { readonly children: ReactNode }) {
  const [standing, setStanding] = useState<Standing>({ id: null, takesFocus: false });
  const walk = useMemo(() => walkOver(setStanding), []);
  return (
    <WalkContext value={walk}>
      <StandingContext value={standing}>{children}</StandingContext>
    </WalkContext>
  );
}

/** Where an entry is: in which list, and there in which line. */
interface Spot {
  readonly list: number;
  readonly index: number;
}

function walkOver(show: (standing: Standing) => void): Walk {
  const joined = new Map<number, () => Stretch>();
  let id: string | null = null;
  const lists = (): readonly Stretch[] => {
    const inOrder = [...joined.entries()].sort(([one], [other]) => one - other);
    return inOrder.map(([, stretch]) => stretch()).filter(({ count }) => count > 0);
  };
  return {
    step: (by) => {
      const all = lists();
      const to = next(all, spotOf(all, id), by);
      const list = to && all[to.list];
      if (!to || !list) return;
      id = list.keyAt(to.index);
      list.reveal(to.index);
      show({ id, takesFocus: true });
    },
    entry: () => {
      const all = lists();
      const spot = spotOf(all, id);
      return spot && (all[spot.list]?.entryAt(spot.index) ?? null);
    },
    stand: (to) => {
      id = to;
      show({ id: to, takesFocus: false });
    },
    join: (order, stretch) => {
      joined.set(order, stretch);
      return () => {
        if (joined.get(order) === stretch) joined.delete(order);
      };
    },
  };
}

function spotOf(lists: readonly Stretch[], id: string | null): Spot | null {
  if (id === null) return null;
  for (const [list, { indexOf }] of lists.entries()) {
    const index = indexOf(id);
    if (index >= 0) return { list, index };
  }
  return null;
}

/** Where somebody begins who stands nowhere yet: at what they look at. */
function firstInSight(lists: readonly Stretch[]): Spot | null {
  const indices = lists.map(({ inSight }) => inSight());
  const list = indices.findIndex((index) => index !== null);
  if (list >= 0) return { list, index: indices[list] ?? 0 };
  return lists.length === 0 ? null : { list: 0, index: 0 };
}

/** The spot after or before one; null at the ends. */
function next(lists: readonly Stretch[], from: Spot | null, by: 1 | -1): Spot | null {
  if (from === null) return firstInSight(lists);
  const index = from.index + by;
  if (index >= 0 && index < (lists[from.list]?.count ?? 0)) return { list: from.list, index };
  const beyond = lists[from.list + by];
  return beyond ? { list: from.list + by, index: by === 1 ? 0 : beyond.count - 1 } : null;
}
