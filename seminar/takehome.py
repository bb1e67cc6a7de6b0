"""Make what a class takes home: `python seminar/takehome.py [FOLDER]` (by default demo/seminar).

For each session a hand-out and slides, each one HTML file that fetches nothing, and its exercises
and solutions as PDF; and the instructor's guide as PDF.
"""

from __future__ import annotations

import importlib
import json
import re
import sys
from html import escape
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from lecture import Exercise, Session  # noqa: E402

from emergent_stats.results.files import write_bytes  # noqa: E402

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


def sessions() -> list[Session]:
    """All sessions, in order."""
    names = sorted(path.stem for path in HERE.glob("content[0-9].py"))
    return [importlib.import_module(name).SESSION for name in names]


def prose(markdown: str) -> str:
    """A line of text as HTML: emphasis and code, all else escaped."""
    text = escape(markdown, quote=False)
    text = re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", text)
    text = re.sub(r"\*(\S.*?)\*", r"<i>\1</i>", text)
    return re.sub(r"`(.+?)`", r"<code>\1</code>", text)


def _page(title: str, body: str, kind: str = "") -> str:
    style = (HERE / "print" / "seminar.css").read_text(encoding="utf-8")
    script = (HERE / "print" / "seminar.js").read_text(encoding="utf-8")
    return (
        "<!doctype html>\n<html lang='en'>\n<head>\n<meta charset='utf-8'>\n"
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        "<meta name='viewport' content='width=device-width'>\n"
        f"<title>{escape(title)}</title>\n<style>\n{style}</style>\n<script>\n{script}</script>\n"
        f"</head>\n<body class='{kind}'>\n{body}\n</body>\n</html>\n"
    )


def handout(session: Session) -> str:
    """Page with the question, the key figure, goals, exercises and reading."""
    goals = "".join(f"<li>{prose(goal)}</li>" for goal in session.goals)
    reading = "".join(f"<li>{prose(entry)}</li>" for entry in session.reading)
    data = json.dumps(session.data() if session.data else None).replace("<", "\\u003c")
    body = (
        f"<h1>{session.number}. {escape(session.title)}</h1>\n"
        f"<p class='question'><b>A question first.</b> {prose(session.question)}</p>\n"
        + (session.figure(False) if session.figure else "")
        + f"<details><summary>Answer</summary><p>{prose(session.answer)}</p></details>\n"
        "<h2>Try it</h2>\n<div id='controls'></div>\n<p id='words' aria-live='polite'></p>\n"
        "<svg id='figure' role='img' xmlns='http://www.w3.org/2000/svg'></svg>\n"
        f"<h2>Goals</h2>\n<ul>{goals}</ul>\n<h2>Exercises</h2>\n"
        + "\n".join(map(_folded, session.exercises))
        + f"\n<h2>Reading</h2>\n<ul>{reading}</ul>\n"
        "<footer>emergent_stats. This page computes by itself and fetches nothing.</footer>\n"
        f"<script>start({session.number}, {data});</script>"
    )
    return _page(session.title, body)


def _folded(exercise: Exercise) -> str:
    options = "".join(f"<li>{prose(text)}</li>" for text, _ in exercise.options)
    return (
        f"<p><b>{exercise.name}</b> {prose(exercise.question)}</p>"
        + (f"<ul>{options}</ul>" if options else "")
        + f"<details><summary>Solution {exercise.name}</summary>"
        f"<p>{prose(exercise.solution)}</p></details>"
    )


def slides(session: Session) -> str:
    """Deck of slides."""
    first = (
        f"<section><h1>{session.number}. {escape(session.title)}</h1>"
        f"<p class='question'>{prose(session.question)}</p>"
        f"{session.figure(True) if session.figure else ''}</section>"
    )
    rest = []
    for slide in session.slides:
        lines = "".join(f"<li>{prose(line)}</li>" for line in slide.lines)
        figure = slide.figure() if slide.figure else ""
        rest.append(f"<section><h2>{prose(slide.title)}</h2><ul>{lines}</ul>{figure}</section>")
    nav = (
        "<nav><button id='back' aria-label='slide before'>←</button> <span id='at'></span> "
        "<button id='on' aria-label='next slide'>→</button></nav>"
    )
    return _page(
        session.title, "\n".join([first, *rest, nav, "<script>deck();</script>"]), kind="deck"
    )


def sheet(session: Session, solutions: bool) -> str:
    """Exercise or solution sheet in Markdown."""
    what = "Solutions" if solutions else "Exercises"
    total = sum(e.marks for e in session.exercises)
    lines = [f"# {what} {session.number}: {session.title}", f"{total} marks."]
    if solutions:
        lines.append(f"*The question at the start: {session.question}* {session.answer}")
    for e in session.exercises:
        marks = f"{e.marks} mark{'s' * (e.marks > 1)}"
        lines.append(f"**{e.name}** ({marks}) {e.question}")
        lines += ["\n".join(f"{'abcdef'[i]}) {text}  " for i, (text, _) in enumerate(e.options))]
        if solutions:
            right = "abcdef"[int(e.answer)] if e.options else f"{e.answer:.4g}"
            lines.append(f"*Answer: {right}.* {e.solution}")
            told = [(f"{slip:.4g}:", words) for slip, words in e.slips]
            told += [(f"{'abcdef'[i]})", words) for i, (_, words) in enumerate(e.options)]
            lines.append("\n".join(f"- {mark} {words}" for mark, words in told))
        elif not e.options:
            lines.append("Answer: ______________")
    return "\n\n".join(line for line in lines if line) + "\n"


def pdf(markdown: str) -> bytes:
    """Markdown as PDF, by pandoc and Typst."""
    import pypandoc
    import typst

    text = pypandoc.convert_text(markdown, "typst", format="gfm")
    setup = (
        '#set page(paper: "a4", margin: 22mm, numbering: "1")\n'
        "#set text(size: 11pt)\n#set par(justify: true)\n#show heading: set block(below: 0.9em)\n"
        "#let horizontalrule = line(length: 100%)\n#set table(inset: 5pt, stroke: 0.4pt)\n"
        "#show figure: set block(breakable: true)\n"
    )
    return typst.compile((setup + text).encode())


def main(folder: Path) -> None:
    """Write everything."""
    folder.mkdir(parents=True, exist_ok=True)
    made = {"guide.pdf": pdf((HERE / "guide.md").read_text(encoding="utf-8"))}
    for session in sessions():
        n = session.number
        made[f"handout{n}.html"] = handout(session).encode()
        made[f"slides{n}.html"] = slides(session).encode()
        made[f"exercises{n}.pdf"] = pdf(sheet(session, solutions=False))
        made[f"solutions{n}.pdf"] = pdf(sheet(session, solutions=True))
    for name, data in made.items():
        write_bytes(folder / name, data)
    print(f"{len(made)} files in {folder}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("demo/seminar"))
