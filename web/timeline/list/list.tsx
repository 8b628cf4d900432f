/** A list of any length: only the lines in the window are there, and pages come before they are reached. */
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import { counted } from "../english";
import { useStanding, useWalk } from "../keys/standing";
import { firstReadable, type Virtual } from "./in-sight";
import type { Heading, Line } from "./line";
import "./list.css";
import type { Pages } from "./pages";
import { Row } from "./row";
import { Rows } from "./rows";
import { Failed, Waiting } from "./states";
import { useSlots } from "./use-pages";
import { usePrinting } from "./use-printing";
import { useVirtual } from "./use-virtual";

interface ListProps {
  readonly label: string;
  /** Which list of the page it is, from the top: so `j` and `k` go through them. */
  readonly order: number;
  readonly pages: Pages;
  readonly headingOf: (line: Line) => Heading | null;
  /** How many lines there are in all; null when nobody knows. */
  readonly total: number | null;
  /** Goes on by itself when its end comes near; otherwise by a button. */
  readonly isEndless: boolean;
  /** Whether it is sorted by when its entries were created, and not by when they happen. */
  readonly isByCreation?: boolean;
  /** Only so many lines until more are asked for. */
  readonly few?: number;
  /** Told the first line in the window. */
  readonly onSee?: (line: Line) => void;
}

/** Give another `pages` another key: heights and places are those of one list. */
export function List({ label, order, pages, headingOf, total, isEndless, isByCreation = false, few, onSee }: ListProps) {
  const slots = useSlots(pages);
  const [isWhole, setIsWhole] = useState(few === undefined);
  const rows = useMemo(() => new Rows(slots, isWhole ? undefined : few), [slots, isWhole, few]);
  const box = useRef<HTMLDivElement>(null);
  const { id: standingId, takesFocus } = useStanding();
  const standing = useMemo(() => (standingId === null ? -1 : rows.indexOf(standingId)), [rows, standingId]);
  const virtual = useVirtual(box, pages, rows, standing);
  const isPrinting = usePrinting();
  const { stand } = useWalk();
  useStretch(order, rows, virtual);
  useLook(pages, rows, virtual, { isEndless, onSee });

  const all = isPrinting ? Array.from({ length: rows.count }, (_, index) => ({ index, start: 0, size: 0 })) : virtual.getVirtualItems();
  return (
    <>
      <div ref={box} role="list" aria-label={label} className="list__rows" style={isPrinting ? undefined : { height: virtual.getTotalSize() }}>
        {all.map(({ index, start, size }) => {
          const line = rows.at(index);
          if (isPrinting && line === null) return null;
          return (
            <Row
              key={rows.keyAt(index)}
              line={line}
              heading={beginning(rows, index, headingOf)}
              index={index}
              place={total === null || pages.at !== null ? null : { number: index + 1, of: total }}
              isByCreation={isByCreation}
              isCurrent={index === standing}
              takesFocus={takesFocus && index === standing}
              onFocus={stand}
              measure={isPrinting || line === null ? null : virtual.measureElement}
              style={isPrinting ? undefined : placed(start - virtual.options.scrollMargin, line === null ? size : null)}
            />
          );
        })}
      </div>
      <End pages={pages} isEndless={isEndless} left={total === null ? null : total - rows.count} onWhole={rows.isCut ? () => setIsWhole(true) : null} />
    </>
  );
}

function useStretch(order: number, rows: Rows, virtual: Virtual): void {
  const { join } = useWalk();
  const latest = useRef({ rows, virtual });
  useLayoutEffect(() => {
    latest.current = { rows, virtual };
  });
  useEffect(
    () =>
      join(order, () => {
        const { rows, virtual } = latest.current;
        return {
          count: rows.count,
          keyAt: (index) => rows.keyAt(index),
          indexOf: (key) => rows.indexOf(key),
          entryAt: (index) => rows.at(index)?.entry ?? null,
          reveal: (index) => virtual.scrollToIndex(index),
          inSight: () => lineInSight(virtual),
        };
      }),
    [join, order],
  );
}

/** The first line that begins in the window, below what stays on top of it. */
function lineInSight(virtual: Virtual): number | null {
  const top = firstReadable(virtual);
  const line = virtual.getVirtualItems().find(({ start }) => start >= top);
  return line !== undefined && line.start < (virtual.scrollOffset ?? 0) + innerHeight ? line.index : null;
}

interface Looking {
  readonly isEndless: boolean;
  readonly onSee: ((line: Line) => void) | undefined;
}

/** Keep the pages around what is in the window, and go on where one of its ends comes near. */
function useLook(pages: Pages, rows: Rows, virtual: Virtual, { isEndless, onSee }: Looking): void {
  const slots = useSlots(pages);
  // By its own offset, which knows of a page that has just come in above before the window has scrolled after it.
  const top = (virtual.scrollOffset ?? 0) + virtual.options.scrollPaddingStart;
  const [first, last] = [top, top + innerHeight].map((offset) => virtual.getVirtualItemForOffset(offset)?.index ?? 0) as [number, number];
  const [from, to] = [rows.slotOf(first), rows.slotOf(last)];
  useEffect(() => {
    if (slots.length === 0) return;
    pages.look(from, to);
    if (!isEndless) return;
    if (to >= slots.length - 1) pages.goDown();
    if (from <= 0) pages.goUp();
  }, [pages, slots, from, to, isEndless]);

  const seen = rows.count === 0 ? null : rows.at(first);
  useEffect(() => {
    if (seen !== null) onSee?.(seen);
  }, [seen, onSee]);
}

function placed(top: number, height: number | null) {
  return { transform: `translateY(${top}px)`, ...(height === null ? {} : { height }) };
}

/** The heading that begins with a line: the last one before it is another. A line without any is passed over. */
function beginning(rows: Rows, index: number, headingOf: (line: Line) => Heading | null): Heading | null {
  const line = rows.at(index);
  const heading = line && headingOf(line);
  if (heading === null) return null;
  for (let before = index - 1; before >= 0; before -= 1) {
    const above = rows.at(before);
    // Nobody knows what was on a page that was let go; it is far out of sight.
    if (above === null) return null;
    const itsHeading = headingOf(above);
    if (itsHeading !== null) return itsHeading.key === heading.key ? null : heading;
  }
  return heading;
}

interface EndProps {
  readonly pages: Pages;
  readonly isEndless: boolean;
  /** How many lines are still to come; null when nobody knows. */
  readonly left: number | null;
  /** Shows the lines that are there and left out; null when none are. */
  readonly onWhole: (() => void) | null;
}

function End({ pages, isEndless, left, onWhole }: EndProps) {
  const slots = useSlots(pages);
  const failure = slots.find((slot) => slot.failure !== null)?.failure ?? null;
  if (failure !== null) return <Failed failure={failure} onRetry={() => pages.retry()} />;
  const last = slots.at(-1);
  if (last !== undefined && last.answer === null && last.keys.length === 0) return <Waiting lines={2} />;
  const hasMore = (last?.answer?.below ?? null) !== null;
  // What goes on in a second part, of which nothing is known yet, may be complete already.
  if (onWhole === null && (isEndless || !hasMore || left === 0)) return null;
  return (
    <button type="button" className="button--quiet list__more" onClick={onWhole ?? (() => pages.goDown())}>
      Show more{left === null ? "" : ` (${counted(left)})`}
    </button>
  );
}
