/** The socket by which a page is told what happens. */
import { createClient, type Client } from "graphql-ws";
import { ENDPOINT } from "./ask";
import { demoSession, type Session } from "./session";

/** A client that connects when the first subscription begins, and again when the connection is lost. */
export function liveClient(session: Session): Client {
  const url = new URL(ENDPOINT, location.href);
  url.protocol = url.protocol.replace("http", "ws");
  return createClient({
    url: url.href,
    // A demo token lasts some hours and ends with the demo; a page may stay open for days.
    connectionParams: async () => {
      const anew = session.role && (await demoSession(session.role));
      return { authorization: `Bearer ${(anew || session).token}` };
    },
  });
}
