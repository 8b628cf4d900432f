/** Single keys for what people do all day. */
import { useEffect, useRef } from "react";

/** What each key does, in the order of the help. */
export const SHORTCUTS = {
  search: { key: "/", does: "Find a lead, contact or account" },
  new: { key: "n", does: "New task" },
  next: { key: "j", does: "Next entry" },
  previous: { key: "k", does: "Previous entry" },
  complete: { key: "x", does: "Complete the entry's task" },
  edit: { key: "e", does: "Edit the entry's task" },
  undo: { key: "z", does: "Undo what was just done" },
  help: { key: "?", does: "Show these keys" },
} as const;
export type Shortcut = keyof typeof SHORTCUTS;

const SWITCH = "taskline:single-keys";

/** Whether single keys do anything. Some people's speech or hands press them unasked, so that they can be turned off. */
export function areShortcutsOn(): boolean {
  return kept()?.getItem(SWITCH) !== "off";
}

/** For this and later visits. */
export function turnShortcuts(on: boolean): void {
  if (on) kept()?.removeItem(SWITCH);
  else kept()?.setItem(SWITCH, "off");
}

/** The browser's storage; null where it gives none to pages. */
function kept(): Storage | null {
  try {
    return localStorage;
  } catch {
    return null;
  }
}

/** Act on a key for as long as the component is there; never while somebody types or a dialog is open. */
export function useShortcut(shortcut: Shortcut, act: () => void): void {
  const latest = useRef(act);
  useEffect(() => {
    latest.current = act;
  });
  useEffect(() => {
    const press = (event: KeyboardEvent): void => {
      if (keyOf(event) !== SHORTCUTS[shortcut].key || !isForThePage(event) || !areShortcutsOn()) return;
      event.preventDefault();
      latest.current();
    };
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, [shortcut]);
}

/** The letter that is meant: on a Greek or Russian keyboard the one in the same place as on an English one. */
function keyOf({ key, code }: KeyboardEvent): string {
  if (/^[\x21-\x7e]$/.test(key)) return key.toLowerCase();
  return /^Key[A-Z]$/.test(code) ? code.slice(3).toLowerCase() : key;
}

/** Fields in which a letter is a letter. A checkbox or a button has no use for one. */
const TYPED_IN = ":is(input:not([type=checkbox], [type=radio], [type=button], [type=submit]), textarea, select)";

function isForThePage(event: KeyboardEvent): boolean {
  if (event.defaultPrevented || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return false;
  // A key that is held down would open what it opens again and again.
  if (event.repeat && !["j", "k"].includes(keyOf(event))) return false;
  if (document.querySelector("dialog:modal") !== null) return false;
  const target = event.target;
  return !(target instanceof HTMLElement && (target.isContentEditable || target.matches(TYPED_IN)));
}
