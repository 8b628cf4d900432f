/** How GraphiQL reaches the API. */
import { createGraphiQLFetcher, type Fetcher, type FetcherParams } from "@graphiql/toolkit";
import { getOperationAST, Kind, parse, type DocumentNode } from "graphql";
import { ENDPOINT } from "../api/ask";
import { liveClient } from "../api/live";
import { authorizedFetch, type Session } from "../api/session";

/**
 * A fetcher that goes by the text alone. For a moment after a change of tabs GraphiQL hands over the former tab's
 * document and the name of its operation: by those a subscription would be sent as a request, which the API refuses.
 */
export function sessionFetcher(session: Session): Fetcher {
  const send = createGraphiQLFetcher({
    url: ENDPOINT,
    fetch: authorizedFetch(session),
    wsClient: liveClient(session),
    enableIncrementalDelivery: false,
  });
  return (params, options) => {
    const document = parsed(params.query);
    const operationName = meantOperation(document, params.operationName);
    return send({ ...params, operationName }, { ...options, documentAST: document });
  };
}

/** A text that can't be read has no operations: the API says what is wrong with it. */
function parsed(query: string): DocumentNode {
  try {
    return parse(query);
  } catch {
    return { kind: Kind.DOCUMENT, definitions: [] };
  }
}

/** A lone operation is meant whatever name GraphiQL still has in mind. */
function meantOperation(document: DocumentNode, named: FetcherParams["operationName"]): string | null {
  const lone = getOperationAST(document);
  return (lone ? lone.name?.value : named) ?? null;
}
