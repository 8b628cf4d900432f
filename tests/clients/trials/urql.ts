// urql with its normalized cache: pages joined into one list, and tasks that keep every link after a change.
import { Client, fetchExchange } from "@urql/core";
import { type Cache, cacheExchange } from "@urql/exchange-graphcache";
import { relayPagination } from "@urql/exchange-graphcache/extras";
import {
  AccountTasksDocument,
  CompleteTaskDocument,
  ContactTimelineDocument,
  CreateTaskDocument,
  type RowFragment,
  TaskDocument,
} from "../generated/documents.js";
import { accountId, contactId, overhearWarnings, headers, introspect, report, url } from "./api.js";

const PAGE = 2;
const withoutIdentity = () => null;

/** A list may hold a new task anywhere, so it is asked for again. */
function forgetLists(cache: Cache): void {
  const account = { __typename: "Account", id: accountId };
  for (const { fieldName, fieldKey } of cache.inspectFields(account)) {
    if (fieldName === "tasks") cache.invalidate(account, fieldKey);
  }
}

overhearWarnings();
let requests = 0;
const cache = cacheExchange({
  schema: await introspect(),
  keys: { RecordLink: withoutIdentity, LinkMatch: withoutIdentity },
  resolvers: {
    Query: { task: (_, { id }) => ({ __typename: "Task", id: id as string }) },
    Account: { tasks: relayPagination() },
  },
  updates: {
    Mutation: { createTask: (_result, _arguments, cache) => forgetLists(cache) },
  },
});
const client = new Client({
  url,
  preferGetMethod: false,
  exchanges: [cache, fetchExchange],
  fetchOptions: { headers },
  fetch: (...request) => {
    requests += 1;
    return fetch(...request);
  },
});

async function answered<T>(asked: PromiseLike<{ data?: T | undefined; error?: Error | undefined }>): Promise<T> {
  const { data, error } = await asked;
  if (error || !data) throw error ?? new Error("The answer is empty.");
  return data;
}

async function page(after: string | null) {
  const { account } = await answered(client.query(AccountTasksDocument, { accountId, first: PAGE, after }).toPromise());
  if (!account) throw new Error("The account is not there.");
  return account.tasks;
}

async function wholeList(): Promise<string[]> {
  let tasks = await page(null);
  while (tasks.pageInfo.hasNextPage) tasks = await page(tasks.pageInfo.endCursor);
  return tasks.edges.map(({ node }) => node.subject);
}

async function cached(id: string): Promise<RowFragment | null> {
  const asked = client.query(TaskDocument, { id }, { requestPolicy: "cache-only" });
  return (await answered(asked.toPromise())).task;
}

const before = await wholeList();
const first = (await page(null)).edges[0]?.node;
if (!first) throw new Error("There is no task.");

const seen: (string | undefined)[] = [];
const watch = client.query(TaskDocument, { id: first.id }).subscribe(({ data }) => seen.push(data?.task?.status));
const { completeTask } = await answered(
  client.mutation(CompleteTaskDocument, { input: { id: first.id, outcome: "Successful" } }).toPromise(),
);
watch.unsubscribe();

const input = { subject: "Made by urql", accountId };
const { createTask } = await answered(client.mutation(CreateTaskDocument, { input }).toPromise());
if (!createTask.task) throw new Error(JSON.stringify(createTask.errors));
const after = await wholeList();

const { timeline } = await answered(client.query(ContactTimelineDocument, { contactId }).toPromise());
const asked = requests;
report({
  before,
  after,
  seen,
  original: first,
  completed: completeTask.task,
  completedInCache: await cached(first.id),
  created: createTask.task,
  createdInCache: await cached(createTask.task.id),
  timeline: timeline?.edges.map(({ node, via }) => ({ node, via })),
  requestsForTheCache: requests - asked,
});
