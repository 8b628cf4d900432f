/** Changes of a task's state that are made at a click, and the way back from each. */
import type { Client } from "@urql/core";
import { useMemo } from "react";
import { useClient } from "urql";
import {
  CancelTaskDocument,
  DeleteTaskDocument,
  ReopenTaskDocument,
  RestoreTaskDocument,
  type DeleteTaskMutationVariables,
} from "../../generated/operations";
import { useToasts, type Toasts } from "../../ui/toasts";
import { useViewer } from "../signed-in";
import { timeZone } from "../time/dates";
import { takeBack } from "./completing/complete-task";
import { quickerOne } from "./editing/merge";
import { Named } from "./named";
import { reasonOf, send, staleOf, type Answer } from "./send";
import type { TaskEntry } from "./task-entry";

export type StateChange = "reopen" | "cancel" | "remove" | "restore";

export interface StateChanges {
  /** Make it, and say so, with the way back. */
  readonly make: (change: StateChange, task: TaskEntry) => void;
  /** Take back a completion of a task that was as `before`. */
  readonly takeBack: (task: TaskEntry, before: TaskEntry) => void;
}

interface Words {
  readonly done: string;
  /** What it comes to when somebody else was quicker: "so it was not deleted". */
  readonly undone: string;
  readonly back: StateChange | null;
}

interface Step extends Words {
  readonly send: (client: Client, variables: DeleteTaskMutationVariables) => Promise<Answer>;
}

const STEPS: Readonly<Record<StateChange, Step>> = {
  reopen: {
    send: (client, variables) => send(client, ReopenTaskDocument, variables, (data) => data.reopenTask),
    done: "Reopened",
    undone: "reopened",
    back: null,
  },
  cancel: {
    send: (client, variables) => send(client, CancelTaskDocument, variables, (data) => data.cancelTask),
    done: "Cancelled",
    undone: "cancelled",
    back: "reopen",
  },
  remove: {
    send: (client, variables) => send(client, DeleteTaskDocument, variables, (data) => data.deleteTask),
    done: "Deleted",
    undone: "deleted",
    back: "restore",
  },
  restore: {
    send: (client, variables) => send(client, RestoreTaskDocument, variables, (data) => data.restoreTask),
    done: "Brought back",
    undone: "brought back",
    back: null,
  },
};

export function useStateChanges(): StateChanges {
  const client = useClient();
  const toasts = useToasts();
  const viewer = useViewer();
  return useMemo(() => {
    // A second click comes before the task can be drawn as it is by then.
    const busy = new Set<string>();
    const act = async (task: TaskEntry, step: Words, send: () => Promise<Answer>): Promise<void> => {
      if (busy.has(task.id)) return;
      busy.add(task.id);
      const answer = await send();
      busy.delete(task.id);
      if (answer.kind === "changed") tellDone(toasts, step, answer.task, make);
      else tellFailed(toasts, step, task, answer, viewer.id);
    };
    const make = (change: StateChange, task: TaskEntry): void => {
      const variables = { input: { id: task.id, expectedVersion: task.version }, timeZone: timeZone() };
      void act(task, STEPS[change], () => STEPS[change].send(client, variables));
    };
    return { make, takeBack: (task, before) => void act(task, STEPS.reopen, () => takeBack(client, before, task)) };
  }, [client, toasts, viewer.id]);
}

function tellDone(toasts: Toasts, { done, back }: Words, task: TaskEntry, make: StateChanges["make"]): void {
  const undo = back === null ? undefined : () => make(back, task);
  toasts.show({ about: task.id, text: <Named did={done} task={task} />, undo });
}

function tellFailed(
  toasts: Toasts,
  step: Words,
  task: TaskEntry,
  answer: Exclude<Answer, { kind: "changed" }>,
  viewerId: string | null,
): void {
  const stale = staleOf(answer);
  const detail =
    stale === undefined
      ? reasonOf(answer)
      : `${quickerOne(stale, viewerId)} changed it meanwhile. Look at it as it is now, then try again if you still want to.`;
  toasts.show({
    about: task.id,
    kind: stale === undefined ? "danger" : "warn",
    text: <Named did={`Not ${step.undone}`} task={task} />,
    detail,
  });
}
