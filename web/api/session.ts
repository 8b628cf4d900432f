/** Who a page speaks for. A token lives in memory only: closing the page forgets it. */
import { SignInFailed } from "./refusal";
import { viewerOf, type Viewer } from "./viewer";

export const ROLES = ["admin", "user", "viewer"] as const;
export type Role = (typeof ROLES)[number];

/** Gets another token for the same person; null when there is none to be had. `refusal` says why the last one went. */
export type Renew = (refusal: string) => Promise<string | null>;

interface Beginning {
  readonly token: string;
  readonly viewer: Viewer;
  readonly role?: Role | null;
  readonly renew?: Renew;
}

/** One person's stay. Tokens expire; the session, and with it all that is on the page, goes on with the next one. */
export class Session {
  readonly viewer: Viewer;
  /** The demo role behind the token; null when somebody pasted it. */
  readonly role: Role | null;
  readonly #renew: Renew;
  #token: string;
  #renewal: Promise<string | null> | null = null;

  constructor({ token, viewer, role = null, renew = async () => null }: Beginning) {
    this.#token = token;
    this.viewer = viewer;
    this.role = role;
    this.#renew = renew;
  }

  get token(): string {
    return this.#token;
  }

  /** A token in place of a refused one, null when there is none. All who ask meanwhile wait for the same one. */
  renewed(refused: string, refusal: string): Promise<string | null> {
    // Another request was refused before, and has got a new one already.
    if (refused !== this.#token) return Promise.resolve(this.#token);
    this.#renewal ??= this.#renew(refusal)
      .then((token) => {
        this.#token = token ?? this.#token;
        return token;
      })
      .finally(() => {
        this.#renewal = null;
      });
    return this.#renewal;
  }
}

/** What the demo calls its own machine. It gives tokens to no page under another name. */
const OWN_MACHINE = /^(localhost|127\.[\d.]+|\[::1\])$/;

/** Sign in to the demo. Null where there is no demo, or nobody of this role in it. Throws SignInFailed. */
export async function demoSession(role: Role): Promise<Session | null> {
  const given = await demoToken(role);
  if (given === null) return null;
  const { token, user } = given;
  // The demo says with the token whose it is: one question less before anything can be shown.
  const viewer = user ? { ...user, identity: user.id, mayWrite: user.role !== "VIEWER" } : await viewerOf(token);
  // A demo token lasts some hours and ends with the demo; a page may stay open for days.
  return new Session({ token, viewer, role, renew: async () => (await demoToken(role))?.token ?? null });
}

interface DemoToken {
  readonly token: string;
  readonly user?: { readonly id: string; readonly displayName: string; readonly role: string };
}

async function demoToken(role: Role): Promise<DemoToken | null> {
  if (!OWN_MACHINE.test(location.hostname)) return null;
  const answer = await fetch("/demo/token", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ role }),
  });
  if (answer.status === 404) return null;
  if (!answer.ok) throw await SignInFailed.of(answer);
  return (await answer.json()) as DemoToken;
}

/** A `fetch` that carries the session's token, unless the caller sends another Authorization. */
export function authorizedFetch(session: Session): typeof fetch {
  return async (input, init) => {
    const headers = new Headers(init?.headers);
    if (headers.has("Authorization")) return fetch(input, init);
    const send = (token: string): Promise<Response> => {
      headers.set("Authorization", `Bearer ${token}`);
      return fetch(input, { ...init, headers });
    };
    const { token } = session;
    const answer = await send(token);
    if (answer.status !== 401) return answer;
    const { message } = await SignInFailed.of(answer.clone());
    const another = await session.renewed(token, message);
    return another === null ? answer : send(another);
  };
}
