/** Narrows what is shown to what has the typed words in it. */
import { Search } from "lucide-react";
import { useEffect, useState } from "react";
import { useView } from "../address/view";

/** Longer than between two keys of somebody who types, shorter than anybody waits. */
const PAUSE_MS = 200;

/** The API takes no longer text. */
const MOST_CHARACTERS = 200;

export function FilterSearch() {
  const [view, change] = useView();
  // What is typed and not yet asked; null while the field shows the view's words.
  const [typed, setTyped] = useState<string | null>(null);
  const label = view.record === null ? "Search tasks" : "Search this timeline";
  useEffect(() => {
    if (typed === null) return;
    const timer = setTimeout(() => {
      // One step for "back" to undo, however many keys it took.
      change({ search: typed }, view.search === "" ? "push" : "replace");
      setTyped(null);
    }, PAUSE_MS);
    return () => clearTimeout(timer);
  }, [typed, view.search, change]);
  return (
    <label className="filters__search">
      <span className="visually-hidden">{label}</span>
      <Search aria-hidden size={16} />
      <input
        type="search"
        dir="auto"
        placeholder={label}
        maxLength={MOST_CHARACTERS}
        autoComplete="off"
        spellCheck={false}
        value={typed ?? view.search}
        onChange={(event) => setTyped(event.target.value)}
        onKeyDown={(event) => {
          if (event.key !== "Escape") return;
          event.preventDefault();
          // First the words go, then the field is left, for the single keys to be keys again.
          if (event.currentTarget.value === "") event.currentTarget.blur();
          else setTyped("");
        }}
      />
    </label>
  );
}
