/** Which lines of a list are in the window, and where each has its place. */
import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { useCallback, useEffect, useLayoutEffect, useRef, useState, type RefObject } from "react";
import { coveredTop, MARGIN_PX, type Virtual } from "./in-sight";
import type { Pages } from "./pages";
import type { Rows } from "./rows";
import { isAboveWhatIsRead, useKeptPlace } from "./use-kept-place";

// What most lines measure; those that differ are measured when they are shown.
const USUAL_HEIGHT_PX = 58;

/** `standing`: the line that the keyboard stands on, -1 for none; it is there wherever the window is. */
export function useVirtual(box: RefObject<HTMLDivElement | null>, pages: Pages, rows: Rows, standing: number): Virtual {
  const margin = useMargin(box);
  const keys = useSameItems(rows.keys);
  // Another function makes all lines be measured anew, so it changes with the keys alone.
  const getItemKey = useCallback((index: number) => rows.keyAt(index), [keys]);
  const place = useKeptPlace(pages, rows, keys);
  const virtual = useWindowVirtualizer<HTMLElement>({
    initialMeasurementsCache: pages.heights,
    count: rows.count,
    estimateSize: usualHeight,
    getItemKey,
    overscan: 8,
    scrollMargin: margin,
    // What is brought into the window must not end below what stays on top of it.
    scrollPaddingStart: useCoveredTop(),
    scrollPaddingEnd: MARGIN_PX,
    // Only then: this would take a change of what stands above the list for one of the list, too.
    anchorTo: place.change === "above" ? "end" : "start",
    useFlushSync: false,
    rangeExtractor: ({ startIndex, endIndex, overscan, count }) => {
      const first = Math.max(startIndex - overscan, 0);
      const last = Math.min(endIndex + overscan, count - 1);
      const shown = Array.from({ length: Math.max(last - first + 1, 0) }, (_, index) => first + index);
      // The focus stays where it is, however far away one scrolls.
      if (standing < 0 || standing >= count || (standing >= first && standing <= last)) return shown;
      return standing < first ? [standing, ...shown] : [...shown, standing];
    },
  });
  virtual.shouldAdjustScrollPositionOnItemSizeChange = isAboveWhatIsRead;
  place.keep(virtual);
  useEffect(() => () => void (pages.heights = virtual.takeSnapshot()), [pages, virtual]);
  return virtual;
}

const usualHeight = (): number => USUAL_HEIGHT_PX;

/** The same array for as long as its items are the same. */
function useSameItems<Item>(items: readonly Item[]): readonly Item[] {
  const kept = useRef(items);
  const isSame = items.length === kept.current.length && items.every((item, index) => item === kept.current[index]);
  if (!isSame) kept.current = items;
  return kept.current;
}

/** How far below the page's top the list begins; what is above it changes, too. */
function useMargin(box: RefObject<HTMLDivElement | null>): number {
  const [margin, setMargin] = useState(0);
  useLayoutEffect(() => {
    const measure = (): void => {
      if (box.current !== null) setMargin(Math.round(box.current.getBoundingClientRect().top + scrollY));
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(document.body);
    return () => observer.disconnect();
  }, [box]);
  return margin;
}

/** Measured when a list comes, and when the window changes. */
function useCoveredTop(): number {
  const [covered, setCovered] = useState(0);
  useLayoutEffect(() => {
    const measure = (): void => setCovered(coveredTop() + MARGIN_PX);
    measure();
    addEventListener("resize", measure);
    return () => removeEventListener("resize", measure);
  }, []);
  return covered;
}
