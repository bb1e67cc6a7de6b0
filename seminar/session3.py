"""Session 3 as an app: counting honestly."""

import marimo

app = marimo.App(width="medium", app_title="Counting honestly", css_file="seminar.css")

with app.setup:
    import content3
    import gauss
    import lecture
    import marimo as mo
    import numpy as np

    SESSION = content3.SESSION


@app.cell
def _():
    lecture.opening(SESSION, mo)
    return


@app.cell
def _():
    tasks = mo.ui.slider(20, 400, 4, value=204, label="Tasks", show_value=True)
    models = mo.ui.slider(5, 16, value=8, label="Models", show_value=True)
    broken = mo.ui.slider(0, 20, value=0, label="Tasks that break", show_value=True)
    height = mo.ui.slider(0.5, 3, 0.25, value=1, label="Height (nats)", show_value=True)
    own = mo.ui.slider(0, 0.5, 0.05, value=0.1, label="Own noise (nats)", show_value=True)
    shared = mo.ui.slider(0, 0.5, 0.05, value=0.1, label="Shared noise (nats)", show_value=True)
    questions = mo.ui.slider(
        steps=[100, 300, 1000, 3000], value=1000, label="Questions", show_value=True
    )
    seed = mo.ui.slider(1, 99, value=1, label="Collection", show_value=True)
    return broken, height, models, own, questions, seed, shared, tasks


@app.cell
def _(broken, height, models, own, questions, seed, shared, tasks):
    _y, _breaks = gauss.collection(
        tasks.value,
        models.value,
        broken.value,
        height.value,
        own.value,
        shared.value,
        questions.value,
        seed.value,
    )
    _x = np.linspace(-2, 2, models.value)
    _questions = gauss.questions_variance(questions.value)
    _all = _questions + own.value**2 + shared.value**2
    _centred = _y - _y.mean(0)
    _apart = (_questions + own.value**2) * (1 - 1 / tasks.value)
    _gain = gauss.gain(_y, _x)
    _p = {
        "error bars of the questions only": gauss.p_value(_gain / _questions, models.value) < 0.05,
        "noise between models too": gauss.p_value(_gain / _all, models.value) < 0.05,
        "the same, by Benjamini and Hochberg": gauss.found(
            gauss.p_value(_gain / _all, models.value)
        ),
        "shared noise taken out, by B. and H.": gauss.found(
            gauss.p_value(gauss.gain(_centred, _x) / _apart, models.value)
        ),
    }
    counted = {
        rule: (int(_hit.sum()), int((_hit & ~_breaks).sum()), int((_hit & _breaks).sum()))
        for rule, _hit in _p.items()
    }
    _rows = "\n".join(
        f"| {rule} | **{_calls}** | {_false} | {_true} of {broken.value} |"
        for rule, (_calls, _false, _true) in counted.items()
    )
    mo.vstack(
        [
            mo.md("## 1. A collection, and four ways to count"),
            mo.md(
                "Skills rise along straight lines; some leap. A step is searched for in every gap, "
                "and its gain is held against simulated lines on the same scales, at 5 %."
            ),
            lecture.controls(mo, tasks, models, broken, height, own, shared, questions, seed),
            mo.md(f"| rule | called | false | true |\n|:--|--:|--:|--:|\n{_rows}"),
        ]
    )
    return (counted,)


@app.cell
def _():
    spread = mo.ui.slider(0.05, 0.5, 0.05, value=0.2, label="Noise (nats)", show_value=True)
    size = mo.ui.slider(20, 204, 4, value=100, label="Tasks", show_value=True)
    return size, spread


@app.cell
def _(size, spread):
    counts = {
        "own noise": content3.false_calls(60, size.value, 8, spread.value, 0.0, 1000, 1),
        "shared noise": content3.false_calls(60, size.value, 8, 0.0, spread.value, 1000, 1),
    }
    mo.vstack(
        [
            mo.md("## 2. Noise that tasks share comes in swarms"),
            mo.md(
                "Sixty collections without a break. The noise is of the same size and its size is "
                "known; either each task has its own, or one unlucky model lowers all its tasks."
            ),
            lecture.controls(mo, spread, size),
            mo.md(
                f"False calls on average: own **{counts['own noise'].mean():.1f}**, shared "
                f"**{counts['shared noise'].mean():.1f}**; at most "
                f"**{counts['own noise'].max()}** and **{counts['shared noise'].max()}**."
            ),
            mo.Html(content3.calls_chart(counts, size.value).svg()),
        ]
    )
    return (counts,)


@app.cell
def _():
    calls = mo.ui.slider(0, 20, value=0, label="Calls", show_value=True)
    among = mo.ui.slider(20, 400, 4, value=204, label="Among tasks", show_value=True)
    power = mo.ui.slider(0.05, 1, 0.05, value=0.3, label="Power", show_value=True)
    return among, calls, power


@app.cell
def _(among, calls, power):
    bound = content3.bound(calls.value, among.value, power.value)
    mo.vstack(
        [
            mo.md("## 3. None found is a bound, and needs a power"),
            lecture.controls(mo, calls, among, power),
            mo.md(
                f"With {calls.value} true calls among {among.value} tasks, at most "
                f"**{bound:.3f}** of "
                "them break (95 %). Move the power: without it, none found says nothing."
            ),
        ]
    )
    return (bound,)


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
