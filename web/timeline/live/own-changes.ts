/** What this page itself has changed: news of it is no news, and the page may show the result without being asked. */

export interface OwnChange {
  readonly id: string;
  readonly version: string;
}

export class OwnChanges {
  /** The last version of each task that came back from a change of ours. */
  readonly #versions = new Map<string, string>();
  readonly #listeners = new Set<(change: OwnChange) => void>();

  /** Tell everybody who listens; after the answer that brought the change is in the cache. */
  tell(change: OwnChange): void {
    this.#versions.set(change.id, change.version);
    queueMicrotask(() => {
      for (const listener of this.#listeners) listener(change);
    });
  }

  isOurs({ id, version }: OwnChange): boolean {
    return this.#versions.get(id) === version;
  }

  readonly listen = (listener: (change: OwnChange) => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };
}
