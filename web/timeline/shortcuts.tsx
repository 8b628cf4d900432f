/** Single keys for what people do all day. */
import { useEffect, useRef } from "react";

/** What each key does, in the order of the help. */
export const SHORTCUTS = {
  search: { key: "/", does: "Find a lead, contact or account" },
  new: { key: "n", does: "New task" },
  next: { key: "j", does: "Next entry" },
  previous: { key: "k", does: "Previous entry" },
  complete: { key: "x", does: "Complete the task" },
  edit: { key: "e", does: "Edit the task" },
  help: { key: "?", does: "Show these keys" },
} as const;
export type Shortcut = keyof typeof SHORTCUTS;

/** Act on a key for as long as the component is there; never while somebody types or a dialog is open. */
export function useShortcut(shortcut: Shortcut, act: () => void): void {
  const latest = useRef(act);
  useEffect(() => {
    latest.current = act;
  });
  useEffect(() => {
    const press = (event: KeyboardEvent): void => {
      if (event.key !== SHORTCUTS[shortcut].key || !isForThePage(event)) return;
      event.preventDefault();
      latest.current();
    };
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, [shortcut]);
}

function isForThePage(event: KeyboardEvent): boolean {
  if (event.defaultPrevented || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return false;
  if (document.querySelector("dialog:modal") !== null) return false;
  const target = event.target;
  return !(target instanceof HTMLElement && (target.isContentEditable || target.matches("input, textarea, select")));
}

/** The dialog that "?" opens. */
export function ShortcutHelp() {
  return null;
}
