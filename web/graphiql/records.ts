/** Real records for the examples to work on. */
import { ask } from "../api/ask";
import LINKED from "./records/linked.graphql?raw";
import SEARCHED from "./records/searched.graphql?raw";

interface Named {
  readonly id: string;
}

/** Null when the field failed; a task's record is null when it has been deleted. */
type Page<Kind extends string> = { readonly nodes: readonly Readonly<Record<Kind, Named | null>>[] } | null;

interface Linked {
  readonly ofDoneTasks: Page<"account">;
  readonly ofAccounts: Page<"account">;
  readonly ofContacts: Page<"contact">;
}

interface Searched {
  readonly accounts: readonly Named[];
  readonly contacts: readonly Named[];
}

export interface Records {
  readonly accountId: string;
  readonly contactId: string;
}

/** Records with tasks, the account with a past if there is one; else any; else a text that says what to paste. */
export async function findRecords(send: typeof fetch): Promise<Records> {
  const linked = await ask<Linked>(send, LINKED);
  const accountId = firstId(linked.ofDoneTasks, "account") ?? firstId(linked.ofAccounts, "account");
  const contactId = firstId(linked.ofContacts, "contact");
  if (accountId && contactId) return { accountId, contactId };
  const searched = await ask<Searched>(send, SEARCHED);
  return {
    accountId: accountId ?? searched.accounts?.[0]?.id ?? "(paste an account's id here)",
    contactId: contactId ?? searched.contacts?.[0]?.id ?? "(paste a contact's id here)",
  };
}

function firstId<Kind extends string>(page: Page<Kind> | undefined, kind: Kind): string | undefined {
  return page?.nodes.find((task) => task[kind])?.[kind]?.id;
}
