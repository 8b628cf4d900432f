/**
 * `npm run codegen`: `generated/operations.ts`, types and parsed documents for every operation in `timeline/documents/`,
 * from the API's own schema. An operation that the schema doesn't allow, a field that was renamed say, ends the build here.
 */
import { codegen } from "@graphql-codegen/core";
import * as typedDocumentNode from "@graphql-codegen/typed-document-node";
import * as typescriptOperations from "@graphql-codegen/typescript-operations";
import { parse, Source, validate, buildSchema } from "graphql";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

const HERE = import.meta.dirname;
const SCHEMA = join(HERE, "../schema/schema.graphql");
const DOCUMENTS = join(HERE, "timeline/documents");
const GENERATED = join(HERE, "generated");

const schema = buildSchema(await readFile(SCHEMA, "utf8"));
const documents = await Promise.all(
  (await readdir(DOCUMENTS)).sort().map(async (name) => ({
    location: name,
    document: parse(new Source(await readFile(join(DOCUMENTS, name), "utf8"), name)),
  })),
);

const whole = { kind: "Document", definitions: documents.flatMap(({ document }) => document.definitions) };
const faults = validate(schema, whole);
if (faults.length > 0) {
  for (const fault of faults) console.error(String(fault));
  process.exit(1);
}

const written = await codegen({
  filename: "operations.ts",
  schema: parse(await readFile(SCHEMA, "utf8")),
  schemaAst: schema,
  documents,
  plugins: [{ typescriptOperations: {} }, { typedDocumentNode: {} }],
  pluginMap: { typescriptOperations, typedDocumentNode },
  config: {
    immutableTypes: true,
    nonOptionalTypename: true,
    strictScalars: true,
    useTypeImports: true,
    scalars: { ID: "string", DateTime: "string", TimeZone: "string" },
  },
});
await mkdir(GENERATED, { recursive: true });
await writeFile(join(GENERATED, "operations.ts"), written);
