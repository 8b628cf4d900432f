/** How GraphiQL reaches the API. */
import { createGraphiQLFetcher, type Fetcher, type FetcherParams } from "@graphiql/toolkit";
import { getOperationAST, parse } from "graphql";
import { ENDPOINT } from "../api/ask";
import { liveClient } from "../api/live";
import { authorizedFetch, type Session } from "../api/session";

export function sessionFetcher(session: Session): Fetcher {
  const send = createGraphiQLFetcher({
    url: ENDPOINT,
    fetch: authorizedFetch(session),
    wsClient: liveClient(session),
    enableIncrementalDelivery: false,
  });
  return (params, options) => send({ ...params, operationName: meantOperation(params) }, options);
}

/** For a moment after a change of tabs GraphiQL still names the former tab's operation; a lone one is meant anyway. */
function meantOperation({ query, operationName }: FetcherParams): string | null {
  try {
    const lone = getOperationAST(parse(query));
    return (lone ? lone.name?.value : operationName) ?? null;
  } catch {
    return operationName ?? null; // The API says what is wrong with the text.
  }
}
