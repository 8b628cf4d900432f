/** Moves through the choices of an open combobox by key, and picks one. */
import { useEffect, useState, type KeyboardEvent } from "react";

interface Choosing<Item> {
  /** Null while those for the present term are on their way: then no key can pick anything. */
  readonly items: readonly Item[] | null;
  /** Whether something has been typed, so that the best choice is worth offering at once. */
  readonly isTyped: boolean;
  readonly isOpen: boolean;
  readonly open: () => void;
  readonly choose: (item: Item) => void;
  /** Back to what the field had; called on Escape. */
  readonly revert: () => void;
  /** Whether there is something to go back from. */
  readonly isChanged: boolean;
  /** Whether a value is given, and not a way taken. */
  readonly isField: boolean;
}

export interface ComboboxKeys {
  /** The place of the choice that Enter picks; null for none. */
  readonly active: number | null;
  readonly setActive: (place: number) => void;
  readonly onKeyDown: (event: KeyboardEvent) => void;
}

export function useComboboxKeys<Item>(state: Choosing<Item>): ComboboxKeys {
  const { items, isTyped, isOpen } = state;
  const [place, setActive] = useState<number | null>(null);
  useEffect(() => setActive(isTyped ? 0 : null), [items, isTyped]);
  const last = (items?.length ?? 0) - 1;
  const active = isOpen && items !== null && place !== null && place <= last ? place : null;

  const step = (by: 1 | -1): void => {
    if (!isOpen) state.open();
    else if (active === null) setActive(by === 1 ? 0 : last);
    else setActive((active + by + last + 1) % (last + 1));
  };
  const pick = (): boolean => {
    const item = active === null ? undefined : items?.[active];
    if (item !== undefined) state.choose(item);
    return item !== undefined;
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    // An input method has the key while it composes a word.
    if (event.nativeEvent.isComposing) return;
    switch (event.key) {
      case "ArrowDown":
      case "ArrowUp":
        step(event.key === "ArrowDown" ? 1 : -1);
        break;
      case "Enter":
        // While the list is open Enter never saves the form around it, even if there is nothing to pick yet.
        if (!isOpen) return;
        pick();
        break;
      case "Escape":
        // The dialog around the field closes only when there is nothing more to take back here.
        if (!isOpen && !state.isChanged) return;
        state.revert();
        break;
      case "Tab":
        // Who typed and goes on means the choice that is marked; the focus moves as ever.
        if (isTyped && state.isField) pick();
        return;
      default:
        return;
    }
    event.preventDefault();
    event.stopPropagation();
  };
  return { active, setActive, onKeyDown };
}
