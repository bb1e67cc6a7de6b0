"""A report as a page, as Markdown and as LaTeX."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from emergent_stats.model.trends import ACCOUNTS
from emergent_stats.report import content
from emergent_stats.report.content import Report
from emergent_stats.report.glossary import explain
from emergent_stats.verdict.comparison import verdict_words, what_would_decide
from emergent_stats.verdict.words import one_line, probability

if TYPE_CHECKING:
    from emergent_stats.verdict.comparison import Comparison

#: Files a report can be.
SUFFIXES = (".html", ".md", ".tex")


def report_text(
    report: Report,
    suffix: str,
    figures: Mapping[int, str] | None = None,
    colours: Mapping[str, str] | None = None,
) -> str:
    """Return the report as the text of a file.

    Parameters
    ----------
    report : Report
    suffix : {".html", ".md", ".tex"}
        A page with everything, or a table with the methods beneath.
    figures : mapping, optional
        Number of a series → its figure, an <svg> element made by this package.
    colours : mapping, optional
        Colour of each account in the small figures.
    """
    if suffix == ".html":
        return _page(report, figures or {}, colours or dict.fromkeys(ACCOUNTS, "#0072b2"))
    return _markdown(report) if suffix == ".md" else _latex(report)


# --- page ---------------------------------------------------------------------------------
def _page(report: Report, figures: Mapping[int, str], colours: Mapping[str, str]) -> str:
    from emergent_stats.report.page import render
    from emergent_stats.report.thumbnails import thumbnail

    shown = content.important(report.comparisons)
    anchors = {i: f"series-{i + 1}" for i in shown}
    several = len(report.comparisons) > len(shown)
    columns = _columns()
    verdicts = sorted({c.verdict for c in report.comparisons})
    r = {
        "tally": report.tally,
        "shared": report.shared,
        "verdicts": verdicts,
        "columns": columns,
        "rows": [
            {
                "verdict": c.verdict,
                "anchor": anchors.get(i, ""),
                "thumbnail": thumbnail(c, colours),
                "cells": _cells(columns, name, c),
            }
            for i, (name, c) in enumerate(zip(report.names, report.comparisons, strict=True))
        ],
        "details": [_detail(report, i, anchors[i], figures.get(i, "")) for i in shown],
        "left_out": (
            f"{len(shown)} of {len(report.comparisons):,} series: real, artefact, falls, then the "
            "undecided ones that are likeliest to break. A report on fewer series shows them all."
            if several
            else ""
        ),
        "posterior": bool(report.beside),
        "methods": content.methods(report),
        "references": content.references(report),
        "checks": content.checklist(report),
        "warnings": content.warnings_of(report),
        "provenance": report.provenance,
        "words": content.words(report),
    }
    return render("report.html", title=report.title, r=r)


def _columns() -> list[dict[str, Any]]:
    """Heads of the table on the page, with what they mean."""
    columns = [
        ("series", "series", "name text"),
        ("models", "m", ""),
        ("verdict", "verdict", "verdict text"),
        *((a, a, "p") for a in ACCOUNTS),
        ("log BF", "log_bf", ""),
        ("P(break), grid", "sensitivity grid", ""),
        ("why", "reason", "why text"),
    ]
    return [
        {"head": head, "meaning": explain(term).text, "kind": kind, "text": "text" in kind}
        for head, term, kind in columns
    ]


def _cells(columns: list[dict[str, Any]], name: str, c: Comparison) -> list[dict[str, Any]]:
    """Cells of one row: text, and the number they sort by (None: the text itself)."""
    real = [row["onset"] + row["jump"] for row in c.sensitivity]
    p = {a: getattr(c, f"p_{a}") for a in ACCOUNTS}
    top = max(p, key=lambda a: p[a] if p[a] == p[a] else -1.0)
    leans = f" Leans to {c.lean}." if c.verdict == "undecided" and c.lean else ""
    values = [
        (name, None),
        (str(c.curve.m), c.curve.m),
        (verdict_words(c), None),
        *((probability(p[a]), _number(p[a])) for a in ACCOUNTS),
        (content.log_bf(c), _number(c.log_bf)),
        (content.grid_range(c), _number(max(real, default=float("nan")))),
        (c.reason[:1].upper() + c.reason[1:] + "." + leans, None),
    ]
    return [
        {
            "text": text,
            "value": value,
            "head": column["head"],
            "kind": f"{column['kind']} top".strip() if column["head"] == top else column["kind"],
        }
        for column, (text, value) in zip(columns, values, strict=True)
    ]


def _number(value: float) -> str:
    """Number as the page sorts it; empty sorts last."""
    return f"{value:.6g}" if value == value else ""


def _detail(report: Report, i: int, anchor: str, svg: str) -> dict[str, Any]:
    c = report.comparisons[i]
    beside = {one.hypothesis: one for one in (report.beside[i] if report.beside else ())}
    hypotheses = [
        {
            **h,
            "log_evidence": f"{h['log_evidence']:.2f}",
            "error": f"{h['error']:.2f}",
            "probability": probability(h["probability"]),
            "posterior": f"{one.log_z:.2f} ± {one.error:.2f}" if one else "",
        }
        for h in c.hypotheses
        for one in [beside.get(h["hypothesis"])]
    ]
    decide = what_would_decide(c)
    return {
        "anchor": anchor,
        "name": report.names[i],
        "verdict": c.verdict,
        "said": verdict_words(c),
        "reason": c.reason,
        "svg": svg,
        "summary": c.summary,
        "decide": decide[:1].upper() + decide[1:] + "." if decide else "",
        "grid": content.sensitivity(c),
        "flips": content.flip_lines(c),
        "hypotheses": hypotheses,
        "warnings": c.warnings,
    }


# --- tables -------------------------------------------------------------------------------
def _rows(report: Report) -> tuple[list[str], list[list[str]]]:
    """Head and rows of the table in Markdown and LaTeX."""
    head = ["series", "models", *ACCOUNTS, "log BF", "verdict"]
    rows = [
        [
            name,
            str(c.curve.m),
            *(probability(getattr(c, f"p_{a}")) for a in ACCOUNTS),
            content.log_bf(c),
            content.head_of(c),
        ]
        for name, c in zip(report.names, report.comparisons, strict=True)
    ]
    return head, rows


_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|~$&^]|^[-+=])")


def markdown(text: str) -> str:
    r"""`text` as Markdown shows it letter by letter: no markup, no HTML, no cell of a table.

    Examples
    --------
    >>> print(markdown("a|b <i>*c*</i>"))
    a\|b \<i\>\*c\*\</i\>
    """
    return _MARKDOWN.sub(r"\\\1", one_line(text))


def _markdown(report: Report) -> str:
    head, rows = _rows(report)
    right = len(head) - 2
    lines = [
        f"# {markdown(report.title)}",
        "",
        markdown(report.tally + (f" All: {report.shared}." if report.shared else "")),
        "",
        "| " + " | ".join(head) + " |",
        "|---|" + "--:|" * right + "---|",
        *("| " + " | ".join(map(markdown, row)) + " |" for row in rows),
        "",
        "## Methods",
        "",
        markdown(content.methods(report)),
        "",
        *(f"* {markdown(one)}" for one in content.references(report)),
        "",
        "## Checklist for a reviewer",
        "",
        *(f"* {c.state}: {markdown(c.words)}" for c in content.checklist(report)),
        "",
        "## Warnings",
        "",
        *([f"* {markdown(line)}" for line in content.warnings_of(report)] or ["None."]),
        "",
        "## Provenance",
        "",
        *(f"* {markdown(name)}: {markdown(v)}" for name, v in report.provenance.items()),
    ]
    return "\n".join(lines) + "\n"


_LATEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#",
    "%": r"\%", "_": r"\_\allowbreak{}", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}",
    "<": r"\textless{}", ">": r"\textgreater{}", '"': r"\textquotedbl{}",
    "−": r"$-$", "±": r"$\pm$", "–": r"\textendash{}", "·": r"$\cdot$", "σ": r"$\sigma$",
    "≤": r"$\leq$",
    "≥": r"$\geq$", "≈": r"$\approx$", "×": r"$\times$", "½": r"$\frac12$", "[": "{[}", "]": "{]}",
    "`": "{`}",
}  # fmt: skip


#: Column of so many line widths, whose words break.
_CELL = r">{\raggedright\arraybackslash}p{%s\linewidth}"


def latex(text: str) -> str:
    r"""`text` as LaTeX prints it letter by letter.

    Examples
    --------
    >>> print(latex("50 % of a_b"))
    50 \% of a\_\allowbreak{}b
    """
    letters = "".join(_LATEX.get(letter, letter) for letter in one_line(text))
    return re.sub(r"([-'?!])(?=[-'`])", r"\1{}", letters)  # no ligatures


def _latex(report: Report) -> str:
    head, rows = _rows(report)
    right = len(head) - 2
    caption = latex(report.tally + (f" All: {report.shared}." if report.shared else ""))
    lines = [
        r"% needs \usepackage{array,booktabs,longtable} and \usepackage[T1]{fontenc}; for names in",
        r"% letters that are not Latin also LuaLaTeX and a font that has them",
        r"\begingroup\footnotesize\setlength{\tabcolsep}{3pt}",
        rf"\begin{{longtable}}{{{_CELL % '.2'}{'r' * right}{_CELL % '.13'}}}",
        rf"\caption{{{caption}}}\\",
        r"\toprule",
        " & ".join(map(latex, head)) + r" \\",
        r"\midrule",
        r"\endhead",
        *(" & ".join(map(latex, row)) + r" \\" for row in rows),
        r"\bottomrule",
        r"\end{longtable}",
        r"\endgroup",
        "",
        latex(content.methods(report)),
        "",
        *(rf"\noindent {latex(one)}\par" for one in content.references(report)),
    ]
    return "\n".join(lines) + "\n"
