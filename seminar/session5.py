"""Session 5 as an app: can this design tell."""

import marimo

app = marimo.App(width="medium", app_title="Can this design tell", css_file="seminar.css")

with app.setup:
    import content5
    import gauss
    import lecture
    import marimo as mo

    from emergent_stats import Claim, Plan, outlook
    from emergent_stats.verdict.formula import LEAST_VARIANCE, step_power

    SESSION = content5.SESSION


@app.cell
def _():
    lecture.opening(SESSION, mo)
    return


@app.cell
def _():
    models = mo.ui.slider(4, 24, value=8, label="Models", show_value=True)
    span = mo.ui.slider(1, 6, 0.5, value=4, label="Span (decades)", show_value=True)
    questions = mo.ui.slider(
        steps=[50, 100, 300, 1000, 3000], value=300, label="Questions", show_value=True
    )
    sigma = mo.ui.slider(0.05, 0.6, 0.05, value=0.15, label="Noise (nats)", show_value=True)
    runs = mo.ui.slider(1, 4, value=1, label="Runs at each scale", show_value=True)
    height = mo.ui.slider(0.5, 3, 0.25, value=1, label="Jump (nats)", show_value=True)
    return height, models, questions, runs, sigma, span


@app.cell
def _(height, models, questions, runs, sigma, span):
    plan = Plan.even(models.value, span.value, runs.value, n=questions.value, sigma=sigma.value)
    textbook = step_power(plan, height.value)
    seen = outlook(plan, Claim("jump", height.value))
    mo.vstack(
        [
            mo.md("## 1. Power, promised and honest"),
            mo.md(
                "The textbook tests a step against a straight line, noise known. The package's "
                "formula "
                "weighs all accounts, noise unknown, and asks for 95 %."
            ),
            lecture.controls(mo, models, span, questions, sigma, runs, height),
            mo.md(
                f"Textbook **{textbook:.3f}**; all accounts **{seen.found:.3f}**. Smooth curves "
                f"cleared "
                f"**{seen.cleared:.3f}**, called real **{seen.false:.3f}**. Beyond n = "
                f"{LEAST_VARIANCE / sigma.value**2:.0f} more questions help little."
            ),
            mo.Html(
                content5.power_chart(span.value, questions.value, sigma.value, models.value).svg()
            ),
        ]
    )
    return seen, textbook


@app.cell
def _():
    noise = mo.ui.slider(0.05, 0.6, 0.05, value=0.15, label="Noise (nats)", show_value=True)
    tall = mo.ui.slider(0.25, 3, 0.25, value=1, label="Heights (nats)", show_value=True)
    return noise, tall


@app.cell
def _(noise, tall):
    floor = gauss.floor(8, noise.value, 300, 1.0, tall.value, 2000)
    mo.vstack(
        [
            mo.md("## 2. The floor"),
            mo.md(
                "Lines and steps drawn from priors that the analyst knows, 300 questions. Its "
                "error "
                "E[min(P, 1 − P)] is the least that any rule can have."
            ),
            lecture.controls(mo, noise, tall),
            mo.md(f"Eight models: **{floor:.3f}** of the calls are wrong, at best."),
            mo.Html(content5.floor_chart(300, tall.value, 1.0, noise.value).svg()),
        ]
    )
    return (floor,)


@app.cell
def _():
    broken = mo.ui.slider(0, 85, value=10, label="Tasks that break", show_value=True)
    power = mo.ui.slider(0.05, 1, 0.05, value=0.6, label="Power", show_value=True)
    size = mo.ui.slider(0.005, 0.2, 0.005, value=0.05, label="Errs in smooth ones", show_value=True)
    return broken, power, size


@app.cell
def _(broken, power, size):
    false = content5.false_share(85, broken.value, power.value, size.value)
    mo.vstack(
        [
            mo.md("## 3. False discoveries among 85 tasks"),
            lecture.controls(mo, broken, power, size),
            mo.md(
                f"**{(85 - broken.value) * size.value:.2f}** false and "
                f"**{broken.value * power.value:.2f}** true calls: **{100 * false:.1f} %** of the "
                "calls are false."
            ),
        ]
    )
    return (false,)


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
