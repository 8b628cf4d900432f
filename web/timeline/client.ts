/** How the timeline reaches the API: answers kept by entity, so that a change shows wherever the entity is shown. */
import { Client, fetchExchange, subscriptionExchange } from "@urql/core";
import { cacheExchange } from "@urql/exchange-graphcache";
import { ENDPOINT } from "../api/ask";
import { liveClient } from "../api/live";
import { authorizedFetch, type Session } from "../api/session";

/** A client for one session; another person gets another one, and so an empty cache. */
export function timelineClient(session: Session): Client {
  const live = liveClient(session);
  return new Client({
    url: ENDPOINT,
    fetch: authorizedFetch(session),
    preferGetMethod: false,
    exchanges: [
      cacheExchange({
        // Values without an identity of their own live in what holds them.
        keys: {
          TimelineConnection: () => null,
          TimelineEdge: () => null,
          TimelineGroup: () => null,
          PageInfo: () => null,
          LinkMatch: () => null,
          RecordLink: () => null,
          TaskStats: () => null,
        },
      }),
      fetchExchange,
      subscriptionExchange({
        forwardSubscription: ({ query, variables, operationName }) => ({
          subscribe: (sink) => ({
            unsubscribe: live.subscribe(
              { query: query ?? "", variables, operationName },
              { ...sink, next: ({ data, errors }) => sink.next({ data: data ?? null, ...(errors && { errors }) }) },
            ),
          }),
        }),
      }),
    ],
  });
}
