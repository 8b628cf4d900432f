/** One question to the API, for what a page needs before it can show anything. */
import { SignInFailed } from "./refusal";

export const ENDPOINT = "/graphql";

/** The answer's data; absent fields are those that failed. Throws SignInFailed when the token is refused. */
export async function ask<Data>(send: typeof fetch, query: string): Promise<Partial<Data>> {
  const answer = await send(ENDPOINT, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ query }),
  });
  if (answer.status === 401) throw await SignInFailed.of(answer);
  const { data } = (await answer.json()) as { data?: Partial<Data> | null };
  return data ?? {};
}
