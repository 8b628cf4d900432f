/** What GraphiQL may keep between visits: how the page looks, never queries, answers or headers. */

const PREFIX = "graphiql:";
const KEPT = new Set(["theme", "visiblePlugin", "docExplorerFlex", "editorFlex", "secondaryEditorFlex"]);

/**
 * The looks go to the browser's storage; everything else lives as long as the page.
 * Kept tabs would hide the examples, and GraphiQL's history keeps the Headers editor's tokens.
 */
export function looksOnlyStorage(): Storage {
  const memory = new Map<string, string>();
  const isKept = (key: string): boolean => KEPT.has(key.replace(PREFIX, ""));
  return {
    getItem: (key) => (isKept(key) ? localStorage.getItem(key) : (memory.get(key) ?? null)),
    setItem: (key, value) => (isKept(key) ? localStorage.setItem(key, value) : void memory.set(key, value)),
    removeItem: (key) => (isKept(key) ? localStorage.removeItem(key) : void memory.delete(key)),
    clear: () => {
      memory.clear();
      for (const key of KEPT) localStorage.removeItem(PREFIX + key);
    },
    key: (index) => [...memory.keys()][index] ?? null,
    get length() {
      return memory.size;
    },
  };
}
