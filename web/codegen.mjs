/**
 * `npm run codegen`, from the API's own schema: `generated/operations.ts`, the types and text of every operation in
 * `api/` and `timeline/documents/`, and `generated/schema.ts`, what the cache must know of types; and for the API
 * `page_documents.json`, the documents that the timeline sends, which it trusts. An operation that the schema doesn't
 * allow, a field that was renamed say, ends the build here.
 */
import { codegen } from "@graphql-codegen/core";
import * as typescriptOperations from "@graphql-codegen/typescript-operations";
import { formatDocument, gql, stringifyDocument } from "@urql/core";
import { buildSchema, isAbstractType, isObjectType, Kind, parse, print, Source, stripIgnoredCharacters, TypeInfo, validate, visit, visitWithTypeInfo } from "graphql";
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

const HERE = import.meta.dirname;
const SCHEMA = join(HERE, "../schema/schema.graphql");
const API = join(HERE, "api");
const FOLDERS = [API, join(HERE, "timeline/documents")];
const GENERATED = join(HERE, "generated");
const TRUSTED = join(HERE, "../server/page_documents.json");

const schema = buildSchema(await readFile(SCHEMA, "utf8"));
const paths = (await Promise.all(FOLDERS.map(async (folder) => (await readdir(folder)).map((name) => join(folder, name))))).flat();
const documents = await Promise.all(
  paths
    .filter((path) => path.endsWith(".graphql"))
    .sort()
    .map(async (path) => {
      const rawSDL = await readFile(path, "utf8");
      return { location: path, rawSDL, document: typed(parse(new Source(rawSDL, basename(path)))) };
    }),
);

const whole = { kind: "Document", definitions: documents.flatMap(({ document }) => document.definitions) };
const faults = validate(schema, whole);
if (faults.length > 0) {
  for (const fault of faults) console.error(String(fault));
  process.exit(1);
}

const types = await codegen({
  filename: "operations.ts",
  schema: parse(await readFile(SCHEMA, "utf8")),
  schemaAst: schema,
  documents,
  plugins: [{ typescriptOperations: {} }],
  pluginMap: { typescriptOperations },
  config: {
    immutableTypes: true,
    nonOptionalTypename: true,
    strictScalars: true,
    useTypeImports: true,
    scalars: { ID: "string", DateTime: "string", TimeZone: "string" },
  },
});
await mkdir(GENERATED, { recursive: true });
await writeFile(
  join(GENERATED, "operations.ts"),
  `import { gql, type TypedDocumentNode } from "@urql/core";
${types}
${texts(whole)}
`,
);

await mkdir(dirname(TRUSTED), { recursive: true });
await writeFile(TRUSTED, `${JSON.stringify(Object.fromEntries(sent().map((text) => [idOf(text), text])), null, 2)}\n`);

const named = selectedIn(whole);
const possible = named.filter(isAbstractType).map((type) => [type.name, schema.getPossibleTypes(type).map(({ name }) => name)]);
const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()];
const nameless = named.filter((type) => isObjectType(type) && !roots.includes(type) && !("id" in type.getFields()));
await writeFile(
  join(GENERATED, "schema.ts"),
  `/** The types that an interface or union stands for. */
export const POSSIBLE_TYPES: { [name: string]: string[] } = ${JSON.stringify(Object.fromEntries(possible), null, 2)};

/** Types without an identifier: values of what holds them. */
export const NAMELESS_TYPES: readonly string[] = ${JSON.stringify(nameless.map(({ name }) => name), null, 2)};
`,
);

/** The types of which a document selects anything: the cache meets no others. */
function selectedIn(document) {
  const info = new TypeInfo(schema);
  const found = new Set();
  const note = (type) => [type, ...(isAbstractType(type) ? schema.getPossibleTypes(type) : [])].forEach((each) => found.add(each));
  visit(document, visitWithTypeInfo(info, { SelectionSet: () => void note(info.getParentType()) }));
  return [...found].sort((one, other) => one.name.localeCompare(other.name));
}

/** Each document that the timeline sends: those of `api/` as they are written, the others as urql prints them. */
function sent() {
  const { fragments } = parts(whole);
  const [asWritten, byUrql] = [true, false].map((isOfApi) => documents.filter(({ location }) => (dirname(location) === API) === isOfApi));
  return [
    ...asWritten.map(({ rawSDL }) => rawSDL),
    ...byUrql.flatMap(({ document }) => parts(document).operations).map((operation) => {
      const names = [...spreadIn(operation, fragments)];
      return stringifyDocument(formatDocument(gql([operation, ...names.map((name) => fragments.get(name))].map(stripped).join(""))));
    }),
  ];
}

function idOf(text) {
  return `sha256:${createHash("sha256").update(text).digest("hex")}`;
}

/** Every operation as text, with the fragments that it needs. Parsed documents would make the page 90 kB larger. */
function texts(document) {
  const { fragments, operations } = parts(document);
  return [
    ...[...fragments].map(([name, fragment]) => `const ${name} = ${quoted(fragment)};`),
    ...operations.map((operation) => {
      const name = operation.name.value;
      const type = name + operation.operation[0].toUpperCase() + operation.operation.slice(1);
      const parts = [quoted(operation), ...spreadIn(operation, fragments)];
      return `export const ${name}Document: TypedDocumentNode<${type}, ${type}Variables> = /* @__PURE__ */ gql(${parts.join(" + ")});`;
    }),
  ].join("\n");
}

function parts({ definitions }) {
  return {
    fragments: new Map(definitions.filter(({ kind }) => kind === Kind.FRAGMENT_DEFINITION).map((fragment) => [fragment.name.value, fragment])),
    operations: definitions.filter(({ kind }) => kind === Kind.OPERATION_DEFINITION),
  };
}

function quoted(definition) {
  return JSON.stringify(stripped(definition));
}

function stripped(definition) {
  return stripIgnoredCharacters(print(definition));
}

/** The names of the fragments in a definition, and of those within them. */
function spreadIn(definition, fragments, found = new Set()) {
  visit(definition, {
    FragmentSpread({ name: { value } }) {
      if (!found.has(value)) spreadIn(fragments.get(value), fragments, found.add(value));
    },
  });
  return found;
}

/** The document with the type's name in every selection: the types say that it is there, and the cache gives only what is asked for. */
function typed(document) {
  const typename = { kind: Kind.FIELD, name: { kind: Kind.NAME, value: "__typename" } };
  return visit(document, {
    SelectionSet(node, _key, parent) {
      if (parent.kind === Kind.OPERATION_DEFINITION) return undefined;
      return { ...node, selections: [typename, ...node.selections.filter(({ name }) => name?.value !== "__typename")] };
    },
  });
}
