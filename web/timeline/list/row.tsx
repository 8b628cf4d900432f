/** A line of a list in its place: under the heading that begins with it, and as high as it is when it isn't there. */
import { memo, type CSSProperties } from "react";
import { counted } from "../english";
import { Entry } from "../entry/entry";
import type { Heading, Line } from "./line";

export interface Place {
  readonly number: number;
  readonly of: number;
}

interface RowProps {
  /** Null when its page was let go. */
  readonly line: Line | null;
  /** The one that begins here, if any. */
  readonly heading: Heading | null;
  readonly index: number;
  /** Which of how many lines it is, by 1; null where nobody knows. */
  readonly place: Place | null;
  readonly isByCreation: boolean;
  readonly isCurrent: boolean;
  readonly takesFocus: boolean;
  readonly onFocus: (id: string) => void;
  /** Takes the element's measure. Null in print, where lines flow. */
  readonly measure: ((element: HTMLElement | null) => void) | null;
  readonly style: CSSProperties | undefined;
}

export const Row = memo(function Row(props: RowProps) {
  const { line, heading, index, place, isByCreation, isCurrent, takesFocus, onFocus, measure, style } = props;
  return (
    <div
      ref={measure}
      className="list__row"
      role="listitem"
      data-index={index}
      aria-posinset={place?.number}
      aria-setsize={place?.of}
      style={style}
    >
      {heading === null ? null : <RowHeading heading={heading} />}
      {line === null ? (
        <div className="list__waiting" />
      ) : (
        <Entry
          entry={line.entry}
          via={line.via}
          isByCreation={isByCreation}
          isCurrent={isCurrent}
          takesFocus={takesFocus}
          onFocus={onFocus}
        />
      )}
    </div>
  );
});

function RowHeading({ heading: { text, count, isLate } }: { readonly heading: Heading }) {
  return (
    <h3 className={isLate ? "list__heading list__heading--late" : "list__heading"}>
      {text} {count === null ? null : <span className="list__count">{counted(count)}</span>}
    </h3>
  );
}
