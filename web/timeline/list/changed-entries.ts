/** What has become of entries since they were asked for: pages further down a list are no part of the cache. */
import type { EntryFragment } from "../../generated/operations";

/** A moment in the order of questions and changes. */
export type Moment = number;

/** The whole of an entry as it is now, or that it is gone. */
export type Change = EntryFragment | { readonly deletedAt: string };

interface Noted {
  readonly at: Moment;
  readonly change: Partial<Change>;
}

// Far more than change while somebody reads a list; a page that is asked for again knows of all changes.
const MOST = 2_000;

export class ChangedEntries {
  #now: Moment = 0;
  readonly #noted = new Map<string, Noted>();
  readonly #listeners = new Set<(id: string) => void>();

  /** The moment at which a question is sent: its answer knows of every change that was told before. */
  now(): Moment {
    return this.#now;
  }

  /** An answer to a mutation that was begun at a moment. It may be later than news of it, and of what others made of it. */
  answer(entry: EntryFragment, begun: Moment): void {
    // Nothing was told meanwhile; or the news of it is there already, or on its way.
    if (this.latest(entry, begun) === entry) this.tell(entry.id, entry);
  }

  tell(id: string, change: Change): void {
    const before = this.#noted.get(id)?.change;
    this.#now += 1;
    // The latest is the last one.
    this.#noted.delete(id);
    this.#noted.set(id, { at: this.#now, change: { ...before, ...change } as Partial<Change> });
    const [oldest] = this.#noted.keys();
    if (this.#noted.size > MOST && oldest !== undefined) this.#noted.delete(oldest);
    for (const listener of this.#listeners) listener(id);
  }

  /** An entry that was asked for at a moment, as it is now. */
  latest(entry: EntryFragment, asked: Moment): EntryFragment {
    const noted = this.#noted.get(entry.id);
    return noted === undefined || noted.at <= asked ? entry : ({ ...entry, ...noted.change } as EntryFragment);
  }

  /** Told the identifier of each entry that changes, until the returned function is called. */
  readonly listen = (listener: (id: string) => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };
}
