/** Keeps what is typed until it is saved: over a closed form, a reload and a new sign-in, in this tab alone. */

// A number of its own for each form of what is kept: a new release understands no draft of the one before.
const DRAFT = "taskline.draft.1.";
const OPEN = "taskline.open.1.";

// A long text takes some milliseconds to be written, which nobody should wait for between two keys.
const PAUSE_MS = 300;

/** The drafts of one person, by the names of their forms. */
export class Drafts {
  readonly #identity: string;
  /** By form: what is to be written soon. */
  readonly #waiting = new Map<string, unknown>();
  #timer: ReturnType<typeof setTimeout> | null = null;

  /** `identity` tells people apart who share the tab: none sees another's words. */
  constructor(identity: string) {
    this.#identity = identity;
  }

  /** What was kept for a form, as it was given. */
  read(form: string): unknown {
    this.flush();
    const kept = attempt(() => sessionStorage.getItem(this.#key(form)));
    return kept == null ? null : (attempt(() => JSON.parse(kept) as unknown) ?? null);
  }

  /** Written soon, once for all that is typed until then. */
  keep(form: string, draft: unknown): void {
    this.#waiting.set(form, draft);
    this.#timer ??= setTimeout(this.flush, PAUSE_MS);
  }

  /** Write what waits now: the page is about to go away. */
  readonly flush = (): void => {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    for (const [form, draft] of this.#waiting) {
      attempt(() => sessionStorage.setItem(this.#key(form), JSON.stringify(draft)));
    }
    this.#waiting.clear();
  };

  drop(form: string): void {
    this.#waiting.delete(form);
    attempt(() => sessionStorage.removeItem(this.#key(form)));
  }

  /** The form that was open when the page went away. */
  wasOpen(): string | null {
    return attempt(() => sessionStorage.getItem(OPEN + this.#identity)) ?? null;
  }

  setOpen(form: string | null): void {
    const key = OPEN + this.#identity;
    attempt(() => (form === null ? sessionStorage.removeItem(key) : sessionStorage.setItem(key, form)));
  }

  #key(form: string): string {
    return `${DRAFT}${this.#identity}.${form}`;
  }
}

/** A storage that is full, forbidden or not ours keeps nothing; the form works all the same. */
function attempt<Value>(act: () => Value): Value | undefined {
  try {
    return act();
  } catch {
    return undefined;
  }
}
