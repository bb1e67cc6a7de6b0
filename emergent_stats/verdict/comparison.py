"""Compare the accounts of a curve: `compare(curve)` → `Comparison` with a verdict."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from textwrap import wrap
from typing import Any

import numpy as np

from emergent_stats.model.curve import MIN_SCALES, Curve
from emergent_stats.model.trends import ACCOUNTS
from emergent_stats.results.showing import picture
from emergent_stats.verdict.decision import THRESHOLDS, Thresholds
from emergent_stats.verdict.graded import lean, sentence
from emergent_stats.verdict.words import probability, probability_is, with_kind

_COLUMNS = 80
#: Most sentences on priors that turn the verdict.
_MOST_FLIPS = 4

#: Columns of one row of output, in the order of the command line's contract.
ROW = (
    "study", "family", "task", "metric", "shots", "seed", "axis", "m",
    "verdict", "kind", "reason",
    "p_flat", "p_gradual", "p_onset", "p_jump", "p_falls", "log_bf", "log_bf_error",
    "p_cal", "power", "robust",
    "at_low", "at_high", "width_low", "width_high", "height_low", "height_high",
    "apparent_jump", "warnings", "lean", "summary", "rise_low", "rise_high", "largest_gap",
    "confirmed",
)  # fmt: skip

# numbers of a row that are rounded, and their decimals
_MEANT = (
    "log_bf", "log_bf_error", "at_low", "at_high", "width_low", "width_high", "height_low",
    "height_high", "rise_low", "rise_high",
)  # fmt: skip
_DIGITS = 4
_ARRAYS = ("axis_values", "score", "n", "stderr")


@dataclass(frozen=True, eq=False)
class Comparison:
    """Verdict on one curve, with everything it rests on.

    Attributes
    ----------
    curve : Curve
    verdict : {"real", "artefact", "gradual", "flat", "falls", "undecided"}
    kind : str or None
        Which break, if the verdict is `real`: jump, onset or unresolved. Which
        shape, if it is `falls`: decline, drop, hump or u_shape. What else it may
        be, if skill does not break and one account alone is not probable enough:
        or_flat, or_gradual, or_falls, or_falls_or_flat, or_falls_or_gradual.
    reason : str
        Why, in words.
    p_flat, p_gradual, p_onset, p_jump, p_falls : float
        Probability of each account, equal before the data, summing to 1; NaN if not analysed.
    log_bf, log_bf_error : float
        Natural log Bayes factor of real (jump or onset) against gradual, and
        its numerical error.
    p_second : float
        Probability of jump or onset on the logit scale of skill (NaN if the
        verdict did not need it).
    p_cal, power : float or None
        From simulation (`calibration`), None without it.
    powers : dict
        Power at reference heights in nats.
    robust : bool
        The verdict survives halving or doubling any one prior of the grid.
    at : (low, high)
        90 % interval of the break's location: log10 of the axis (loss itself for a loss).
    width, height : (low, high)
        90 % intervals of the transition's 10–90 % width (decades) and height (nats);
        NaN where the break found is an onset.
    apparent_jump : bool
        The score itself looks like a jump: half of its rise or more within one gap.
    rise : (low, high)
        90 % interval of what the expected score gains from the first scale to the last, over all
        accounts, in units of the score (a loss that falls gains less than nothing).
    largest_gap : str
        Between which neighbouring scales the score changes most.
    confirmed : bool or None
        Of a verdict `real` that was simulated: fewer simulated gradual series look as broken
        than `Thresholds.p_cal`.
    warnings : tuple of str
    hypotheses : tuple of dict
        One row per hypothesis: name, account, log_evidence, error, probability,
        effective nodes, warnings.
    sensitivity : tuple of dict
        One row per cell of the grid: slope, height and jump-width factors and the
        probabilities of the accounts.
    bands : dict
        Per account: x (axis units) and low, mid, high of expected score and skill.
    thresholds : Thresholds
        What the verdict was held against.
    """

    curve: Curve
    verdict: str
    kind: str | None
    reason: str
    robust: bool = False
    p_flat: float = float("nan")
    p_gradual: float = float("nan")
    p_onset: float = float("nan")
    p_jump: float = float("nan")
    p_falls: float = float("nan")
    log_bf: float = float("nan")
    log_bf_error: float = float("nan")
    p_second: float = float("nan")
    p_cal: float | None = None
    power: float | None = None
    powers: Mapping[str, float] = field(default_factory=dict)
    at: tuple[float, float] = (float("nan"), float("nan"))
    width: tuple[float, float] = (float("nan"), float("nan"))
    height: tuple[float, float] = (float("nan"), float("nan"))
    apparent_jump: bool = False
    rise: tuple[float, float] = (float("nan"), float("nan"))
    largest_gap: str | None = None
    confirmed: bool | None = None
    warnings: tuple[str, ...] = ()
    hypotheses: tuple[dict[str, Any], ...] = ()
    sensitivity: tuple[dict[str, float], ...] = ()
    bands: Mapping[str, Mapping[str, np.ndarray]] = field(default_factory=dict)
    thresholds: Thresholds = THRESHOLDS

    def __post_init__(self) -> None:
        p = [getattr(self, f"p_{account}") for account in ACCOUNTS]
        if not np.isnan(p).all() and not abs(sum(p) - 1.0) < 1e-9:
            raise AssertionError(f"probabilities of the accounts sum to {sum(p)!r}, not 1")

    @property
    def p_real(self) -> float:
        """Probability of a jump or an onset."""
        return self.p_onset + self.p_jump

    @property
    def lean(self) -> str | None:
        """Which account is most probable, and its odds against the next, in words too."""
        return lean(self)

    @property
    def summary(self) -> str:
        """One sentence on the verdict for a paper."""
        return sentence(self)

    def row(self) -> dict[str, Any]:
        """One row of the command line's output: the columns of `ROW`, None where not applicable.

        Numbers have the digits that mean something: evidences are exact to some hundredths of a
        nat, intervals to a few digits. Probabilities have six decimals and still sum to 1.
        """
        curve = self.curve
        values: dict[str, Any] = {
            "study": curve.key.get("study"),
            "family": curve.key.get("family"),
            "task": curve.key.get("task"),
            "metric": curve.metric,
            "shots": curve.key.get("shots"),
            "seed": curve.key.get("seed"),
            "axis": curve.axis,
            "m": curve.m,
            "warnings": "; ".join(self.warnings) or None,
        }
        for name in ("at", "width", "height", "rise"):
            values[f"{name}_low"], values[f"{name}_high"] = getattr(self, name)
        for name in ROW:
            if name not in values:
                values[name] = getattr(self, name)
        for name in _MEANT:
            if values[name] is not None and np.isfinite(values[name]):
                values[name] = round(float(values[name]), _DIGITS)
        return {name: _plain(values[name]) for name in ROW} | self._rounded()

    def _rounded(self) -> dict[str, float | None]:
        """Probabilities of the accounts to six decimals; the largest takes what is left of 1."""
        p = {f"p_{account}": getattr(self, f"p_{account}") for account in ACCOUNTS}
        if not np.isfinite(list(p.values())).all():
            return dict.fromkeys(p)
        top = max(p, key=lambda name: p[name])
        rounded = {name: round(value, 6) for name, value in p.items()}
        rest = sum(value for name, value in rounded.items() if name != top)
        return rounded | {top: round(1.0 - rest, 6)}

    @property
    def text(self) -> str:
        """Verdict, reason and numbers as plain text, at most 80 columns wide."""
        return comparison_text(self)

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        likely = f", {self.lean}" if self.verdict == "undecided" and self.lean else ""
        return f"<Comparison {self.title}: {verdict_words(self)}{likely}>"

    @property
    def title(self) -> str:
        """Name of the series in a line, with the number of its models."""
        return _title(self)

    def _repr_html_(self) -> str:
        return comparison_html(self)

    # --- JSON ------------------------------------------------------------------------
    def to_json(self, path: str | Path | None = None) -> str:
        """Return the comparison as JSON text, and write it to `path` if given (atomically)."""
        data = {f.name: getattr(self, f.name) for f in fields(self)}
        data["curve"] = {f.name: getattr(self.curve, f.name) for f in fields(self.curve)}
        data["thresholds"] = asdict(self.thresholds)
        text = json.dumps(_jsonable(data), ensure_ascii=False, indent=1, allow_nan=False)
        if path is not None:
            from emergent_stats.results.files import write_bytes

            write_bytes(Path(path), text.encode())
        return text

    @classmethod
    def from_json(cls, source: str | Path) -> Comparison:
        """Comparison from the text or file that `to_json` wrote; equal to the original.

        Raises
        ------
        ResultsError
            If the file cannot be read, or holds something else.
        """
        from emergent_stats.results.files import ResultsError

        try:
            text = source.read_text("utf-8") if isinstance(source, Path) else source
            return cls._from_data(json.loads(text))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            where = source if isinstance(source, Path) else "text"
            why = f"is not a comparison that `to_json` wrote ({error}); write it again"
            raise ResultsError(f"{where}: {why}") from None

    @classmethod
    def _from_data(cls, data: dict[str, Any]) -> Comparison:
        curve = dict(data.pop("curve"))
        for name in _ARRAYS:
            curve[name] = np.array([_number(v) for v in curve[name]])
        for name in ("chance", "answer_tokens"):
            curve[name] = _number(curve[name])
        for name in ("models", "warnings"):
            curve[name] = tuple(curve[name])
        for name in (*(f"p_{a}" for a in ACCOUNTS), "p_second", "log_bf", "log_bf_error"):
            data[name] = _number(data[name])
        for name in ("at", "width", "height", "rise"):
            data[name] = tuple(_number(v) for v in data[name])
        data["warnings"] = tuple(data["warnings"])
        data["hypotheses"] = tuple(
            {k: _number(v) if v is None else v for k, v in row.items()}
            for row in data["hypotheses"]
        )
        data["sensitivity"] = tuple(data["sensitivity"])
        data["bands"] = {
            account: {k: np.array([_number(v) for v in values]) for k, values in band.items()}
            for account, band in data["bands"].items()
        }
        data["thresholds"] = Thresholds(**data["thresholds"])
        return cls(curve=Curve(**curve), **data)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Comparison) and self.to_json() == other.to_json()

    __hash__ = None  # type: ignore[assignment]


def _number(value: Any) -> float:
    return float("nan") if value is None else value


def _plain(value: Any) -> Any:
    """Return a plain Python value; None for NaN."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value


def _jsonable(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _jsonable(v) for k, v in value.items()}
    if isinstance(value, np.ndarray):
        return [_jsonable(v) for v in value.tolist()]
    if isinstance(value, list | tuple):
        return [_jsonable(v) for v in value]
    return _plain(value)


def comparison_text(c: Comparison) -> str:
    """Verdict, reason, probabilities, the transition, hypotheses and warnings; 80 columns."""
    lines = [_title(c), ""]
    lines += wrap(f"{verdict_words(c)}: {c.reason}", _COLUMNS, subsequent_indent="  ")
    if c.verdict == "undecided" and c.lean:
        lines.append(f"  leans to {c.lean}")
    lines += wrap(what_would_decide(c), _COLUMNS, subsequent_indent="  ", initial_indent="  ")
    if not np.isfinite(c.p_flat):
        return "\n".join([*lines, *_warnings(c)])
    lines.append("")
    for account in ACCOUNTS:
        p = getattr(c, f"p_{account}")
        of = f"P({account})"
        lines.append(f"  {of:<11} {probability(p):>5}  {'█' * round(40 * p)}".rstrip())
    lines += [
        "",
        f"  log Bayes factor, break against gradual: {c.log_bf:+.2f} ± {c.log_bf_error:.2f}",
    ]
    lines += [f"  {line}" for line in _details(c)]
    lines += _sensitivity(c)
    lines += ["", "  hypothesis        account   log evidence   error  probability"]
    for h in c.hypotheses:
        lines.append(
            f"  {h['hypothesis']:<17} {h['account']:<9} {h['log_evidence']:12.2f} "
            f"{h['error']:7.2f} {probability(h['probability']):>12}  {h['warning']}".rstrip()
        )
    return "\n".join([*lines, *_warnings(c)])


def what_would_decide(c: Comparison) -> str:
    """Cheapest addition that would decide an undecided series; empty for all others."""
    if c.verdict != "undecided":
        return ""
    if not c.bands:
        return _what_would_show(c)
    from emergent_stats.verdict.advice import MOST_RUNS, can_plan, cheapest

    if not can_plan(c):
        return ""
    found = cheapest(c)
    if found is None:
        return (
            f"nothing affordable decides it: by the planning formula, no addition up to "
            f"{MOST_RUNS} model runs in all would"
        )
    return f"to decide it, add {found} (by the planning formula)"


def _what_would_show(c: Comparison) -> str:
    """What a series needs before it can be analysed at all."""
    missing = MIN_SCALES - c.curve.n_scales
    if missing > 0:
        return f"to analyse it at all, add models at {missing} more scales or more"
    if c.reason.startswith("floor"):
        return "larger models, or a metric that gives partial credit, would show something"
    return ""


def verdict_words(c: Comparison) -> str:
    """The verdict and its kind."""
    return with_kind(c.verdict, c.kind)


def _title(c: Comparison) -> str:
    key = c.curve.key
    shots = key.get("shots")
    parts = [key.get("study"), key.get("family"), key.get("task"), c.curve.metric]
    title = " / ".join(str(p) for p in parts if p)
    return title + (f", {shots}-shot" if shots is not None else "") + f", {c.curve.m} models"


def _details(c: Comparison) -> Iterator[str]:
    real = [row["onset"] + row["jump"] for row in c.sensitivity]
    if np.isfinite(c.rise).all():
        yield f"expected score, first to last scale: {c.rise[0]:+.3g} to {c.rise[1]:+.3g} (90 %)"
    yield f"P(break) over the sensitivity grid: {min(real):.2f} to {max(real):.2f}"
    if np.isfinite(c.p_second):
        yield probability_is("P(break) on the logit scale of skill", c.p_second)
    axis, wide = c.curve.scale_axis, bool(np.isfinite(c.width[0]))
    unit = "10^" if axis.logarithmic else ""
    low, high = (axis.label(v) if axis.dated else f"{unit}{v:.2f}" for v in map(float, c.at))
    taken = f"taken as {'a transition' if wide else 'an onset'}:"
    yield f"{'break' if c.verdict == 'real' else taken} at {c.curve.axis} {low} to {high} (90 %)"
    if wide:
        yield f"transition {c.width[0]:.2f} to {c.width[1]:.2f} {axis.spans} wide (90 %), " + (
            f"{c.height[0]:.1f} to {c.height[1]:.1f} nats high"
        )
    if c.p_cal is not None:
        found = "" if c.power is None else f"; power {c.power:.2f}"
        yield f"simulated gradual series as broken: {c.p_cal:.3f}{found}"
    for height, power in c.powers.items():
        yield f"power for a jump of {height} nats: {power:.2f}"


def _sensitivity(c: Comparison) -> Iterator[str]:
    """P(break) in every cell of the grid, and which priors would turn the verdict."""
    from emergent_stats.verdict.sensitivity import FACTORS, flip_words, flips

    known = {(r["slope"], r["height"], r["width"]): r["onset"] + r["jump"] for r in c.sensitivity}
    widths = [w for w in FACTORS if any(cell[2] == w for cell in known)]
    if len(known) < 2:
        return
    jump = c.thresholds.jump_width
    axis = c.curve.scale_axis
    gap = " " * 3
    yield ""
    heads = gap.join(f"{f'a jump ≤ {jump * w:g} {axis.short}':<16}" for w in widths)
    yield f"  {'P(break), prior of':<23}{heads}".rstrip()
    marks = {0.5: "½", 1.0: "1", 2.0: "2"}
    block = "  ".join(f"{marks[h]:>4}" for h in FACTORS)
    yield f"  {'heights × … (across)':<23}{gap.join(block for _ in widths)}"
    for slope in FACTORS:
        blocks = [
            "  ".join(f"{probability(known.get((slope, h, w))):>4}" for h in FACTORS)
            for w in widths
        ]
        yield f"  {f'slopes × {marks[slope]}':<23}{gap.join(blocks)}"
    turned = flips(c.sensitivity, c.thresholds.probability)
    for flip in turned[:_MOST_FLIPS]:
        yield from wrap(
            f"  {axis.in_words(flip_words(flip))}",
            _COLUMNS,
            subsequent_indent="    ",
            break_on_hyphens=False,
        )
    if len(turned) > _MOST_FLIPS:
        yield f"  and {len(turned) - _MOST_FLIPS} more changes of several priors at once"
    if not turned:
        yield "  no prior of the grid turns the probabilities to another verdict"


def _warnings(c: Comparison) -> list[str]:
    lines = []
    for warning in c.warnings:
        lines += wrap(f"  note: {warning}", _COLUMNS, subsequent_indent="        ")
    return ["", *lines] if lines else []


def comparison_html(c: Comparison) -> str:
    """Verdict, reason, the picture (else the probabilities) and the warnings as HTML, escaped."""
    rows = "".join(
        f"<tr><td>{a}</td><td>{html.escape(probability(getattr(c, f'p_{a}')))}</td></tr>"
        for a in ACCOUNTS
    )
    table = f"<table><tr><th>account</th><th>probability</th></tr>{rows}</table>"
    notes = "".join(f"<li>{html.escape(w)}</li>" for w in c.warnings)
    # the picture has the reason in it
    shown = picture(c) or f"<p>{html.escape(c.reason)}</p>{table}"
    return f"<p><b>{html.escape(c.title)}: {html.escape(verdict_words(c))}</b></p>{shown}" + (
        f"<ul>{notes}</ul>" if notes else ""
    )
