/** Where each view was scrolled to: a step back finds it there, and a new view begins at its top. */
import { useLayoutEffect, useRef } from "react";
import { markArrival, parseView } from "./view";

/** `view`: the address's query. */
export function useScrollMemory(view: string): void {
  const places = useRef(new Map<string, number>());
  const isStepBack = useRef(false);
  const shown = useRef(view);
  // Earlier than any other effect: who is registered first is told first, and showing the other view comes later.
  useLayoutEffect(() => {
    // The browser would do it before the lists are there.
    history.scrollRestoration = "manual";
    const leave = (event: PopStateEvent): void => {
      // The page tells itself of its own steps by the same event.
      isStepBack.current = event.isTrusted;
      if (event.isTrusted && isElsewhere(shown.current)) markArrival();
    };
    const keep = (): void => void places.current.set(location.search, scrollY);
    addEventListener("popstate", leave);
    addEventListener("scroll", keep, { passive: true });
    return () => {
      removeEventListener("popstate", leave);
      removeEventListener("scroll", keep);
    };
  }, []);

  useLayoutEffect(() => {
    if (shown.current === view) return;
    shown.current = view;
    return scrollOnceThere(isStepBack.current ? (places.current.get(view) ?? 0) : 0);
  }, [view]);
}

/** Whether the address has another record than a view, and so another heading, by now. */
function isElsewhere(view: string): boolean {
  return parseView(view).record?.id !== parseView(location.search).record?.id;
}

// By then what was on the page is there again, or has become shorter.
const PATIENCE_MS = 1_500;

/** Scroll as soon as the page is long enough, unless the reader scrolls first. */
function scrollOnceThere(top: number): () => void {
  const until = performance.now() + PATIENCE_MS;
  let frame = 0;
  const stop = (): void => cancelAnimationFrame(frame);
  const attempt = (): void => {
    scrollTo({ top, behavior: "instant" });
    if (Math.abs(scrollY - top) > 1 && performance.now() < until) frame = requestAnimationFrame(attempt);
  };
  attempt();
  addEventListener("wheel", stop, { once: true, passive: true });
  addEventListener("pointerdown", stop, { once: true });
  addEventListener("keydown", stop, { once: true });
  return stop;
}
