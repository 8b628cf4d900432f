/** Starts the timeline page. */
import "../ui/tokens.css";
import "../ui/base.css";
import { createRoot } from "react-dom/client";
import { demoSession } from "../api/session";
import { Page } from "./page";

createRoot(document.getElementById("page")!).render(<Page demo={await demoSession("admin")} />);
