/** What of a list one can see: the window, without what stays on top of it. */
import type { Virtualizer } from "@tanstack/react-virtual";

export type Virtual = Virtualizer<Window, HTMLElement>;

/** What stays free between the window's edge and a line that is brought into it. */
export const MARGIN_PX = 16;

/** Where the window begins to show something, below what stays on its top. */
export function firstReadable({ scrollOffset, options }: Virtual): number {
  return (scrollOffset ?? 0) + options.scrollPaddingStart - MARGIN_PX;
}

/** How much of the window's top is covered, in pixels: by the masthead and the tabs, where they stay. */
export function coveredTop(): number {
  const bars = [...document.querySelectorAll<HTMLElement>(".page__masthead, .page__controls")];
  return bars
    .filter((bar) => getComputedStyle(bar).position === "sticky")
    .reduce((height, bar) => height + bar.offsetHeight, 0);
}
