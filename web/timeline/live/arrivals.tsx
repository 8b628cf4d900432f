/** Entries that came while the page was looked at: they wait until they are asked for, so that nothing jumps. */
import { ArrowUp } from "lucide-react";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useIsLive } from "./use-live";

export interface Arrivals {
  readonly count: number;
  /** It came, or it is nothing new after all. */
  readonly note: (id: string, isNew: boolean) => void;
  /** Forget what came until now, once the returned function is called: by then it is on the page. */
  readonly take: () => () => void;
}

/** What a view says of its arrivals. */
export interface News {
  /** How many entries wait. */
  readonly count: number;
  /** Put them where they belong, and the lists at their beginning. */
  readonly show: () => Promise<void>;
}

/** Another `view`: nothing came yet. */
export function useArrivals(view: object): Arrivals {
  const ids = useRef<{ readonly view: object; readonly waiting: Set<string> }>({ view, waiting: new Set() });
  if (ids.current.view !== view) ids.current = { view, waiting: new Set() };
  const [, show] = useState(0);
  const note = useCallback((id: string, isNew: boolean) => {
    const { waiting } = ids.current;
    const before = waiting.size;
    if (isNew) waiting.add(id);
    else waiting.delete(id);
    if (waiting.size !== before) show((times) => times + 1);
  }, []);
  const take = useCallback(() => {
    const taken = [...ids.current.waiting];
    return () => {
      for (const id of taken) ids.current.waiting.delete(id);
      show((times) => times + 1);
    };
  }, []);
  const count = ids.current.waiting.size;
  return useMemo(() => ({ count, note, take }), [count, note, take]);
}

/** "3 new", or that nothing new can come now. Whoever can't see it is told as well. */
export function ArrivalsButton({ count, onShow }: { readonly count: number; readonly onShow: () => void }) {
  const isLive = useIsLive();
  const hadFocus = useRef(false);
  useEffect(() => {
    if (count > 0 || !hadFocus.current) return;
    hadFocus.current = false;
    // The button goes, and the focus with it: what came is read next, once it is there.
    requestAnimationFrame(() => {
      if (document.activeElement !== document.body) return;
      document.querySelector<HTMLElement>("[role=tabpanel] article")?.focus({ preventScroll: true });
    });
  }, [count === 0]);
  return (
    <div role="status" className="list__new">
      {count === 0 ? null : (
        <button
          type="button"
          className="button--primary button--small"
          onClick={onShow}
          onFocus={() => (hadFocus.current = true)}
          onBlur={() => (hadFocus.current = false)}
        >
          <ArrowUp size={14} aria-hidden /> {count} new
        </button>
      )}
      {isLive ? null : <span className="badge badge--warn">Not live: connecting again</span>}
    </div>
  );
}
