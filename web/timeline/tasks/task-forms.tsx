/** Opens the forms in which tasks are made, changed and completed, from anywhere on the page. */
import { createContext, useContext, useMemo, type ReactNode } from "react";
import type { TaskEntry } from "./task-entry";
import type { Picked } from "./values";

/** What a new task is linked to from the start. */
export interface Links {
  readonly lead?: Picked | undefined;
  readonly contact?: Picked | undefined;
  readonly account?: Picked | undefined;
}

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
  const forms = useMemo<TaskForm>(() => ({ create: () => {}, edit: () => {}, complete: () => {} }), []);
  return <TaskFormContext value={forms}>{children}</TaskFormContext>;
}
