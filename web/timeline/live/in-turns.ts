/** Asking the same thing again and again, one question at a time. */

/**
 * An answer that is under way may be older than what has just been changed, and would be given to whoever asks the same
 * meanwhile: so they wait, and share the next one.
 */
export function inTurns<Result>(ask: () => Promise<Result>): () => Promise<Result> {
  let running: Promise<Result> | null = null;
  let next: Promise<Result> | null = null;
  const start = (): Promise<Result> => {
    next = null;
    const asked = ask().finally(() => {
      if (running === asked) running = null;
    });
    running = asked;
    return asked;
  };
  return () => {
    if (running === null) return start();
    next ??= running.then(start, start);
    return next;
  };
}
