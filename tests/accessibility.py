"""What axe, the usual judge of accessibility, finds wrong on a page as it stands."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

PROJECT = Path(__file__).parent / "axe"
# WCAG 2.2 at level AA includes its forerunners; best practices catch headings and landmarks out of order.
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@dataclass(frozen=True, slots=True)
class Judge:
    """The text of axe, which is evaluated past the page's own policy on scripts."""

    source: str

    @classmethod
    def of(cls, installed: Path) -> "Judge":
        return cls((installed / "node_modules" / "axe-core" / "axe.min.js").read_text())

    def violations(self, page: Page) -> list[str]:
        """Return one line for each element that breaks a rule; none for a page that everybody can use."""
        page.evaluate(self.source)
        result = page.evaluate("tags => axe.run(document, {runOnly: tags, resultTypes: ['violations']})", RULES)
        return [_line(rule, node) for rule in result["violations"] for node in rule["nodes"]]


def _line(rule: dict[str, Any], node: dict[str, Any]) -> str:
    return f"{rule['id']}: {' '.join(map(str, node['target']))}: {' '.join(node['failureSummary'].split())}"
