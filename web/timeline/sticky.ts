/** What stays on top of the window while the page scrolls below it. */

/** How much of the window's top is covered, in pixels: by the masthead and the tabs, where they stay. */
export function coveredTop(): number {
  const bars = [...document.querySelectorAll<HTMLElement>(".page__masthead, .page__controls")];
  return bars
    .filter((bar) => getComputedStyle(bar).position === "sticky")
    .reduce((height, bar) => height + bar.offsetHeight, 0);
}
