/** Asks when a task is due: a day and a time, in the reader's own zone. */
import { useId } from "react";
import { useClock } from "../../time/clock";
import { dueMeaning, nearDays, UNDATED, usualTime, type LocalTime } from "./due";

interface DueFieldProps {
  /** The instant that the form began with. */
  readonly was: string | null;
  readonly value: LocalTime;
  readonly onChange: (value: LocalTime) => void;
  readonly error: string | undefined;
}

export function DueField({ was, value, onChange, error }: DueFieldProps) {
  const id = useId();
  const described = { "aria-invalid": error !== undefined, "aria-describedby": `${id}-error ${id}-hint` };
  const setDay = (date: string): void => onChange({ date, time: value.time || usualTime(date) });
  return (
    <fieldset className="field">
      <legend className="field__label">Due</legend>
      <div className="task-form__due">
        <input
          type="date"
          name="due"
          aria-label="Due date"
          min="0001-01-02"
          max="9999-12-30"
          value={value.date}
          {...described}
          onChange={({ target }) => onChange({ ...value, date: target.value })}
          // While a year is being typed its first digits are a year, too.
          onBlur={() => value.date !== "" && value.time === "" && setDay(value.date)}
        />
        <input
          type="time"
          aria-label="Due time"
          value={value.time}
          {...described}
          onChange={({ target }) => onChange({ ...value, time: target.value })}
        />
        <NearDays chosen={value.date} onChoose={setDay} />
      </div>
      <Meaning id={`${id}-hint`} was={was} value={value} onChange={onChange} />
      <p className="field__error" id={`${id}-error`}>
        {error}
      </p>
    </fieldset>
  );
}

interface NearDaysProps {
  readonly chosen: string;
  readonly onChoose: (date: string) => void;
}

function NearDays({ chosen, onChoose }: NearDaysProps) {
  const { now } = useClock();
  return nearDays(now).map(({ name, date }) => (
    <button
      key={name}
      type="button"
      className="button--small"
      aria-pressed={chosen === date}
      onClick={() => onChoose(date)}
    >
      {name}
    </button>
  ));
}

interface MeaningProps extends Pick<DueFieldProps, "was" | "value" | "onChange"> {
  readonly id: string;
}

/** How the two fields will be understood, and the way back to no date. */
function Meaning({ id, was, value, onChange }: MeaningProps) {
  const { now, zone } = useClock();
  const meaning = dueMeaning(value, now, was);
  return (
    <div className="task-form__meaning">
      <p className="field__hint" id={id}>
        {meaning === "" ? "" : `${meaning}. `}Times in {zone.replaceAll("_", " ")}.
      </p>
      {value.date === "" && value.time === "" ? null : (
        <button type="button" className="button--link" onClick={() => onChange(UNDATED)}>
          No due date
        </button>
      )}
    </div>
  );
}
