// The API under trial, and what the trials share.
import { type IntrospectionQuery, getIntrospectionQuery } from "graphql";

function given(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set.`);
  return value;
}

export const url = given("TASKLINE_URL");
export const headers = { authorization: `Bearer ${given("TASKLINE_TOKEN")}` };
export const accountId = given("ACCOUNT_ID");
export const contactId = given("CONTACT_ID");

export async function introspect(): Promise<IntrospectionQuery> {
  const response = await fetch(url, {
    method: "POST",
    headers: { ...headers, "content-type": "application/json" },
    body: JSON.stringify({ query: getIntrospectionQuery() }),
  });
  const answer = (await response.json()) as { data: IntrospectionQuery };
  return answer.data;
}

const warnings: string[] = [];

/** A cache that can't follow the schema says so on the console alone: the outcome is to tell. */
export function overhearWarnings(): void {
  console.warn = console.error = (...words: unknown[]) => {
    warnings.push(words.map(String).join(" "));
  };
}

/** The trial's outcome, for the test that started it. */
export function report(outcome: object): void {
  process.stdout.write(JSON.stringify({ ...outcome, warnings }));
}
