/** Starts the timeline page. */
import { createRoot } from "react-dom/client";
import { messageOf } from "../api/refusal";
import { demoSession } from "../api/session";
import "../ui/base.css";
import "../ui/tokens.css";
import { Page } from "./page";

const root = createRoot(document.getElementById("page")!);
try {
  root.render(<Page demo={await demoSession("admin")} />);
} catch (error) {
  root.render(
    <main className="sign-in ui">
      <h1>Taskline</h1>
      <p role="alert">{messageOf(error)}</p>
    </main>,
  );
}
