/** What happens to the lists on the page while they are looked at. */
import { createContext, useContext, useEffect, useRef, useState } from "react";
import type { CombinedError, TypedDocumentNode } from "urql";
import type { EntryFragment, TaskEventType } from "../../generated/operations";
import type { Connection } from "./client";
import type { OwnChange } from "./own-changes";

export interface LiveEvent {
  readonly type: TaskEventType;
  readonly cursor: string;
  /** False when the entry has just left the view. */
  readonly matches: boolean;
  /** The name that its mutation was sent under; null for none. */
  readonly name: string | null;
  readonly id: string;
  /** As it is now; null when it is gone. */
  readonly entry: EntryFragment | null;
}

export interface Watching<Data> {
  /** Null: nothing to watch yet. */
  readonly since: string | null;
  readonly document: TypedDocumentNode<Data, never>;
  /** Other variables: another view. Must be the same object for as long as they say the same. */
  readonly variables: object;
  readonly eventOf: (data: Data) => LiveEvent;
  readonly onEvent: (event: LiveEvent) => void;
  /** The place from which to go on is gone: the view must be read anew. */
  readonly onExpired: () => void;
}

export const ConnectionContext = createContext<Connection | null>(null);

export function useConnection(): Connection {
  const connection = useContext(ConnectionContext);
  if (connection === null) throw new Error("Put this inside of a ConnectionContext.");
  return connection;
}

// After what the server couldn't help, in which it says "in a few seconds".
const REST_MS = 4_000;

/** Follow a view's events from `since` on; without a gap, whatever becomes of the connection. */
export function useLive<Data>({ since, document, variables, eventOf, onEvent, onExpired }: Watching<Data>): void {
  const { client } = useConnection();
  const latest = useRef({ onEvent, onExpired });
  useEffect(() => {
    latest.current = { onEvent, onExpired };
  });
  // A view that is read anew has another token, and needs none: the stream goes on where it is.
  const start = useRef<{ readonly variables: object; cursor: string } | null>(null);
  const [attempt, setAttempt] = useState(0);
  const isReady = since !== null;

  useEffect(() => {
    if (since === null) return;
    if (start.current?.variables !== variables) start.current = { variables, cursor: since };
    const place = start.current;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const fail = (error: CombinedError): void => {
      const codes = error.graphQLErrors.map(({ extensions }) => extensions["code"]);
      if (codes.includes("RESUME_EXPIRED") || codes.includes("NOT_FOUND")) {
        start.current = null;
        latest.current.onExpired();
      }
      // Of a record that is gone nothing will ever be told.
      if (codes.includes("NOT_FOUND")) return;
      timer = setTimeout(() => setAttempt((before) => before + 1), REST_MS);
    };
    const { unsubscribe } = client
      .subscription(document, { ...variables, since: place.cursor } as never)
      .subscribe(({ data, error }) => {
        if (error) return fail(error);
        if (!data) return;
        const event = eventOf(data);
        place.cursor = event.cursor;
        latest.current.onEvent(event);
      });
    return () => {
      unsubscribe();
      clearTimeout(timer);
    };
    // `since` counts only when there was none: see `start`.
  }, [client, document, variables, eventOf, isReady, attempt]);
}

/** Whether what happens is told. A short break isn't worth a word: what was missed comes with the next connection. */
export function useIsLive(): boolean {
  const { socket } = useConnection();
  const [isLive, setIsLive] = useState(true);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | null = null;
    const connect = (): void => {
      if (timer !== null) clearTimeout(timer);
      timer = null;
      setIsLive(true);
    };
    const lose = (event: unknown): void => {
      // Nobody watched any more, and the page itself closed the socket.
      if ((event as CloseEvent).code !== NORMAL_CLOSURE) timer ??= setTimeout(() => setIsLive(false), SHORT_BREAK_MS);
    };
    const ends = [socket.on("connected", connect), socket.on("closed", lose), connect];
    return () => ends.forEach((end) => end());
  }, [socket]);
  return isLive;
}

const NORMAL_CLOSURE = 1000;
const SHORT_BREAK_MS = 5_000;

/** Act on each change that this page itself has made; `act` is resolved once it shows, or with false where it won't. */
export function useOwnChanges(act: (change: OwnChange) => Promise<boolean>): void {
  const { own } = useConnection();
  const latest = useRef(act);
  useEffect(() => {
    latest.current = act;
  });
  useEffect(() => own.listen((change) => latest.current(change)), [own]);
}
