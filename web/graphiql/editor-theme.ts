/** The editor's colors by night, where GraphiQL's own comments are too dim to read. */
import type * as Monaco from "monaco-editor";

// The name that GraphiQL gives its theme: defined anew, it counts for editors that have it already.
const NIGHT = "graphiql-DARK";
const TRANSPARENT = "#ffffff00";

/** What floats over the text gets its colors from page.css. */
export function defineNight(monaco: typeof Monaco): void {
  monaco.editor.defineTheme(NIGHT, {
    base: "vs-dark",
    inherit: true,
    colors: { "editor.background": TRANSPARENT, "scrollbar.shadow": TRANSPARENT },
    rules: [
      { token: "argument.identifier.gql", foreground: "#908aff" },
      { token: "comment", foreground: "#83b36c" },
    ],
  });
}
