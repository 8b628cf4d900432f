/** What an open combobox offers: a list of choices, and beside it a word about how the search goes. */
import { useEffect, useRef } from "react";
import type { Described } from "./combobox";
import type { Found } from "./use-search";

interface ChoicesProps<Item> {
  /** The combobox's id; the list and its options take theirs from it. */
  readonly id: string;
  readonly label: string;
  readonly isOpen: boolean;
  readonly found: Found<Item>;
  readonly term: string;
  readonly active: number | null;
  readonly setActive: (place: number) => void;
  readonly describe: (item: Item) => Described;
  readonly choose: (item: Item) => void;
}

export function Choices<Item extends { readonly id: string }>(props: ChoicesProps<Item>) {
  const { id, found, active, describe } = props;
  const panel = useRef<HTMLDivElement>(null);
  const isPending = found.items === null;
  // While an answer is under way the last one stays in sight, but out of reach.
  const shown = found.items ?? found.before;
  useEffect(() => {
    if (props.isOpen) panel.current?.scrollIntoView({ block: "nearest" });
  }, [props.isOpen, shown.length]);
  useEffect(() => {
    if (active !== null) document.getElementById(`${id}-${active}`)?.scrollIntoView({ block: "nearest" });
  }, [id, active]);
  const says = props.isOpen ? status(found, props.term) : "";
  return (
    // The input keeps the focus, whatever is pressed here.
    <div ref={panel} className="combobox__panel" hidden={!props.isOpen} onMouseDown={(event) => event.preventDefault()}>
      <ul
        id={`${id}-list`}
        className="combobox__list"
        role="listbox"
        aria-label={props.label}
        aria-hidden={isPending}
        inert={isPending}
      >
        {shown.map((item, place) => (
          <Choice
            key={item.id}
            id={`${id}-${place}`}
            described={describe(item)}
            isActive={place === active}
            onPoint={() => props.setActive(place)}
            onPick={() => props.choose(item)}
          />
        ))}
      </ul>
      <p
        className={shown.length > 0 && !isPending && !found.hasMore ? "visually-hidden" : "combobox__status"}
        role="status"
        data-pending={isPending}
      >
        {says}
      </p>
    </div>
  );
}

interface ChoiceProps {
  readonly id: string;
  readonly described: Described;
  readonly isActive: boolean;
  readonly onPoint: () => void;
  readonly onPick: () => void;
}

function Choice({ id, described, isActive, onPoint, onPick }: ChoiceProps) {
  return (
    <li
      id={id}
      className="combobox__choice"
      role="option"
      aria-selected={isActive}
      onMouseMove={onPoint}
      onClick={onPick}
    >
      {described.icon}
      <span className="combobox__words">
        <span dir="auto">{described.text}</span>
        {described.detail ? (
          <small className="combobox__detail" dir="auto">
            {described.detail}
          </small>
        ) : null}
      </span>
    </li>
  );
}

function status({ items, hasMore, failure }: Found<unknown>, term: string): string {
  if (failure !== null) return failure;
  if (items === null) return "Searching…";
  if (hasMore) return `The first ${items.length} of more. Type on to find others, part of an e-mail address say.`;
  if (items.length > 0) return items.length === 1 ? "1 choice" : `${items.length} choices`;
  return `Nothing found for “${term}”. Try the beginning of a name.`;
}
