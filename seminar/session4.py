"""Session 4 as an app: smooth or break."""

import marimo

app = marimo.App(width="medium", app_title="Smooth or break", css_file="seminar.css")

with app.setup:
    import content4
    import gauss
    import lecture
    import marimo as mo
    import numpy as np

    from emergent_stats import Curve, compare

    SESSION = content4.SESSION


@app.cell
def _():
    lecture.opening(SESSION, mo)
    return


@app.cell
def _():
    slope = mo.ui.slider(0, 2, 0.1, value=0.8, label="Slope (nats/decade)", show_value=True)
    leap = mo.ui.slider(0, 3, 0.1, value=0.6, label="Leap (nats)", show_value=True)
    sigma = mo.ui.slider(0.05, 0.6, 0.05, value=0.2, label="Noise (nats)", show_value=True)
    seed = mo.ui.slider(1, 99, value=1, label="Data number", show_value=True)
    return leap, seed, sigma, slope


@app.cell
def _(leap, seed, sigma, slope):
    skill = content4.example(slope.value, leap.value, sigma.value, seed.value)
    _line = np.polynomial.Polynomial.fit(content4.X, skill, 1)
    _low, _high = float(skill.min()) - 0.4, float(skill.max()) + 0.4
    _chart = lecture.Chart(
        "Eight skills against scale, and the line that fits them best",
        (-2.1, 2.1), (_low, _high), ("scale (decades)", "skill (nats)"), (900, 340),
    )  # fmt: skip
    _chart.line(content4.X, _line(content4.X), 0, "best line")
    _chart.dots(content4.X, skill, 1, "measured")
    mo.vstack(
        [
            mo.md("## 1. The data"),
            mo.md("Eight skills along a line, with a leap in the middle gap if you give it one."),
            lecture.controls(mo, slope, leap, sigma, seed),
            mo.Html(_chart.svg()),
        ]
    )
    return (skill,)


@app.cell
def _():
    prior_slope = mo.ui.slider(
        steps=[0.1, 0.2, 0.5, 1, 2, 4], value=1, label="Prior of slopes (nats/decade)",
        show_value=True,
    )  # fmt: skip
    prior_height = mo.ui.slider(
        steps=[0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 100], value=1, label="Prior of heights (nats)",
        show_value=True,
    )  # fmt: skip
    return prior_height, prior_slope


@app.cell
def _(prior_height, prior_slope, sigma, skill):
    log_bf = gauss.log_bayes_factor(
        skill, content4.X, sigma.value, prior_slope.value, prior_height.value
    )
    _grid = content4.sensitivity(skill, sigma.value, prior_slope.value, prior_height.value)
    _rows = "\n".join(
        f"| slopes × {_name} | " + " | ".join(f"{_p:.3f}" for _p in _row) + " |"
        for _name, _row in zip(("½", "1", "2"), _grid, strict=True)
    )
    mo.vstack(
        [
            mo.md("## 2. Evidence, Lindley, sensitivity"),
            mo.md(
                "The account of a step averages over its seven gaps and over heights; both pay for "
                "it. Widen the prior of heights and watch; then narrow the prior of slopes."
            ),
            lecture.controls(mo, prior_slope, prior_height),
            mo.md(
                f"Log Bayes factor of a step against a line: **{log_bf:+.2f}**; at even odds "
                f"P(step) = **{1 / (1 + np.exp(-log_bf)):.3f}**"
            ),
            mo.Html(
                content4.lindley_chart(
                    skill, sigma.value, prior_slope.value, prior_height.value
                ).svg()
            ),
            mo.md(
                "| P(step) | heights × ½ | × 1 | × 2 |\n|:--|--:|--:|--:|\n"
                f"{_rows}\n\nIf a cell turns the answer, the answer is the prior's."
            ),
        ]
    )
    return (log_bf,)


@app.cell
def _():
    other = mo.ui.run_button(label="statsmodels")
    pymc = mo.ui.run_button(label="PyMC")
    engine = mo.ui.run_button(label="the engine, through exact match")
    mo.vstack(
        [
            mo.md("## 3. The same model by three others"),
            mo.md(
                "Least squares and BIC take the best gap and charge by rule of thumb. PyMC "
                "samples the height in that gap; the closed form says at once what it should find. "
                "The engine of the package sees only scores: 1,000 questions each, five accounts, "
                "noise between models unknown."
            ),
            mo.hstack([other, pymc, engine], justify="start", gap=2),
        ]
    )
    return engine, other, pymc


@app.cell
def _(log_bf, prior_height, prior_slope, sigma, skill):
    _gap = int(
        np.argmax(
            gauss.log_evidence(
                skill, content4.X, sigma.value, prior_slope.value, prior_height.value
            )[1]
        )
    )
    asked = (skill, content4.X, sigma.value, prior_slope.value, prior_height.value, _gap)
    closed = gauss.in_closed_form(*asked)
    mo.md(
        f"Closed form: a step in gap {_gap + 1} is {closed[0]:.2f} ± {closed[1]:.2f} nats high; "
        f"log Bayes factor {log_bf:+.2f} over all gaps."
    )
    return asked, closed


# each answer is a cell of its own, so that all three stand beside each other
@app.cell
def _(other, sigma, skill):
    mo.stop(not other.value)
    _f = gauss.by_statsmodels(skill, content4.X, sigma.value)
    mo.md(
        f"statsmodels: gap {_f['gap'] + 1:.0f}, {_f['height']:.2f} ± {_f['error']:.2f} nats (no "
        f"prior); gain {_f['gain']:.2f} nats, less BIC's ½ ln 8: {_f['half BIC']:+.2f}, with "
        "nothing paid for the search."
    )
    return


@app.cell
def _(asked, pymc):
    mo.stop(not pymc.value)
    _wait = "PyMC draws 2 chains of 1,000; in the first minute after the start it compiles, too"
    with mo.status.spinner(_wait):
        _mean, _sd = gauss.by_pymc(*asked)
    mo.md(f"PyMC: {_mean:.2f} ± {_sd:.2f} nats, the closed form but for sampling.")
    return


@app.cell
def _(engine, skill):
    mo.stop(not engine.value)
    _score, _n = np.exp(-np.exp(-skill)), 1000
    _found = compare(
        Curve(10.0 ** (content4.X + 9), np.round(_score * _n) / _n, "exact_match", n=_n)
    )
    mo.md(
        f"The engine: **{_found.verdict}**, {_found.reason}. Log Bayes factor of a break "
        f"against gradual {_found.log_bf:+.2f}: its gradual accounts can do more than a line."
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
