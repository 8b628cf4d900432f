/** Starts the timeline page. */
import { createRoot } from "react-dom/client";
import { demoSession } from "../api/session";
import { Page } from "./page";

createRoot(document.getElementById("page")!).render(<Page demo={await demoSession("admin")} />);
