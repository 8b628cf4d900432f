/** Asks whose value counts where two people have changed the same field. */
import { useEffect, useId, useRef, useState } from "react";
import { Dialog } from "../../../ui/dialog";
import { useClock } from "../../time/clock";
import { exact } from "../../time/dates";
import { PRIORITY_WORDS } from "../../words";
import { instantOf } from "./due";
import type { Dispute } from "./save";
import { LABELS, valuesOf, type Field, type TaskValues } from "./values";

type Side = "mine" | "theirs";

interface DisputedProps {
  readonly dispute: Dispute;
  readonly mine: TaskValues;
  /** Called with the fields in which mine counts. */
  readonly onChoose: (mine: readonly Field[]) => void;
  readonly onBack: () => void;
}

export function Disputed({ dispute, mine, onChoose, onBack }: DisputedProps) {
  const { disputed, current } = dispute.merge;
  const { form, sides, isAsked, choose, save } = useSides(disputed, onChoose);
  return (
    <Dialog title="Changed by two people" onClose={onBack}>
      <form
        ref={form}
        className="task-form dialog__body"
        onSubmit={(event) => {
          event.preventDefault();
          save();
        }}
      >
        <p>
          <bdi>{dispute.who}</bdi> changed this task while you were editing it. Choose what to keep; nothing is saved
          until you do.
        </p>
        {disputed.map((field) => (
          <Choice
            key={field}
            field={field}
            mine={mine}
            theirs={valuesOf(current)}
            side={sides[field]}
            isMissing={isAsked && sides[field] === undefined}
            onChange={(side) => choose(field, side)}
          />
        ))}
        <div className="dialog__foot disputed__foot">
          <button type="button" onClick={onBack}>
            Back to the form
          </button>
          <button type="submit" className="button--primary">
            Save
          </button>
        </div>
      </form>
    </Dialog>
  );
}

/** Whose value is chosen for each field so far. */
function useSides(disputed: readonly Field[], onChoose: DisputedProps["onChoose"]) {
  const [sides, setSides] = useState<{ readonly [field in Field]?: Side }>({});
  // Counts the tries to save without a choice: each moves the focus to the first that is missing.
  const [asked, setAsked] = useState(0);
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => {
    if (asked > 0) form.current?.querySelector<HTMLElement>('[data-invalid="true"] input')?.focus();
  }, [asked]);
  const save = (): void => {
    if (disputed.some((field) => sides[field] === undefined)) setAsked(asked + 1);
    else onChoose(disputed.filter((field) => sides[field] === "mine"));
  };
  const choose = (field: Field, side: Side): void => setSides({ ...sides, [field]: side });
  return { form, sides, isAsked: asked > 0, choose, save };
}

interface ChoiceProps {
  readonly field: Field;
  readonly mine: TaskValues;
  readonly theirs: TaskValues;
  readonly side: Side | undefined;
  readonly isMissing: boolean;
  readonly onChange: (side: Side) => void;
}

function Choice({ field, mine, theirs, side, isMissing, onChange }: ChoiceProps) {
  const id = useId();
  const { zone } = useClock();
  const sides = [
    { name: "mine", title: "Mine", values: mine },
    { name: "theirs", title: "Theirs", values: theirs },
  ] as const;
  return (
    <fieldset className="field disputed" aria-describedby={`${id}-error`} data-invalid={isMissing}>
      <legend className="field__label">{LABELS[field]}</legend>
      {sides.map(({ name, title, values }) => (
        <label key={name} className="disputed__side">
          <input type="radio" name={id} checked={side === name} onChange={() => onChange(name)} />
          <span className="disputed__whose">{title}</span>
          <span className="disputed__value" dir="auto">
            {shown(values, field, zone)}
          </span>
        </label>
      ))}
      <p className="field__error" id={`${id}-error`} role="alert">
        {isMissing ? "Choose one of the two." : null}
      </p>
    </fieldset>
  );
}

function shown(values: TaskValues, field: Field, zone: string): string {
  switch (field) {
    case "due": {
      const instant = instantOf(values.due);
      return instant === null ? "No due date" : exact(instant, zone);
    }
    case "priority":
      return PRIORITY_WORDS[values.priority];
    case "subject":
    case "description":
      return values[field].trim() || "Nothing";
    default:
      return values[field]?.displayName ?? "Nobody";
  }
}
