"""Pages in HTML from the templates beside this file: one file each, nothing that has to be fetched.

All that is put into a template is text and is escaped, except what this package drew itself
(`Markup`). The policy in each page forbids every request, and every script but the page's own.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from emergent_stats.verdict.words import printable

_FOLDER = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Section:
    """A heading, a sentence, numbers by name, a figure as an <svg> element, and notes."""

    heading: str
    words: str
    numbers: Mapping[str, str]
    svg: str = ""
    notes: Sequence[str] = ()


def sections_page(title: str, sections: Sequence[Section], closing: Sequence[str] = ()) -> str:
    """Page of sections, one below the other."""
    return render("sections.html", title=title, sections=sections, closing=closing)


def render(template: str, **values: Any) -> str:
    """Page of a template; a value that the template misses is an error."""
    script = _part("table.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    page, style = _environment().get_template(template), Markup(_part("page.css"))
    return page.render(style=style, script=Markup(script), digest=digest, **values)


@cache
def _part(name: str) -> str:
    """Style or script that stands in the pages, as it is."""
    return (_FOLDER / name).read_text("utf-8")


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,  # and no controls or direction marks, plain blanks:
        finalize=lambda v: printable(v, "") if type(v) is str else v,
    )  # fmt: skip
