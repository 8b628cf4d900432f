/** What a list shows when it has no lines to show: it waits, there is nothing, or something went wrong. */
import type { ReactNode } from "react";
import type { CombinedError } from "urql";
import "./list.css";

export function Waiting({ lines }: { readonly lines: number }) {
  return (
    <div role="status" aria-label="Loading">
      {Array.from({ length: lines }, (_, index) => (
        <div key={index} className="list__waiting" />
      ))}
    </div>
  );
}

interface NothingProps {
  readonly title: string;
  readonly children?: ReactNode;
}

export function Nothing({ title, children }: NothingProps) {
  return (
    <div className="list__state">
      <h2>{title}</h2>
      {children}
    </div>
  );
}

interface FailedProps {
  readonly failure: CombinedError;
  readonly onRetry: () => void;
}

export function Failed({ failure, onRetry }: FailedProps) {
  return (
    <div className="list__state" role="alert">
      <h2>{failure.networkError ? "Taskline can't be reached" : "This didn't work"}</h2>
      <p>{wordsOf(failure)}</p>
      <button type="button" onClick={onRetry}>
        Try again
      </button>
    </div>
  );
}

/** The API's own words, which say what to do; ours where it said nothing. */
function wordsOf({ networkError, graphQLErrors }: CombinedError): string {
  if (networkError) return "Check your connection, then try again.";
  return [...new Set(graphQLErrors.map(({ message }) => message))].join(" ");
}

/** Whether the API says that the record isn't there, or isn't this organization's. */
export function isMissing(failure: CombinedError): boolean {
  return failure.graphQLErrors.some(({ extensions }) => extensions["code"] === "NOT_FOUND");
}
