"""The integral of one hypothesis over all its parameters, for every curve of a batch.

Points of the outer parameters come in one of two ways. Where all outer ones
have nodes (rates, and the place of a break that is all a trend leaves to the
outer ones) and there are few combinations, each is taken: a sum without
chance. Otherwise points are drawn in rounds from histograms that learn where
the integrand is (`outer`). At each point `sweep` integrates over the noise
and the inner parameters.
"""

from __future__ import annotations

import zlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from emergent_stats.evidence.batch import Batch
from emergent_stats.evidence.integrand import Problem, log_visible_share
from emergent_stats.evidence.kernels import Deviates, Gate, Given, Scores, Sought, room, scratch
from emergent_stats.evidence.nodes import student_nodes
from emergent_stats.evidence.outer import BINS, SPREAD, Axis, gap_nodes, log_density, tempered
from emergent_stats.evidence.points import Points, first_masses, joined, masses
from emergent_stats.evidence.sweeping import FEWEST, sweep
from emergent_stats.model.hypothesis import Hypothesis
from emergent_stats.model.maths import log_sum, quasi_uniform, shifted
from emergent_stats.model.observed import SKILL_NORMAL, fraction_table
from emergent_stats.model.priors import Interior
from emergent_stats.model.skill import placed

if TYPE_CHECKING:
    from emergent_stats.evidence.effort import Effort

# Newton steps
_STEPS = 12
# most sets of nodes around modes, and nodes in all of them
_SETS, _NODES = 128, 65_536
# decades up to which a gap between models gets one node for a break in it, and two beyond
_WIDE_GAP = 0.6
# nodes around a mode, at most, however few points there are
_MOST_NODES = 128
# σ that matter at a point, about
_WALK = 5
# parts of a round that are compared to see how exact it is
_PARTS = 8
# places that a node of a gap is spread over for posteriors
_GROUPS = 8


class Integral:
    """Points of one hypothesis for one batch."""

    def __init__(self, batch: Batch, hypothesis: Hypothesis, effort: Effort, seed: int, hint):
        self.problem = Problem(hypothesis, batch)
        self.batch, self.effort = batch, effort
        self.rng = np.random.default_rng([seed, 7])
        self.nodes, tables = batch.tables(
            hypothesis.metric, hypothesis.noise, effort.spacing, effort.guesses, effort.lapses
        )
        self.log_norm = log_visible_share(hypothesis, batch.curves)
        #: largest log likelihood of each curve, (C,)
        self.bound = np.where(batch.obs.mask, tables.top, 0.0).sum(1)
        self.scores = Scores(
            tables.kind, tables.which, tables.value.ravel(), tables.grid.ravel(),
            self.nodes.guess.shape[1], tables.seen, tables.variance,
            tables.constant, *self._left(), batch.obs.mask.astype(float), batch.obs.guide,
            batch.obs.guide_info, self.nodes.sigma,
        )  # fmt: skip
        f = np.zeros(2)
        if batch.obs.kind == SKILL_NORMAL:
            start, step = placed(hypothesis.metric)
        else:
            start, step, f, _ = fraction_table(hypothesis.metric)
        self.gate = Gate(
            self.problem.gate, hypothesis.metric.continuous, hypothesis.visible, f, start, step
        )  # fmt: skip
        size, noises = self.nodes.sigma.shape
        self.start = np.full(size, noises // 2)
        if hint is not None and hint[0].shape == self.nodes.sigma.shape:
            self.start = hint[0].argmax(1)
        # curves take their nodes from different places, or their errors would be alike
        shown = zip(batch.obs.value, batch.obs.mask, strict=True)
        self.salt = np.array([zlib.crc32(v[seen].tobytes()) for v, seen in shown]) % 1_000_003
        self.places, self.place_ends, self.log_place = self._places()
        self.rounds: list[Points] = []
        self.scans: list[Points] = []
        self.calls = np.zeros(len(batch))
        self._together: tuple[list[Points], np.ndarray, np.ndarray, np.ndarray] | None = None
        rates = (self.nodes.log_rate_weight > -np.inf).sum(1)
        cells = rates * (self.log_place > -np.inf).sum(1)
        #: whether every combination is taken
        self.enumerated = len(self.problem.outer) <= (
            self.places.shape[1] > 1
        ) and cells.max() <= max(effort.cells, self.places.shape[1])
        if not self.enumerated:
            self.axes = self._axes(hint)

    def _left(self) -> tuple[np.ndarray, np.ndarray]:
        """What of a change of skill shows at each pair of rates: `Scores.left` and `.floor`."""
        hypothesis, nodes = self.problem.hypothesis, self.nodes
        whole, nothing = np.ones(nodes.guess.shape), np.zeros(nodes.guess.shape)
        if not hypothesis.trend.saturates:
            return whole, nothing
        if self.batch.obs.kind == SKILL_NORMAL:
            logit = hypothesis.metric.skill_scale != "log"
            return whole, -np.expm1(-nodes.lapse) if logit else nodes.lapse
        rates = {"guess": nodes.guess, "lapse": nodes.lapse}
        return np.maximum(hypothesis.left(whole, rates), 1e-6), nothing

    def _places(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Nodes (C, L) of the place of a break, ends and log weights; L = 1 if it has none.

        It has nodes if it is all that is outer, and if moving it inside a gap
        between models does nothing that the inner parameters cannot undo: then
        the integrand is nearly even there, whatever the scores.
        """
        size, problem = len(self.batch), self.problem
        outer = problem.outer
        if (
            len(outer) != 1
            or not isinstance(problem.priors[outer[0]], Interior)
            or not self._same_in_gaps()
        ):
            return np.zeros((size, 1)), np.zeros((size, 1, 2)), np.zeros((size, 1))
        known: dict[bytes, tuple[np.ndarray, np.ndarray]] = {}
        found = []
        for x, seen in zip(self.batch.x, self.batch.obs.mask, strict=True):
            own = np.unique(x[seen])
            key = own.tobytes()
            if key not in known:
                low, high = problem.priors[outer[0]].bounds(own)  # type: ignore[attr-defined]
                known[key] = gap_nodes(own[(own >= low) & (own <= high)], _WIDE_GAP)
            found.append(known[key])
        most = max(at.size for at, _ in found)
        at, ends = np.zeros((size, most)), np.zeros((size, most, 2))
        for c, (own, part) in enumerate(found):
            at[c], at[c, : own.size], ends[c, : own.size] = own[0], own, part
        width = ends[..., 1] - ends[..., 0]
        with np.errstate(divide="ignore"):
            return at, ends, np.log(width / width.sum(1, keepdims=True))

    def _same_in_gaps(self) -> bool:
        """Whether skills with a break at two places of one gap span the same space."""
        x = np.arange(8.0)[None, :]
        given = {self.problem.outer[0]: np.array([[3.3], [3.8]])}
        rows = self.problem.rows(np.repeat(x, 2, axis=0), given, np.zeros(2, np.int64))
        one, two = (np.vstack([rows.base[i : i + 1], rows.basis[i]]) for i in range(2))
        rank = np.linalg.matrix_rank
        return bool(rank(one) == rank(two) == rank(np.vstack([one, two])))

    def _axes(self, hint) -> dict[str, Axis]:
        guess, lapse = first_masses(self.nodes, hint)
        axes = {"guess": Axis([guess], continuous=False), "lapse": Axis([lapse], continuous=False)}
        if self.places.shape[1] > 1:
            share = np.exp(self.log_place)
            axes[self.problem.outer[0]] = Axis([share], continuous=False)
            return axes
        even = np.full((len(self.batch), BINS), 1.0 / BINS)
        return axes | {n: Axis([even], continuous=True) for n in self.problem.outer}

    # --- points ---------------------------------------------------------------------------
    def take_all(self, rows: np.ndarray, more: int) -> None:
        """Every combination, for the curves `rows`; `more` times as many nodes as at first."""
        pairs, places = self.nodes.log_rate_weight.shape[1], self.places.shape[1]
        n = pairs * places
        nodes = int(np.clip(self.effort.budget / (_WALK * n), 2 * FEWEST, _MOST_NODES)) * more
        kept = int(np.clip(2 * self.effort.kept / n, 2, self.effort.kept))
        log_w = (self.log_place[:, :, None] + self.nodes.log_rate_weight[:, None, :]).reshape(-1, n)
        rate = np.tile(np.arange(pairs), (len(self.batch), places))
        values = {}
        if places > 1:
            values[self.problem.outer[0]] = np.repeat(self.places, pairs, axis=1)
        wanted = np.zeros(log_w.shape, bool)
        wanted[rows] = log_w[rows] > -np.inf
        if self.rounds:
            # what has hardly any mass needs no better value
            old = self.rounds[0]
            total = log_sum(old.log_m, 1)
            with np.errstate(invalid="ignore"):
                wanted &= old.log_m > total[:, None] - 7.0
            self._integrate(old, wanted, log_w, nodes)
            return
        found = self._empty(rate, values, kept)
        found.taken[rows] = n
        self._integrate(found, wanted, log_w, nodes)
        self.rounds.append(found)

    def draw(self, rows: np.ndarray, count: int, scan: bool = False) -> None:
        """Add `count` points drawn from the axes to the curves `rows`.

        With `scan` they only show where to draw from next.
        """
        axes = list(self.axes.values())
        first = not (self.rounds or self.scans)
        if first:
            # the first round must see a break wherever it is
            count = max(count, self.places.shape[1], self.batch.x.shape[1] // 2)
        else:
            # in the order in which the axes keep the bins of the points
            so_far = self.scans + self.rounds
            weight = tempered(joined(so_far, [r.taken for r in so_far]), self._least(so_far))
            weight = np.nan_to_num(weight)
            for axis in axes:
                axis.learn(weight)
        size = len(self.batch)
        u = shifted(quasi_uniform(count, len(axes) + 1, self.rng.random(len(axes) + 1)), self.salt)
        spread = np.zeros((size, count), bool) if first else u[:, :, -1] < SPREAD
        drawn = {n: a.draw(u[:, :, i], spread) for i, (n, a) in enumerate(self.axes.items())}
        rate = drawn["guess"] * self.nodes.shape[1] + drawn["lapse"]
        log_w = np.take_along_axis(self.nodes.log_rate_weight, rate, 1)
        log_w = log_w - log_density(axes) - np.log(count)
        if self.places.shape[1] > 1:
            place = drawn[self.problem.outer[0]]
            values = {self.problem.outer[0]: np.take_along_axis(self.places, place, 1)}
            log_w = log_w + np.take_along_axis(self.log_place, place, 1)
        else:
            values = self.problem.outer_values({n: drawn[n] for n in self.problem.outer})
        kept = 1 if scan else max(2, round(self.effort.kept / self.effort.points))
        found = self._empty(rate, values, kept)
        found.taken[rows] = count
        wanted = np.zeros((size, count), bool)
        wanted[rows] = True
        wanted &= log_w > -np.inf
        self._integrate(found, wanted, log_w, FEWEST if scan else self.effort.nodes, scan)
        (self.scans if scan else self.rounds).append(found)

    def _least(self, so_far: list[Points]) -> float:
        """Effective points that a histogram must rest on: few while scanning, to zoom in."""
        return float(min(0.15 * sum(r.rate.shape[1] for r in so_far), 40.0))

    def _empty(self, rate, values, kept) -> Points:
        shape, noises = rate.shape, self.nodes.sigma.shape[1]
        return Points(
            rate, values, np.full(shape, -np.inf), np.zeros(shape),
            np.full((*shape, noises), -np.inf), np.zeros((*shape, kept, len(self.problem.inner))),
            np.zeros((*shape, kept), np.int64), np.full((*shape, kept), -np.log(kept)),
            np.zeros(shape), np.zeros(shape[0]),
        )  # fmt: skip

    def _integrate(
        self, points: Points, wanted: np.ndarray, log_w: np.ndarray, nodes: int, scan: bool = False
    ) -> None:  # fmt: skip
        """Fill in what is found at the `wanted` (C, n) points, with log weights `log_w` (C, n)."""
        problem, batch, q = self.problem, self.batch, len(self.problem.inner)
        self._together = None
        curve, place = np.nonzero(wanted)
        if curve.size == 0:
            return
        rate, weight = points.rate[wanted], log_w[wanted]
        values = {n: v[wanted][:, None] for n, v in points.values.items()}
        nodes = min(nodes, _MOST_NODES * 32) // 2 * 2 if q else 2
        sets = int(np.clip(_NODES // nodes, 8, _SETS))
        t, density = student_nodes(sets, nodes, q, int(self.rng.integers(2**31)))
        pick, shift = (place * _WALK + self.salt[curve]) % sets, float(self.rng.random())
        kept_count, noises = points.kept.shape[2], self.nodes.sigma.shape[1]
        log_sigma = self.nodes.log_sigma_weight
        # without outer parameters of the trend the basis is one a curve
        if values:
            where, own = np.arange(curve.size), curve
        else:
            own, where = np.unique(curve, return_inverse=True)
        rows = problem.rows(batch.x[own], values, own, batch.offset)
        found = room(curve.size, q, noises, kept_count)
        work = scratch(batch.x.shape[1], q, nodes, noises)
        sweep(
            scan, _STEPS, Sought(curve, rate, where, weight),
            Given(rows, self.scores, self.gate, problem.maps, work),
            log_sigma, self.start, Deviates(t, density, pick, shift), found,
        )  # fmt: skip
        if np.isnan(found.log_m).any():
            bad = int(curve[np.flatnonzero(np.isnan(found.log_m))[0]])
            raise ValueError(
                f"the evidence of {problem.hypothesis.name!r} is not a number for curve "
                f"{bad}; check its scores and the trend"
            )
        self.calls += np.bincount(curve, found.calls, len(batch))
        points.log_m[wanted] = found.log_m + weight
        for name in ("variance", "noise_mass", "kept", "kept_noise", "kept_weight", "largest"):
            getattr(points, name)[wanted] = getattr(found, name)

    def forget_tables(self) -> None:
        """Let go of what only further points would need; posteriors can still be asked for."""
        self.batch = self.problem.batch = replace(self.batch, _known={})
        self._together = None
        del self.scores
        for r in self.scans + self.rounds:
            r.noise_mass = r.noise_mass[:, :0]

    # --- all rounds together ----------------------------------------------------------------
    def everything(self) -> tuple[list[Points], np.ndarray]:
        """Rounds that count, and the log mass (C, N) of all their points.

        Rounds count by size. Scans count only where no round followed.
        """
        followed = np.sum([r.taken for r in self.rounds], axis=0) > 0
        sizes = [np.where(followed, 0.0, r.taken) for r in self.scans]
        rounds = self.scans + self.rounds
        return rounds, joined(rounds, sizes + [r.taken for r in self.rounds])

    def _shares(self) -> tuple[list[Points], np.ndarray, np.ndarray, np.ndarray]:
        """Rounds that count, log mass (C,) of all, its variance, shares (C, N) of the points."""
        if self._together is None:
            rounds, log_w = self.everything()
            log_z = log_sum(log_w, 1)
            share = np.exp(log_w - np.where(np.isfinite(log_z), log_z, 0.0)[:, None])
            if self.enumerated:
                square = (share**2 * rounds[0].variance).sum(1)
            else:
                square = self._scatter(share)
            self._together = rounds, log_z, square, share
        return self._together

    def summary(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Log evidence, its error and the effective number of nodes, (C,) each."""
        _, log_z, square, _ = self._shares()
        error = np.where(np.isfinite(log_z), np.sqrt(square), np.inf)
        return log_z - self.log_norm, error, 1.0 / np.maximum(square, 1e-9)

    def heaviest(self) -> np.ndarray:
        """Share of each curve's evidence on its heaviest node, (C,)."""
        rounds, _, _, share = self._shares()
        return (share * np.concatenate([r.largest for r in rounds], axis=1)).max(1)

    def _scatter(self, share: np.ndarray) -> np.ndarray:
        """Relative variance (C,) of the evidence, from how parts of each round differ.

        Each part is evenly spread itself, so what evenness gains is counted.
        """
        square, begin = np.zeros(share.shape[0]), 0
        for r in self.scans + self.rounds:
            n = r.rate.shape[1]
            own = share[:, begin : begin + n]
            begin += n
            parts = min(_PARTS if n < 48 else _PARTS // 2, n)
            edges = np.linspace(0, n, parts + 1).astype(int)
            sums = np.add.reduceat(own, edges[:-1], axis=1) / np.diff(edges)
            square += sums.var(1, ddof=1) * n * n / parts
        return square

    def nuisance(self) -> tuple[np.ndarray, ...]:
        """Posterior masses of the lattice's noises, guess and lapse rates."""
        rounds, _, _, share = self._shares()
        mass = np.exp(np.concatenate([r.noise_mass for r in rounds], axis=1))
        rate = np.concatenate([r.rate for r in rounds], axis=1)
        lapses = self.nodes.shape[1]
        return (
            np.einsum("cn,cnj->cj", share, mass),
            masses(rate // lapses, share, self.nodes.shape[0]),
            masses(rate % lapses, share, lapses),
        )

    def prior_masses(self) -> tuple[np.ndarray, np.ndarray]:
        """Prior masses of the lattice's guess (C, G) and lapse rates (C, L), summing to 1."""
        weight = np.exp(self.nodes.log_rate_weight).reshape(-1, *self.nodes.shape)
        weight /= weight.sum((1, 2), keepdims=True)
        return weight.sum(2), weight.sum(1)

    def posterior(self) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
        """Values (C, N) of the free parameters at what was kept, log masses of both and of points.

        Masses sum to the evidence.
        """
        problem, size = self.problem, len(self.batch)
        rounds, log_w = self.everything()
        log_w = log_w - self.log_norm[:, None]
        found: dict[str, list[Any]] = {n: [] for n in problem.hypothesis.priors()}
        weight, begin = [], 0
        for r in rounds:
            kept = r.kept.shape[2]
            end = begin + r.rate.shape[1]
            weight.append((log_w[:, begin:end, None] + r.kept_weight).reshape(size, -1))
            begin = end
            for name, values in found.items():
                if name in problem.inner:
                    values.append(r.kept[..., problem.inner.index(name)].reshape(size, -1))
                elif name == "sigma":
                    index = r.kept_noise.reshape(size, -1)
                    values.append(np.take_along_axis(self.nodes.sigma, index, 1))
                elif name in problem.outer:
                    values.append(np.repeat(r.values[name], kept, axis=1))
                else:
                    at = np.take_along_axis(getattr(self.nodes, name), r.rate, 1)
                    values.append(np.repeat(at, kept, axis=1))
        together = {n: np.concatenate(v, axis=1) for n, v in found.items()}
        if self.places.shape[1] > 1:
            self._spread_places(together)
        return together, np.concatenate(weight, axis=1), log_w

    def _spread_places(self, found: dict[str, np.ndarray]) -> None:
        """Spread what was kept at the node of a gap over its part of the gap.

        Inner parameters follow, so that skills stay what they are (see `_places`).
        """
        problem, (name,) = self.problem, self.problem.outer
        at = found[name]
        size, n = at.shape
        curve = np.arange(size)[:, None]
        node = np.abs(at[:, :, None] - self.places[:, None, :]).argmin(2)
        low, high = np.moveaxis(self.place_ends[curve, node], 2, 0)
        groups = np.minimum(n, _GROUPS)
        # a few places a node, each for many draws
        share = (np.arange(groups) + self.rng.random(groups)) / groups
        group = self.rng.permutation(np.arange(n) % groups)
        x, places = self.batch.x, self.places.shape[1]
        of = np.repeat(np.arange(size), places * groups)
        start = np.repeat(self.places, groups, axis=1).reshape(-1, 1)
        ends = self.place_ends.reshape(-1, 2)[:, None, :]
        end = (ends[..., 0] + (ends[..., 1] - ends[..., 0]) * share).reshape(-1, 1)
        old = problem.rows(x[of], {name: start}, of)
        new = problem.rows(x[of], {name: end}, of)
        q = len(problem.inner)
        seen = self.batch.obs.mask[of][:, None, :]
        basis = new.basis[:, :q] * seen
        square = np.einsum("rjm,rkm->rjk", basis, basis)
        usable = np.linalg.matrix_rank(square, hermitian=True) == q
        square[~usable] = np.eye(q)
        turn = np.linalg.solve(square, np.einsum("rjm,rkm->rjk", basis, old.basis[:, :q]))
        move = np.linalg.solve(
            square, np.einsum("rjm,rm->rj", basis, old.base - new.base)[..., None]
        )[..., 0]
        index = (curve * places + node) * groups + group
        good = usable[index]
        inner = np.stack([found[k] for k in problem.inner], axis=2)
        moved = np.einsum("cnjk,cnk->cnj", turn[index], inner) + move[index]
        for j, k in enumerate(problem.inner):
            found[k] = np.where(good, moved[..., j], found[k])
        found[name] = np.where(good, low + (high - low) * share[group], at)
