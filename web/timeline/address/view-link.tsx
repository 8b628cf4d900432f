/** A link to a view: a real address, so that it can be opened in another tab, and no reload when it isn't. */
import type { MouseEvent, ReactNode } from "react";
import { hrefOf, useView, type View } from "./view";

interface ViewLinkProps {
  readonly to: View;
  readonly className?: string;
  readonly children: ReactNode;
}

export function ViewLink({ to, className, children }: ViewLinkProps) {
  const [, change] = useView();
  const go = (event: MouseEvent): void => {
    // A click with a modifier opens another tab or window.
    if (event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    change(to);
  };
  return (
    <a href={hrefOf(to)} className={className} onClick={go}>
      {children}
    </a>
  );
}
