/** A field in which one thing is found by typing. Follows the combobox pattern of the ARIA Authoring Practices. */
import { X } from "lucide-react";
import { useEffect, useId, useRef, useState, type ReactNode } from "react";
import { Choices } from "./choices";
import "./combobox.css";
import { useComboboxKeys } from "./use-combobox-keys";
import { useSearch, type Search } from "./use-search";

export interface Described {
  /** The name, as it stands in the field once it is chosen. */
  readonly text: string;
  /** What tells two of the same name apart. */
  readonly detail?: string | null | undefined;
  readonly icon?: ReactNode;
}

export interface ComboboxProps<Item> {
  readonly label: string;
  readonly value: Item | null;
  readonly onChange: (value: Item | null) => void;
  /** The items for a term, best first; `""` asks for what to offer before anything is typed. */
  readonly search: Search<Item>;
  readonly describe: (item: Item) => Described;
  /** Says in an empty field what can be typed. */
  readonly placeholder?: string | undefined;
  /** Something under the field: a hint. */
  readonly hint?: ReactNode;
  /** What is wrong with the value, as the server or the form sees it. */
  readonly error?: string | null | undefined;
  /** The name by which a form finds the field, to move the focus to it. */
  readonly name?: string | undefined;
  readonly isLabelHidden?: boolean | undefined;
  /** False where nothing at all is no answer. */
  readonly canBeEmpty?: boolean | undefined;
}

const UNPICKED = "Choose one from the list, or clear this field.";

export function Combobox<Item extends { readonly id: string }>(props: ComboboxProps<Item>) {
  const { label, value, describe, placeholder } = props;
  const id = useId();
  const chosen = value === null ? "" : describe(value).text;
  // What is being typed; null while the field shows its value.
  const [typed, setTyped] = useState<string | null>(null);
  const [isOpen, setIsOpen] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const term = typed?.trim() ?? "";
  const found = useSearch(props.search, term, isOpen);

  const choose = (item: Item | null): void => {
    setTyped(null);
    setIsOpen(false);
    if (item?.id !== value?.id) props.onChange(item);
  };
  const revert = (): void => {
    setTyped(null);
    setIsOpen(false);
  };
  const leave = (): void => {
    setIsOpen(false);
    if (typed === chosen) setTyped(null);
    else if (typed !== null && term === "") choose(null);
  };
  const open = (): void => setIsOpen(true);
  const keys = useComboboxKeys({ items: found.items, isTyped: term !== "", isOpen, open, choose, revert, isChanged: typed !== null });
  const problem = typed !== null && !isOpen ? UNPICKED : (props.error ?? null);
  // A form asks its fields before it is saved: a text that names nothing would be lost without a word.
  useEffect(() => input.current?.setCustomValidity(typed === null ? "" : UNPICKED), [typed]);

  return (
    <div className="field combobox">
      <label className={props.isLabelHidden ? "visually-hidden" : "field__label"} htmlFor={id}>
        {label}
      </label>
      <div className="combobox__box" data-chosen={value !== null && typed === null}>
        {value !== null && typed === null && describe(value).icon}
        <input
          ref={input}
          id={id}
          name={props.name}
          className="combobox__input"
          role="combobox"
          type="text"
          dir="auto"
          autoComplete="off"
          spellCheck={false}
          placeholder={placeholder}
          value={typed ?? chosen}
          aria-autocomplete="list"
          aria-expanded={isOpen}
          aria-controls={`${id}-list`}
          aria-activedescendant={keys.active === null ? undefined : `${id}-${keys.active}`}
          aria-invalid={problem !== null}
          aria-describedby={`${id}-problem ${id}-hint`}
          onChange={(event) => {
            setTyped(event.target.value);
            open();
          }}
          onClick={open}
          onKeyDown={keys.onKeyDown}
          onBlur={leave}
        />
        {value !== null && props.canBeEmpty !== false && (
          <button
            type="button"
            className="button--quiet button--icon button--small combobox__clear"
            aria-label={`Remove ${label.toLowerCase()} ${chosen}`}
            onClick={() => {
              choose(null);
              input.current?.focus();
            }}
          >
            <X aria-hidden size={16} />
          </button>
        )}
        <Choices id={id} label={label} isOpen={isOpen} found={found} term={term} prompt={placeholder ?? "Type to search."}
          active={keys.active} setActive={keys.setActive} describe={describe} choose={choose} />
      </div>
      <p className="field__hint" id={`${id}-hint`}>{props.hint}</p>
      <p className="field__error" id={`${id}-problem`}>{problem}</p>
    </div>
  );
}
