/** Opens the forms in which tasks are made, changed and completed, from anywhere on the page. */
import { createContext, useContext, useEffect, useMemo, useState, type ReactNode } from "react";
import { useViewer } from "../signed-in";
import type { Completion } from "./completing/complete-task";
import { Drafts } from "./drafts";
import { draftOf, newDraft, type TaskDraft } from "./editing/task-draft";
import { EMPTY, LINKS, type LinkField, type Picked } from "./editing/values";
import { OpenedCompletion, OpenedTask, type Opened } from "./opened";
import type { TaskEntry } from "./task-entry";

/** What a new task is linked to from the start. */
export type Links = { readonly [link in LinkField]?: Picked };

export interface TaskForm {
  readonly create: (preset?: Links) => void;
  readonly edit: (task: TaskEntry) => void;
  readonly complete: (task: TaskEntry) => void;
}

const TaskFormContext = createContext<TaskForm | null>(null);

export function useTaskForm(): TaskForm {
  const forms = useContext(TaskFormContext);
  if (forms === null) throw new Error("useTaskForm needs <TaskForms> around it");
  return forms;
}

export function TaskForms({ children }: { readonly children: ReactNode }) {
  const { id, displayName } = useViewer();
  const drafts = useDrafts();
  const [opened, setOpened] = useState<Opened | null>(() => leftOpen(drafts));
  useEffect(() => drafts.setOpen(opened?.name ?? null), [drafts, opened]);
  const forms = useMemo<TaskForm>(() => {
    const me = id === null ? null : { id, displayName: displayName ?? "Me" };
    return {
      create: (preset = {}) =>
        setOpened(openedTask(drafts, nameOfNew(preset), newDraft({ ...EMPTY, assignee: me, ...preset }))),
      edit: (task) => setOpened(openedTask(drafts, `edit ${task.id}`, draftOf(task))),
      complete: (task) => setOpened(openedCompletion(drafts, task)),
    };
  }, [drafts, id, displayName]);
  // One that is closed while it is saved must not close the next one when it is done.
  const close = (form: Opened): void => setOpened((now) => (now === form ? null : now));
  return (
    <TaskFormContext value={forms}>
      {children}
      {opened?.kind === "task" ? (
        <OpenedTask
          key={opened.draft.key}
          opened={opened}
          drafts={drafts}
          onReopen={setOpened}
          onEdit={forms.edit}
          onClose={() => close(opened)}
        />
      ) : null}
      {opened?.kind === "completion" ? (
        <OpenedCompletion key={opened.name} opened={opened} drafts={drafts} onClose={() => close(opened)} />
      ) : null}
    </TaskFormContext>
  );
}

/** The drafts of whoever is signed in; what waits to be written is written when the page is hidden, as before it goes away. */
function useDrafts(): Drafts {
  const { identity } = useViewer();
  const drafts = useMemo(() => new Drafts(identity), [identity]);
  useEffect(() => {
    // On a telephone nothing more may be told of a page that was hidden: it is ended from there.
    document.addEventListener("visibilitychange", drafts.flush);
    return () => {
      document.removeEventListener("visibilitychange", drafts.flush);
      drafts.flush();
    };
  }, [drafts]);
  return drafts;
}

/** One for each place: what was begun for one record must not come up on another's timeline, and be saved for the first. */
function nameOfNew(preset: Links): string {
  return ["new", ...LINKS.flatMap((link) => preset[link]?.id ?? [])].join(" ");
}

/** What was kept goes before what is asked for: nothing that was typed is lost. */
function openedTask(drafts: Drafts, name: string, fresh: TaskDraft): Opened {
  const kept = drafts.read(name) as TaskDraft | null;
  return { kind: "task", name, draft: kept ?? fresh, fresh, isKept: kept !== null };
}

function openedCompletion(drafts: Drafts, task: TaskEntry): Opened {
  const name = `complete ${task.id}`;
  const kept = drafts.read(name) as Completion | null;
  return { kind: "completion", name, completion: { outcome: "", notes: "", ...kept, task } };
}

/** The form that was open when the page went away, if something had been typed into it. */
function leftOpen(drafts: Drafts): Opened | null {
  const name = drafts.wasOpen();
  const kept = name === null ? null : drafts.read(name);
  if (name === null || kept === null) return null;
  if (name.startsWith("complete ")) return { kind: "completion", name, completion: kept as Completion };
  const draft = kept as TaskDraft;
  const fresh = draft.task === null ? newDraft(draft.blank) : draftOf(draft.task);
  return { kind: "task", name, draft, fresh, isKept: true };
}
