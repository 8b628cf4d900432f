"""What statements met is put down to the right step."""

from migrations.rehearsal.load import Sample
from migrations.rehearsal.stalls import Watch, during, longest_by_slot


def test_a_statement_counts_in_each_time_that_it_was_on_its_way() -> None:
    samples = [Sample("read", 0.0, 10, None), Sample("write", 0.9, 2_000, None), Sample("read", 1.5, 5, "gone")]

    first, second, third = (during(samples, time) for time in ((0, 1), (1, 2), (5, 6)))

    assert (2, 0, 2_000, ()) == (first.count, first.failed, first.longest_ms, first.errors)
    assert (2, 1, 2_000, ("gone",)) == (second.count, second.failed, second.longest_ms, second.errors)
    assert (0, 0, 0, ()) == (third.count, third.failed, third.longest_ms, third.errors)


def test_a_statement_that_fell_into_two_times_counts_once() -> None:
    assert 1 == during([Sample("read", 0.5, 1_000, None)], (0, 1), (1, 2)).count


def test_the_runners_words_become_spans() -> None:
    moments = iter([1.0, 2.0, 2.0, 4.0])
    watch = Watch(lambda: next(moments))

    for line in ("041 +0.00 s  Session", "  a notice", "041 +1.00 s  Indexes: idx_a", "✅ tried", "041 +3.00 s  done"):
        watch.say(line)

    assert [("Session", 1_000), ("Indexes: idx_a", 2_000)] == [(span.step, span.duration_ms) for span in watch.spans]
    assert [41, 41] == [span.version for span in watch.spans]


def test_a_step_that_failed_ends_with_the_run() -> None:
    moments = iter([1.0, 1.5])
    watch = Watch(lambda: next(moments))

    watch.say("042 +0.00 s  Obstacles")
    watch.end()

    assert ["Obstacles"] == [span.step for span in watch.spans]


def test_slots_show_when_it_was_slow() -> None:
    samples = [Sample("read", 0.2, 100, None), Sample("read", 2.2, 300, None)]

    assert [100, 0, 300, 0] == longest_by_slot(samples, 0, 4, 4)
