"""What the atlas says of one series: a line of the list, and the page of the series.

Places in a plot are whole numbers from 0 to `SPAN` across its window, so that
the page draws them without knowing any axis and 5,000 series stay small.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import numpy as np

from emergent_stats.model.curve import Curve
from emergent_stats.model.trends import ACCOUNTS, BREAKS
from emergent_stats.results.checkpoints import thinned
from emergent_stats.verdict.comparison import Comparison, what_would_decide
from emergent_stats.verdict.words import probability, scale_range

#: Steps across the window of a plot.
SPAN = 1000
#: Letters of a thumbnail: one is a place from 0 to 63.
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
#: Places along the axis of the band in a thumbnail and in a plot; most points of a thumbnail.
_THUMB_BAND, _PLOT_BAND, _THUMB_POINTS = 12, 41, 32
#: Accounts less probable than this are not drawn.
_SHOWN = 0.01
#: A proportion above this is drawn up to 1.
_NEAR_TOP = 0.6
#: Most ticks along an axis.
_TICKS = 6


@dataclass(frozen=True)
class Entry:
    """A series, its row of output, and what else is known of it (nothing, from a table).

    Attributes
    ----------
    curve : Curve
        As it was analysed: checkpoints thinned.
    row : mapping
        Columns of `comparison.ROW`.
    """

    curve: Curve
    row: Mapping[str, Any]
    bands: Mapping[str, Mapping[str, np.ndarray]] = field(default_factory=dict)
    sensitivity: Sequence[Mapping[str, float]] = ()
    hypotheses: Sequence[Mapping[str, Any]] = ()
    advice: str = ""

    @classmethod
    def of(cls, c: Comparison) -> Entry:
        """Entry of a comparison."""
        advice = what_would_decide(c)
        return cls(c.curve, c.row(), c.bands, c.sensitivity, c.hypotheses, advice)

    @classmethod
    def read(cls, curve: Curve, row: Mapping[str, Any]) -> Entry:
        """Entry of a row of a table of verdicts."""
        return cls(thinned(curve), row)

    @property
    def p_break(self) -> float | None:
        """Probability of a jump or an onset; None if not analysed."""
        p = [self.row[f"p_{account}"] for account in BREAKS]
        return None if None in p else round(sum(p), 4)


def identity(curve: Curve) -> str:
    """Name of a series in addresses: ten hexadecimal digits that follow from its key and axis."""
    key = [*map(curve.key.get, ("study", "family", "task", "shots", "seed"))]
    text = json.dumps([*key, curve.metric, curve.axis])
    return blake2b(text.encode(), digest_size=5).hexdigest()


def command(curve: Curve, source: str, seed: int) -> str:
    """Command that gives the verdict on a series of a study or file again."""
    key = curve.key
    words = ["emergent-stats", "test", source]
    for name in ("family", "task"):
        words += [f"--{name}", str(key[name])]
    words += ["--metric", curve.metric]
    words += [] if key.get("shots") is None else ["--shots", str(key["shots"])]
    words += ["--seed", str(seed)] if seed else []
    return shlex.join(words)


# --- plots -------------------------------------------------------------------------------
@dataclass(frozen=True)
class Window:
    """Stretch of both axes that a plot shows, and the transform of the score."""

    x: tuple[float, float]
    y: tuple[float, float]
    logarithmic: bool

    @classmethod
    def around(cls, entry: Entry) -> Window:
        """Room for all points, their intervals and the middles of the bands that are shown."""
        curve = entry.curve
        logarithmic = curve.metric == "perplexity"
        low, high = curve.intervals()
        mids = [np.asarray(entry.bands[a]["score_mid"]) for a in shown(entry)]
        known = [curve.chance] if np.isfinite(curve.chance) else []
        seen = np.concatenate([curve.score, low, high, known, *mids])
        bounded = not curve.metric_object.continuous
        if logarithmic:
            seen = np.log10(seen[seen > 0])
        bottom, top = float(seen.min()), float(seen.max())
        room = 0.04 * max(top - bottom, 0.02)
        if bounded:
            bottom, top = min(bottom, 0.0), max(top, 1.0 if top > _NEAR_TOP else top + room)
        else:
            bottom, top = bottom - room, top + room
        reach = 0.03 * max(curve.x[-1] - curve.x[0], 0.1)
        return cls((curve.x[0] - reach, curve.x[-1] + reach), (bottom, top), logarithmic)

    def across(self, x: Any) -> list[int]:
        """Places of values of `Curve.x`."""
        return _places(np.asarray(x, float), *self.x)

    def up(self, score: Any) -> list[int]:
        """Places of scores."""
        score = np.asarray(score, float)
        if self.logarithmic:
            score = np.log10(np.maximum(score, 1e-300))
        return _places(score, *self.y)


def _places(values: np.ndarray, low: float, high: float) -> list[int]:
    # a band can leave the window, though not by much
    share = np.clip((values - low) / (high - low), -0.5, 1.5)
    return np.rint(SPAN * share).astype(int).tolist()


def shown(entry: Entry) -> list[str]:
    """Accounts whose bands are drawn, the most probable last, so that it lies on top."""
    p = {a: entry.row[f"p_{a}"] for a in ACCOUNTS if a in entry.bands}
    return sorted((a for a in p if (p[a] or 0) >= _SHOWN), key=lambda a: p[a])


def _band(entry: Entry, account: str, window: Window, count: int) -> dict[str, list[int]]:
    band = entry.bands[account]
    at = np.rint(np.linspace(0, len(band["x"]) - 1, count)).astype(int)
    places = {
        name: window.up(np.asarray(band[f"score_{name}"])[at]) for name in ("low", "mid", "high")
    }
    return {"x": window.across(entry.curve.scale_axis.x(np.asarray(band["x"])[at])), **places}


def thumbnail(entry: Entry) -> list[str]:
    """Points and the band of the most probable account in letters, and that account's name."""
    window, curve = Window.around(entry), entry.curve
    at = np.unique(np.linspace(0, curve.m - 1, min(curve.m, _THUMB_POINTS)).round().astype(int))
    points = zip(window.across(curve.x[at]), window.up(curve.score[at]), strict=True)
    text = "".join(_letter(v) for pair in points for v in pair)
    for account in shown(entry)[-1:]:
        band = _band(entry, account, window, _THUMB_BAND)
        return [text, "".join(_letter(v) for name in band for v in band[name]), account]
    return [text, "", ""]


def _letter(place: int) -> str:
    return LETTERS[min(max(round(place * (len(LETTERS) - 1) / SPAN), 0), len(LETTERS) - 1)]


def _plot(entry: Entry) -> dict[str, Any]:
    window, curve = Window.around(entry), entry.curve
    low, high = curve.intervals()
    axis = curve.scale_axis
    across = _decades if axis.logarithmic else even_ticks
    ticks = [(x, axis.label(float(axis.value(x)))) for x in across(*window.x, _TICKS)]
    upward = _decades if window.logarithmic else even_ticks
    up = [(y, f"{10**y if window.logarithmic else y:.4g}") for y in upward(*window.y, _TICKS)]
    chance = curve.chance if np.isfinite(curve.chance) and curve.chance > 0 else None
    return {
        "x": window.across(curve.x),
        "y": window.up(curve.score),
        "low": window.up(low),
        "high": window.up(high),
        "bands": [[a, _band(entry, a, window, _PLOT_BAND)] for a in shown(entry)],
        "across": [[place, said] for (_, said), place in _placed(ticks, window.x)],
        "up": [[place, said] for (_, said), place in _placed(up, window.y)],
        "chance": None if chance is None else window.up([chance])[0],
        "words": axis.words,
    }


def _placed(ticks: list[tuple[float, str]], ends: tuple[float, float]) -> Any:
    return zip(ticks, _places(np.array([v for v, _ in ticks]), *ends), strict=True)


def _decades(low: float, high: float, most: int) -> list[float]:
    """Logarithms of round numbers between two logarithms, no more than `most`."""
    powers = range(int(np.floor(low)), int(np.ceil(high)) + 1)
    best: list[float] = []
    for digits in ((1,), (1, 3), (1, 2, 5), tuple(range(1, 10)), tuple(np.arange(1, 10, 0.1))):
        found = [p + float(np.log10(d)) for p in powers for d in digits]
        found = [v for v in found if low <= v <= high]
        if digits == (1,) and len(found) > most:
            return found[:: -(-len(found) // most)]
        if len(found) > most:
            break
        best = found or best
    return best or even_ticks(low, high, most)


def even_ticks(low: float, high: float, most: int) -> list[float]:
    """Round, evenly spaced numbers between two numbers, no more than `most`.

    Examples
    --------
    >>> even_ticks(0, 0.83, 6)
    [0.0, 0.2, 0.4, 0.6, 0.8]
    """
    span = max(high - low, 1e-12)
    for power in range(int(np.floor(np.log10(span))) - 2, int(np.ceil(np.log10(span))) + 2):
        for digit in (1, 2, 5):
            step = digit * 10.0**power
            first, last = int(np.ceil(low / step - 1e-9)), int(np.floor(high / step + 1e-9))
            if last - first + 1 <= most:
                return [round(step * i, 12) for i in range(first, last + 1)]
    return [low, high]


# --- records -----------------------------------------------------------------------------
def line(entry: Entry) -> list[Any]:
    """Line of the list: as `site.LINE` names its parts."""
    row, curve = entry.row, entry.curve
    rise = row["rise_low"], row["rise_high"]
    middle = None if None in rise else round(0.5 * (rise[0] + rise[1]), 4)
    return [
        identity(curve), row["study"], row["family"], row["task"], row["metric"], row["shots"],
        row["seed"], curve.scale_axis.words, row["m"], row["verdict"], row["kind"], row["lean"],
        row["reason"], entry.p_break, middle, thumbnail(entry),
    ]  # fmt: skip


def page(entry: Entry, source: str, seed: int) -> dict[str, Any]:
    """Everything the page of a series shows."""
    row, curve = entry.row, entry.curve
    points = zip(curve.models, curve.axis_values, curve.score, *curve.intervals(), strict=True)
    axis = curve.scale_axis
    return {
        "id": identity(curve),
        "row": {name: value for name, value in row.items() if value is not None},
        "plot": _plot(entry),
        "points": [
            [model, axis.label(float(scale)), f"{score:.4g}", *_interval(low, high)]
            for model, scale, score, low, high in points
        ],
        "n": _examples(curve),
        "at": f"{scale_range(curve, _ends(row, 'at'))} {axis.unit}".strip(),
        "spans": axis.spans,
        "accounts": [[a, row[f"p_{a}"]] for a in ACCOUNTS],
        "sensitivity": [
            [r["slope"], r["height"], r["width"], round(r["onset"] + r["jump"], 4)]
            for r in entry.sensitivity
        ],
        "hypotheses": [
            [h["hypothesis"], h["account"], *(f"{h[k]:.2f}" for k in ("log_evidence", "error")),
             probability(h["probability"])]
            for h in entry.hypotheses
        ],
        "advice": entry.advice,
        "command": command(curve, source, seed),
    }  # fmt: skip


def _interval(low: float, high: float) -> list[str]:
    """Ends of the interval of a score; dashes where its error is unknown."""
    return [f"{v:.4g}" if high > low else "–" for v in (low, high)]


def _ends(row: Mapping[str, Any], name: str) -> tuple[float, float]:
    ends = [row[f"{name}_{end}"] for end in ("low", "high")]
    low, high = (float("nan") if v is None else float(v) for v in ends)
    return low, high


def _examples(curve: Curve) -> str:
    """Published examples per score, in words; empty where none are given."""
    n = curve.n[np.isfinite(curve.n)]
    if not n.size:
        return ""
    low, high = (f"{v:,.0f}" for v in (n.min(), n.max()))
    return low if low == high else f"{low} to {high}"
