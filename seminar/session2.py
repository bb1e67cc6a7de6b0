"""Session 2 as an app: metrics as links."""

import marimo

app = marimo.App(width="medium", app_title="Metrics as links", css_file="seminar.css")

with app.setup:
    import content2
    import lecture
    import marimo as mo
    import numpy as np

    from emergent_stats import Curve
    from emergent_stats.design.multinomial import Toy, gumbel_width
    from emergent_stats.model.metrics import METRICS, Brier

    SESSION = content2.SESSION


@app.cell
def _():
    lecture.opening(SESSION, mo)
    return


@app.cell
def _():
    slope = mo.ui.slider(0.2, 4, 0.1, value=1, label="Slope a (nats/decade)", show_value=True)
    length = mo.ui.slider(1, 64, value=4, label="Length L (tokens)", show_value=True)
    return length, slope


@app.cell
def _(length, slope):
    _x = np.linspace(-40, 40, 400_001)
    _score = np.exp(-length.value * np.exp(-slope.value * _x))
    measured_width = float(_x[np.searchsorted(_score, 0.9)] - _x[np.searchsorted(_score, 0.1)])
    lag = float(np.log(length.value) / slope.value)
    mo.vstack(
        [
            mo.md("## 1. p^L: the length moves the curve"),
            lecture.controls(mo, slope, length),
            mo.md(
                f"L = {length.value}: from 10 % to 90 % in **{measured_width:.3f}** decades (read "
                "off the thick curve; dotted: 10 % and 90 %); 3.084/a = "
                f"{gumbel_width(slope.value):.3f}. "
                f"It lags behind one token by ln(L)/a = **{lag:.3f}** decades."
            ),
            mo.Html(content2.lengths_chart(slope.value, length.value).svg()),
            mo.md(
                "Why: p = exp(−e^(−s)), so p^L = exp(−e^(−(s − ln L))). A length is a shift of "
                "skill. So “the metric makes it sharp” is a statement about the slope a."
            ),
        ]
    )
    return lag, measured_width


@app.cell
def _():
    tokens = mo.ui.slider(1, 16, value=6, label="Length L (tokens)", show_value=True)
    rise = mo.ui.slider(0, 3, 0.1, value=1.2, label="Slope a (nats/decade)", show_value=True)
    leap = mo.ui.slider(0, 3, 0.25, value=0, label="Leap of skill (nats)", show_value=True)
    draws = mo.ui.slider(
        steps=[20, 50, 100, 200, 500], value=100, label="Questions", show_value=True
    )
    seed = mo.ui.slider(1, 99, value=1, label="Draw number", show_value=True)
    return draws, leap, rise, seed, tokens


@app.cell
def _(draws, leap, rise, seed, tokens):
    metric_panels = content2.metric_charts(
        Toy(length=tokens.value), rise.value, draws.value, seed.value, leap.value
    )
    exact_at_top = Toy(length=tokens.value).expected(
        "exact_match", content2.skill_at(2.0, rise.value, leap.value)
    )
    mo.vstack(
        [
            mo.md("## 2. One skill, six metrics"),
            mo.md(
                "Dots are scores of drawn answers, lines their expectation. Give the skill a leap: "
                "every metric that has left its floor shows it, and none can hide it for long."
            ),
            lecture.controls(mo, tokens, rise, leap, draws, seed),
            mo.md(f"Expected exact match at the largest scale: **{exact_at_top:.4f}**"),
            mo.Html(lecture.panels("One skill under six metrics", metric_panels, 3)),
        ]
    )
    return exact_at_top, metric_panels


@app.cell
def _():
    options = mo.ui.slider(2, 10, value=4, label="Options k", show_value=True)
    items = mo.ui.slider(
        steps=[20, 50, 100, 200, 500, 1000], value=100, label="Questions", show_value=True
    )
    return items, options


@app.cell
def _(items, options):
    _s = np.linspace(-4, 2, 121)
    _choice = METRICS["multiple_choice"](options=float(options.value))
    chance = 1 / options.value
    _accuracy = chance + (1 - chance) * _choice.raw_fraction(_s)
    _brier = Brier(options=float(options.value))
    _points = np.linspace(-4, 2, 9)
    _expected = chance + (1 - chance) * _choice.raw_fraction(_points)
    _rng = np.random.default_rng(3)
    _curve = Curve(
        10.0 ** (_points + 8),
        _rng.binomial(items.value, _expected) / items.value,
        "multiple_choice",
        n=items.value,
        chance=chance,
    )
    _share = np.exp(-np.exp(-_s))
    _loss = _brier.chance * (1 - _share) ** 2
    _chart = lecture.Chart(
        "Accuracy and Brier score of a forced choice against skill, with drawn scores",
        (-4.1, 2.1), (0, 1.05), ("skill (nats)", "score"), (900, 430),
    )  # fmt: skip
    _chart.line(_s, _accuracy, 0, "accuracy").line(_s, _loss, 2, "Brier (0 to 2)")
    _chart.dots(_points, _curve.score, 1, "drawn, 90 % interval", _curve.intervals())
    mo.vstack(
        [
            mo.md("## 3. Chance and Brier"),
            mo.md(
                "A forced choice has a floor at 1/k, and skill below it cannot be seen: a score at "
                "chance says “small”, never “nothing”. Brier looks at probabilities and leaves its "
                "floor no sooner than the skill does; lower is better, a guesser scores (k − 1)/k."
            ),
            lecture.controls(mo, options, items),
            mo.md(
                f"Chance **{chance:.3f}**; Brier of a guesser **{_brier.chance:.3f}**; standard "
                f"error at chance **{np.sqrt(chance * (1 - chance) / items.value):.3f}**"
            ),
            mo.Html(_chart.svg()),
        ]
    )
    return (chance,)


@app.cell
def _():
    temperature = mo.ui.slider(0, 2, 0.1, value=0, label="Temperature", show_value=True)
    return (temperature,)


@app.cell
def _(temperature):
    single, many = (
        Toy(length=1, temperature=temperature.value, spread=_spread).expected("exact_match", -0.5)
        for _spread in (0.0, 0.8)
    )
    mo.vstack(
        [
            mo.md("## 4. Greedy decoding: the one true step"),
            temperature,
            mo.md(
                f"At skill −0.5: one question **{single:.3f}**, the mean of many **{many:.3f}**. "
                "At temperature 0 one question flips where the right token becomes the likeliest."
            ),
            mo.Html(content2.greedy_chart(temperature.value).svg()),
        ]
    )
    return many, single


@app.cell
def _():
    mo.md(
        """
        ## 5. What a metric can and cannot do

        | a metric can | a metric cannot |
        |:--|:--|
        | move the rise to larger scales (length, all-of-K) | sharpen it by being longer |
        | hide skill below chance or below 1/n | make skill where there is none |
        | steepen it by a factor (votes, thresholds) | turn a gentle slope into a leap |
        | flip one question at one scale (greedy) | flip the mean of many unlike questions |

        On a logit scale of skill the most that p^L sharpens is 1.42 times.
        """
    )
    return


@app.cell
def _():
    answers = mo.ui.array([lecture.widget(e, mo) for e in SESSION.exercises])
    return (answers,)


@app.cell
def _(answers):
    mo.vstack(
        [mo.md("## Exercises"), lecture.sheet(SESSION, answers, mo), lecture.closing(SESSION, mo)]
    )
    return


if __name__ == "__main__":
    app.run()
