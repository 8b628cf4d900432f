/** How the timeline reaches the API: answers kept by entity, so that a change shows wherever the entity is shown. */
import { Client, fetchExchange, gql, subscriptionExchange, type SubscriptionForwarder } from "@urql/core";
import { cacheExchange, type Cache, type UpdateResolver } from "@urql/exchange-graphcache";
import type { Client as Socket } from "graphql-ws";
import { ENDPOINT } from "../../api/ask";
import { liveClient } from "../../api/live";
import { authorizedFetch, type Session } from "../../api/session";
import type { TaskEventsSubscription, TimelineEventsSubscription } from "../../generated/operations";
import { NAMELESS_TYPES, POSSIBLE_TYPES } from "../../generated/schema";
import { PageMemory } from "../list/use-pages";
import { OwnChanges } from "./own-changes";

export interface Connection {
  readonly client: Client;
  readonly socket: Socket;
  readonly own: OwnChanges;
  readonly memory: PageMemory;
}

/** A connection for one session; another person gets another one, and so an empty cache. */
export function connect(session: Session): Connection {
  const socket = liveClient(session);
  const own = new OwnChanges();
  const client = new Client({
    url: ENDPOINT,
    fetch: authorizedFetch(session),
    preferGetMethod: false,
    exchanges: [
      cacheExchange({
        keys: Object.fromEntries(NAMELESS_TYPES.map((name) => [name, () => null])),
        possibleTypes: POSSIBLE_TYPES,
        updates: {
          Mutation: Object.fromEntries(MUTATIONS.map((name) => [name, noted(name, own)])),
          Subscription: { timelineEvents: forgetGone, taskEvents: forgetGone },
        },
      }),
      fetchExchange,
      subscriptionExchange({ forwardSubscription: forward(socket) }),
    ],
  });
  return { client, socket, own, memory: new PageMemory() };
}

const MUTATIONS = ["createTask", "updateTask", "completeTask", "reopenTask", "cancelTask", "deleteTask", "restoreTask"];

interface Payload {
  readonly task?: { readonly id: string; readonly version?: string } | null;
}

/** Says which task a mutation of ours has changed. */
function noted(name: string, own: OwnChanges): UpdateResolver {
  return (answer, _args, _cache, { optimistic }) => {
    const task = (answer[name] as Payload | null)?.task;
    if (!optimistic && task?.version) own.tell({ id: task.id, version: task.version });
  };
}

type Event = Omit<TimelineEventsSubscription["timelineEvents"], "__typename" | "interactionId" | "interaction"> & {
  readonly interactionId?: string;
  readonly interaction?: object | null;
  readonly taskId?: string;
  readonly task?: object | null;
};

const DELETION = gql`
  fragment _ on Task {
    id
    deletedAt
  }
`;

/** An event of what is gone has no entity that could say so; the task that is shown must be told. */
function forgetGone(answer: Partial<TimelineEventsSubscription & TaskEventsSubscription>, _args: unknown, cache: Cache): void {
  const event = (answer.timelineEvents ?? answer.taskEvents) as Event | undefined;
  const id = event?.interactionId ?? event?.taskId;
  if (event === undefined || id === undefined || (event.interaction ?? event.task)) return;
  cache.writeFragment(DELETION, { __typename: "Task", id, deletedAt: event.at });
}

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
