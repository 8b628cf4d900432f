// Apollo Client: pages joined into one list, and tasks that keep every link after a change.
import { ApolloClient, HttpLink, InMemoryCache } from "@apollo/client";
import { relayStylePagination } from "@apollo/client/utilities";
import { buildClientSchema, isInterfaceType, isUnionType } from "graphql";
import {
  AccountTasksDocument,
  CompleteTaskDocument,
  ContactTimelineDocument,
  CreateTaskDocument,
  TaskDocument,
} from "../generated/documents.js";
import { accountId, contactId, overhearWarnings, headers, introspect, report, url } from "./api.js";

const PAGE = 2;

overhearWarnings();
const schema = buildClientSchema(await introspect());
const abstract = Object.values(schema.getTypeMap()).filter((type) => isInterfaceType(type) || isUnionType(type));
const cache = new InMemoryCache({
  possibleTypes: Object.fromEntries(
    abstract.map((type) => [type.name, schema.getPossibleTypes(type).map(({ name }) => name)]),
  ),
  typePolicies: {
    Query: {
      fields: {
        task: { read: (_, { args, toReference }) => toReference({ __typename: "Task", id: args?.["id"] }) },
      },
    },
    Account: { fields: { tasks: relayStylePagination(["filter", "orderBy"]) } },
  },
});
let requests = 0;
const client = new ApolloClient({
  cache,
  link: new HttpLink({
    uri: url,
    headers,
    fetch: (...request) => {
      requests += 1;
      return fetch(...request);
    },
  }),
});

function there<T>(value: T | null | undefined): T {
  if (value === null || value === undefined) throw new Error("The answer is empty.");
  return value;
}

async function page(after: string | null): Promise<void> {
  await client.query({
    query: AccountTasksDocument,
    variables: { accountId, first: PAGE, after },
    fetchPolicy: "network-only",
  });
}

/** What a list on the screen would show: all pages that have been asked for. */
function shown() {
  const variables = { accountId, first: PAGE, after: null };
  return there(cache.readQuery({ query: AccountTasksDocument, variables })?.account).tasks;
}

async function wholeList(): Promise<string[]> {
  await page(null);
  while (shown().pageInfo.hasNextPage) {
    const { length } = shown().edges;
    await page(shown().pageInfo.endCursor);
    if (shown().edges.length <= length) throw new Error("The cache didn't take a page.");
  }
  return shown().edges.map(({ node }) => node.subject);
}

function cached(id: string) {
  return there(cache.readQuery({ query: TaskDocument, variables: { id } })).task;
}

const before = await wholeList();
const first = there(shown().edges[0]).node;

const seen: (string | undefined)[] = [];
const watch = client
  .watchQuery({ query: TaskDocument, variables: { id: first.id } })
  .subscribe(({ data, dataState }) => seen.push(dataState === "complete" ? data.task?.status : undefined));
const completion = await client.mutate({
  mutation: CompleteTaskDocument,
  variables: { input: { id: first.id, outcome: "Successful" } },
});
watch.unsubscribe();

const creation = await client.mutate({
  mutation: CreateTaskDocument,
  variables: { input: { subject: "Made by Apollo", accountId } },
});
const created = there(creation.data?.createTask.task);
const after = await wholeList();

const { data } = await client.query({ query: ContactTimelineDocument, variables: { contactId } });
const asked = requests;
report({
  before,
  after,
  seen,
  original: first,
  completed: completion.data?.completeTask.task,
  completedInCache: cached(first.id),
  created,
  createdInCache: cached(created.id),
  timeline: data?.timeline?.edges.map(({ node, via }) => ({ node, via })),
  requestsForTheCache: requests - asked,
});
