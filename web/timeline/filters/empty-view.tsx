/** A view in which there is nothing, and how to see more. */
import { EVERYTHING, type Tab, type View } from "../address/view";
import { ViewLink } from "../address/view-link";
import { Nothing } from "../list/states";
import { isFiltered } from "./set-filters";

const WORDS: Readonly<Record<Tab, string>> = {
  all: "Nothing here yet",
  open: "Nothing to do",
  overdue: "Nothing is overdue",
  completed: "Nothing is completed yet",
};

export function EmptyView({ view }: { readonly view: View }) {
  if (isFiltered(view)) {
    return (
      <Nothing title="Nothing matches these filters">
        <ViewLink to={{ ...EVERYTHING, record: view.record, tab: view.tab, related: view.related }}>Remove all filters</ViewLink>
      </Nothing>
    );
  }
  return (
    <Nothing title={WORDS[view.tab]}>
      {view.record !== null && !view.related ? <ViewLink to={{ ...view, related: true }}>Look at related records too</ViewLink> : null}
    </Nothing>
  );
}
