"""Build the paper: numbers into the text, figures, then PDF (by Typst) and LaTeX for arXiv.

Everything lands in `paper/build/`: `paper.pdf`, `paper.md` with its numbers, `arxiv/` with
`paper.tex` and its figures. No TeX is needed.

Run with `python paper/paper.py [--verdicts FILE.parquet] [--text]`; `--text` writes the text only.
"""

from __future__ import annotations

import argparse
import re
import runpy
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from judged import TABLE
from quoted import quoted

from emergent_stats.plots import style
from emergent_stats.results import corpus
from emergent_stats.results.entries import cite
from emergent_stats.results.files import read_table
from emergent_stats.verdict.words import probability

HERE = Path(__file__).parent
SOURCE = HERE / "paper.md"
FIGURES = HERE / "figures"
BUILD = HERE / "build"
#: Longest table of series in the text.
MOST = 15
#: Of the PDF: figures float, tables break over pages and are set small.
_TYPST = """#set figure(placement: auto)
#show figure.where(kind: table): set figure(placement: none)
#show figure.where(kind: table): set block(breakable: true)
#show table: set text(size: 9pt)
#show table: set par(justify: false)
"""
#: Of the LaTeX: the margins of the PDF, and tables set as small.
_LATEX = r"""\usepackage{etoolbox}
\AtBeginEnvironment{longtable}{\footnotesize\setlength{\tabcolsep}{3pt}}
"""
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>$~^@])")
#: What a reference to a figure or a table is called; pandoc itself knows citations only.
_KINDS = {"fig": "Figure", "tbl": "Table"}


def environment() -> jinja2.Environment:
    """Jinja with another comment mark (pandoc writes attributes in `{#`), and our formats."""
    found = jinja2.Environment(
        comment_start_string="<#",
        comment_end_string="#>",
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # the text is Markdown; names are escaped by `name`
    )
    found.filters |= {
        "count": lambda n: f"{n:,}",
        "share": _share,
        "digits": lambda v: f"{v:.3g}",
        "p": probability,
        "list": _listed,
        # a long name may break after its underscores: a space of no width stands there
        "name": lambda text: _MARKDOWN.sub(r"\\\1", str(text)).replace("_", "_\u200b"),
    }
    return found


def _share(value: float) -> str:
    return f"{100 * value:.{1 if 0 < value < 0.0995 else 0}f} %"


def _listed(names: Iterable[str]) -> str:
    names = list(names)
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def text(table: pd.DataFrame) -> str:
    """Text with the numbers of a table of verdicts."""
    filled = environment().from_string(SOURCE.read_text("utf-8")).render(**quoted(table), MOST=MOST)
    return numbered(filled)


def numbered(filled: str) -> str:
    """Figures and tables with their numbers, in the order in which they stand."""
    found = re.findall(r"\{#((?:fig|tbl):\w+)", filled)
    number = {
        name: [other for other in found if other[:3] == name[:3]].index(name) + 1 for name in found
    }
    return re.sub(r"@((?:fig|tbl):\w+)", lambda m: f"{_KINDS[m[1][:3]]} {number[m[1]]}", filled)


def draw(table: pd.DataFrame, folder: Path) -> None:
    """Every figure, by its own script, as .pdf and .svg."""
    folder.mkdir(parents=True, exist_ok=True)
    for script in sorted(FIGURES.glob("[a-z]*.py")):
        with style.look():
            figure = runpy.run_path(str(script))["figure"](table)
        for suffix in (".pdf", ".svg"):
            style.save(figure, folder / f"{script.stem}{suffix}")


def convert(source: Path, to: str, out: Path, images: str, *more: str) -> None:
    """Run pandoc with the bibliography."""
    import pypandoc

    pypandoc.convert_file(
        str(source), to, format="markdown", outputfile=str(out), cworkdir=str(BUILD),
        extra_args=[
            "--standalone", "--citeproc", f"--default-image-extension={images}",
            f"--bibliography={HERE / 'references.bib'}", f"--bibliography={BUILD / 'studies.bib'}",
            "--variable=papersize:a4", "--variable=fontsize:10pt", *more,
        ],
    )  # fmt: skip


def main() -> None:
    """Fill, draw and convert."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--verdicts", type=Path, default=TABLE, help="what paper/judged.py wrote")
    parser.add_argument("--text", action="store_true", help="write the text only")
    given = parser.parse_args()
    table = read_table(given.verdicts)
    if "to_decide" not in table:
        raise SystemExit(
            f"{given.verdicts}: was not written by paper/judged.py, which adds to_decide"
        )
    BUILD.mkdir(exist_ok=True)
    source = BUILD / "paper.md"
    source.write_text(text(table), "utf-8")
    if given.text:
        return
    (BUILD / "studies.bib").write_text(cite(corpus.studies()["study"]), "utf-8")
    draw(table, BUILD / "figures")
    import typst

    (BUILD / "header.typ").write_text(_TYPST, "utf-8")
    header = f"--include-in-header={BUILD / 'header.typ'}"
    convert(source, "typst", BUILD / "paper.typ", ".svg", header)
    typst.compile(str(BUILD / "paper.typ"), output=str(BUILD / "paper.pdf"), root=str(BUILD))
    arxiv = BUILD / "arxiv"
    shutil.rmtree(arxiv, ignore_errors=True)
    (arxiv / "figures").mkdir(parents=True)
    (BUILD / "header.tex").write_text(_LATEX, "utf-8")
    header = f"--include-in-header={BUILD / 'header.tex'}"
    convert(source, "latex", arxiv / "paper.tex", ".pdf", header, "--variable=geometry:margin=25mm")
    for path in (BUILD / "figures").glob("*.pdf"):
        shutil.copy(path, arxiv / "figures")
    print(f"wrote {_shown(BUILD / 'paper.pdf')} and {_shown(arxiv / 'paper.tex')}")


def _shown(path: Path) -> Any:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


if __name__ == "__main__":
    main()
