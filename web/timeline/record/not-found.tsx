/** Said in place of a timeline whose record isn't there: nothing tells another organization's from one that never was. */
import { useEffect, useRef } from "react";
import { EVERYTHING, type RecordId } from "../address/view";
import { ViewLink } from "../address/view-link";
import { RECORD_WORDS } from "../words";
import "./not-found.css";

export function NotFound({ record }: { readonly record: RecordId }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = "Not found · Taskline";
    heading.current?.focus();
  }, []);
  return (
    <section className="not-found">
      <h1 ref={heading} tabIndex={-1}>
        Not found in your organization
      </h1>
      <p>
        There is no such {RECORD_WORDS[record.kind].toLowerCase()}. It may have been deleted, or the link isn't whole. Search
        for the name above, or go on with all tasks.
      </p>
      <ViewLink to={EVERYTHING}>Show all tasks</ViewLink>
    </section>
  );
}
