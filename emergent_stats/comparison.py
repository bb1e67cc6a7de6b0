"""Compare the accounts of a curve: `compare(curve)` → `Comparison` with a verdict."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from emergent_stats.curve import Curve
from emergent_stats.decision import THRESHOLDS, Thresholds
from emergent_stats.trends import ACCOUNTS

#: Columns of one row of output, in the order of the command line's contract.
ROW = (
    "study", "family", "task", "metric", "shots", "seed", "axis", "m",
    "verdict", "kind", "reason",
    "p_flat", "p_gradual", "p_onset", "p_jump", "p_falls", "log_bf", "log_bf_error",
    "p_cal", "power", "robust",
    "at_low", "at_high", "width_low", "width_high", "height_low", "height_high",
    "apparent_jump", "warnings",
)  # fmt: skip

# numbers of a row that are rounded, and their decimals
_MEANT = (
    "log_bf", "log_bf_error", "at_low", "at_high", "width_low", "width_high", "height_low",
    "height_high",
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
        shape, if it is `falls`: decline, drop, hump or u_shape.
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
        for name in ("at", "width", "height"):
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
        from emergent_stats.wording import comparison_text

        return comparison_text(self)

    def __str__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        from emergent_stats.wording import comparison_html

        return comparison_html(self)

    # --- JSON ------------------------------------------------------------------------
    def to_json(self, path: str | Path | None = None) -> str:
        """Return the comparison as JSON text, and write it to `path` if given (atomically)."""
        data = {f.name: getattr(self, f.name) for f in fields(self)}
        data["curve"] = {f.name: getattr(self.curve, f.name) for f in fields(self.curve)}
        data["thresholds"] = asdict(self.thresholds)
        text = json.dumps(_jsonable(data), ensure_ascii=False, indent=1, allow_nan=False)
        if path is not None:
            from emergent_stats.tables import write_bytes

            write_bytes(Path(path), text.encode())
        return text

    @classmethod
    def from_json(cls, source: str | Path) -> Comparison:
        """Comparison from the text or file that `to_json` wrote; equal to the original."""
        text = source.read_text("utf-8") if isinstance(source, Path) else source
        data = json.loads(text)
        curve = dict(data.pop("curve"))
        for name in _ARRAYS:
            curve[name] = np.array([_number(v) for v in curve[name]])
        for name in ("chance", "answer_tokens"):
            curve[name] = _number(curve[name])
        for name in ("models", "warnings"):
            curve[name] = tuple(curve[name])
        for name in (
            "p_flat",
            "p_gradual",
            "p_onset",
            "p_jump",
            "p_falls",
            "log_bf",
            "log_bf_error",
            "p_second",
        ):
            data[name] = _number(data[name])
        for name in ("at", "width", "height"):
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


def compare(
    curve: Curve,
    *,
    calibrate: int = 0,
    seed: int = 0,
    thresholds: Thresholds = THRESHOLDS,
    progress: Callable[[int, int], None] | None = None,
) -> Comparison:
    """Weigh the accounts of one curve and reach a verdict.

    Parameters
    ----------
    curve : Curve
    calibrate : int
        Number of gradual series to simulate on this design for `p_cal` (and a
        eighth as many per height for power); 0 for none. They are simulated
        only where a verdict other than `undecided` is at stake.
    seed : int
        Of everything random; the same seed gives the same numbers.
    thresholds : Thresholds
        What a verdict needs.
    progress : callable, optional
        Called as progress(done, total) while simulating.

    Returns
    -------
    Comparison

    Examples
    --------
    >>> from emergent_stats import Curve, compare
    >>> curve = Curve([1e8, 1e9, 1e10], [0.0, 0.1, 0.7], "exact_match", n=200)
    >>> compare(curve).verdict
    'undecided'
    """
    from emergent_stats.collection import compare_all

    found = compare_all(
        [curve], calibrate=calibrate, seed=seed, thresholds=thresholds, jobs=1, progress=progress
    )
    return found[0]
