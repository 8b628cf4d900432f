/** In which English the page speaks: its words are English, so whatever a browser formats among them must be, too. */

/** The reader's own English; for others the one that writes the day before the month. */
export function english(): string {
  return navigator.languages.find((language) => /^en\b/.test(language)) ?? "en-GB";
}

/** "26,160". */
export function counted(count: number): string {
  return count.toLocaleString(english());
}
