/** What a task form holds. */

/** A record or colleague that was picked: enough to show it, and to send it. */
export interface Picked {
  readonly id: string;
  readonly displayName: string;
}
