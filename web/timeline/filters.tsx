/** What the view leaves out: each filter that is set, to be removed by a click, and a way to set more. */
export function Filters() {
  return <div className="filters" />;
}
