/** A field in which one thing is found by typing. Follows the combobox pattern of the ARIA Authoring Practices. */
import { X } from "lucide-react";
import { useId, type ReactNode, type RefObject } from "react";
import { Choices } from "./choices";
import "./combobox.css";
import { useCombobox, type ComboboxState } from "./use-combobox";
import type { Search } from "./use-search";

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
  /** True where a choice leads somewhere: who leaves the field with the Tab key goes nowhere, and owes no choice. */
  readonly isWay?: boolean | undefined;
}

export function Combobox<Item extends { readonly id: string }>(props: ComboboxProps<Item>) {
  const { label, value, describe, placeholder } = props;
  const id = useId();
  const state = useCombobox(props);
  const { choose, found, isOpen, keys, term } = state;
  const hasClear = value !== null && props.canBeEmpty !== false;
  const isChosen = value !== null && state.isSettled;
  return (
    <div className="field">
      <label className={props.isLabelHidden ? "visually-hidden" : "field__label"} htmlFor={id}>
        {label}
      </label>
      <div className="combobox" data-chosen={isChosen}>
        {isChosen && describe(value).icon}
        <ComboboxInput id={id} name={props.name} placeholder={placeholder} state={state} />
        {hasClear && (
          <ClearButton label={`Remove ${label.toLowerCase()}`} input={state.input} onClear={() => choose(null)} />
        )}
        <Choices
          id={id}
          label={label}
          isOpen={isOpen}
          found={found}
          term={term}
          active={keys.active}
          setActive={keys.setActive}
          describe={describe}
          choose={choose}
        />
      </div>
      <p className="field__hint" id={`${id}-hint`}>
        {props.hint}
      </p>
      <p className="field__error" id={`${id}-error`}>
        {state.problem}
      </p>
    </div>
  );
}

interface ComboboxInputProps<Item> {
  readonly id: string;
  readonly name: string | undefined;
  readonly placeholder: string | undefined;
  readonly state: ComboboxState<Item>;
}

function ComboboxInput<Item>({ id, name, placeholder, state }: ComboboxInputProps<Item>) {
  const { isOpen, keys } = state;
  return (
    <input
      ref={state.input}
      id={id}
      name={name}
      className="combobox__input"
      role="combobox"
      type="text"
      dir="auto"
      autoComplete="off"
      spellCheck={false}
      placeholder={placeholder}
      value={state.text}
      aria-autocomplete="list"
      aria-expanded={isOpen}
      aria-controls={`${id}-list`}
      aria-activedescendant={keys.active === null ? undefined : `${id}-${keys.active}`}
      aria-invalid={state.problem !== null}
      aria-describedby={`${id}-error ${id}-hint`}
      onChange={(event) => state.type(event.target.value)}
      onClick={state.open}
      onKeyDown={keys.onKeyDown}
      onBlur={state.leave}
    />
  );
}

interface ClearButtonProps {
  readonly label: string;
  readonly input: RefObject<HTMLInputElement | null>;
  readonly onClear: () => void;
}

function ClearButton({ label, input, onClear }: ClearButtonProps) {
  const clear = (): void => {
    onClear();
    input.current?.focus();
  };
  return (
    <button
      type="button"
      className="button--quiet button--icon button--small combobox__clear"
      aria-label={label}
      title={label}
      onClick={clear}
    >
      <X aria-hidden size={16} />
    </button>
  );
}
