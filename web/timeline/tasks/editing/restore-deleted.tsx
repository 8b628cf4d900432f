/** The way on when somebody has deleted the task that is being edited. */
import { useState } from "react";
import { useClient } from "urql";
import { RestoreTaskDocument } from "../../../generated/operations";
import { timeZone } from "../../time/dates";
import { reasonOf, send } from "../send";
import type { TaskEntry } from "../task-entry";

interface RestoreDeletedProps {
  readonly task: TaskEntry;
  readonly onRestored: (task: TaskEntry) => void;
}

export function RestoreDeleted({ task, onRestored }: RestoreDeletedProps) {
  const client = useClient();
  const [failure, setFailure] = useState<string | null>(null);
  const restore = async (): Promise<void> => {
    // The version is of before the deletion, which is just what is to be undone.
    const variables = { input: { id: task.id }, timeZone: timeZone() };
    const answer = await send(client, RestoreTaskDocument, variables, (data) => data.restoreTask);
    // The form goes on from the task as it was: what else was changed meanwhile shows when it is saved.
    if (answer.kind === "changed") onRestored(task);
    else setFailure(reasonOf(answer));
  };
  return (
    <>
      {failure === null ? null : (
        <p className="field__error" role="alert">
          {failure}
        </p>
      )}
      <button type="button" className="button--primary" onClick={() => void restore()}>
        Bring it back and save
      </button>
    </>
  );
}
