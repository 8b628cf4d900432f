/** The first screen of a view: one question, whose answer stays true to what happens to its entries. */
import { useLayoutEffect, useMemo, useState } from "react";
import { useClient, type AnyVariables, type CombinedError, type TypedDocumentNode } from "urql";
import { inTurns } from "../live/in-turns";

export interface Screen<Data> {
  /** The answer; null while it is on its way. */
  readonly data: Data | null;
  /** The answer to this question or to the one before: for what hardly differs between the two. */
  readonly latest: Data | null;
  readonly failure: CombinedError | null;
  /** Ask again, and keep showing the old answer until the new one is there. False: it didn't come. */
  readonly refresh: () => Promise<boolean>;
}

interface Answered<Data, Variables> {
  readonly variables: Variables;
  readonly data: Data | null;
  readonly latest: Data | null;
  readonly failure: CombinedError | null;
}

/** `variables` that are another object, but say the same, are the same question. */
export function useScreen<Data, Variables extends AnyVariables>(
  document: TypedDocumentNode<Data, Variables>,
  given: Variables,
): Screen<Data> {
  const client = useClient();
  const variables = useSame(given);
  const [answered, setAnswered] = useState<Answered<Data, Variables> | null>(null);

  // Before anything is painted: what is known already is on the first picture.
  useLayoutEffect(() => {
    const { unsubscribe } = client
      .query(document, variables, { requestPolicy: "cache-and-network" })
      .subscribe(({ data, error }) =>
        setAnswered((before) => ({
          variables,
          // What was there before a failed refresh is still worth reading.
          data: data ?? (before?.variables === variables ? before.data : null),
          // Who lost the connection still sees whose timeline this is.
          latest: data ?? before?.latest ?? null,
          failure: error ?? null,
        })),
      );
    return unsubscribe;
  }, [client, document, variables]);

  const refresh = useMemo(
    () =>
      inTurns(async () => {
        const { error } = await client.query(document, variables, { requestPolicy: "network-only" }).toPromise();
        return error === undefined;
      }),
    [client, document, variables],
  );

  const isOurs = answered?.variables === variables;
  return {
    data: isOurs ? answered.data : null,
    latest: answered?.latest ?? null,
    failure: isOurs ? answered.failure : null,
    refresh,
  };
}

/** The same object for as long as it says the same. */
export function useSame<Value>(value: Value): Value {
  // The text stands for the value.
  const text = JSON.stringify(value);
  return useMemo(() => value, [text]);
}
