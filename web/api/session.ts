/** Who a page speaks for. A token lives in memory only: closing the page forgets it. */

export const ROLES = ["admin", "user", "viewer"] as const;
export type Role = (typeof ROLES)[number];

export interface Session {
  readonly token: string;
  /** The demo role behind the token; null when somebody pasted it. */
  readonly role: Role | null;
}

/** Nobody is signed in, and the message says what to do about it. */
export class SignInFailed extends Error {
  /** The API's own words about a token that it refused or wouldn't give. */
  static async of(answer: Response): Promise<SignInFailed> {
    const { errors } = (await answer.json()) as { errors: readonly [{ message: string }] };
    return new SignInFailed(errors[0].message);
  }
}

/** What the demo calls its own machine. It gives tokens to no page under another name. */
const OWN_MACHINE = /^(localhost|127\.[\d.]+|\[::1\])$/;

/** Sign in to the demo. Null where there is no demo, or nobody of this role in it. */
export async function demoSession(role: Role): Promise<Session | null> {
  if (!OWN_MACHINE.test(location.hostname)) return null;
  const answer = await fetch("/demo/token", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ role }),
  });
  if (answer.status === 404) return null;
  if (!answer.ok) throw await SignInFailed.of(answer);
  const { token } = (await answer.json()) as { token: string };
  return { token, role };
}

/** A `fetch` that carries the session's token, unless the caller sends another Authorization. */
export function authorizedFetch(session: Session): typeof fetch {
  let { token } = session;
  return async (input, init) => {
    const headers = new Headers(init?.headers);
    if (headers.has("Authorization")) return fetch(input, init);
    headers.set("Authorization", `Bearer ${token}`);
    const answer = await fetch(input, { ...init, headers });
    if (answer.status !== 401 || session.role === null) return answer;
    // A demo token lasts some hours and ends with the demo; a page may stay open for days.
    token = (await demoSession(session.role))?.token ?? token;
    headers.set("Authorization", `Bearer ${token}`);
    return fetch(input, { ...init, headers });
  };
}
