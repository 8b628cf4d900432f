/** What this page itself has changed: news of it is no news, and the page may show the result without being asked. */
import { makeOperation, mapExchange, type Exchange } from "@urql/core";
import { newKey } from "../new-key";

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
  /** By the name that a mutation was sent under, and by the task that it is known to have changed: who waits for its answer. */
  readonly #underWay = new Map<string | null, (() => void)[]>();
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

  /** A mutation is sent; returns the name by which its event can be told from others. */
  begin(): string {
    const name = newKey();
    this.#underWay.set(name, []);
    return name;
  }

  /** It was answered, or nobody will ever know. */
  end(name: string): void {
    const waiting = this.#underWay.get(name) ?? [];
    for (const [key, each] of this.#underWay) if (each === waiting) this.#underWay.delete(key);
    for (const goOn of waiting) goOn();
  }

  /**
   * Whether an event tells of our last change. One that is quicker than its answer waits for it. So do those that come
   * after it: what others have made of the task by then is shown with our change.
   */
  async isOurs({ id, version }: OwnChange, name: string | null): Promise<boolean> {
    const waiting = this.#underWay.get(name) ?? this.#underWay.get(id);
    if (waiting === undefined) return this.#versions.get(id) === version;
    this.#underWay.set(id, waiting);
    await new Promise<void>((goOn) => waiting.push(goOn));
    // Without an answer nothing was shown.
    return this.#versions.has(id);
  }

  readonly listen = (listener: Listener): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };
}

/** Sends each mutation under a name of its own. Stands outside of the cache, which tells what an answer has changed. */
export function naming(own: OwnChanges): Exchange {
  return mapExchange({
    onOperation: (operation) => {
      if (operation.kind !== "mutation") return operation;
      const variables = { ...operation.variables, input: { ...operation.variables?.["input"], clientMutationId: own.begin() } };
      return makeOperation(operation.kind, { ...operation, variables });
    },
    onResult: ({ operation }) => {
      if (operation.kind === "mutation") own.end(operation.variables?.["input"].clientMutationId);
    },
  });
}
