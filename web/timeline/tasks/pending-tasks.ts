/** The new tasks that are on their way to the API. */
import type { TaskValues } from "./editing/values";

export interface PendingTask {
  /** Of the form in which it was written. */
  readonly key: string;
  readonly values: TaskValues;
}

export class PendingTasks {
  #tasks: readonly PendingTask[] = [];
  readonly #listeners = new Set<() => void>();

  readonly all = (): readonly PendingTask[] => this.#tasks;

  add(task: PendingTask): void {
    this.#set([...this.#tasks.filter(({ key }) => key !== task.key), task]);
  }

  remove(key: string): void {
    this.#set(this.#tasks.filter((task) => task.key !== key));
  }

  readonly listen = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  #set(tasks: readonly PendingTask[]): void {
    this.#tasks = tasks;
    for (const listener of this.#listeners) listener();
  }
}
