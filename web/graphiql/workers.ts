/** Where Monaco gets its workers: from our own build, so from our own host. */
import EditorWorker from "monaco-editor/esm/vs/editor/editor.worker.js?worker";
import JsonWorker from "monaco-editor/esm/vs/language/json/json.worker.js?worker";
import GraphQLWorker from "monaco-graphql/esm/graphql.worker.js?worker";

// `graphiql/setup-workers/vite` does the same from inside node_modules, where `vite dev` can't follow it.
window.MonacoEnvironment = {
  getWorker(_id: string, label: string): Worker {
    if (label === "graphql") return new GraphQLWorker();
    if (label === "json") return new JsonWorker();
    return new EditorWorker();
  },
};
