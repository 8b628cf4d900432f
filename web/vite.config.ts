import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

const API = "http://127.0.0.1:8000";
// The demo gives tokens to its own pages only, so the API must see its own address in Host and Origin.
const proxy = { target: API, changeOrigin: true, headers: { origin: API } };

// As the API serves them: `../server/pages.py`.
const PAGES: Readonly<Record<string, string>> = { "/": "/timeline.html", "/graphiql": "/graphiql.html" };

/** Pages of `vite dev` at the addresses that they have in the end. */
const addresses: Plugin = {
  name: "addresses",
  configureServer: ({ middlewares }) =>
    void middlewares.use((request: { url?: string }, _answer, next) => {
      const [path = "", query] = (request.url ?? "").split("?");
      const page = PAGES[path];
      if (page !== undefined) request.url = query === undefined ? page : `${page}?${query}`;
      next();
    }),
};

/** Each stroke of an icon has a key by chance, which hardly compresses; a number tells it from the others as well. */
const shortKeys: Plugin = {
  name: "short-keys",
  transform: {
    filter: { id: /lucide-react.*icons/ },
    handler: (code) => {
      let place = 0;
      return code.replaceAll(/key: "\w+"/g, () => `key: ${place++}`);
    },
  },
};

export default defineConfig({
  plugins: [react(), addresses, shortKeys],
  server: { proxy: { "/graphql": { ...proxy, ws: true }, "/demo": proxy } },
  // `vite dev` bundles what pages import, but not what workers do: these of theirs are CommonJS.
  optimizeDeps: {
    include: [
      "monaco-graphql > picomatch-browser",
      "monaco-graphql > graphql-language-service > debounce-promise",
      "monaco-graphql > graphql-language-service > nullthrows",
    ],
  },
  build: {
    target: "es2023",
    // light-dark() is in every browser since spring 2024; spelt out for older ones, each color would stand three times.
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
    rolldownOptions: {
      // One HTML file per page; another page joins by one line here.
      input: { timeline: "timeline.html", graphiql: "graphiql.html" },
      // No module of ours or others reads a property for what the reading does.
      treeshake: { propertyReadSideEffects: false },
      // GraphiQL's modules carry notes to React's compiler, which has been through them already.
      onwarn: (warning, warn) => {
        if (warning.code !== "MODULE_LEVEL_DIRECTIVE") warn(warning);
      },
    },
    // Every asset stays a file of its own: the server's policy allows no script or font from a data: address.
    assetsInlineLimit: 0,
    // Every browser that runs es2023 preloads modules by itself.
    modulePreload: { polyfill: false },
    // Monaco alone is larger than the default 500 kB.
    chunkSizeWarningLimit: 4000,
    // The bundle carries other people's work: their licences travel with it.
    license: { fileName: "LICENSES.md" },
  },
});
