"""A canvas for the pictures of the documents: boxes, lines and text as SVG, in light and dark.

It refuses text that would leave its box or the picture, or cover other text. Widths are estimated,
for fonts a little wider than usual ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Final

WIDTH: Final = 760
_EDGE: Final = 12
_SANS: Final = 0.56
_MONO: Final = 0.62

_COLOURS: Final = {
    "page": ("#ffffff", "#17191d"),
    "edge": ("#d0d7de", "#3a4048"),
    "ink": ("#1f2328", "#e6e9ed"),
    "soft": ("#59636e", "#9aa4af"),
    "plain": ("#f1f3f5", "#262a30"),
    "blue": ("#d8e8fd", "#1d3a5f"),
    "green": ("#d5f0dc", "#1d4429"),
    "amber": ("#fbe9c4", "#523f12"),
    "red": ("#fbdcda", "#5c2320"),
    "none": ("none", "none"),
    "violet": ("#e7dffb", "#3b2d63"),
}


@dataclass(frozen=True)
class Area:
    """Where a text is, to tell whether another one covers it."""

    left: float
    top: float
    right: float
    bottom: float
    text: str

    def meets(self, other: Area) -> bool:
        """Tell whether two texts cover one another."""
        beside = self.right <= other.left or other.right <= self.left
        return not (beside or self.bottom <= other.top or other.bottom <= self.top)


class Canvas:
    """A picture under way; :meth:`svg` gives it."""

    def __init__(self, title: str, description: str, height: int) -> None:
        self._title = title
        self._description = description
        self._height = height
        self._parts: list[str] = []
        self._areas: list[Area] = []

    def box(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        text: str = "",
        *,
        fill: str = "plain",
        mono: bool = False,
        size: float = 13,
        dashed: bool = False,
    ) -> None:
        """Draw a box, with lines of text in its middle."""
        dash = ' stroke-dasharray="5 4"' if dashed else ""
        self._parts.append(
            f'<rect class="box {fill}" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" '
            f'rx="5"{dash}/>'
        )
        lines = text.split("\n") if text else []
        top = y + height / 2 - (len(lines) - 1) * size * 0.68
        for number, line in enumerate(lines):
            if _width(line, size, mono) > width - 6:
                raise ValueError(f"{line!r} is wider than its box in {self._title!r}")
            self.text(x + width / 2, top + number * size * 1.36, line, mono=mono, size=size)

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        at: str = "middle",
        mono: bool = False,
        size: float = 13,
        soft: bool = False,
        bold: bool = False,
    ) -> None:
        """Write a line whose middle is at height y."""
        width = _width(text, size, mono) * (1.06 if bold else 1)
        left = {"start": x, "middle": x - width / 2, "end": x - width}[at]
        area = Area(left, y - size * 0.6, left + width, y + size * 0.6, text)
        if left < _EDGE or area.right > WIDTH - _EDGE or not _EDGE < y < self._height - _EDGE:
            raise ValueError(f"{text!r} leaves the picture {self._title!r}")
        for other in self._areas:
            if area.meets(other):
                raise ValueError(f"{text!r} covers {other.text!r} in {self._title!r}")
        self._areas.append(area)
        names = [name for name, on in (("mono", mono), ("soft", soft), ("bold", bold)) if on]
        styled = f' class="{" ".join(names)}"' if names else ""
        self._parts.append(
            f'<text{styled} x="{x:g}" y="{y + size * 0.35:g}" font-size="{size:g}" '
            f'text-anchor="{at}">{escape(text, quote=False)}</text>'
        )

    def arrow(self, *points: tuple[float, float], dashed: bool = False) -> None:
        """Draw a line through the points, with a head at the last one."""
        self._line(points, ' marker-end="url(#head)"' + (' stroke-dasharray="5 4"' * dashed))

    def line(self, *points: tuple[float, float], dashed: bool = False) -> None:
        """Draw a line through the points."""
        self._line(points, ' stroke-dasharray="5 4"' * dashed)

    def _line(self, points: tuple[tuple[float, float], ...], more: str) -> None:
        path = " ".join(f"{x:g},{y:g}" for x, y in points)
        self._parts.append(f'<polyline class="line" points="{path}"{more}/>')

    def svg(self) -> str:
        """Return the picture."""
        body = "\n".join(self._parts)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {self._height}" '
            f'width="{WIDTH}" height="{self._height}" role="img" aria-labelledby="title desc">\n'
            f'<title id="title">{escape(self._title)}</title>\n'
            f'<desc id="desc">{escape(self._description)}</desc>\n'
            f"<style>\n{_style()}\n</style>\n"
            '<defs><marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" '
            'markerHeight="8" orient="auto"><path class="head" d="M0 1 10 5 0 9z"/></marker>'
            "</defs>\n"
            f'<rect class="page" x="0.5" y="0.5" width="{WIDTH - 1}" height="{self._height - 1}" '
            f'rx="8"/>\n{body}\n</svg>\n'
        )


def _width(text: str, size: float, mono: bool) -> float:
    return len(text) * size * (_MONO if mono else _SANS)


def _style() -> str:
    return "\n".join(
        [
            'text { font-family: system-ui, "Segoe UI", Helvetica, Arial, sans-serif; }',
            '.mono { font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; }',
            ".bold { font-weight: 600; }",
            ".line { fill: none; stroke-width: 1.4; }",
            *_rules(0),
            "@media (prefers-color-scheme: dark) {",
            *(f"  {rule}" for rule in _rules(1)),
            "}",
        ]
    )


def _rules(scheme: int) -> list[str]:
    colours = {name: pair[scheme] for name, pair in _COLOURS.items()}
    fills = [name for name in colours if name not in ("page", "edge", "ink", "soft")]
    return [
        f".page {{ fill: {colours['page']}; stroke: {colours['edge']}; }}",
        f"text, .head {{ fill: {colours['ink']}; }}",
        f".soft {{ fill: {colours['soft']}; }}",
        f".box {{ stroke: {colours['soft']}; }}",
        f".line {{ stroke: {colours['ink']}; }}",
        *(f".{name} {{ fill: {colours[name]}; }}" for name in fills),
    ]
