// Apollo Client's persisted queries: the hash alone, and the text after it where the server doesn't know the hash.
import { createHash } from "node:crypto";
import { ApolloClient, ApolloLink, gql, HttpLink, InMemoryCache } from "@apollo/client";
import { PersistedQueryLink } from "@apollo/client/link/persisted-queries";
import { headers, overhearWarnings, report, url } from "./api.js";

overhearWarnings();
const sent: unknown[] = [];
const client = new ApolloClient({
  cache: new InMemoryCache(),
  link: ApolloLink.from([
    new PersistedQueryLink({ sha256: (text: string) => createHash("sha256").update(text).digest("hex") }),
    new HttpLink({
      uri: url,
      headers,
      fetch: (address, init) => {
        sent.push(JSON.parse(String(init?.body)));
        return fetch(address, init);
      },
    }),
  ]),
});
const { data } = await client.query<{ viewer: { role: string } }>({ query: gql("{ viewer { role } }") });
report({ role: data?.viewer.role, sent });
