/** Who looks at the page, and what they may do. */
import { createContext, useContext } from "react";

export interface Viewer {
  readonly id: string;
  readonly displayName: string;
  /** False for the role VIEWER: they see no control that changes anything. */
  readonly mayWrite: boolean;
}

export const ViewerContext = createContext<Viewer | null>(null);

/** The signed-in person; null when the token names nobody of this organization. */
export function useViewer(): Viewer | null {
  return useContext(ViewerContext);
}
