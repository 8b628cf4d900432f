/** Who works by keyboard and makes an entry go away stays where it was, and doesn't begin again at the top of the page. */

// An entry goes when its list has been asked for anew.
const PATIENCE_MS = 3_000;
const ENTRY = "article[data-id]";

/**
 * Remember where `element` is in its list. Called afterwards, the result sees to it that when the focus gets lost with
 * its entry, a neighbour takes it; without one the page's heading.
 */
export function focusNear(element: Element | null): () => void {
  const entry = element?.closest<HTMLElement>(ENTRY);
  if (!entry) return () => {};
  const entries = [...document.querySelectorAll<HTMLElement>(ENTRY)];
  const place = entries.indexOf(entry);
  const ids = [entries[place + 1], entries[place - 1], entry].flatMap((each) => each?.dataset["id"] ?? []);
  const follow = (): void => {
    if (document.activeElement !== document.body) return;
    const found = ids
      .map((id) => document.querySelector<HTMLElement>(`article[data-id="${id}"]`))
      .find((each) => each !== null);
    (found ?? document.querySelector<HTMLElement>("h1[tabindex]"))?.focus();
  };
  return () => {
    const watch = new MutationObserver(follow);
    watch.observe(document.body, { childList: true, subtree: true });
    setTimeout(() => watch.disconnect(), PATIENCE_MS);
    follow();
  };
}
