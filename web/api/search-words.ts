/** What people type or paste into a search, as the API takes it. */

// The API's own bounds: what has the first words is all that could have all of them, too.
const MOST_WORDS = 10;
const MOST_CHARACTERS = 1_000;

/** The words that are searched for, with single blanks between them; "" for none. */
export function searchWords(typed: string): string {
  const words = typed.replaceAll("\0", "").split(/\s+/).filter((word) => word !== "");
  return Array.from(words.slice(0, MOST_WORDS).join(" ")).slice(0, MOST_CHARACTERS).join("").trim();
}
