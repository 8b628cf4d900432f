/** Starts the GraphiQL page. */
import "@graphiql/react/style.css";
import "@graphiql/plugin-doc-explorer/style.css";
import "@graphiql/plugin-history/style.css";
import "@graphiql/plugin-explorer/style.css";
import "graphiql/graphiql.css";
import "../ui/tokens.css";
import "../ui/base.css";
import "./page.css";
import "./workers";
import { createRoot } from "react-dom/client";
import { messageOf } from "../api/refusal";
import { demoSession } from "../api/session";
import { open, Page } from "./page";

const root = createRoot(document.getElementById("page")!);
try {
  const session = await demoSession("admin");
  root.render(<Page demo={session && (await open(session))} />);
} catch (error) {
  root.render(
    <main className="sign-in ui">
      <h1>Taskline</h1>
      <p role="alert">{messageOf(error)}</p>
    </main>,
  );
}
