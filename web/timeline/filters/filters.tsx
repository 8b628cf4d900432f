/** What the view leaves out: each filter that is set, to be removed by a click, and a way to set more. */
import { ListFilter } from "lucide-react";
import { useRef, useState, type KeyboardEvent } from "react";
import { useView } from "../address/view";
import { useViewer } from "../signed-in";
import { FilterChips } from "./filter-chips";
import { FilterPanel } from "./filter-panel";
import { FilterSearch } from "./filter-search";
import "./filters.css";
import type { Names } from "./names";
import { setFilters } from "./set-filters";

export function Filters({ names }: { readonly names: Names }) {
  const [view, change] = useView();
  const viewer = useViewer();
  const [isOpen, setIsOpen] = useState(false);
  const opener = useRef<HTMLButtonElement>(null);
  const set = setFilters(view, names);
  const isMine = view.assignee !== null && view.assignee === viewer.id;
  const closeOnEscape = (event: KeyboardEvent): void => {
    // A combobox in the panel takes back its own things first.
    if (event.key !== "Escape" || event.defaultPrevented) return;
    setIsOpen(false);
    opener.current?.focus();
  };
  return (
    <section className="filters" aria-label="Filters">
      <div className="filters__bar">
        <FilterSearch />
        {viewer.id === null ? null : (
          <button type="button" aria-pressed={isMine} onClick={() => change({ assignee: isMine ? null : viewer.id })}>
            Mine
          </button>
        )}
        <button
          ref={opener}
          type="button"
          aria-expanded={isOpen}
          aria-controls="filter-panel"
          onClick={() => setIsOpen(!isOpen)}
        >
          <ListFilter aria-hidden size={16} /> Filters
          {set.length === 0 ? null : <span className="filters__count">{set.length}</span>}
        </button>
      </div>
      <div id="filter-panel" className="filters__panel" hidden={!isOpen} onKeyDown={closeOnEscape}>
        {isOpen ? <FilterPanel names={names} /> : null}
      </div>
      <FilterChips set={set} onLastGone={() => opener.current?.focus()} />
    </section>
  );
}
