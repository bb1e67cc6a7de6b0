from dataclasses import replace

import brute
import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt
import pytest
import xarray as xr
from scipy import special, stats

import emergent_stats
from emergent_stats.bayes import bridge, posterior, sampling, symbolic
from emergent_stats.bayes.posterior import build_model
from emergent_stats.evidence.batch import Batch
from emergent_stats.evidence.effort import FULL
from emergent_stats.evidence.evidence import log_evidence
from emergent_stats.model.curve import Curve
from emergent_stats.model.hypothesis import Hypothesis
from emergent_stats.model.metrics import (
    CrossEntropy,
    ExactMatch,
    MultipleChoice,
    TokenAccuracy,
)
from emergent_stats.model.noise import Binomial
from emergent_stats.model.priors import (
    Beta,
    Gamma,
    HalfNormal,
    HalfStudentT,
    LogUniform,
    Normal,
    Rising,
    Uniform,
)
from emergent_stats.model.skill import placed
from emergent_stats.model.trends import TRENDS, Flat, Kink, PowerLaw, Step, Transition
from emergent_stats.results.corpus import ResultsError

AXIS = 10.0 ** np.linspace(8, 11, 6)
EXACT = Curve(AXIS, np.array([2, 3, 1, 30, 90, 150]) / 200, "exact_match", n=200.0)
ROUNDED = Curve(
    AXIS, np.array([0.081, 0.123, 0.205, 0.301, 0.504, 0.703]), "exact_match", n=13_190.0
)
BRIER = Curve(AXIS, np.array([0.75, 0.74, 0.7, 0.6, 0.4, 0.3]), "brier", n=300.0, chance=0.75)
LOSS = Curve(
    AXIS, np.array([3.0, 2.8, 2.5, 2.1, 1.7, 1.5]), "cross_entropy", stderr=np.full(6, 0.03)
)
CHOICE = Curve(
    AXIS, np.array([50, 53, 60, 80, 120, 150]) / 200, "multiple_choice", n=200.0, chance=0.25
)
ROUNDED_CHOICE = replace(
    CHOICE, score=np.array([0.262, 0.281, 0.343, 0.452, 0.604, 0.713]), n=np.full(6, 13_190.0)
)
CURVES = {"exact": EXACT, "rounded": ROUNDED, "brier": BRIER, "loss": LOSS, "choice": CHOICE}
FEW = ("flat", "power_law", "step")
METRICS = [MultipleChoice.from_chance(0.25), ExactMatch(), CrossEntropy()]
FAST = "FAST_COMPILE"


def each_with(kinds, always):
    """Trends with each of `kinds`; by default one kind with all trends, all kinds with a few."""
    return [
        pytest.param(
            name, kind, id=f"{kind if isinstance(kind, str) else type(kind).__name__}-{name}",
            marks=[] if kind is always or name in FEW else pytest.mark.slow,
        )
        for kind in kinds
        for name in TRENDS
    ]  # fmt: skip


def of(trend, curve):
    return Hypothesis(trend, curve.metric_object)


# --- the model ------------------------------------------------------------------------------
@pytest.mark.parametrize(("name", "kind"), each_with(CURVES, "choice"))
def test_model_has_every_parameter_under_its_name(name, kind):
    h = of(TRENDS[name](), CURVES[kind])
    model = build_model(h, CURVES[kind])
    # a place of a break in skill is summed over, a level at it follows from the rest of a line
    summed = TRENDS[name].discontinuous
    moves = summed and "slope" in h.priors()
    free = set(h.priors()) - ({"location"} if summed else set()) - ({"level"} if moves else set())
    assert free <= set(model.named_vars)
    assert model.coords["model"] == CURVES[kind].models
    potentials = {p.name for p in model.potentials}
    assert potentials == ({"scores"} if summed else {"visible"} if name != "flat" else set())
    observed = {
        "exact": "right",
        "choice": "right",
        "rounded": "score",
        "brier": "score",
        "loss": "seen",
    }
    assert [v.name for v in model.observed_RVs] == ([] if summed else [observed[kind]])
    assert ("eps" in model.named_vars) == (kind != "loss")


def test_fixed_parameters_are_constants():
    h = Hypothesis(PowerLaw(slope=1.0), ExactMatch(guess=0.01, lapse=0.0), Binomial(sigma=0.1))
    assert {v.name for v in build_model(h, EXACT).free_RVs} == {"level", "eps"}


def test_refusals():
    short = Curve(AXIS[:3], np.array([0.1, 0.2, 0.5]), "exact_match", n=50.0)
    with pytest.raises(ValueError, match="at least 4 distinct scales"):
        build_model(of(Kink(), short), short)
    with pytest.raises(ValueError, match=r"location of 'step' has the prior .*needs Interior"):
        build_model(of(Step(location=Normal(0.0, 1.0)), EXACT), EXACT)


def density(h, curve, values, eps):
    """Log density of parameters, eps and data, from SciPy and the definitions."""
    total = sum(float(p.log_density(np.array(values[n]))) for n, p in h.priors(curve).items())
    values = values | h.fixed()
    x = (curve.x - curve.centre)[None]
    own = {n: values[n] for n in h.trend.parameter_names()}
    skill = h.trend(x, **own) + np.zeros((1, curve.m))
    total += brute.log_gate(h, x, own, skill)[0]
    if h.metric.continuous:
        seen = h.metric.skill(curve.score)
        error = h.metric.skill_error(curve.score, curve.stderr)
        return total + stats.norm.logpdf(seen, skill[0], np.hypot(values["sigma"], error)).sum()
    total += stats.norm.logpdf(eps).sum()
    s = skill[0] + values["sigma"] * eps
    rates = h.rates(values)
    return total + sum(
        brute.log_observation(curve, h.metric, i, s[i], rates) for i in range(curve.m)
    )


PARAMETERS = {
    "level": -0.4, "slope": 1.1, "bend": 0.9, "height": 1.3, "location": 0.1,
    "width": 0.3, "sigma": 0.2, "guess": 0.01, "lapse": 0.02,
}  # fmt: skip
EPS = np.array([0.3, -0.5, 1.0, 0.0, -1.2, 0.6])


@pytest.mark.parametrize(
    ("kind", "trend"),
    [
        ("exact", Kink()),
        ("rounded", PowerLaw()),
        ("brier", Transition()),
        ("loss", Kink()),
        ("choice", Flat()),
    ],
    ids=lambda v: v if isinstance(v, str) else type(v).__name__,
)
def test_density_by_hand(kind, trend):
    curve, h = CURVES[kind], of(trend, CURVES[kind])
    values = {n: PARAMETERS[n] for n in h.priors()}
    eps = EPS
    if kind == "rounded":
        # skills that fit the scores: counts in a rounding interval stand for one another there only
        grid = np.linspace(-4, 4, 8001)
        fits = np.interp(curve.score, h.metric(grid, guess=0.01, lapse=0.02), grid)
        eps = (fits - h.skill(curve.x - curve.centre, values)) / values["sigma"]
    got = log_density(h, curve, values | {"eps": eps})
    assert got == pytest.approx(density(h, curve, values, eps), abs=1e-4 if eps is EPS else 0.01)


def log_density(h, curve, point):
    """Log density of the PyMC model at a point of its own (untransformed) variables."""
    model = build_model(h, curve)
    function = model.compile_logp(jacobian=False, mode=FAST)
    start = {}
    for rv in model.free_RVs:
        value, transform = model.rvs_to_values[rv], model.rvs_to_transforms[rv]
        constrained = np.asarray(point[rv.name], float)
        if transform is not None:
            constrained = transform.forward(pt.constant(constrained), *rv.owner.inputs).eval(
                mode=FAST
            )
        start[value.name] = constrained
    return float(function(start))


@pytest.mark.parametrize("kind", ["exact", "loss"])
def test_step_is_summed_over_its_gaps(kind):
    curve, h = CURVES[kind], of(Step(), CURVES[kind])
    values = {n: PARAMETERS[n] for n in h.priors() if n not in ("location", "level")}
    base, share = -0.5, 0.3
    x = curve.x - curve.centre
    low, high = x[1:-2], x[2:-1]
    each = []
    for a, b in zip(low, high, strict=True):
        location = a + (b - a) * share
        own = {"level": base + values["slope"] * location, "location": location}
        # the location's own density is the same everywhere, its gap's weight is what counts
        flat = np.log(x[-2] - x[1])
        each.append(density(h, curve, values | own, EPS) + flat + np.log((b - a) / (x[-2] - x[1])))
    # base stands in for level under a density of its own, which is divided out
    got = log_density(h, curve, values | {"base": base, "within_gap": share, "eps": EPS})
    assert got == pytest.approx(special.logsumexp(each), abs=1e-4)


@pytest.mark.parametrize(("name", "metric"), each_with(METRICS, METRICS[0]))
def test_gate_is_the_one_of_the_evidence(name, metric):
    h = Hypothesis(TRENDS[name](), metric)
    drawn = h.draw_parameters(EXACT, 6, seed=1)
    names = [*h.trend.parameter_names(), *(h.rates(drawn) if h.trend.saturates else ())]
    variables = {n: pt.tensor(n, shape=(None, 1)) for n in names}
    x = (EXACT.x - EXACT.centre)[None]
    skill = h.skill(pt.constant(x), variables)
    gate = symbolic.log_visibility(h, pt.constant(x), variables, skill)
    function = pytensor.function(
        list(variables.values()), gate, mode=FAST, on_unused_input="ignore"
    )
    own = {n: drawn[n] for n in h.trend.parameter_names()}
    want = brute.log_gate(h, x, own, h.trend(x, **own) + np.zeros((6, 6)), drawn)
    got = function(*(drawn[n] for n in variables))
    want = np.broadcast_to(want, (6,))[: got.size]
    # further out the change is smaller than floating point can tell from none
    told = want > -60
    assert told.any()
    np.testing.assert_allclose(got[told], want[told], rtol=1e-6, atol=1e-9)
    assert (got[~told] < -55).all()


@pytest.mark.parametrize(
    "prior",
    [
        Normal(0.5, 2),
        HalfNormal(1.5),
        HalfStudentT(3, 0.7),
        Gamma(3, 0.5),
        Beta(1, 50),
        Uniform(-1, 2),
    ],
    ids=repr,
)
def test_prior_has_the_same_density_in_pymc(prior):
    value = prior.from_normal(np.array([-1.5, -0.1, 1.2]))
    with pm.Model():
        got = pm.logp(prior.pymc("v"), value).eval(mode=FAST)
    np.testing.assert_allclose(got, prior.log_density(value), atol=1e-5)


@pytest.mark.parametrize("prior", [LogUniform(0.1, 3.0), Rising(0.5, 3.0)], ids=repr)
def test_transformed_priors_draw_from_their_distribution(prior):
    with pm.Model():
        drawn = pm.draw(prior.pymc("v"), 2000, random_seed=3, mode=FAST)
    assert stats.kstest(prior.share(drawn), "uniform").pvalue > 0.001


# --- sampling -------------------------------------------------------------------------------
def test_fit_of_a_small_model():
    h = of(PowerLaw(), LOSS)
    tree = emergent_stats.fit(LOSS, "power_law", draws=150, tune=200, chains=2, seed=4)
    compiled = posterior._compiled.cache_info().misses
    assert {"posterior", "sample_stats", "observed_data", "constant_data"} <= set(tree.children)
    post = tree["posterior"].to_dataset()
    assert dict(post.sizes) == {"chain": 2, "draw": 150, "model": 6}
    assert tuple(post["model"].to_numpy()) == LOSS.models
    line = post["level"].to_numpy()[..., None] + post["slope"].to_numpy()[..., None] * (
        LOSS.x - LOSS.centre
    )
    np.testing.assert_allclose(post["trend"].to_numpy(), line)
    np.testing.assert_allclose(tree["observed_data"]["score"], LOSS.score)
    assert tree.attrs["hypothesis"] == "power_law"
    # 300 draws are too few to be believed, and it says so
    found = sampling.diagnostics(tree)
    assert any("bulk ESS of" in line for line in found)
    assert tree.attrs["diagnostics"] == "\n".join(found)
    again = posterior.fit(LOSS, h, draws=150, tune=200, chains=2, seed=4)
    xr.testing.assert_equal(post, again["posterior"].to_dataset())
    # other data of the same shape: the compiled model serves, and the answer moves
    steeper = Curve(
        AXIS, LOSS.score**2, "cross_entropy", stderr=np.full(6, 0.05), models=tuple("abcdef")
    )
    with pytest.raises(ResultsError, match="no trend 'powerlaw'; use one of flat, power_law"):
        posterior.fit(LOSS, "powerlaw")
    moved = posterior.fit(steeper, h, draws=150, tune=200, chains=2, seed=4)
    assert posterior._compiled.cache_info().misses == compiled
    assert tuple(moved["posterior"]["model"].to_numpy()) == tuple("abcdef")
    assert abs(float(moved["posterior"]["slope"].mean() - post["slope"].mean())) > 0.05


def tree_of(draws, diverging=0):
    flags = np.zeros(draws.shape[:2], bool)
    flags.flat[:diverging] = True
    dims = ("chain", "draw")
    return xr.DataTree.from_dict(
        {
            "posterior": xr.Dataset({"slope": (dims, draws), "gap": (dims, flags.astype(int))}),
            "sample_stats": xr.Dataset({"diverging": (dims, flags)}),
        }
    )


def test_diagnostics():
    good = np.random.default_rng(0).standard_normal((4, 500))
    assert sampling.diagnostics(tree_of(good)) == []
    assert sampling.diagnostics(tree_of(good, 3)) == ["3 divergent transitions of 2000 draws"]
    apart = sampling.diagnostics(tree_of(good + np.arange(4)[:, None]))
    assert apart[0].startswith("R-hat of slope is ")
    assert apart[1].startswith("bulk ESS of slope is ")
    slow = np.repeat(good[:, :50], 10, axis=1)
    assert any("bulk ESS of slope" in line for line in sampling.diagnostics(tree_of(slow)))


def test_step_is_placed_in_proportion_to_the_gaps():
    h = of(Step(), EXACT)
    design = posterior.Shape.of(h, EXACT)
    share = np.array([0.2, 0.5, 0.3])
    dims = ("chain", "draw")
    size = (2, 4000)
    sampled = {n: (dims, np.full(size, PARAMETERS[n])) for n in ("slope", "height", "guess")}
    fake = xr.Dataset(
        sampled
        | {
            "base": (dims, np.full(size, -0.5)),
            "within_gap": (dims, np.full(size, 0.25)),
            "gap_log_weight": ((*dims, "gap"), np.log(share) + np.zeros((*size, 3))),
        }
    )
    placed = posterior._place_step(h, EXACT, design, fake, seed=0)
    counts = np.bincount(placed["gap"].to_numpy().ravel(), minlength=3) / 8000
    np.testing.assert_allclose(counts, share, atol=0.02)
    x = EXACT.x - EXACT.centre
    want = x[1:-2] + 0.25 * np.diff(x[1:-1])
    np.testing.assert_allclose(np.unique(placed["location"]), want)
    side = np.sign(x - placed["location"].to_numpy()[..., None])
    line = -0.5 + PARAMETERS["slope"] * x + 0.5 * PARAMETERS["height"] * side
    np.testing.assert_allclose(placed["trend"].to_numpy(), line)


# --- the two routes agree -------------------------------------------------------------------
# standard deviations need the tails, and more rates than full effort takes
NODES = replace(
    FULL, cells=400, points=4096, nodes=32, kept=16_384, guesses=16, lapses=16, spacing=1.5
)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "trend"),
    [
        ("exact", PowerLaw()),
        ("exact", Kink()),
        ("exact", Transition()),
        ("exact", Step()),
        ("rounded", PowerLaw()),
        ("rounded choice", PowerLaw()),
        ("choice", PowerLaw()),
        ("loss", Kink()),
    ],
    ids=lambda v: v if isinstance(v, str) else type(v).__name__,
)
def test_posterior_agrees_with_quadrature(kind, trend):
    curve = (CURVES | {"rounded choice": ROUNDED_CHOICE})[kind]
    h = of(trend, curve)
    tree = posterior.fit(curve, h, draws=3000, tune=1500, seed=2)
    found = log_evidence(Batch.of([curve], h.metric), h, effort=NODES)
    weight = np.exp(found.log_weight[0] - found.log_z[0])
    for name, at in found.parameters.items():
        mean = (weight * at[0]).sum()
        sd = np.sqrt((weight * (at[0] - mean) ** 2).sum())
        draws = tree["posterior"][name].to_numpy()
        assert draws.mean() == pytest.approx(mean, abs=0.12 * sd), name
        # tails of σ and of a bend near the last model carry much of it
        assert draws.std() == pytest.approx(sd, rel=0.2), name


# --- agreement with other programs, and scales with error -------------------------------------
def logistic_data(n):
    """Counts that a logistic line makes, no noise between models."""
    x = EXACT.x - EXACT.centre
    p = 1 / (1 + np.exp(-(-0.3 + 0.9 * x)))
    return Curve(AXIS, np.round(n * p) / n, "token_accuracy", n=float(n))


LOGIT = TokenAccuracy(skill_scale="logit", guess=0.0, lapse=0.0)
# a slope of 0 is no gradual change, and no chain crosses it; 14 errors away from it the half of the
# prior that rises is the whole
LOGISTIC = Hypothesis(
    PowerLaw(level=Normal(0.0, 5.0), slope=HalfNormal(5.0)), LOGIT, Binomial(sigma=0.0)
)


@pytest.mark.slow
def test_binomial_logistic_is_the_glm_for_many_examples():
    import statsmodels.api as sm

    curve = logistic_data(20_000)
    x = sm.add_constant(curve.x - curve.centre)
    right = np.round(curve.score * curve.n)
    glm = sm.GLM(np.column_stack([right, curve.n - right]), x, family=sm.families.Binomial()).fit()
    tree = posterior.fit(curve, LOGISTIC, draws=2000, seed=3)
    # the skill scale has a unit of its own (see `metrics`)
    unit = placed(LOGIT)[1]
    for name, value, error in zip(("level", "slope"), glm.params, glm.bse, strict=True):
        draws = unit * tree["posterior"][name].to_numpy()
        assert draws.mean() == pytest.approx(value, abs=0.1 * error)
        assert draws.std() == pytest.approx(error, rel=0.07)


@pytest.mark.slow
def test_binomial_logistic_is_bambis():
    bambi = pytest.importorskip("bambi")
    pd = pytest.importorskip("pandas")
    curve = logistic_data(200)
    right = np.round(curve.score * curve.n).astype(int)
    frame = pd.DataFrame({"right": right, "n": 200, "x": curve.x - curve.centre})
    unit = placed(LOGIT)[1]
    wide = bambi.Prior("Normal", mu=0, sigma=5 * unit)
    model = bambi.Model(
        "p(right, n) ~ x", frame, family="binomial", center_predictors=False,
        priors={"Intercept": wide, "x": wide},
    )  # fmt: skip
    theirs = model.fit(draws=2000, chains=2, cores=1, random_seed=1, progressbar=False)
    ours = posterior.fit(curve, LOGISTIC, draws=2000, seed=3)
    for name, other in (("level", "Intercept"), ("slope", "x")):
        mine, bambis = unit * ours["posterior"][name], theirs["posterior"][other]
        sd = float(bambis.std())
        assert float(mine.mean()) == pytest.approx(float(bambis.mean()), abs=0.1 * sd)
        assert float(mine.std()) == pytest.approx(sd, rel=0.1)


def test_scales_with_error_are_unknowns():
    error = np.full(6, 0.2)
    model = posterior.build_model(of(PowerLaw(), LOSS), LOSS, x_error=error)
    assert {"x_away", "x_true"} <= set(model.named_vars)
    # on the mean scale the model is the one without error
    values = {n: PARAMETERS[n] for n in ("level", "slope", "sigma")}
    bare = posterior.build_model(of(PowerLaw(), LOSS), LOSS)
    point = {"x_away": np.zeros(6)} | {n: np.asarray(v) for n, v in values.items()}

    def likelihood(m):
        free = [v for v in m.free_RVs if v.name in point]
        f = m.compile_fn(
            m.logp(vars=m.observed_RVs, sum=True), inputs=m.value_vars, mode=FAST,
            on_unused_input="ignore", point_fn=False,
        )  # fmt: skip
        logs = [np.log(point[v.name]) if v.name in ("slope", "sigma") else point[v.name]
                for v in free]  # fmt: skip
        return float(f(*logs))

    assert likelihood(model) == pytest.approx(likelihood(bare))


def test_errors_of_scale_are_checked():
    with pytest.raises(ValueError, match="x_error must be finite and not negative"):
        posterior.build_model(of(PowerLaw(), LOSS), LOSS, x_error=-1.0)
    with pytest.raises(ValueError, match="a step has no x_error"):
        posterior.build_model(of(Step(), LOSS), LOSS, x_error=0.1)


@pytest.mark.slow
def test_error_of_the_scale_widens_the_slope():
    h = of(PowerLaw(), LOSS)
    sure = posterior.fit(LOSS, h, draws=1500, seed=1)
    blurred = posterior.fit(LOSS, h, draws=1500, seed=1, x_error=0.4)
    assert blurred["posterior"]["x_true"].shape[-1] == 6
    assert float(blurred["posterior"]["slope"].std()) > 1.1 * float(
        sure["posterior"]["slope"].std()
    )


def test_bridge_needs_unconstrained_draws():
    with pytest.raises(ValueError, match="bridge sampling needs the unconstrained draws"):
        bridge.bridge_sampling(build_model(of(PowerLaw(), LOSS), LOSS), tree_of(np.zeros((2, 9))))
