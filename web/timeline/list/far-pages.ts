/**
 * The pages of lists below their first ones. They are kept apart from the cache, which forgets nothing: it would grow by 3 kB
 * for each line that is scrolled past. These are dropped when enough others have come, and follow what changes by themselves.
 */
import type { AnyVariables, Client, TypedDocumentNode } from "@urql/core";
import type { EntryPageFragment, TaskPageFragment } from "../../generated/operations";
import type { ChangedEntries, Moment } from "./changed-entries";
import type { Answer, Told } from "./slots";

type Page = EntryPageFragment | TaskPageFragment;

interface Kept {
  readonly page: Page;
  readonly asked: Moment;
}

/** What to ask, and how to read the answer. */
export interface Question<Name extends string, Of extends Page, Variables extends AnyVariables> {
  /** The field of the data that has the page. */
  readonly name: Name;
  readonly document: TypedDocumentNode<{ readonly [name in Name]: Of | null }, Variables>;
  readonly variables: Variables;
  readonly answerOf: (page: Of) => Answer;
}

// Whoever turns back, or goes a step back, finds so many pages at once.
const MOST_PAGES = 20;

export class FarPages {
  readonly #kept = new Map<string, Kept>();
  readonly #client: Client;
  readonly #changed: ChangedEntries;

  /** `client` has no cache. */
  constructor(client: Client, changed: ChangedEntries) {
    this.#client = client;
    this.#changed = changed;
  }

  /** Tell a page, now if it is kept, and whenever an entry of it changes, until the returned function is called. */
  follow<Name extends string, Of extends Page, Variables extends AnyVariables>(
    { name, document, variables, answerOf }: Question<Name, Of, Variables>,
    tell: (told: Told) => void,
  ): () => void {
    const key = `${name} ${JSON.stringify(variables)}`;
    let kept = this.#recall(key);
    const say = (): void => {
      if (kept !== undefined) tell({ answer: answerOf(this.#current(kept) as Of) });
    };
    const ignore = this.#changed.listen((id) => {
      if (kept?.page.edges.some(({ node }) => node.id === id)) say();
    });
    say();
    if (kept !== undefined) return ignore;
    const asked = this.#changed.now();
    const { unsubscribe } = this.#client.query(document, variables).subscribe(({ data, error }) => {
      const page = data?.[name];
      if (page) {
        kept = { page, asked };
        this.#keep(key, kept);
        say();
      } else if (error) tell({ failure: error });
    });
    return () => {
      ignore();
      unsubscribe();
    };
  }

  /** What changed is not known: whoever asks gets a new answer. */
  forget(): void {
    this.#kept.clear();
  }

  #current({ page, asked }: Kept): Page {
    const edges = page.edges.map((edge) => ({ ...edge, node: this.#changed.latest(edge.node, asked) }));
    return { ...page, edges } as Page;
  }

  #recall(key: string): Kept | undefined {
    const kept = this.#kept.get(key);
    if (kept !== undefined) this.#keep(key, kept);
    return kept;
  }

  #keep(key: string, kept: Kept): void {
    // The latest is the last one.
    this.#kept.delete(key);
    this.#kept.set(key, kept);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > MOST_PAGES && oldest !== undefined) this.#kept.delete(oldest);
  }
}
