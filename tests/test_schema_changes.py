"""What breaks clients of the last release is told in the changelog, or `./taskline check changes` fails."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from commands.schema_changes import main

SCHEMA = 'type Query { "The task." task(id: ID!): Task } type Task { id: ID! subject: String! }'
BROKEN = SCHEMA.replace(" subject: String!", "")
CHANGELOG = "# Changelog\n\n## [Unreleased]\n\n## [0.1.0] - 2026-11-20\n\nThe first release. {}\n"


@dataclass(frozen=True, slots=True)
class Repository:
    """A project with a schema and a changelog, under git."""

    root: Path

    def git(self, *arguments: str) -> None:
        who = ("-c", "user.name=Taskline", "-c", "user.email=founders@taskline.invalid")
        subprocess.run(["git", *who, *arguments], cwd=self.root, check=True, capture_output=True)

    def write(self, schema: str, changelog: str = CHANGELOG) -> None:
        (self.root / "schema").mkdir(exist_ok=True)
        (self.root / "schema" / "schema.graphql").write_text(schema)
        (self.root / "CHANGELOG.md").write_text(changelog)

    def commit(self) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "Change the schema")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """One whose last release is v0.1.0."""
    made = Repository(tmp_path)
    made.git("init", "--quiet")
    made.write(SCHEMA)
    made.commit()
    made.git("tag", "v0.1.0")
    return made


def test_without_a_tag_it_says_that_there_is_none(repository: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    repository.git("tag", "--delete", "v0.1.0")

    assert 0 == main(repository.root)

    said = capsys.readouterr().out
    assert said.startswith("There is no released schema to compare with. git says: fatal: No names found")


def test_where_there_is_no_repository_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert 0 == main(tmp_path)

    assert "git says: fatal: not a git repository" in capsys.readouterr().out


def test_a_tag_without_a_schema_is_no_release_of_it(repository: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    repository.git("rm", "--quiet", "schema/schema.graphql")
    repository.commit()
    repository.git("tag", "v0.2.0")
    repository.write(BROKEN)

    assert 0 == main(repository.root)

    assert "There is no released schema" in capsys.readouterr().out


def test_what_is_added_breaks_nobody(repository: Repository) -> None:
    repository.write(SCHEMA.replace("id: ID! subject", "id: ID! priority: Int subject"))

    assert 0 == main(repository.root)


def test_what_is_removed_fails_and_says_what_to_write(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.write(BROKEN)

    assert 1 == main(repository.root)

    assert "break clients of v0.1.0" in (said := capsys.readouterr().err)
    assert "\n- **Breaking**: Field Task.subject was removed.\n" in said


def test_what_is_removed_is_compared_with_the_tag_even_when_it_is_committed(repository: Repository) -> None:
    repository.write(BROKEN)
    repository.commit()

    assert 1 == main(repository.root)


@pytest.mark.parametrize("heading", ["## [Unreleased]", "## [Unreleased]\n\n## [0.2.0] - 2026-12-01"])
def test_what_the_changelog_tells_may_be_removed(repository: Repository, heading: str) -> None:
    told = f"{heading}\n\n- **Breaking**: Field Task.subject\n  was removed. Ask for `title`."
    repository.write(BROKEN, CHANGELOG.replace("## [Unreleased]", told))

    assert 0 == main(repository.root)


def test_what_the_changelog_told_of_a_former_release_is_not_enough(repository: Repository) -> None:
    repository.write(BROKEN, CHANGELOG.format("Field Task.subject was removed."))

    assert 1 == main(repository.root)


def test_what_needs_care_is_told_and_passes(repository: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    repository.write(SCHEMA.replace("task(id: ID!)", "task(id: ID!, version: Int)"))

    assert 0 == main(repository.root)

    assert "since v0.1.0, with care: An optional argument Query.task(version:) was added" in capsys.readouterr().out
