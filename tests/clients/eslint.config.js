// graphql-eslint's two sets of rules for a schema. What differs from them is said here, and why.
import graphql from "@graphql-eslint/eslint-plugin";

const sets = ["flat/schema-recommended", "flat/schema-relay"];

// Parts of an answer, which nobody fetches again: they have no identity to keep in a cache.
const valueTypes = [
  "FieldChange",
  "LinkMatch",
  "PageInfo",
  "RecordLink",
  "TaskEvent",
  "TaskStats",
  "TimelineEvent",
  "TimelineGroup",
  "Viewer",
];

export default [
  {
    files: ["schema.graphql"],
    plugins: { "@graphql-eslint": graphql },
    languageOptions: { parser: graphql.parser, parserOptions: { graphQLConfig: { schema: "schema.graphql" } } },
    rules: {
      ...Object.assign({}, ...sets.map((name) => graphql.configs[name].rules)),
      // `Interaction` and `CrmRecord`, which edges hold, are nodes; the rule knows object types alone. And short
      // lists that are bounded, as a task's links, are lists and not connections.
      "@graphql-eslint/relay-edge-types": [
        "error",
        { withEdgeSuffix: true, shouldImplementNode: false, listTypeCanWrapOnlyEdgeType: false },
      ],
      "@graphql-eslint/strict-id-in-types": [
        "error",
        {
          exceptions: { suffixes: ["Connection", "Edge", "Payload", "Error", "Warning", "Count"], types: valueTypes },
        },
      ],
    },
  },
];
