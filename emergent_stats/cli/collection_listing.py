"""What a person reads of a collection in a terminal, and its JSON: breaks, arrivals, forecasts."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from emergent_stats.cli.listing import print_series
from emergent_stats.cli.tables import print_table, say
from emergent_stats.collection.discoveries import LIMIT
from emergent_stats.model.trends import ACCOUNTS
from emergent_stats.results.files import json_text, to_json
from emergent_stats.verdict import causes
from emergent_stats.verdict.words import number, probability, scale_label, scale_range

if TYPE_CHECKING:
    from emergent_stats.collection.arrivals import Arrivals
    from emergent_stats.collection.discoveries import Discoveries
    from emergent_stats.collection.forecast import Forecast
    from emergent_stats.collection.foresight import Foresight
    from emergent_stats.collection.model_noise import ModelNoise
    from emergent_stats.model.curve import Curve

#: Series printed in a table; the rest is in --json.
MOST = 40


def say_rest(count: int) -> None:
    """One line on the series that a table leaves out."""
    if count > MOST:
        say(f"… and {count - MOST} more: choose fewer series, or --json.", style="dim")


def _say_short(curves: Sequence[Curve]) -> None:
    """One line on all series with too few scales."""
    if words := causes.short_words([curve for curve in curves if causes.too_short(curve)]):
        say(words)


def _say_causes(curves: Sequence[Curve]) -> None:
    """What to know of the numbers before believing them: each cause once."""
    for line in causes.lines([(causes.series_name(c), c.all_notes) for c in curves]):
        say(f"! {line}", style="dim")


# --- discoveries -------------------------------------------------------------------------
def print_discoveries(found: Discoveries) -> None:
    """Print the tasks by their local false-discovery rate, the shares, and the models' noise."""
    order = np.argsort(np.nan_to_num(found.lfdr, nan=2.0), kind="stable")
    order = np.array([i for i in order if not causes.too_short(found.curves[i])], int)
    listed, order = order.size, order[:MOST]
    rows = found.frame().iloc[order].to_dict("records")
    columns = {name: [probability(row[f"p_{name}"]) for row in rows] for name in ACCOUNTS}
    columns["alone"] = [probability(row["p_alone"]) for row in rows]
    columns["lfdr"] = [probability(row["lfdr"]) for row in rows]
    columns["fdr"] = [probability(row["fdr"]) for row in rows]
    print_series(rows, columns)
    say_rest(listed)
    called = found.called()
    fdr = f", {found.lfdr[called].mean():.1%} of them false on average" if called.size else ""
    shares = ", ".join(f"{a} {s:.0%}" for a, s in zip(ACCOUNTS, found.shares, strict=True))
    print()
    say(
        f"{called.size} of {len(found.curves)} series break with a local false-discovery rate "
        f"of at most {LIMIT:g}{fdr}. Shares of the accounts: {shares}."
    )
    for noise in found.noise:
        worst = int(np.abs(noise.value).argmax())
        family = " ".join(str(part) for part in noise.family[:2] if part)
        say(
            f"Noise that the {noise.tasks} tasks of a model of {family} share: {noise.tau:.2f} "
            f"nats, most in {noise.models[worst]} ({noise.value[worst]:+.2f}); taken out. A break "
            "that all of them share would look the same."
        )
    _say_short(found.curves)
    _say_causes(found.curves)
    print()
    say(
        "alone: P(break) of the series by itself, with equal odds. lfdr: P(flat or gradual), "
        "with the shares learned from all series. fdr: mean lfdr down to this line.",
        style="dim",
    )


def discoveries_json(found: Discoveries) -> str:
    """One object: shares, noise of the models, a row per series."""
    shares = dict(zip(ACCOUNTS, found.shares.tolist(), strict=True))
    series = json.loads(json_text(found.frame()))
    return _object({"shares": shares, "noise": noise_rows(found.noise), "series": series})


def noise_rows(noise: Sequence[ModelNoise]) -> list[dict[str, Any]]:
    """Noise that the tasks of a model share, for JSON."""
    return [
        {
            "study": own.family[0],
            "family": own.family[1],
            "tau": own.tau,
            "models": dict(zip(own.models, own.value.tolist(), strict=True)),
        }
        for own in noise
    ]


# --- arrivals ----------------------------------------------------------------------------
def print_arrivals(found: Arrivals, seen: Foresight | None) -> None:
    """Print who has arrived and where, the rate, and what the small models foresaw."""
    rows = [row for row in found.frame().to_dict("records") if row["state"] == "arrived"]
    rows.sort(key=lambda row: row["at"])
    curves = {id(c): c for c in found.curves}
    where = next(iter(curves.values()))
    axis = where.axis
    if rows:
        shown = rows[:MOST]
        columns = {
            "P(break)": [probability(row["p_arrived"]) for row in shown],
            "arrives": [scale_label(float(where.in_units(row["at"])), axis) for row in shown],
            "90 %": [
                scale_range(where, _ends(where, row["at_low"], row["at_high"])) for row in shown
            ],
        }
        print_series(shown, columns)
        say_rest(len(rows))
        print()
    counts = found.counts()
    say(
        f"{counts['arrived']} of {len(found.curves)} tasks have arrived (P(jump or onset) > ½), "
        f"{counts['waiting']} wait (flat: censored), {counts['gradual']} grow without a scale of "
        "their own (gradual)."
    )
    if math.isfinite(found.rate):
        per = where.scale_axis.per
        say(
            f"Rate: {found.rate:.2f} arrivals per task and {per} at risk "
            f"({found.rate_low:.2f} to {found.rate_high:.2f}, 90 %)."
        )
    if math.isfinite(found.p_constant):
        say(f"A constant rate clumps them as much with probability {found.p_constant:.3f}.")
    elif counts["arrived"] < 2:
        say("Too few arrivals to hold against a constant rate.")
    if found.survival.size:
        say(
            "Not yet arrived (Kaplan–Meier): "
            + ", ".join(
                f"{share:.2f} at {scale_label(float(where.in_units(x)), axis)}"
                for x, share, _, _ in found.survival[:: max(1, len(found.survival) // 6)]
            )
            + "."
        )
    if seen is not None:
        say(
            f"From smaller models: {seen.observed_count} of {len(seen.curves)} tasks pass the "
            f"level beyond the cut, {seen.expected_count:.1f} predicted (p = {seen.p:.2f}); "
            f"{number(seen.gain)} nats per crossing against one constant rate for all."
        )
    _say_short(found.curves)
    _say_causes(found.curves)


def arrivals_json(found: Arrivals, seen: Foresight | None) -> str:
    """One object: counts, rate, test, survival, a row per task."""
    survival = [
        dict(zip(("at", "share", "error", "at_risk"), row, strict=True))
        for row in found.survival.tolist()
    ]
    told: dict[str, Any] = {
        **found.counts(),
        **{n: getattr(found, n) for n in ("rate", "rate_low", "rate_high", "p_constant")},
        "survival": survival,
        "foreseen": None
        if seen is None
        else {
            n: getattr(seen, n)
            for n in (
                "observed_count", "expected_count", "earlier", "z", "p",
                "log_predicted", "log_constant", "gain",
            )
        },
        "series": json.loads(json_text(found.frame())),
    }  # fmt: skip
    return _object(told)


def _ends(curve: Curve, low: float, high: float) -> tuple[float, float]:
    return (-low, -high) if curve.scale_axis.falls else (low, high)


# --- forecasts ---------------------------------------------------------------------------
def print_forecasts(found: Sequence[Forecast | None]) -> None:
    """Print how each series' large models were foreseen; one series model by model."""
    from emergent_stats.collection.forecast import FORECASTS, frame

    done = [f for f in found if f is not None]
    if len(found) == 1:
        _print_models(done[0])
    else:
        rows = frame(done).sort_values("surprise", kind="stable").to_dict("records")
        shown = rows[:MOST]
        columns = {
            "large": [str(row["predicted"]) for row in shown],
            "surprise": [probability(row["surprise"]) for row in shown],
            "excess": [number(row["excess"]) for row in shown],
            "error": [f"{row['error']:.3f}" for row in shown],
            **{
                name: [number(row[f"lpd_{key}"]) for row in shown]
                for name, key in (("lpd", "averaged"), ("line", "line"), ("BNSL", "bnsl"))
            },
        }
        print_series(shown, columns)
        say_rest(len(rows))
    print()
    say(f"Log predictive density a model, and coverage of 90 %, over {len(done)} series:")
    rows = []
    for name in FORECASTS:
        with_it = [f for f in done if np.isfinite(f.log_density[name])]
        if not with_it:
            rows.append((name, "–", "–", "0"))
            continue
        models = sum(f.large.m for f in with_it)
        lpd = sum(f.log_density[name] for f in with_it) / models
        covered = np.concatenate([f.covered(name) for f in with_it]).mean()
        rows.append((name, number(lpd), f"{covered:.0%}", f"{len(with_it)}"))
    heads = ("forecast", "lpd", "covered", "series")
    print_table(dict(zip(heads, map(list, zip(*rows, strict=True)), strict=True)))
    surprised = sum(f.surprise < 0.05 for f in done)
    print()
    say(
        f"{surprised} of {len(done)} series surprise at 5 %: as rare a future was drawn from the "
        "averaged forecast itself in fewer than 1 of 20."
    )
    say_unforeseen(found)
    _say_causes([f.curve for f in done])
    say(
        "excess: nats by which the large models are less probable than expected. lpd, line, BNSL: "
        "log predictive density a model, of the accounts averaged, of a straight line on the "
        "logit scale, of a broken neural scaling law.",
        style="dim",
    )


def say_unforeseen(found: Sequence[Forecast | None]) -> None:
    """Say how many series have no forecast, and why."""
    if left := sum(f is None for f in found):
        say(f"{left} of {len(found)} series have no forecast: too few models on one side of the "
            "cut, or all up to it at the floor or the ceiling.")  # fmt: skip


def _print_models(f: Forecast) -> None:
    rows = [{**f.row(), "model": model} for model in f.large.models]
    large = f.large
    columns = {
        "model": list(large.models),
        large.axis: [scale_label(float(v), large.axis) for v in large.axis_values],
        "score": [f"{v:.3g}" for v in large.score],
        "predicted": [f"{v:.3g}" for v in f.middle["averaged"]],
        "90 %": [
            f"{a:.3g}–{b:.3g}" for a, b in zip(f.low["averaged"], f.high["averaged"], strict=True)
        ],
        "rank": [probability(v) for v in f.rank["averaged"]],
        "line": [f"{v:.3g}" for v in f.middle["line"]],
        "BNSL": [f"{v:.3g}" if np.isfinite(v) else "–" for v in f.middle["bnsl"]],
    }
    print_series(rows, columns)
    print()
    say(
        f"From the {f.small.m} models up to {scale_label(f.cut, f.curve.axis)}: surprise "
        f"{probability(f.surprise)}, {number(f.excess)} nats less probable than expected."
    )


def _object(told: dict[str, Any]) -> str:
    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: plain(v) for k, v in value.items()}
        if isinstance(value, list):
            return [plain(v) for v in value]
        if isinstance(value, float) and not math.isfinite(value):
            return None
        return value

    return to_json(plain(told), 1) + "\n"
