/** The tabs that GraphiQL opens with: each runs as it stands. */
import ACCOUNT_TIMELINE from "./examples/account-timeline.graphql?raw";
import CREATE_ACCOUNT_ONLY_TASK from "./examples/create-account-only-task.graphql?raw";
import CREATE_CONTACT_ONLY_TASK from "./examples/create-contact-only-task.graphql?raw";
import WATCH_ACCOUNT from "./examples/watch-account.graphql?raw";
import type { Records } from "./records";

export interface Example {
  readonly query: string;
  /** JSON, as the variables editor shows it. */
  readonly variables: string;
}

/** The examples for these records; their new tasks fall due on the day after `now`. */
export function examples({ accountId, contactId }: Records, now: Date): [Example, ...Example[]] {
  const dueAt = nineOnTheNextDay(now);
  return [
    example(ACCOUNT_TIMELINE, { id: accountId }),
    example(CREATE_CONTACT_ONLY_TASK, { input: { subject: "Ask how the trial went", contactId, dueAt } }),
    example(CREATE_ACCOUNT_ONLY_TASK, { input: { subject: "Renew the licence", accountId, dueAt } }),
    example(WATCH_ACCOUNT, { id: accountId }),
  ];
}

function example(query: string, variables: object): Example {
  return { query: query.trimEnd(), variables: JSON.stringify(variables, null, 2) };
}

/** Nine in the morning on the reader's clock, as an instant in UTC. */
function nineOnTheNextDay(now: Date): string {
  return new Date(now.getFullYear(), now.getMonth(), now.getDate() + 1, 9).toISOString();
}
