"""One page in HTML: a title, sections with a figure each, nothing that has to be fetched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;"
    "color:#1a1a1a}h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2.5rem;"
    "overflow-wrap:anywhere}svg{max-width:100%;height:auto}table{border-collapse:collapse}"
    "td,th{padding:.15rem .8rem;border-bottom:1px solid #d9d9d9;text-align:right}"
    "td:first-child,th:first-child{text-align:left}li,.quiet{color:#595959}"
)


@dataclass(frozen=True)
class Section:
    """A heading, a sentence, numbers by name, a figure as an <svg> element, and notes.

    All but the figure is text, and is escaped.
    """

    heading: str
    words: str
    numbers: Mapping[str, str]
    svg: str = ""
    notes: Sequence[str] = ()


def page_text(title: str, sections: Sequence[Section], closing: Sequence[str] = ()) -> str:
    """The page; a policy in it forbids scripts and every request."""
    body = "\n".join(map(_section, sections))
    end = "".join(f"<p class='quiet'>{escape(words)}</p>\n" for words in closing)
    return (
        "<!doctype html>\n<html lang='en'>\n<head>\n<meta charset='utf-8'>\n"
        "<meta http-equiv='Content-Security-Policy' content=\"default-src 'none'; "
        "style-src 'unsafe-inline'\">\n"
        "<meta name='viewport' content='width=device-width'>\n"
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f"<h1>{escape(title)}</h1>\n{body}\n{end}</body>\n</html>\n"
    )


def _section(one: Section) -> str:
    rows = "".join(
        f"<tr><td>{escape(name)}</td><td>{escape(value)}</td></tr>"
        for name, value in one.numbers.items()
    )
    notes = "".join(f"<li>{escape(note)}</li>" for note in one.notes)
    return (
        f"<section>\n<h2>{escape(one.heading)}</h2>\n<p>{escape(one.words)}</p>\n{one.svg}\n"
        f"<table><tr><th>account</th><th>probability</th></tr>{rows}</table>\n"
        + (f"<ul>{notes}</ul>\n" if notes else "")
        + "</section>"
    )
