/** How the timeline reaches the API: answers kept by entity, so that a change shows wherever the entity is shown. */
import { Client, fetchExchange, gql, subscriptionExchange, type SubscriptionForwarder } from "@urql/core";
import { cacheExchange, type Cache } from "@urql/exchange-graphcache";
import type { Client as Socket } from "graphql-ws";
import { ENDPOINT } from "../../api/ask";
import { liveClient } from "../../api/live";
import { authorizedFetch, type Session } from "../../api/session";
import type { TaskEventsSubscription, TimelineEventsSubscription } from "../../generated/operations";
import { NAMELESS_TYPES, POSSIBLE_TYPES } from "../../generated/schema";
import { ChangedEntries, type Change } from "../list/changed-entries";
import { FarPages } from "../list/far-pages";
import { PageMemory } from "../list/use-pages";
import { PendingTasks } from "../tasks/pending-tasks";
import { naming, OwnChanges } from "./own-changes";

export interface Connection {
  readonly client: Client;
  readonly socket: Socket;
  readonly own: OwnChanges;
  readonly memory: PageMemory;
  readonly farPages: FarPages;
  readonly pending: PendingTasks;
}

/** A connection for one session; another person gets another one, and so an empty cache. */
export function connect(session: Session): Connection {
  const socket = liveClient(session);
  const own = new OwnChanges();
  const changed = new ChangedEntries();
  const http = { url: ENDPOINT, fetch: authorizedFetch(session), preferGetMethod: false } as const;
  const client = new Client({
    ...http,
    exchanges: [
      naming(own, changed),
      cacheExchange({
        keys: Object.fromEntries(NAMELESS_TYPES.map((name) => [name, () => null])),
        possibleTypes: POSSIBLE_TYPES,
        updates: {
          Subscription: { timelineEvents: told(changed), taskEvents: told(changed) },
        },
      }),
      fetchExchange,
      subscriptionExchange({ forwardSubscription: forward(socket) }),
    ],
  });
  const farPages = new FarPages(new Client({ ...http, exchanges: [fetchExchange] }), changed);
  return { client, socket, own, memory: new PageMemory(), farPages, pending: new PendingTasks() };
}

type Answered = Partial<TimelineEventsSubscription & TaskEventsSubscription>;

/** Says what an event tells of an entry. An event of what is gone has no entity that could say so: the cache is told. */
function told(changed: ChangedEntries) {
  return ({ timelineEvents, taskEvents }: Answered, _args: unknown, cache: Cache): void => {
    const at = (timelineEvents ?? taskEvents)?.at;
    const id = timelineEvents?.interactionId ?? taskEvents?.taskId;
    if (at === undefined || id === undefined) return;
    const change: Change = timelineEvents?.interaction ?? taskEvents?.task ?? { deletedAt: at };
    changed.tell(id, change);
    if (!("id" in change)) cache.writeFragment(DELETION, { __typename: "Task", id, ...change });
  };
}

const DELETION = gql`
  fragment _ on Task {
    id
    deletedAt
  }
`;

/** Subscribes over the socket. After a lost connection the same subscription goes on after the last event that came. */
function forward(socket: Socket): SubscriptionForwarder {
  return ({ query = "", variables = {}, operationName }) => ({
    subscribe: (sink) => {
      let since: unknown = variables["since"];
      const payload = {
        query,
        operationName,
        // Read each time the socket is opened.
        get variables() {
          return { ...variables, since };
        },
      };
      return {
        unsubscribe: socket.subscribe<Partial<Record<string, { readonly cursor?: string }>>>(payload, {
          ...sink,
          next: ({ data, errors }) => {
            since = Object.values(data ?? {})[0]?.cursor ?? since;
            sink.next({ data: data ?? null, ...(errors && { errors }) });
          },
        }),
      };
    },
  });
}
