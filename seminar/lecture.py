"""What the sessions share: exercises that answer, and figures as SVG that a projector can show.

Figures are drawn here and not by matplotlib: they are redrawn while a slider moves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from html import escape
from math import isfinite
from typing import Any

import numpy as np

#: Okabe and Ito's colours, as in the package's figures; each with a dash, so none depends on hue.
INK, QUIET, RULE = "#1a1a1a", "#595959", "#d9d9d9"
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#a0527f", "#8a6d00", "#1a1a1a")
DASHES = ("", "10 5", "3 4", "12 4 3 4", "6 3", "2 2")
#: Smallest type on a page or slide, in pixels.
TYPE = 18


# --- exercises ----------------------------------------------------------------------------
@dataclass(frozen=True)
class Exercise:
    """A question with a number or a choice as its answer.

    Attributes
    ----------
    name : str
        "1.2": session and number.
    question, solution : str
        Markdown.
    marks : int
    answer : float
        The number, or the position of the right option counted from 0.
    within : float
        How far a number may be off.
    slips : tuple of (number, words)
        Wrong numbers with a known cause, and what to say about it.
    options : tuple of (text, words)
        Of a choice: what is offered, and what to say to who takes it.
    share : bool
        Whether a number below 1 is a share, so that it may have been given in percent.
    """

    name: str
    question: str
    solution: str
    marks: int
    answer: float
    within: float = 0.0
    slips: tuple[tuple[float, str], ...] = ()
    options: tuple[tuple[str, str], ...] = ()
    share: bool = True

    def check(self, given: Any) -> str:
        """What to tell a student who answered `given`; nothing to who has not."""
        if given is None or given == "":
            return ""
        if self.options:
            texts = [text for text, _ in self.options]
            i = texts.index(given) if given in texts else int(given)
            return f"{'Right' if i == self.answer else 'No'}. {self.options[i][1]}"
        value = float(given)
        if not isfinite(value):
            raise ValueError(f"{given!r} is not a number")
        if abs(value - self.answer) <= self.within:
            return "Right."
        # a slip may be far larger than the answer, and is rounded by its own size
        near = [
            (abs(value - slip), words)
            for slip, words in self.slips
            if abs(value - slip) <= max(self.within, 0.01 * abs(slip))
        ]
        if near:
            return f"No. {min(near)[1]}"
        if value * self.answer < 0:
            return "No. The sign is wrong."
        percent = self.share and 0 < self.answer < 1
        if percent and abs(value - 100 * self.answer) <= 100 * self.within:
            return "No. That looks like percent; give a share."
        side = "large" if value > self.answer else "small"
        return f"No. {value:g} is too {side}, and by no slip that this sheet knows."


@dataclass(frozen=True)
class Slide:
    """A slide: a title, short lines, and a figure made when the deck is built."""

    title: str
    lines: tuple[str, ...] = ()
    figure: Callable[[], str] | None = None


@dataclass(frozen=True)
class Session:
    """What a session teaches; its app, hand-out, slides and sheets read it from here.

    `figure` draws what the question is asked of, where it is asked of a figure; wide for a slide.
    `data` is what the key figure of the hand-out computes from, ready for JSON.
    """

    number: int
    title: str
    minutes: int
    question: str
    answer: str
    goals: tuple[str, ...]
    exercises: tuple[Exercise, ...]
    reading: tuple[str, ...]
    slides: tuple[Slide, ...] = field(default=(), repr=False)
    figure: Callable[[bool], str] | None = field(default=None, repr=False)
    data: Callable[[], Any] | None = field(default=None, repr=False)


# --- figures ------------------------------------------------------------------------------
class Chart:
    """One panel: axes, lines, dots; `svg` has it as text, with words for who cannot see it."""

    def __init__(
        self,
        alt: str,
        x: tuple[float, float],
        y: tuple[float, float] = (0.0, 1.0),
        labels: tuple[str, str] = ("", ""),
        size: tuple[int, int] = (900, 430),
        title: str = "",
    ) -> None:
        self.alt, self.x, self.y, self.labels, self.size = alt, x, y, labels, size
        self.title, self.parts, self.legend = title, [], []
        small = size[0] < 450
        self.left, self.right = (58 if small else 84), 14
        self.top, self.bottom = (40 if title else 14), (36 if not labels[0] else 66)

    def at(self, x: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
        """Pixels of points; those outside the panel are put on its edge."""
        (x0, x1), (y0, y1), (w, h) = self.x, self.y, self.size
        across = np.clip((np.asarray(x, float) - x0) / (x1 - x0), 0, 1)
        up = np.clip((np.asarray(y, float) - y0) / (y1 - y0), 0, 1)
        px = self.left + across * (w - self.left - self.right)
        top = self.top + 32 * self._rows()
        return px, h - self.bottom - up * (h - self.bottom - top)

    def _rows(self) -> int:
        return -(-len(self.legend) // 3)

    def line(self, x: Any, y: Any, style: int = 0, label: str = "", width: float = 3) -> Chart:
        """Line in colour and dash number `style`."""
        if label:
            self.legend.append((style, label, "line"))
        self.parts.append(("line", np.asarray(x, float), np.asarray(y, float), style, width))
        return self

    def dots(self, x: Any, y: Any, style: int = 0, label: str = "", ends: Any = None) -> Chart:
        """Dots, with bars between `ends` (low, high) where given."""
        if label:
            self.legend.append((style, label, "dot"))
        self.parts.append(("dots", np.asarray(x, float), np.asarray(y, float), style, ends))
        return self

    def mark(self, x: float, words: str = "") -> Chart:
        """Upright line with a word at its top."""
        self.parts.append(("mark", x, words))
        return self

    def _draw(self, part: tuple) -> str:
        if part[0] == "mark":
            px, py = self.at([part[1]] * 2, self.y)
            return (
                f'<line x1="{px[0]:.1f}" x2="{px[0]:.1f}" y1="{py[0]:.1f}" y2="{py[1]:.1f}" '
                f'stroke="{QUIET}" stroke-dasharray="2 4" stroke-width="2"/>'
                f'<text x="{px[0] + 6:.1f}" y="{py[1] + 18:.1f}" fill="{QUIET}">'
                f"{escape(part[2])}</text>"
            )
        kind, x, y, style, extra = part
        px, py = self.at(x, y)
        colour, dash = COLOURS[style % 6], DASHES[style % 6]
        if kind == "line":
            points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(px, py, strict=True))
            return (
                f'<polyline points="{points}" fill="none" stroke="{colour}" '
                f'stroke-width="{extra}" stroke-dasharray="{dash}"/>'
            )
        out = ""
        if extra is not None:
            lows, highs = self.at(x, extra[0])[1], self.at(x, extra[1])[1]
            for a, low, high in zip(px, lows, highs, strict=True):
                out += (
                    f'<line x1="{a:.1f}" x2="{a:.1f}" y1="{low:.1f}" y2="{high:.1f}" '
                    f'stroke="{colour}" stroke-width="2"/>'
                )
        radius = 4 if self.size[0] < 450 else 6
        return out + "".join(
            f'<circle cx="{a:.1f}" cy="{b:.1f}" r="{radius}" fill="{colour}"/>'
            for a, b in zip(px, py, strict=True)
        )

    def _frame(self) -> str:
        (w, h), out = self.size, []
        for value in ticks(*self.x, most=4 if w < 450 else 7):
            px, py = self.at(value, self.y[0])
            out.append(
                f'<line x1="{px:.1f}" x2="{px:.1f}" y1="{py:.1f}" y2="{py + 6:.1f}" '
                f'stroke="{QUIET}"/><text x="{px:.1f}" y="{py + 25:.1f}" '
                f'text-anchor="middle">{value:g}</text>'
            )
        for value in ticks(*self.y, most=3 if h < 300 else 6):
            px, py = self.at(self.x[0], value)
            out.append(
                f'<line x1="{px:.1f}" x2="{w - self.right}" y1="{py:.1f}" y2="{py:.1f}" '
                f'stroke="{RULE}"/><text x="{px - 8:.1f}" y="{py + 6:.1f}" '
                f'text-anchor="end">{value:g}</text>'
            )
        middle = (self.left + w - self.right) / 2
        across = f'<text x="{middle:.0f}" y="{h - 10}" text-anchor="middle">'
        out.append(across + f"{escape(self.labels[0])}</text>")
        half = (h - self.bottom + self.top) / 2
        out.append(
            f'<text transform="translate(22 {half:.0f}) rotate(-90)" text-anchor="middle">'
            f"{escape(self.labels[1])}</text>"
        )
        if self.title:
            out.append(
                f'<text x="{self.left}" y="24" font-weight="600">{escape(self.title)}</text>'
            )
        for i, (style, label, kind) in enumerate(self.legend):
            x = self.left + 8 + (i % 3) * (w - self.left - self.right) / 3
            y = self.top + 14 + 27 * (i // 3)
            colour, dash = COLOURS[style % 6], DASHES[style % 6]
            sample = (
                f'<line x1="{x}" x2="{x + 38}" y1="{y}" y2="{y}" stroke="{colour}" '
                f'stroke-width="3" stroke-dasharray="{dash}"/>'
                if kind == "line"
                else f'<circle cx="{x + 19}" cy="{y}" r="6" fill="{colour}"/>'
            )
            out.append(f'{sample}<text x="{x + 46}" y="{y + 6}">{escape(label)}</text>')
        return "".join(out)

    def inner(self) -> str:
        """What stands inside the svg element."""
        return self._frame() + "".join(map(self._draw, self.parts))

    def svg(self) -> str:
        """The panel as one <svg> element."""
        return picture(self.alt, self.size, self.inner())


def picture(alt: str, size: tuple[int, int], inner: str) -> str:
    """An <svg> element that scales with the page, and its words."""
    return (
        f'<svg role="img" aria-label="{escape(alt)}" viewBox="0 0 {size[0]} {size[1]}" '
        f'style="width:100%;max-width:{size[0]}px;height:auto" '
        f'font-family="system-ui,sans-serif" font-size="{TYPE}" fill="{INK}" '
        f'xmlns="http://www.w3.org/2000/svg"><title>{escape(alt)}</title>{inner}</svg>'
    )


def panels(alt: str, charts: Sequence[Chart], columns: int) -> str:
    """Several panels of one size in one <svg> element."""
    w, h = charts[0].size
    rows = -(-len(charts) // columns)
    inner = "".join(
        f'<g transform="translate({(i % columns) * w} {(i // columns) * h})">{c.inner()}</g>'
        for i, c in enumerate(charts)
    )
    return picture(alt, (w * columns, h * rows), inner)


def sparks(
    alt: str, scores: np.ndarray, columns: int, struck: Any = (), cell: tuple[int, int] = (45, 40)
) -> str:
    """A small curve for each row of `scores` (curves, m), on one scale; `struck` ones stand out."""
    w, h = cell
    across = np.linspace(3, w - 5, scores.shape[1])
    low, high = scores.min(), max(scores.max(), scores.min() + 1e-9)
    struck, out = set(np.asarray(struck, int).tolist()), []
    for i, row in enumerate(scores):
        x0, y0 = (i % columns) * w, (i // columns) * h
        points = " ".join(
            f"{x0 + a:.1f},{y0 + h - 5 - (s - low) / (high - low) * (h - 10):.1f}"
            for a, s in zip(across, row, strict=True)
        )
        hit = i in struck
        if hit:
            out.append(f'<rect x="{x0}" y="{y0}" width="{w - 2}" height="{h - 2}" fill="#fdeadf"/>')
        out.append(
            f'<polyline points="{points}" fill="none" stroke="{COLOURS[1] if hit else QUIET}" '
            f'stroke-width="{3 if hit else 1.5}"/>'
        )
    rows = -(-len(scores) // columns)
    return picture(alt, (w * columns, h * rows), "".join(out))


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round numbers between two, no more than `most`."""
    for step in (f * 10.0**e for e in range(-4, 6) for f in (1, 2, 2.5, 5)):
        first = np.ceil(low / step - 1e-9)
        found = step * np.arange(first, np.floor(high / step + 1e-9) + 1)
        if len(found) <= most:
            return [float(round(v, 6)) + 0.0 for v in found]
    return []


# --- computations that two pages need -----------------------------------------------------
def separation(scores: np.ndarray) -> np.ndarray:
    """(curves,) by how much all models after some gap beat all before it; of scores (curves, m).

    Taken at the gap where it is largest; below 0 where no gap parts the models in two.
    """
    before = np.maximum.accumulate(scores, axis=1)[:, :-1]
    after = np.minimum.accumulate(scores[:, ::-1], axis=1)[:, ::-1][:, 1:]
    return (after - before).max(1)


def leaps(scores: np.ndarray, least: float) -> np.ndarray:
    """Places of the curves (curves, m) that part in two by `least` or more, but for rounding."""
    return np.flatnonzero(separation(scores) >= least - 1e-9)


def noisy_scores(
    skill: Any, curves: int, n: int, sigma: float, length: int = 1, seed: Any = 0
) -> np.ndarray:
    """(curves, m) exact match on n answers of models of that skill (m,) and noise between them."""
    rng = np.random.default_rng(seed)
    skill = np.broadcast_to(skill, (curves, np.shape(skill)[-1]))
    s = skill + sigma * rng.standard_normal(skill.shape)
    return rng.binomial(n, np.exp(-length * np.exp(-s))) / n


def controls(mo: Any, *elements: Any) -> Any:
    """Sliders and the like, two in a row and under each other."""
    rows = [
        mo.hstack(elements[i : i + 2], justify="start", gap=2, widths=[1, 1])
        for i in range(0, len(elements), 2)
    ]
    return mo.vstack(rows)


def widget(exercise: Exercise, mo: Any) -> Any:
    """What a student answers with in an app."""
    label = f"Answer {exercise.name}"
    if exercise.options:
        return mo.ui.radio([text for text, _ in exercise.options], label=label)
    return mo.ui.text(placeholder="a number", label=label)


def reply(exercise: Exercise, given: Any, mo: Any) -> Any:
    """What is said to an answer, or to something that is none."""
    try:
        words = exercise.check(given)
    except ValueError:
        words = f"{escape(repr(given))} is not a number; write 0.25, not 1/4, 25 % or 0,25."
    kind = "success" if words.startswith("Right") else "warn"
    return mo.callout(mo.md(words), kind=kind) if words else mo.md("")


def sheet(session: Session, widgets: Any, mo: Any) -> Any:
    """The exercises of a session with their replies and folded solutions."""
    rows = []
    for exercise, box in zip(session.exercises, widgets, strict=True):
        mark = "mark" if exercise.marks == 1 else "marks"
        rows += [
            mo.md(f"**{exercise.name}** ({exercise.marks} {mark}) {exercise.question}"),
            box,
            reply(exercise, box.value, mo),
            mo.accordion({f"Solution {exercise.name}": mo.md(exercise.solution)}),
        ]
    return mo.vstack(rows)


def opening(session: Session, mo: Any) -> Any:
    """Title, question and goals, in this order: a question first."""
    goals = "\n".join(f"- {goal}" for goal in session.goals)
    return mo.vstack(
        [
            mo.md(f"# {session.number}. {session.title}"),
            mo.callout(mo.md(f"**A question first.** {session.question}"), kind="info"),
            mo.accordion({f"Goals ({session.minutes} minutes)": mo.md(goals)}),
        ]
    )


def closing(session: Session, mo: Any) -> Any:
    """Reading list."""
    return mo.md("## Reading\n\n" + "\n".join(f"- {entry}" for entry in session.reading))
