// Makes typed documents of the queries in documents/: node generate.mjs
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { codegen } from "@graphql-codegen/core";
import * as typedDocumentNode from "@graphql-codegen/typed-document-node";
import * as operations from "@graphql-codegen/typescript-operations";
import { parse } from "graphql";

const documents = readdirSync("documents").map((name) => ({
  location: name,
  document: parse(readFileSync(`documents/${name}`, "utf8")),
}));

const typescript = await codegen({
  filename: "generated/documents.ts",
  schema: parse(readFileSync("schema.graphql", "utf8")),
  documents,
  config: {
    strictScalars: true,
    scalars: { ID: "string", DateTime: "string", TimeZone: "string" },
    enumType: "string-literal",
    useTypeImports: true,
    immutableTypes: true,
    skipTypename: true,
  },
  plugins: [{ operations: {} }, { typedDocumentNode: {} }],
  pluginMap: { operations, typedDocumentNode },
});
mkdirSync("generated", { recursive: true });
writeFileSync("generated/documents.ts", typescript);
