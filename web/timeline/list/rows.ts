/** The lines of all pages, one below the other, found by their number. */
import type { Line } from "./line";
import type { Slot } from "./slots";

export class Rows {
  readonly count: number;
  /** Whether there are rows beyond those that are wanted. */
  readonly isCut: boolean;
  readonly #slots: readonly Slot[];
  /** The number of each slot's first row. */
  readonly #starts: readonly number[];

  /** `most`: how many are wanted. */
  constructor(slots: readonly Slot[], most = Number.POSITIVE_INFINITY) {
    let count = 0;
    this.#starts = slots.map(({ keys }) => (count += keys.length) - keys.length);
    this.#slots = slots;
    this.count = Math.min(count, most);
    this.isCut = count > most;
  }

  /** Of each slot. */
  get keys(): readonly (readonly string[])[] {
    return this.#slots.map(({ keys }) => keys);
  }

  /** The slot that holds a row. */
  slotOf(index: number): number {
    let [low, high] = [0, this.#starts.length - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((this.#starts[middle] ?? 0) <= index) low = middle;
      else high = middle - 1;
    }
    return Math.max(low, 0);
  }

  keyAt(index: number): string {
    const slot = this.slotOf(index);
    return this.#slots[slot]?.keys[index - (this.#starts[slot] ?? 0)] ?? String(index);
  }

  /** Null when its page was let go. */
  at(index: number): Line | null {
    const slot = this.slotOf(index);
    return this.#slots[slot]?.answer?.lines[index - (this.#starts[slot] ?? 0)] ?? null;
  }

  /** The row that shows an entry; -1 when none does. */
  indexOf(key: string): number {
    for (const [slot, { keys }] of this.#slots.entries()) {
      const within = keys.indexOf(key);
      if (within >= 0) return (this.#starts[slot] ?? 0) + within;
    }
    return -1;
  }

  /** The first row, on a page that is held, of which something holds; -1 when there is none. */
  find(holds: (line: Line) => boolean): number {
    for (const [slot, { answer }] of this.#slots.entries()) {
      const within = answer?.lines.findIndex(holds) ?? -1;
      if (within >= 0) return (this.#starts[slot] ?? 0) + within;
    }
    return -1;
  }
}
