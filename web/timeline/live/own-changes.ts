/** What this page itself has changed: news of it is no news, and the page may show the result without being asked. */
import { makeOperation, mapExchange, type Exchange } from "@urql/core";
import type { ChangedFragment } from "../../generated/operations";
import type { ChangedEntries } from "../list/changed-entries";
import { newKey } from "../new-key";

export interface OwnChange {
  readonly id: string;
  readonly version: string;
}

/** Resolved once the change is on the page, or with false where it won't be. */
type Listener = (change: OwnChange) => Promise<boolean>;

export class OwnChanges {
  /** The last version of each task that came back from a change of ours. */
  readonly #versions = new Map<string, string>();
  readonly #listeners = new Set<Listener>();
  /** By the name that a mutation was sent under, and by the task that it is known to have changed: who waits for its answer. */
  readonly #underWay = new Map<string | null, ((isAnswered: boolean) => void)[]>();
  /** By identifier: whether everybody who listens has shown the last change. */
  readonly #shown = new Map<string, Promise<boolean>>();

  /** Resolved once what was told of a task is on the page, or with false where it won't be. */
  async shown(id: string): Promise<boolean> {
    return (await this.#shown.get(id)) ?? true;
  }

  /** A mutation is sent; returns the name by which its event can be told from others. */
  begin(): string {
    const name = newKey();
    this.#underWay.set(name, []);
    return name;
  }

  /** It was answered with a change, which is in the cache and told to everybody who listens; or it made none that is known. */
  end(name: string, change?: OwnChange | null): void {
    const waiting = this.#underWay.get(name) ?? [];
    for (const [key, each] of this.#underWay) if (each === waiting) this.#underWay.delete(key);
    if (change) this.#tell(change);
    for (const goOn of waiting) goOn(!!change);
  }

  /**
   * Whether an event tells of our last change. One that is quicker than its answer waits for it. So do those that come
   * after it: what others have made of the task by then is shown with our change, where that is shown.
   */
  async isOurs({ id, version }: OwnChange, name: string | null): Promise<boolean> {
    const own = this.#underWay.get(name);
    const waiting = own ?? this.#underWay.get(id);
    if (waiting === undefined) return this.#versions.get(id) === version;
    this.#underWay.set(id, waiting);
    const isAnswered = await new Promise<boolean>((goOn) => waiting.push(goOn));
    return isAnswered && (own !== undefined || this.shown(id));
  }

  readonly listen = (listener: Listener): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  #tell(change: OwnChange): void {
    this.#versions.set(change.id, change.version);
    const shown = Promise.all([...this.#listeners].map((listener) => listener(change))).then((all) => all.every(Boolean));
    this.#shown.set(change.id, shown);
    void shown.then(() => this.#shown.get(change.id) === shown && this.#shown.delete(change.id));
  }
}

/**
 * Sends each mutation under a name of its own, and says which task it has changed, or what anybody else has made of one that
 * ours was too late for. Stands outside of the cache, which has an answer by then.
 */
export function naming(own: OwnChanges, changed: ChangedEntries): Exchange {
  return mapExchange({
    onOperation: (operation) => {
      if (operation.kind !== "mutation") return operation;
      const variables = { ...operation.variables, input: { ...operation.variables?.["input"], clientMutationId: own.begin() } };
      return makeOperation(operation.kind, { ...operation, variables }, { ...operation.context, begun: changed.now() });
    },
    onResult: ({ operation, data }) => {
      if (operation.kind !== "mutation") return;
      const [payload] = Object.values<ChangedFragment | null>(data ?? {});
      const stale = payload?.errors.find((error) => error.__typename === "StaleVersionError");
      const task = payload?.task ?? stale?.current;
      if (task) changed.answer(task, operation.context["begun"]);
      own.end(operation.variables?.["input"].clientMutationId, payload?.task);
    },
  });
}
