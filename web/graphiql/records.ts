/** Real records for the examples to work on. */
import { ask } from "../api/ask";
import LINKED from "./records/linked.graphql?raw";
import SEARCHED from "./records/searched.graphql?raw";

interface Named {
  readonly id: string;
}

interface Linked {
  readonly ofAccounts: { readonly nodes: readonly { readonly account: Named | null }[] } | null;
  readonly ofContacts: { readonly nodes: readonly { readonly contact: Named | null }[] } | null;
}

interface Searched {
  readonly accounts: readonly Named[];
  readonly contacts: readonly Named[];
}

export interface Records {
  readonly accountId: string;
  readonly contactId: string;
}

/** An account and a contact that have tasks; failing that, any; failing that, a text that says what to paste. */
export async function findRecords(send: typeof fetch): Promise<Records> {
  const linked = await ask<Linked>(send, LINKED);
  const accountId = linked.ofAccounts?.nodes.find(({ account }) => account)?.account?.id;
  const contactId = linked.ofContacts?.nodes.find(({ contact }) => contact)?.contact?.id;
  if (accountId && contactId) return { accountId, contactId };
  const searched = await ask<Searched>(send, SEARCHED);
  return {
    accountId: accountId ?? searched.accounts?.[0]?.id ?? "(paste an account's id here)",
    contactId: contactId ?? searched.contacts?.[0]?.id ?? "(paste a contact's id here)",
  };
}
