// graphql-ws, the protocol's own client: events since a place in time, and live ones, over one socket.
import { print } from "graphql";
import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import { createClient } from "graphql-ws";
import { WebSocket } from "ws";
import {
  AccountEventsDocument,
  CompleteTaskDocument,
  CreateTaskDocument,
  ResumeTokenDocument,
} from "../generated/documents.js";
import { accountId, headers, report, url } from "./api.js";

const client = createClient({
  url: url.replace(/^http/, "ws"),
  webSocketImpl: WebSocket,
  connectionParams: headers,
  retryAttempts: 0,
});

function ask<Data, Variables extends Record<string, unknown>>(
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
) {
  return client.iterate<Data>({ query: print(document), variables });
}

interface Answer<Data> {
  data?: Data | null | undefined;
  errors?: readonly unknown[] | undefined;
}

async function next<Data>(answers: AsyncIterator<Answer<Data>>): Promise<Data> {
  const { value, done } = await answers.next();
  if (done || !value.data || value.errors) throw new Error(JSON.stringify(value));
  return value.data;
}

const { timeline } = await next(ask(ResumeTokenDocument, { accountId }));
const input = { subject: "Made by graphql-ws", accountId };
const { createTask } = await next(ask(CreateTaskDocument, { input }));
if (!createTask.task) throw new Error(JSON.stringify(createTask.errors));

const events = ask(AccountEventsDocument, { accountId, since: timeline?.resumeToken ?? null });
const created = (await next(events)).taskEvents;
await next(ask(CompleteTaskDocument, { input: { id: createTask.task.id } }));
const completed = (await next(events)).taskEvents;
await events.return?.();
await client.dispose();

report({ taskId: createTask.task.id, created, completed });
