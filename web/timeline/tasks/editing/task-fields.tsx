/** The fields of a task. */
import { useId } from "react";
import type { TaskPriority } from "../../../generated/operations";
import { TextField } from "../../../ui/text-field";
import { PRIORITY_WORDS } from "../../words";
import type { TaskEntry } from "../task-entry";
import { DueField } from "./due-field";
import { AssigneePicker, LinkPicker } from "./pickers";
import { LONGEST_DESCRIPTION, LONGEST_SUBJECT, type Problems } from "./problems";
import { LABELS, LINKS, type TaskValues } from "./values";

interface TaskFieldsProps {
  /** The task that is changed; null for a new one. */
  readonly task: TaskEntry | null;
  readonly values: TaskValues;
  readonly problems: Problems;
  readonly onChange: (values: Partial<TaskValues>) => void;
}

export function TaskFields({ task, values, problems, onChange }: TaskFieldsProps) {
  return (
    <>
      <TextField
        label={LABELS.subject}
        name="subject"
        isLine
        isRequired
        longest={LONGEST_SUBJECT}
        value={values.subject}
        onChange={(subject) => onChange({ subject })}
        error={problems.subject}
      />
      <Links task={task} values={values} problems={problems} onChange={onChange} />
      <DueField
        was={task?.dueAt ?? null}
        value={values.due}
        onChange={(due) => onChange({ due })}
        error={problems.due}
      />
      <div className="task-form__pair">
        <AssigneePicker
          value={values.assignee}
          onChange={(assignee) => onChange({ assignee })}
          error={problems.assignee}
        />
        <Priority value={values.priority} onChange={(priority) => onChange({ priority })} error={problems.priority} />
      </div>
      <TextField
        label={LABELS.description}
        name="description"
        longest={LONGEST_DESCRIPTION}
        value={values.description}
        onChange={(description) => onChange({ description })}
        error={problems.description}
      />
    </>
  );
}

function Links({ task, values, problems, onChange }: TaskFieldsProps) {
  const id = useId();
  const lostAs = (kind: string): string | null =>
    task?.links.find((link) => link.kind === kind.toUpperCase() && link.state === "LOST")?.label ?? null;
  return (
    <fieldset className="field" aria-describedby={`${id}-error`} data-invalid={problems.links !== undefined}>
      <legend className="field__label">Linked to (at least one)</legend>
      <div className="task-form__links">
        {LINKS.map((link) => (
          <LinkPicker
            key={link}
            link={link}
            values={values}
            error={problems[link]}
            lost={lostAs(link)}
            onChange={(picked) => onChange({ [link]: picked })}
          />
        ))}
      </div>
      <p className="field__error" id={`${id}-error`}>
        {problems.links}
      </p>
    </fieldset>
  );
}

const PRIORITIES = ["LOW", "MEDIUM", "HIGH"] as const satisfies readonly TaskPriority[];

interface PriorityProps {
  readonly value: TaskPriority;
  readonly onChange: (value: TaskPriority) => void;
  readonly error: string | undefined;
}

/** None is marked where something else is stored; then it stays, unless one is chosen. */
function Priority({ value, onChange, error }: PriorityProps) {
  const id = useId();
  return (
    <fieldset className="field" aria-describedby={`${id}-error`} data-invalid={error !== undefined}>
      <legend className="field__label">{LABELS.priority}</legend>
      <div className="task-form__priority">
        {PRIORITIES.map((priority) => (
          <label key={priority}>
            <input type="radio" name="priority" checked={priority === value} onChange={() => onChange(priority)} />
            {PRIORITY_WORDS[priority]}
          </label>
        ))}
      </div>
      <p className="field__error" id={`${id}-error`}>
        {error}
      </p>
    </fieldset>
  );
}
