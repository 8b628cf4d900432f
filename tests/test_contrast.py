"""Every text of the pages can be read, by day and by night: the colours of tokens.css keep WCAG's contrast."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

STYLES = Path(__file__).parent.parent / "web"
TOKENS = STYLES / "ui" / "tokens.css"
PAIR = re.compile(r"--color-([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);")

# WCAG 2.2: success criterion 1.4.3 for text, 1.4.11 for the edge of a control and the ring of the focus.
FOR_TEXT = 4.5
FOR_EDGES = 3.0

GROUNDS = ("ground", "surface", "raised", "hover")
TEXTS = ("text", "muted", "accent", "accent-hover", "danger", "warn", "ok", "info")
HUES = ("accent", "danger", "warn", "ok", "info")
READ = [
    *((text, ground) for ground in GROUNDS for text in TEXTS),
    *((hue, f"{hue}-soft") for hue in HUES),
    *((text, f"{hue}-soft") for hue in HUES for text in ("text", "muted")),
    ("on-accent", "accent"),
    ("on-accent", "accent-hover"),
    ("on-danger", "danger"),
]
SEEN = [(line, ground) for ground in GROUNDS for line in ("edge", "focus")]


@dataclass(frozen=True, slots=True)
class Palette:
    """What each name of tokens.css means at one time of day."""

    colors: dict[str, str]

    def contrast(self, one: str, other: str) -> float:
        """WCAG's ratio, from 1 for the same colour to 21 for black on white."""
        darker, lighter = sorted((luminance(self.colors[one]), luminance(self.colors[other])))
        return (lighter + 0.05) / (darker + 0.05)


def luminance(color: str) -> float:
    """WCAG's relative luminance of `#rrggbb`, from 0 for black to 1 for white."""
    red, green, blue = (linear(int(color[at : at + 2], 16) / 255) for at in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4


@pytest.fixture(scope="module", params=["day", "night"])
def palette(request: pytest.FixtureRequest) -> Palette:
    return Palette(
        {name: day if request.param == "day" else night for name, day, night in PAIR.findall(TOKENS.read_text())}
    )


def test_the_ratio_is_that_of_the_standard() -> None:
    palette = Palette({"black": "#000000", "white": "#ffffff", "grey": "#777777"})

    assert 21.0 == palette.contrast("black", "white")
    assert 1.0 == palette.contrast("grey", "grey")
    assert 4.48 == round(palette.contrast("white", "grey"), 2)  # the well-known grey that just fails


@pytest.mark.parametrize(("text", "ground"), READ)
def test_a_text_can_be_read_on_its_ground(palette: Palette, text: str, ground: str) -> None:
    contrast = palette.contrast(text, ground)

    assert contrast >= FOR_TEXT, f"{text} on {ground} has a contrast of {contrast:.2f}"


@pytest.mark.parametrize(("line", "ground"), SEEN)
def test_an_edge_can_be_seen_on_its_ground(palette: Palette, line: str, ground: str) -> None:
    contrast = palette.contrast(line, ground)

    assert contrast >= FOR_EDGES, f"{line} on {ground} has a contrast of {contrast:.2f}"


def test_every_color_is_measured(palette: Palette) -> None:
    # A line only parts what space parts already, so nothing depends on seeing it.
    measured = {name for pair in (*READ, *SEEN) for name in pair} | {"line"}

    assert measured == set(palette.colors)


def stylesheets() -> list[Path]:
    return [path for folder in ("ui", "timeline") for path in sorted((STYLES / folder).rglob("*.css"))]


@pytest.mark.parametrize("path", stylesheets(), ids=lambda path: path.name)
def test_a_color_is_named_before_it_is_used(path: Path) -> None:
    written = re.findall(r"#[0-9a-fA-F]{3,8}\b|\b(?:rgba?|hsla?|oklch)\(", path.read_text())

    assert path == TOKENS or [] == written


def test_every_name_that_a_style_uses_is_there() -> None:
    declared = set(re.findall(r"(--[\w-]+):", "".join(path.read_text() for path in stylesheets())))

    used = {name for path in stylesheets() for name in re.findall(r"var\((--[\w-]+)\)", path.read_text())}

    assert set() == used - declared
