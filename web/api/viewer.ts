/** Who is signed in, and what they may do. */
import type { ViewerQuery } from "../generated/operations";
import { ask } from "./ask";
import VIEWER from "./viewer.graphql?raw";

export interface Viewer {
  /** Two viewers with the same one are the same person. */
  readonly identity: string;
  /** Null when the token names nobody of the organization. */
  readonly id: string | null;
  readonly displayName: string | null;
  /** False for those who may look and change nothing. */
  readonly mayWrite: boolean;
}

/** Whose token this is. Throws SignInFailed when the API refuses it. */
export async function viewerOf(token: string): Promise<Viewer> {
  const send: typeof fetch = (input, init) => {
    const headers = new Headers(init?.headers);
    headers.set("Authorization", `Bearer ${token}`);
    return fetch(input, { ...init, headers });
  };
  const { viewer } = await ask<ViewerQuery>(send, VIEWER);
  if (!viewer) throw new Error("The API doesn't say who is signed in.");
  return {
    identity: `${viewer.organizationId}/${viewer.user?.id}`,
    id: viewer.user?.id ?? null,
    displayName: viewer.user?.displayName ?? null,
    mayWrite: viewer.role !== "VIEWER",
  };
}
