/** One line of a list: an entry, and why it is there. */
import type { EntryFragment, ViaFragment } from "../../generated/operations";

export interface Line {
  readonly entry: EntryFragment;
  /** Every link that brought it here; empty in a list that isn't a record's. */
  readonly via: readonly ViaFragment[];
}

/** A name over the lines that belong together. */
export interface Heading {
  readonly key: string;
  readonly text: string;
  /** How many there are in all; null where nobody counted. */
  readonly count: number | null;
  readonly isLate?: boolean;
}
