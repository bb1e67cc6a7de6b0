"""Learn the priors of slopes, levels, noise and rates from the shipped studies; check them.

Every sampled series is fitted by a power law and by a flat line under the weak priors. Their
posterior nodes are reweighted to other priors (empirical Bayes): EM finds the priors under which
the series of a class of metrics along an axis are most probable, each series being flat with a
learnt share, so that flat ones do not draw slopes to 0. Cells with few series are drawn towards
their class over all axes in decades, and that towards the weak priors. No family and no study
counts for more than a number of series. What is learnt is widened for the number of studies.

Learnt priors are held against the weak ones on studies that they have not seen: mean log
evidence per series, of the power law and the flat line, and of all accounts on a part. A cell that
predicts the other studies no better than the weak priors is not adopted.

Writes `emergent_stats/model/learnt_priors.toml`, `results/priors.md`, `priors.csv` and
`priors_floor.csv`.

Run with `python benchmarks/priors.py [--seed 0]`.
"""

from __future__ import annotations

import argparse
import hashlib
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import special
from verdicts import table

from emergent_stats import curves, load, studies
from emergent_stats.evidence.batch import Batch
from emergent_stats.evidence.effort import QUICK
from emergent_stats.evidence.evidence import log_evidence
from emergent_stats.evidence.many import evidences
from emergent_stats.evidence.threads import each
from emergent_stats.model.axes import AXES
from emergent_stats.model.curve import Curve
from emergent_stats.model.hypothesis import hypotheses
from emergent_stats.model.learnt import DECADES, SLOPE_DF, TABLE, WEAK, from_row, metric_class
from emergent_stats.model.metrics import MultipleChoice
from emergent_stats.model.noise import SIGMA
from emergent_stats.model.priors import CHANCE_WORTH, Beta, HalfNormal, HalfStudentT, Normal
from emergent_stats.model.skill import GUESS, LAPSE
from emergent_stats.model.trends import ACCOUNTS, LEVEL, PRIOR, SLOPE
from emergent_stats.results.corpus import data_dir
from emergent_stats.verdict.decision import too_few
from emergent_stats.verdict.sensitivity import account_evidence, probabilities

RESULTS = Path(__file__).parent / "results"
#: Most series of a study, class and axis that are fitted.
MOST = 40
#: Series of one family, and of one study, that count in a cell.
FAMILY, STUDY = 6.0, 20.0
#: Series that a cell's parent is worth, and fewest series that make a row.
PARENT, FEWEST = 10.0, 15
#: Series of a study, class and axis that are scored, and those under all accounts.
SCORED, SCORED_BY_ALL = 8, 2
#: Posterior nodes kept of each fit.
NODES = 160
COLUMNS = (
    "without", "metrics", "axis", "slope", "level", "level_sd", "break_sd", "sigma", "lapse_b",
    "guess_b", "series", "studies", "flat", "adopted",
)  # fmt: skip
#: Wide prior of the guess rate under which scores at the floor are fitted, worth of a chance.
_LOOSE = 75.0


@dataclass
class Series:
    """One series: where it belongs, and its fits under the weak priors."""

    curve: Curve
    study: str
    kind: str
    axis: str
    nodes: dict  # of the power law, then of the flat line, each (NODES,)
    log_w: np.ndarray


def sampled(seed):
    """Series of every study, class and axis: at most MOST, spread over its families."""
    found = {}
    for study in names():
        frame = load(study)
        axes = [None, *(a for a in ("tokens", "flops", "loss", "date") if a in frame)]
        for axis in axes:
            rows = frame if axis is None else frame[frame[axis].notna()]
            if not len(rows):
                continue
            for c in curves(rows, axis):
                if too_few(c) is None and (axis is None or c.n_scales >= 5):
                    cell = (study, metric_class(c.metric_object), c.axis)
                    key = (c.metric, *map(str, c.key.values()))
                    found.setdefault(cell, {}).setdefault(key, c)
    rng = np.random.default_rng(seed)
    chosen = {}
    for cell, own in found.items():
        families = {}
        for c in own.values():
            families.setdefault(c.key["family"], []).append(c)
        for members in families.values():
            rng.shuffle(members)
        turn = sorted(
            ((i, rng.random(), c) for m in families.values() for i, c in enumerate(m)),
            key=lambda t: t[:2],
        )
        chosen[cell] = [c for *_, c in turn[:MOST]]
    return chosen


@cache
def names():
    return tuple(studies().query("series > 0")["study"])


def fitted(cell, curve, seed):
    """Fit a series under the weak priors, with guess rates of choices that are free."""
    metric = curve.metric_object
    if isinstance(metric, MultipleChoice) and metric.guess != 0:
        metric = replace(metric, guess=Beta(_LOOSE * curve.chance, _LOOSE * (1 - curve.chance)))
    batch = Batch.of([curve], metric)
    rng = np.random.default_rng([seed, curve.fingerprint])
    parts, weights = [], []
    for name in ("power_law", "flat"):
        h = next(h for h in hypotheses(metric) if h.name == name)
        e = log_evidence(batch, h, seed=seed)
        log_w = e.log_weight[0]
        # nodes drawn with their masses: as many of each, equally heavy
        p = np.exp(log_w - special.logsumexp(log_w))
        at = np.searchsorted(np.cumsum(p), (rng.random() + np.arange(NODES)) / NODES)
        at = np.minimum(at, p.size - 1)
        own = {n: e.parameters[n][0][at] for n in e.parameters}
        for rate in ("guess", "lapse", "slope"):
            own.setdefault(rate, np.full(NODES, np.nan))
        parts.append(own)
        weights.append(np.full(NODES, e.log_z[0] - np.log(NODES)))
    study, kind, axis = cell
    return Series(
        curve, study, kind, axis,
        {n: np.stack([p[n] for p in parts]) for n in ("slope", "level", "sigma", "lapse", "guess")},
        np.stack(weights),
    )  # fmt: skip


# --- empirical Bayes ---------------------------------------------------------------------
#: What EM starts from and large cells forget: the weak priors, as sufficient statistics.
START = {
    "slope": SLOPE.scale * 0.6, "level": LEVEL.loc, "level_sd": LEVEL.scale, "sigma": SIGMA.scale,
    "lapse_b": LAPSE.b, "guess_b": GUESS.b, "flat": 0.3,
}  # fmt: skip


def weights_of(own):
    """How much each series counts: families and studies have a cap."""
    frame = pd.DataFrame({"study": [s.study for s in own]})
    frame["family"] = [s.study + "/" + str(s.curve.key["family"]) for s in own]
    w = np.minimum(1.0, FAMILY / frame.groupby("family")["study"].transform("size").to_numpy())
    total = pd.Series(w).groupby(frame["study"]).transform("sum").to_numpy()
    return w * np.minimum(1.0, STUDY / total)


def log_prior(x, phi):
    """Log density of nodes under priors φ, summed over the parameters; flat ones have no slope."""
    with np.errstate(invalid="ignore", divide="ignore"):
        parts = [
            HalfStudentT(SLOPE_DF, phi["slope"]).log_density(x["slope"]),
            Normal(phi["level"], phi["level_sd"]).log_density(x["level"]),
            HalfNormal(phi["sigma"]).log_density(x["sigma"]),
            Beta(LAPSE.a, phi["lapse_b"]).log_density(x["lapse"]),
            Beta(1.0, phi["guess_b"]).log_density(x["guess"]),
        ]
    return sum(np.where(np.isnan(v), 0.0, p) for v, p in zip(x.values(), parts, strict=True))


def learn(own, parent):
    """Priors of a cell by EM, drawn towards `parent`; widened for the number of studies."""
    x = {n: np.stack([s.nodes[n] for s in own]) for n in own[0].nodes}  # (S, 2, NODES)
    kind = own[0].kind
    if kind not in ("generated", "graded"):
        x["guess"] = np.full_like(x["guess"], np.nan)
    log_w = np.stack([s.log_w for s in own])
    with np.errstate(invalid="ignore", divide="ignore"):
        weak = sum(
            np.where(np.isnan(v), 0.0, p.log_density(v))
            for v, p in zip(x.values(), (SLOPE, LEVEL, SIGMA, LAPSE, GUESS), strict=True)
        )
    weight, phi = weights_of(own), dict(parent)
    for _ in range(200):
        share = np.log([1 - phi["flat"], phi["flat"]])[None, :, None]
        log_r = log_w - weak + log_prior(x, phi) + share
        r = np.exp(log_r - special.logsumexp(log_r, axis=(1, 2), keepdims=True))
        r *= weight[:, None, None]
        new = step(x, r, phi, parent)
        moved = max(abs(new[k] - phi[k]) / (abs(phi[k]) + 0.1) for k in phi)
        phi = new
        if moved < 1e-4:
            break
    span = np.array([interior_variance(s.curve) for s in own])[:, None]
    rising = r[:, 0]
    carried = (rising * x["slope"][:, 0] ** 2 * span).sum() / rising.sum()
    count = len({s.study for s in own})
    # each study is one observation of how wide the next one's distribution is
    wider = float(np.exp(1 / (2 * (count + 1))))
    return phi, {
        "slope": phi["slope"] * wider,
        "level": phi["level"],
        "level_sd": phi["level_sd"] * wider,
        "break_sd": float(np.hypot(phi["level_sd"], np.sqrt(carried))) * wider,
        "sigma": phi["sigma"] * wider,
        "lapse_b": phi["lapse_b"] / wider if np.isfinite(x["lapse"]).any() else 0.0,
        "guess_b": phi["guess_b"] / wider if np.isfinite(x["guess"]).any() else 0.0,
        "flat": phi["flat"],
        "series": len(own),
        "studies": count,
    }


def interior_variance(curve):
    """Variance of a place that is even over the scales where a break may be."""
    inside = np.unique(curve.x)[1:-1]
    return float(inside[-1] - inside[0]) ** 2 / 12


def step(x, r, phi, parent):
    """M step: weighted moments, the parent as PARENT series of its own."""
    rising = r[:, 0]
    t2 = (x["slope"][:, 0] / phi["slope"]) ** 2
    u = rising * (SLOPE_DF + 1) / (SLOPE_DF + t2)
    total, n0 = r.sum(), PARENT
    mean = (np.sum(r * x["level"]) + n0 * parent["level"]) / (total + n0)
    away = np.sum(r * (x["level"] - mean) ** 2)
    away += n0 * (parent["level_sd"] ** 2 + (parent["level"] - mean) ** 2)
    new = {
        "slope": ((u * x["slope"][:, 0] ** 2).sum() + n0 * parent["slope"] ** 2)
        / (rising.sum() + n0),
        "level_sd": away / (total + n0),
        "sigma": (np.sum(r * x["sigma"] ** 2) + n0 * parent["sigma"] ** 2) / (total + n0),
    }
    new = {k: float(np.sqrt(v)) for k, v in new.items()}
    new["level"] = float(mean)
    for name in ("lapse", "guess"):
        known = np.isfinite(x[name])
        lost = -np.log1p(-np.where(known, x[name], 0.0))
        own = np.sum(r * known)
        new[f"{name}_b"] = float((own + n0) / (np.sum(r * lost) + n0 / parent[f"{name}_b"]))
    new["flat"] = float((r[:, 1].sum() + n0 * parent["flat"]) / (total + n0))
    return {k: new[k] for k in phi}


def learn_all(every, without):
    """Rows of the table, from all studies but one."""
    rows = []
    used = [s for s in every if s.study != without]
    for kind in sorted({s.kind for s in used}):
        own = [s for s in used if s.kind == kind]
        parent = START
        for axis in [DECADES, *AXES]:
            if axis == DECADES:
                cell = [s for s in own if AXES[s.axis].logarithmic]
            else:
                cell = [s for s in own if s.axis == axis]
            if len(cell) < FEWEST:
                continue
            logarithmic = axis == DECADES or AXES[axis].logarithmic
            phi, row = learn(cell, parent if logarithmic else parent | {"slope": START["slope"]})
            if axis == DECADES:
                parent = phi
            rows.append({"without": without, "metrics": kind, "axis": axis} | row)
    return rows


# --- scores on studies not seen ----------------------------------------------------------
def mixture(curve, priors, seed):
    """Log evidence of a series: power law or flat line, equally likely."""
    metric = priors.metric(curve.metric_object)
    batch = Batch.of([curve], metric)
    z = [
        log_evidence(batch, h, seed=seed).log_z[0]
        for h in hypotheses(metric, priors=priors)
        if h.name in ("power_law", "flat")
    ]
    return float(special.logsumexp(z) - np.log(2))


def of_all(curve, priors, seed):
    """Log evidence of a series under all accounts, by their prior shares."""
    metric = priors.metric(curve.metric_object)
    found = evidences(Batch.of([curve], metric), seed, hypotheses(metric, priors=priors))
    return float(special.logsumexp(account_evidence(found)[0] + np.log(list(PRIOR.values()))))


def scored(rows, every, seed):
    """Gains (nats per series) of every row on the study it has not seen."""
    known = {(r["without"], r["metrics"], r["axis"]): r for r in rows}
    cells = {}
    for s in every:
        cells.setdefault((s.study, s.kind, s.axis), []).append(s.curve)
    todo = []
    for (study, kind, axis), own in cells.items():
        for name in (axis, DECADES):
            row = known.get((study, kind, name))
            if row is not None and (name == axis or AXES[axis].logarithmic):
                most = SCORED if name == axis else SCORED // 2
                todo += [(study, kind, axis, name, c, i, row) for i, c in enumerate(own[:most])]

    @cache
    def weak(curve, score):
        return score(curve, WEAK, seed)

    def work(item):
        study, kind, axis, name, curve, i, row = item
        priors = from_row(row)
        own = {"study": study, "metrics": kind, "axis": axis, "row": name}
        own["gain"] = mixture(curve, priors, seed) - weak(curve, mixture)
        own["gain_all"] = np.nan
        if i < SCORED_BY_ALL and (name == axis or (study, kind, axis) not in known):
            own["gain_all"] = of_all(curve, priors, seed) - weak(curve, of_all)
        return own

    frame = pd.DataFrame(each(todo, work))
    return (
        frame.groupby(["metrics", "axis", "row", "study"])
        .agg(series=("gain", "size"), gain=("gain", "mean"), worst=("gain", "min"),
             gain_all=("gain_all", "mean"))
        .reset_index()
    )  # fmt: skip


def adopt(rows, scores):
    """Mark the rows that predict other studies better than the weak priors do, by either score.

    Every study counts alike; a row without a study is judged by the others only.
    """
    for row in rows:
        own = scores[(scores["metrics"] == row["metrics"]) & (scores["row"] == row["axis"])]
        own = own[own["study"] != row["without"]]
        mean = own.groupby("study")[["gain", "gain_all"]].mean().mean()
        row["adopted"] = bool(mean["gain"] > 0 and not mean["gain_all"] <= 0)
    return rows


# --- writing -----------------------------------------------------------------------------
def toml(rows):
    digests = {
        study: hashlib.sha256((data_dir() / study / "results.parquet").read_bytes()).hexdigest()
        for study in names()
    }
    lines = [
        "# Priors learnt from the shipped studies; read by `learnt.py`. Not to be edited by hand.",
        'command = "python benchmarks/priors.py"',
        f"columns = [{', '.join(f'"{name}"' for name in COLUMNS)}]",
        "rows = [",
    ]
    for row in rows:
        values = []
        for name in COLUMNS:
            value = row[name]
            if isinstance(value, str):
                values.append(f'"{value}"')
            elif isinstance(value, bool):
                values.append(str(value).lower())
            else:
                values.append(f"{value:.3g}" if isinstance(value, float) else str(value))
        lines.append(f"  [{', '.join(values)}],")
    lines += ["]", "", "# SHA-256 of each study's results.parquet", "[studies]"]
    lines += [f'{study} = "{digest}"' for study, digest in digests.items()]
    return "\n".join(lines) + "\n"


def rounded(rows):
    """Rows as the file has them, so that what is scored is what is used."""
    return [
        {k: float(f"{v:.3g}") if isinstance(v, float) else v for k, v in row.items()}
        for row in rows
    ]


def worth(every):
    """What a known chance is worth: log likelihood over a grid, and the best without each study."""
    own = [s for s in every if s.kind == "choice" and np.isfinite(s.nodes["guess"]).any()]
    grid = np.geomspace(40, 20_000, 60)
    total = np.zeros((len(own), grid.size))
    for i, s in enumerate(own):
        c = s.curve.chance
        was = Beta(_LOOSE * c, _LOOSE * (1 - c)).log_density(s.nodes["guess"])
        for j, k in enumerate(grid):
            now = Beta(k * c, k * (1 - c)).log_density(s.nodes["guess"])
            total[i, j] = special.logsumexp(s.log_w - was + now)
    weight = weights_of(own)
    study = np.array([s.study for s in own])
    return [
        {
            "without": out or "–",
            "series": int((study != out).sum()),
            "worth": round(float(best := grid[(weight * (study != out)) @ total == max(
                (weight * (study != out)) @ total)][0]), 0),
            "sd at 1/4": round(float(np.sqrt(0.25 * 0.75 / (best + 1))), 3),
        }
        for out in ["", *sorted(set(study))]
    ]  # fmt: skip


# --- chance that is known, about -----------------------------------------------------------
#: Scales, examples, and true guess rates of simulated series at the floor, in standard deviations.
FLOOR_X, FLOOR_N, OFF = np.linspace(8.0, 11.5, 8), 4000.0, (0.0, 0.02, 0.04)
#: Trends of simulated series: slope, and nats that leap after the fifth scale of eight.
FLOOR_TRUTHS = {"gradual": (2.0, 0.0), "jump": (0.3, 2.0), "flat": (0.0, 0.0)}
FLOOR_SERIES = 60


def at_the_floor(seed):
    """What a chance taken for exact does to P(jump), and what a free rate near it costs."""
    rng = np.random.default_rng(seed)
    rows, exact = [], MultipleChoice.from_chance(0.25, guess=0.25)
    for truth, (slope, height) in FLOOR_TRUTHS.items():
        for off in OFF:
            made = []
            for _ in range(FLOOR_SERIES):
                x = FLOOR_X - FLOOR_X.mean()
                level = rng.uniform(-3.5, -1.5) if truth != "flat" else -9.0
                skill = level + slope * x + height * (x > 0.3) + 0.1 * rng.standard_normal(x.size)
                rate = 0.25 + off * rng.choice([-1.0, 1.0])
                expected = exact(skill, guess=rate, lapse=0.01)
                score = rng.binomial(int(FLOOR_N), expected) / FLOOR_N
                made.append(Curve(10**FLOOR_X, score, "multiple_choice", n=FLOOR_N, chance=0.25))

            def analysed(curve):
                found = []
                for free in (False, True):
                    metric = MultipleChoice.from_chance(0.25) if free else exact
                    if curve.misled.any():
                        metric = metric.unfloored()
                    z = evidences(Batch.of([curve], metric), seed, hypotheses(metric), QUICK)
                    found.append(probabilities(account_evidence(z))[0])
                return found

            p = np.array(each(made, analysed))
            for j, name in enumerate(("exactly 1/4", "near 1/4")):
                own = p[:, j]
                real = own[:, ACCOUNTS.index("jump")] + own[:, ACCOUNTS.index("onset")]
                rows.append(
                    {
                        "truth": truth, "guess rate off by": off, "chance taken for": name,
                        "mean P(jump)": own[:, ACCOUNTS.index("jump")].mean(),
                        "mean P(jump or onset)": real.mean(),
                        "share P(jump or onset) > .95": (real > 0.95).mean(),
                        "mean P(truth)": own[:, ACCOUNTS.index(truth)].mean(),
                    }
                )  # fmt: skip
    return pd.DataFrame(rows)


# --- page --------------------------------------------------------------------------------
def page(rows, scores, worths, floor):
    shown = [{k: v for k, v in r.items() if k != "without"} for r in rows if not r["without"]]
    lost = scores[(scores["row"] == scores["axis"]) & (scores["gain"] < 0)]
    own = scores[scores["row"] == scores["axis"]]
    left = [f"{r['metrics']} by {r['axis']}" for r in rows if not (r["without"] or r["adopted"])]
    columns = ["metrics", "axis", "study", "series", "gain", "worst", "gain_all"]
    return [
        "# Priors learnt from the shipped studies",
        "",
        f"Slopes are half-Student-t({SLOPE_DF:g}) × slope, levels Normal(level, level_sd) in the "
        "middle of a design and Normal(level, break_sd) at a break, noise between models "
        "half-normal(sigma), lapse and guess rates Beta(1, b); 0 where there is none. The row of "
        "all studies; `learnt_priors.toml` has the rows without each of them as well. `flat` is "
        "the share of flat series, which have no say in the slope.",
        "",
        table(shown)[1],
        "",
        "Not adopted, so that the weak priors stay: " + (", ".join(left) or "none") + ".",
        "",
        "## On studies that the priors have not seen",
        "",
        "Mean gain of log evidence per series over the weak priors, in nats: `gain` of the power "
        "law and the flat line, `worst` its smallest, `gain_all` of all accounts, on fewer series. "
        f"Mean over all cells: {own['gain'].mean():+.2f}, and {own['gain_all'].mean():+.2f} of all "
        f"accounts; {len(lost)} of {len(own)} cells lose. Where `gain` is far above "
        "`gain_all`, neither line fits and the others take over.",
        "",
        table(own[columns].round(2).to_dict("records"))[1],
        "",
        "## A known chance, and what guessers get",
        "",
        "Examples that a known chance is worth as the prior of the guess rate, by the series of "
        f"choice metrics (fitted under {_LOOSE:g}). An upper bound of the spread: a series that "
        "starts above chance by skill counts as a guesser, too. The package declares "
        f"{CHANCE_WORTH:g}.",
        "",
        table(worths)[1],
        "",
        f"{FLOOR_SERIES} series each of 8 models, n = {FLOOR_N:g}, noise .1, that begin at the "
        "floor; the true guess rate is off by so much, to either side, from the chance of 1/4.",
        "",
        table(floor.round(3).to_dict("records"))[1],
        "",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    chosen = sampled(args.seed)
    todo = [(cell, c) for cell, own in chosen.items() for c in own]
    report(each(todo, lambda t: fitted(*t, args.seed)), at_the_floor(args.seed), args.seed)


def report(every, floor, seed):
    """Learn from the fitted series, score, and write everything."""
    RESULTS.mkdir(exist_ok=True)
    rows = rounded([r for out in ["", *names()] for r in learn_all(every, out)])
    scores = scored(rows, every, seed)
    rows = adopt(rows, scores)
    TABLE.write_text(toml(rows), encoding="utf-8")
    scores.to_csv(RESULTS / "priors.csv", index=False, float_format="%.3f")
    floor.to_csv(RESULTS / "priors_floor.csv", index=False, float_format="%.4f")
    text = "\n".join(page(rows, scores, worth(every), floor))
    (RESULTS / "priors.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
