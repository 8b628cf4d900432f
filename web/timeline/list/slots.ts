/** One page of a list: where it begins, what it holds as far as anybody knows, and how it is asked for. */
import type { CombinedError } from "urql";
import type { Line } from "./line";

/** A page as the screen shows it, from top to bottom. */
export interface Answer {
  readonly lines: readonly Line[];
  /** From where to go on upwards and downwards; null where there is no more. */
  readonly above: string | null;
  readonly below: string | null;
}

/** Where a page begins: at an instant, or next to a cursor. */
export type Place = { readonly at: string } | { readonly below: string } | { readonly above: string };

/** Ask for a page, and tell what it holds now and whenever that changes, until the returned function is called. */
export type Ask = (place: Place, tell: (told: Told) => void) => () => void;
export type Told = { readonly answer: Answer } | { readonly failure: CombinedError };

export interface Slot {
  /** Null for the first page of the view, which comes with the first screen and is always held. */
  readonly place: Place | null;
  /** Null before it came, and after it was let go. */
  readonly answer: Answer | null;
  /** The keys of its lines, as last known. */
  readonly keys: readonly string[];
  readonly failure: CombinedError | null;
  readonly stop: (() => void) | null;
}

/** Nothing has come, and nobody has asked. */
export const EMPTY: Omit<Slot, "place"> = { answer: null, keys: [], failure: null, stop: null };

/** The slot with an answer. A line that has moved here while another page still shows it is left out: it has one place. */
export function filled(slot: Slot, answer: Answer, others: readonly Slot[]): Slot {
  const keys = answer.lines.map(({ entry }) => entry.id);
  if (keys.length === slot.keys.length && keys.every((key, index) => key === slot.keys[index])) {
    return { ...slot, answer, failure: null };
  }
  const elsewhere = new Set(others.flatMap((other) => other.keys));
  const lines = answer.lines.filter(({ entry }) => !elsewhere.has(entry.id));
  return { ...slot, answer: { ...answer, lines }, keys: lines.map(({ entry }) => entry.id), failure: null };
}
