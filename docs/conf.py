"""How Sphinx builds the site: ``make site``. The pages are the Markdown files beside this one.

Every page reads as well on a page of the repository, so nothing in them is meant for Sphinx alone.
The navigation is what index.md lists: a caption for each heading, an entry for each item.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pygments.lexers.special import TextLexer

import dynafile

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "Dynafile"
author = "The Dynafile authors"
project_copyright = author
version = release = dynafile.__version__
html_title = f"Dynafile {release}"

extensions = ["myst_parser"]
exclude_patterns = ["*.py"]
myst_heading_anchors = 4
nitpicky = True

html_theme = "furo"
html_show_sourcelink = False
html_show_copyright = False
html_copy_source = False
html_use_index = False
html_static_path = ["static"]
html_css_files = ["site.css"]
pygments_style = "default"
pygments_dark_style = "github-dark"

_SECTION = re.compile(r"^## ([^\n]+)$(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_ENTRY = re.compile(r"^- \[([^\]]+)\]\(([\w.-]+)\.md\)", re.MULTILINE)


def navigation(index: str) -> dict[str, dict[str, str]]:
    """Return what a front page lists: for each heading, the pages by the names they have there."""
    sections = {title: _ENTRY.findall(body) for title, body in _SECTION.findall(index)}
    return {title: {page: name for name, page in entries} for title, entries in sections.items()}


def add_navigation(_: Sphinx, docname: str, source: list[str]) -> None:
    """Append to the front page the directives that make it the root of the site."""
    if docname == "index":
        for title, pages in navigation(source[0]).items():
            entries = "\n".join(f"{name} <{page}>" for page, name in pages.items())
            source[0] += f"\n```{{toctree}}\n:hidden:\n:caption: {title}\n\n{entries}\n```\n"


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect what this file adds to Sphinx."""
    app.connect("source-read", add_navigation)
    app.add_lexer("hex", TextLexer)
    return {"parallel_read_safe": True}
