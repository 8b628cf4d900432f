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
  return createClient({
    // A new token is got before the socket is opened: to one that is open the server gives seconds, a person takes longer.
    url: async () => {
      if (refusal !== null) await session.renewed(used, refusal);
      refusal = null;
      used = session.token;
      return url.href;
    },
    connectionParams: () => ({ authorization: `Bearer ${used}` }),
    on: {
      closed: (event) => {
        const { code, reason } = event as CloseEvent;
        if (code === CloseCode.Forbidden) refusal = reason;
      },
    },
  });
}
