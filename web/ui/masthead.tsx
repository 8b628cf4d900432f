/** The bar on top of both pages: the product, the way to the other page, and what a page puts at its end. */
import type { ReactNode } from "react";
import icon from "../icon.svg";
import "./masthead.css";

const PAGES = [
  { href: "/", name: "Timeline" },
  { href: "/graphiql", name: "GraphiQL" },
] as const;

interface MastheadProps {
  readonly here: (typeof PAGES)[number]["name"];
  /** Stands in the middle, and on a narrow screen in a row of its own. */
  readonly search?: ReactNode;
  /** Stands at the end: who is signed in, and the page's main button. */
  readonly children?: ReactNode;
}

export function Masthead({ here, search, children }: MastheadProps) {
  return (
    <header className="masthead ui">
      <a className="masthead__product" href="/" aria-label="Taskline">
        <img src={icon} alt="" width="28" height="28" />
        <span className="masthead__name">Taskline</span>
      </a>
      <nav className="masthead__pages" aria-label="Pages">
        {PAGES.map(({ href, name }) => (
          <a key={name} href={href} aria-current={name === here ? "page" : undefined}>
            {name}
          </a>
        ))}
      </nav>
      {search === undefined ? null : <div className="masthead__search">{search}</div>}
      <div className="masthead__end">{children}</div>
    </header>
  );
}
