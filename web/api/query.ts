/** One answer of the API through a page's client, given up when its asker loses interest. */
import type { AnyVariables, Client, CombinedError, OperationResult, TypedDocumentNode } from "@urql/core";

/** The server gave no answer that can be used; the message says so to people. */
export class NotAnswered extends Error {}

/** The answer's data. Rejects with NotAnswered, or with the signal's reason once it is aborted. */
export function query<Data, Variables extends AnyVariables>(
  client: Client,
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
  signal: AbortSignal,
): Promise<Data> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const settle = ({ data, error, stale }: OperationResult<Data, Variables>): void => {
      if (stale) return;
      // The answer may come before there is anything to stop.
      queueMicrotask(stop);
      if (error !== undefined) reject(new NotAnswered(wordsOf(error)));
      else if (data !== undefined) resolve(data);
    };
    // What the cache has may be old: a colleague has perhaps made the record a moment ago.
    const listening = client.query(document, variables, { requestPolicy: "network-only" }).subscribe(settle);
    // Once nobody listens the client aborts the request.
    const stop = (): void => listening.unsubscribe();
    signal.addEventListener("abort", () => {
      stop();
      reject(signal.reason as Error);
    });
  });
}

/** What went wrong, for people: the API's own words, or that it can't be reached. */
export function wordsOf(error: CombinedError): string {
  return error.graphQLErrors[0]?.message ?? "The server can’t be reached. Check the connection, then try again.";
}
