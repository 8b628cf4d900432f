/**
 * The pages of a list that may be very long. Those near what is looked at are held, one query each, so that a change
 * costs as much as its page; of those further away only the keys stay, which keep the place and height of their lines.
 */
import type { VirtualItem } from "@tanstack/react-virtual";
import type { Line } from "./line";
import { EMPTY, filled, type Answer, type Ask, type Slot, type Told } from "./slots";

// The page next to what is seen is there before it is wanted.
const AHEAD = 1;
// Whoever turns back within a few pages finds them as they were.
const KEPT = 3;

export class Pages {
  #slots: readonly Slot[] = [];
  #start: Answer | null = null;
  #at: string | null = null;
  #seen = { first: 0, last: 0 };
  readonly #listeners = new Set<() => void>();
  readonly #ask: Ask;

  /** How high the lines were when they were last shown. */
  heights: VirtualItem[] = [];

  constructor(
    /** Another one: another list. */
    readonly name: string,
    ask: Ask,
  ) {
    this.#ask = ask;
  }

  readonly slots = (): readonly Slot[] => this.#slots;

  readonly listen = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** The instant that was jumped to; null when the list begins at its beginning. */
  get at(): string | null {
    return this.#at;
  }

  /** Whether nothing but the first page is seen, so that it can be changed without a jump. */
  get isAtStart(): boolean {
    return this.#at === null && this.#seen.last === 0;
  }

  /** Whether a page shows an entry, or did before it was let go. */
  has(key: string): boolean {
    return this.#slots.some(({ keys }) => keys.includes(key));
  }

  /** The lines of the last page, if there is more below it; none where the list is complete. */
  get end(): readonly Line[] {
    const last = this.#slots.at(-1)?.answer;
    return last?.below ? last.lines : [];
  }

  /** Take the first page, as it is now. If it ends elsewhere than before, the pages below it begin elsewhere too. */
  begin(answer: Answer): void {
    this.#start = answer;
    if (this.#at !== null) return;
    const [, second] = this.#slots;
    const goesOn = second?.place !== null && second !== undefined && "below" in second.place && second.place.below === answer.below;
    const rest = goesOn ? this.#slots.slice(1) : [];
    if (!goesOn) this.#close();
    this.#set([filled({ ...EMPTY, place: null }, answer, rest), ...rest]);
  }

  /** Begin at another instant; null: at the beginning. */
  jump(at: string | null): void {
    this.#close();
    this.#at = at;
    this.#seen = { first: 0, last: 0 };
    if (at !== null) this.#set([{ ...EMPTY, place: { at } }]);
    else this.#set(this.#start === null ? [] : [filled({ ...EMPTY, place: null }, this.#start, [])]);
    this.#hold(0);
  }

  /** Hold the pages near these, and let go of those far from them. */
  look(first: number, last: number): void {
    this.#seen = { first, last };
    this.#slots.forEach((slot, index) => {
      const distance = Math.max(first - index, index - last);
      if (distance <= AHEAD) this.#hold(index);
      else if (distance > KEPT && slot.place !== null) this.#letGo(index);
    });
  }

  /** Ask for the page after the last one, unless there is none or it is under way. */
  goDown(): void {
    const below = this.#slots.at(-1)?.answer?.below ?? null;
    if (below === null) return;
    this.#set([...this.#slots, { ...EMPTY, place: { below } }]);
    this.#hold(this.#slots.length - 1);
  }

  /** Ask for the page before the first one, unless there is none or it is under way. */
  goUp(): void {
    const above = this.#slots[0]?.answer?.above ?? null;
    if (above === null) return;
    this.#set([{ ...EMPTY, place: { above } }, ...this.#slots]);
    this.#hold(0);
  }

  /** Ask again for pages that didn't come. */
  retry(): void {
    this.#slots.forEach((slot, index) => {
      if (slot.failure === null) return;
      slot.stop?.();
      this.#replace(slot, { ...slot, failure: null, stop: null });
      this.#hold(index);
    });
  }

  /** Ask anew for what is held, and show it until the answers are there. */
  reread(): void {
    this.#slots.forEach((slot, index) => {
      if (slot.place === null || slot.stop === null) return;
      slot.stop();
      this.#replace(slot, { ...slot, stop: null });
      this.#hold(index);
    });
  }

  /** Ask nothing more, and keep the places: whoever comes back finds them, and asks again for what is seen. */
  rest(): void {
    this.#close();
    this.#set(this.#slots.map((slot) => ({ ...slot, answer: null, failure: null, stop: null })));
  }

  #hold(index: number): void {
    const slot = this.#slots[index];
    if (slot === undefined || slot.place === null || slot.stop !== null) return;
    // What is told before `ask` returns is told to a slot that is there already.
    let held: Slot = { ...slot, stop: () => {} };
    this.#replace(slot, held);
    const tell = (told: Told): void => {
      const others = this.#slots.filter((other) => other !== held);
      if (others.length === this.#slots.length) return;
      const next = "answer" in told ? filled(held, told.answer, others) : { ...held, failure: told.failure };
      this.#replace(held, next);
      held = next;
    };
    const stop = this.#ask(slot.place, tell);
    const stoppable = { ...held, stop };
    this.#replace(held, stoppable);
    held = stoppable;
  }

  #letGo(index: number): void {
    const slot = this.#slots[index];
    if (slot === undefined || slot.stop === null) return;
    slot.stop();
    this.#replace(slot, { ...slot, answer: null, failure: null, stop: null });
  }

  #close(): void {
    for (const slot of this.#slots) slot.stop?.();
  }

  #replace(slot: Slot, by: Slot): void {
    this.#set(this.#slots.map((each) => (each === slot ? by : each)));
  }

  #set(slots: readonly Slot[]): void {
    this.#slots = slots;
    for (const listener of this.#listeners) listener();
  }
}
