/** The filters that are set: a click takes one away. */
import { X } from "lucide-react";
import { useRef } from "react";
import { useView } from "../address/view";
import { UNFILTERED, type SetFilter } from "./set-filters";

interface FilterChipsProps {
  readonly set: readonly SetFilter[];
  /** The focus has nowhere to go any more. */
  readonly onLastGone: () => void;
}

export function FilterChips({ set, onLastGone }: FilterChipsProps) {
  const [, change] = useView();
  const list = useRef<HTMLUListElement>(null);
  if (set.length === 0) return null;
  const remove = ({ without }: SetFilter, place: number): void => {
    // The one that goes takes the focus with it: its neighbour has it next.
    const chips = [...(list.current?.querySelectorAll("button") ?? [])];
    const neighbour = chips[place + 1] ?? chips[place - 1];
    change(without);
    if (set.length === 1) onLastGone();
    else neighbour?.focus();
  };
  return (
    <ul ref={list} className="filters__chips" aria-label="Filters that are set">
      {set.map((filter, place) => (
        <li key={filter.key}>
          <button type="button" className="chip" onClick={() => remove(filter, place)}>
            <span className="visually-hidden">Remove filter </span>
            <span className="filters__name">{filter.name}</span> <bdi className="chip__name">{filter.value}</bdi>
            <X aria-hidden size={14} />
          </button>
        </li>
      ))}
      {set.length > 1 ? (
        <li>
          <button
            type="button"
            className="button--link"
            onClick={() => {
              change(UNFILTERED);
              onLastGone();
            }}
          >
            Remove all
          </button>
        </li>
      ) : null}
    </ul>
  );
}
