/** The socket by which a page is told what happens. */
import { CloseCode, createClient, type Client } from "graphql-ws";
import { ENDPOINT } from "./ask";
import type { Session } from "./session";

/** A client that connects when the first subscription begins, and again when the connection is lost. */
export function liveClient(session: Session): Client {
  const url = new URL(ENDPOINT, location.href);
  url.protocol = url.protocol.replace("http", "ws");
  let used = session.token;
  let refusal: string | null = null;
  let silence: ReturnType<typeof setTimeout> | undefined;
  const client: Client = createClient({
    // A new token is got before the socket is opened: to one that is open the server gives seconds, a person takes longer.
    url: async () => {
      if (refusal !== null) await session.renewed(used, refusal);
      refusal = null;
      used = session.token;
      return url.href;
    },
    connectionParams: () => ({ authorization: `Bearer ${used}` }),
    // A page stays open for days: it tries as long as it is there, at first at once, and never all pages together.
    retryAttempts: Number.POSITIVE_INFINITY,
    retryWait: (retries) => rest(Math.min(RETRY_MS * 2 ** retries, LONGEST_RETRY_MS) * (0.5 + Math.random())),
    // A connection that was lost without a word, in a sleeping laptop say, answers no ping.
    keepAlive: PING_MS,
    on: {
      ping: (isReceived) => {
        if (!isReceived) silence = setTimeout(() => client.terminate(), PONG_MS);
      },
      pong: (isReceived) => {
        if (isReceived) clearTimeout(silence);
      },
      closed: (event) => {
        clearTimeout(silence);
        const { code, reason } = event as CloseEvent;
        if (code === CloseCode.Forbidden) refusal = reason;
      },
    },
  });
  return client;
}

const RETRY_MS = 500;
const LONGEST_RETRY_MS = 10_000;
const PING_MS = 15_000;
const PONG_MS = 5_000;

function rest(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}
