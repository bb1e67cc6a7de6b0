"""Session 6 as an app: your own paper."""

import marimo

app = marimo.App(width="medium", app_title="Your own paper", css_file="seminar.css")

with app.setup:
    from html import escape

    import content6
    import judging
    import lecture
    import marimo as mo
    import numpy as np

    from emergent_stats import ResultsError, forecast_curve

    SESSION, PASTED = content6.SESSION, "the pasted table.csv"


@app.cell
def _():
    lecture.opening(SESSION, mo)
    return


@app.cell
def _():
    pasted = mo.ui.text_area(
        value=judging.EXAMPLE, rows=10, label="Your table", full_width=True,
        max_length=judging.MOST_BYTES,
    )  # fmt: skip
    mo.vstack(
        [
            mo.md("## 1. The table"),
            mo.md(
                "Paste yours: a scale, `score` from 0 to 1, `metric`, `n`. Here are GPT-3's "
                "few-shot "
                "3-digit subtractions. The first series is taken; it needs five models or more."
            ),
            pasted,
        ]
    )
    return (pasted,)


@app.cell
def _(pasted):
    curve, _said = None, ""
    try:
        curve = judging.read(pasted.value.encode(), PASTED)[0]
        if curve.m < 5 or curve.metric_object.continuous or curve.metric_object.direction < 0:
            curve, _said = None, "this page needs five models or more, and a share of right answers"
    except ResultsError as error:
        _said = str(error)
    kept = mo.ui.slider(
        3, curve.m - 1 if curve else 4, value=curve.m - 1 if curve else 3,
        label="Models fitted", show_value=True,
    )  # fmt: skip
    mo.output.replace(mo.callout(mo.Html(escape(_said)), "danger") if _said else mo.md(""))
    return curve, kept


@app.cell
def _(curve, kept):
    mo.stop(curve is None)
    low, middle, high = content6.extrapolated(curve, kept.value)
    _inside = (curve.score >= low) & (curve.score <= high)
    _held = curve.m - kept.value
    mo.vstack(
        [
            mo.md("## 2. Cover the largest models"),
            kept,
            mo.md(
                f"The largest model: foretold **{middle[-1]:.3f}** ({low[-1]:.3f} to "
                f"{high[-1]:.3f}), "
                f"scored **{curve.score[-1]:.3f}**; {int(_inside[kept.value :].sum())} of "
                f"{_held} held "
                "back lie inside."
            ),
            mo.Html(content6.forecast_chart(curve, kept.value).svg()),
        ]
    )
    return high, low, middle


@app.cell
def _():
    write = mo.ui.run_button(label="Write the paragraph")
    foretell = mo.ui.run_button(label="Forecast by all accounts")
    return foretell, write


@app.cell
def _(curve, foretell, kept, pasted, write):
    mo.stop(curve is None)
    _words = "<p>Each takes some seconds.</p>"
    try:
        if write.value:
            _found = judging.judge(pasted.value.encode(), PASTED)
            _words = f"<p>{escape(_found.summary)}</p><p>{escape(_found.reason)}</p>"
        if foretell.value:
            _cut = float(curve.axis_values[kept.value - 1])
            _f = forecast_curve(curve, _cut)
            _words = "".join(
                f"<p>{escape(_f.large.models[_i])}: scored {_f.large.score[_i]:.3f}, foretold "
                f"{_f.middle['averaged'][_i]:.3f} ({_f.low['averaged'][_i]:.3f} to "
                f"{_f.high['averaged'][_i]:.3f})</p>"
                for _i in range(_f.large.m)
            )
            _words += f"<p>Surprise of the whole: {_f.surprise:.3f} (small is surprising).</p>"
    except ResultsError as error:
        _words = f"<p>{escape(str(error))}</p>"
    mo.vstack(
        [
            mo.md("## 3. The paragraph, and a forecast by the package"),
            mo.hstack([write, foretell], justify="start", gap=2),
            mo.Html(f"<div style='font-size:20px'>{_words}</div>"),
        ]
    )
    return


@app.cell
def _():
    level = mo.ui.slider(0.05, 0.9, 0.05, value=0.25, label="Threshold", show_value=True)
    return (level,)


@app.cell
def _(level):
    arrived = content6.arrivals(content6.few_shot(), level.value)
    _places = np.array([_x for _, _x in arrived])
    _rows = "\n".join(f"| {escape(_task)} | {10**_x / 1e9:.2g}B |" for _task, _x in arrived)
    _chart = lecture.Chart(
        f"{len(arrived)} tasks of GPT-3 that pass {level.value:g}, against scale",
        (8.0, 11.4), (0.0, max(1.0, float(len(arrived)))),
        ("log10 of parameters", "tasks that passed"), (900, 340),
    )  # fmt: skip
    _grid = np.linspace(8.0, 11.4, 200)
    _chart.line(_grid, (_grid[:, None] >= _places).sum(1) if _places.size else 0 * _grid, 0)
    mo.vstack(
        [
            mo.md("## 4. Arrivals: move the threshold"),
            mo.md(
                "GPT-3's few-shot tasks under exact match, by the scale at which they pass a "
                "score. "
                "If arrivals follow the threshold, it is the threshold that arrives."
            ),
            level,
            mo.md(f"**{len(arrived)}** tasks pass {level.value:g} between two models."),
            mo.Html(_chart.svg()),
            mo.accordion({"Which": mo.md(f"| task | parameters |\n|:--|--:|\n{_rows}")}),
        ]
    )
    return (arrived,)


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
