/** Whoever reads goes on with the same line in the same place, whatever comes or goes above it. */
import type { VirtualItem } from "@tanstack/react-virtual";
import { useLayoutEffect, useRef } from "react";
import { firstReadable, MARGIN_PX, type Virtual } from "./in-sight";
import type { Pages } from "./pages";
import type { Rows } from "./rows";

/** Where other lines came or went: above what is read, or so far above that none of the list is in the window. */
type Change = "none" | "above" | "out of sight";

interface KeptPlace {
  readonly change: Change;
  /** Called with the list as it has become. */
  readonly keep: (virtual: Virtual) => void;
}

/** `keys`: another array when there are other lines. */
export function useKeptPlace(pages: Pages, rows: Rows, keys: readonly unknown[]): KeptPlace {
  const list = useRef<Virtual | null>(null);
  const drawn = useRef(keys);
  const change = drawn.current === keys || list.current === null ? "none" : changeOf(list.current, pages, rows);
  const before = list.current?.getTotalSize() ?? 0;
  const grown = useRef(0);
  useLayoutEffect(() => {
    drawn.current = keys;
    if (change === "out of sight") scrollBy({ top: grown.current, behavior: "instant" });
  });
  const keep = (virtual: Virtual): void => {
    list.current = virtual;
    grown.current = virtual.getTotalSize() - before;
  };
  return { change, keep };
}

/** `list` is as it was before the change. */
function changeOf(list: Virtual, pages: Pages, rows: Rows): Change {
  const line = firstReadable(list);
  const { scrollMargin } = list.options;
  if (scrollMargin + list.getTotalSize() <= line) return "out of sight";
  // Who has the list's beginning in sight sees what comes there; a page that was asked for above it is none of that.
  if (scrollMargin > line + MARGIN_PX && pages.at === null) return "none";
  const read = list.getVirtualItemForOffset(line);
  return read === undefined || rows.indexOf(String(read.key)) === read.index ? "none" : "above";
}

/** Whether a line that turns out higher or lower than it was thought to be must not push what is read. */
export function isAboveWhatIsRead({ key, start, end }: VirtualItem, _: number, list: Virtual): boolean {
  const line = firstReadable(list);
  // One that was shown before and has grown at its end grows below what is read in it.
  return list.itemSizeCache.has(key) ? end <= line : start < line;
}
