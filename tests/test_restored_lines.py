"""Reading and pruning tell by the same rule which lines of the log a restore has brought from another cluster."""

import pytest

from db.event_places import IS_RESTORED as FOR_READING
from migrations.runner.prunings import IS_RESTORED as FOR_PRUNING
from tests.databases import CrmDatabase

EPOCH = 2**32
# The transaction that a line names, the number on its row, and the next transaction's number.
LINES = {
    "by the transaction that it names": (100, 100, 200, False),
    "by a part of that": (100, 103, 200, False),
    "changed later": (100, 150, 200, False),
    "from a cluster further on": (1_000, 150, 200, True),
    "from one that was about as far": (151, 150, 200, True),
    "an epoch later": (EPOCH + 10, 10, EPOCH + 200, False),
    "an epoch later, by a part": (EPOCH + 10, 12, EPOCH + 200, False),
    "before the numbers began again": (EPOCH - 5, EPOCH - 5, EPOCH + 200, False),
    "by a part that has the first of the new numbers": (EPOCH - 1, 3, EPOCH + 200, False),
    "an epoch later, from a cluster further on": (EPOCH + 1_000, 150, EPOCH + 200, True),
    "from a cluster that is an epoch further": (EPOCH + 100, 150, 200, True),
    "copied from the old history": (None, 150, 200, None),
}


@pytest.mark.parametrize("line", LINES)
def test_both_rules_say_the_same_of_a_line(database: CrmDatabase, line: str) -> None:
    xid, xmin, next_, expected = LINES[line]
    query = f"""
      SELECT {FOR_READING.format("l")}, {FOR_PRUNING.format(line="l")}
        FROM (SELECT xid8 '{xid}' AS xid, xid '{xmin}' AS xmin) AS l
       CROSS JOIN (SELECT bigint '{next_}' AS next_xid, bigint '{next_}' AS next) AS s
       CROSS JOIN (SELECT bigint '{next_}' AS next) AS n
    """

    found = database.psql(query.replace("xid8 'None'", "CAST(NULL AS xid8)"))

    assert {True: "t|t", False: "f|f", None: "|"}[expected] == found
