/** What this page itself has changed: news of it is no news, and the page may show the result without being asked. */

export interface OwnChange {
  readonly id: string;
  readonly version: string;
}

/** Resolved once it has shown the change. */
type Listener = (change: OwnChange) => Promise<unknown>;

export class OwnChanges {
  /** The last version of each task that came back from a change of ours. */
  readonly #versions = new Map<string, string>();
  readonly #listeners = new Set<Listener>();
  /** By identifier: resolved once everybody who listens has shown the last change. */
  readonly #shown = new Map<string, Promise<unknown>>();

  /** Tell everybody who listens; after the answer that brought the change is in the cache. */
  tell(change: OwnChange): void {
    this.#versions.set(change.id, change.version);
    queueMicrotask(() => {
      const shown = Promise.allSettled([...this.#listeners].map((listener) => listener(change)));
      this.#shown.set(change.id, shown);
      void shown.then(() => this.#shown.get(change.id) === shown && this.#shown.delete(change.id));
    });
  }

  /** Resolved once what was told of a task is on the page, or won't be. */
  async shown(id: string): Promise<void> {
    await this.#shown.get(id);
  }

  isOurs({ id, version }: OwnChange): boolean {
    return this.#versions.get(id) === version;
  }

  readonly listen = (listener: Listener): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };
}
