/** What a combobox knows: its text, whether its list is open, what the search found, and what is wrong with it. */
import { useEffect, useRef, useState, type RefObject } from "react";
import { searchWords } from "../api/search-words";
import type { ComboboxProps } from "./combobox";
import { useComboboxKeys, type ComboboxKeys } from "./use-combobox-keys";
import { useSearch, type Found } from "./use-search";

export const UNPICKED = "Choose one from the list, or clear this field.";

export interface ComboboxState<Item> {
  readonly input: RefObject<HTMLInputElement | null>;
  /** What stands in the field. */
  readonly text: string;
  /** Whether that is the value's name, and nothing that somebody is typing. */
  readonly isSettled: boolean;
  /** Whether the list is to be seen. */
  readonly isOpen: boolean;
  readonly term: string;
  readonly found: Found<Item>;
  readonly keys: ComboboxKeys;
  readonly problem: string | null;
  readonly type: (text: string) => void;
  readonly open: () => void;
  readonly leave: () => void;
  readonly choose: (item: Item | null) => void;
}

export function useCombobox<Item extends { readonly id: string }>(props: ComboboxProps<Item>): ComboboxState<Item> {
  const { value } = props;
  const chosen = value === null ? "" : props.describe(value).text;
  // What is being typed; null while the field shows its value.
  const [typed, setTyped] = useState<string | null>(null);
  const [isOpen, setIsOpen] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const term = searchWords(typed ?? "");
  const found = useSearch(props.search, term, isOpen);

  const settle = (): void => {
    setTyped(null);
    setIsOpen(false);
  };
  const choose = (item: Item | null): void => {
    settle();
    if (item?.id !== value?.id) props.onChange(item);
  };
  const leave = (): void => {
    setIsOpen(false);
    if (typed === chosen) setTyped(null);
    else if (typed !== null && term === "") choose(null);
  };
  const open = (): void => setIsOpen(true);
  const type = (text: string): void => {
    setTyped(text);
    open();
  };
  const isTyped = term !== "";
  // An open list with nothing to offer and nothing to say isn't drawn.
  const isShown = isOpen && (isTyped || found.failure !== null || Boolean(found.items?.length));
  const isChanged = typed !== null;
  const isField = !props.isWay;
  const keys = useComboboxKeys({
    items: found.items,
    isTyped,
    isOpen: isShown,
    open,
    choose,
    revert: settle,
    isChanged,
    isField,
  });
  // A form asks its fields before it is saved: a text that names nothing would be lost without a word.
  useEffect(() => input.current?.setCustomValidity(typed === null ? "" : UNPICKED), [typed]);
  const problem = isField && isChanged && !isOpen ? UNPICKED : (props.error ?? null);
  return {
    input,
    text: typed ?? chosen,
    isSettled: typed === null,
    isOpen: isShown,
    term,
    found,
    keys,
    problem,
    type,
    open,
    leave,
    choose,
  };
}
