"""Session 1 as an app: the multinomial and the jump."""

import marimo

app = marimo.App(width="medium", app_title="The multinomial and the jump", css_file="seminar.css")

with app.setup:
    import content1
    import lecture
    import marimo as mo
    import numpy as np

    import emergent_stats
    from emergent_stats.design import multinomial
    from emergent_stats.design.multinomial import Toy

    SESSION = content1.SESSION


@app.cell
def _():
    lecture.opening(SESSION, mo)
    return


@app.cell
def _():
    leap = mo.ui.slider(0, 4, 0.5, value=0, label="Leap (nats)", show_value=True)
    draw = mo.ui.slider(1, 50, value=1, label="Line-up number", show_value=True)
    students = mo.ui.number(1, 500, value=30, label="Students")
    votes = mo.ui.number(0, 500, value=5, label="Most votes")
    favourite = mo.ui.number(1, content1.PANELS, value=1, label="Its panel")
    reveal = mo.ui.switch(label="Show which one it was")
    return draw, favourite, leap, reveal, students, votes


@app.cell
def _(draw, leap, reveal):
    lineup_scores, odd = content1.lineup(leap.value, draw.value)
    _shown = content1.lineup_figure(leap.value, draw.value, odd=odd if reveal.value else None)
    mo.vstack(
        [
            mo.md("## 1. The line-up: the class votes by eye"),
            mo.md(
                "Twenty panels of eight models; each score is of 100 questions, and models differ "
                "by noise of .3 nats. In all of them skill rises by the same amount. If there is "
                "an odd one, part of its rise comes in one gap. With a leap of 0 there is none: "
                "run that first, and hear the reasons that are given."
            ),
            lecture.controls(mo, leap, draw),
            mo.Html(_shown),
        ]
    )
    return lineup_scores, odd


@app.cell
def _(favourite, odd, reveal, students, votes):
    _said = content1.said_of_votes(
        int(votes.value), int(students.value), int(favourite.value), odd, reveal.value
    )
    mo.vstack(
        [
            lecture.controls(mo, students, votes, favourite, reveal),
            mo.md(_said),
        ]
    )
    return


@app.cell
def _():
    skill = mo.ui.slider(-2, 4, 0.1, value=-0.4, label="Skill (nats)", show_value=True)
    temperature = mo.ui.slider(0, 2, 0.1, value=1, label="Temperature", show_value=True)
    lean = mo.ui.slider(0, 1, 0.1, value=0.7, label="Lean to near miss", show_value=True)
    again = mo.ui.slider(1, 99, value=1, label="Draw number", show_value=True)
    return again, lean, skill, temperature


@app.cell
def _(again, lean, skill, temperature):
    _target = "703"
    toy = Toy(length=3, temperature=temperature.value, lean=lean.value)
    likeliest = toy.likeliest(skill.value, _target, 6)
    _rows = "\n".join(
        f"| `{_text}` | {_p:.4f} | {'right' if _text == _target else 'wrong'} |"
        for _text, _p in likeliest
    )
    _ranks = toy.draw(skill.value, 12, 1, again.value)[:, 0]
    _drawn = [
        "".join(multinomial.word(_d, _r) for _d, _r in zip(_target, _row, strict=True))
        for _row in _ranks
    ]
    _words = "  ".join(f"**{_t}** ✓" if _t == _target else f"{_t} ✗" for _t in _drawn)
    p_right = float(toy.right(skill.value))
    mo.vstack(
        [
            mo.md("## 2. The machine draws tokens"),
            mo.md(
                "“989 − 286 = ?” The answer has three tokens, each one of ten digits. The machine "
                "puts mass p on the right digit and the rest on near misses, and draws. Right and "
                "wrong come out of the same draw: a hallucination is a likely draw."
            ),
            lecture.controls(mo, skill, temperature, lean, again),
            mo.hstack(
                [
                    mo.md(f"| likeliest answers | probability | |\n|:--|:--|:--|\n{_rows}"),
                    mo.md(
                        f"Right per token: **{p_right:.3f}**\n\n"
                        f"Right answer (p³): **{p_right**3:.4f}**\n\nTwelve draws: {_words}"
                    ),
                ],
                widths=[1, 1],
                gap=2,
            ),
        ]
    )
    return likeliest, p_right


@app.cell
def _():
    models = mo.ui.slider(4, 16, value=6, label="Models", show_value=True)
    questions = mo.ui.slider(
        steps=[20, 50, 100, 200, 500, 1000], value=50, label="Questions", show_value=True
    )
    sigma = mo.ui.slider(0, 0.7, 0.05, value=0.3, label="Noise of models (nats)", show_value=True)
    slope = mo.ui.slider(0, 2, 0.1, value=0, label="Slope (nats/decade)", show_value=True)
    least = mo.ui.slider(0.02, 0.3, 0.02, value=0.04, label="Beaten by", show_value=True)
    noise_seed = mo.ui.slider(1, 99, value=1, label="Noise number", show_value=True)
    return least, models, noise_seed, questions, sigma, slope


@app.cell
def _(least, models, noise_seed, questions, sigma, slope):
    _x = np.linspace(-2, 2, models.value)
    noise_curves = lecture.noisy_scores(
        slope.value * _x, 200, questions.value, sigma.value, 1, noise_seed.value
    )
    jumps = lecture.leaps(noise_curves, least.value)
    mo.vstack(
        [
            mo.md("## 3. Two hundred curves in which nothing leaps"),
            mo.md(
                "Skill is the same at every scale (or, with a slope, a straight line). The eye, "
                "put as a rule: all models after some gap beat all before it, by this much or more."
            ),
            lecture.controls(mo, models, questions, sigma, slope, least, noise_seed),
            mo.md(
                f"**{jumps.size} of 200** look like a jump. A paper has room for six, and each "
                "would come with a reason."
            ),
            mo.Html(
                lecture.sparks(
                    f"200 curves of noise, {jumps.size} of them struck out as looking like a jump",
                    noise_curves,
                    25,
                    jumps,
                    (44, 44),
                )
            ),
        ]
    )
    return jumps, noise_curves


@app.cell
def _():
    ask = mo.ui.run_button(label="Ask the package about the most striking one")
    return (ask,)


@app.cell
def _(ask, models, noise_curves, questions):
    striking = int(np.argmax(lecture.separation(noise_curves)))
    _words = "The package weighs five accounts of the skill behind it; this takes a second or two."
    if ask.value:
        _curve = emergent_stats.Curve(
            10.0 ** np.linspace(7, 11, models.value),
            noise_curves[striking],
            "exact_match",
            n=questions.value,
        )
        _found = emergent_stats.compare(_curve)
        _words = f"**{_found.verdict}**: {_found.reason}\n\n{_found.row()['summary']}"
    mo.vstack([ask, mo.md(f"Curve {striking + 1} has the widest gap. {_words}")])
    return (striking,)


@app.cell
def _():
    steps = mo.ui.slider(steps=[1, 2, 5, 10, 30, 100], value=1, label="Steps", show_value=True)
    grown_seed = mo.ui.slider(1, 99, value=1, label="Places number", show_value=True)
    rate = mo.ui.slider(2, 20, value=8, label="Buds per decade", show_value=True)
    apart = mo.ui.slider(0.1, 2, 0.1, value=0.3, label="Levels apart (nats)", show_value=True)
    return apart, grown_seed, rate, steps


@app.cell
def _(grown_seed, steps):
    _x = np.linspace(0, 4, 161)
    grown_skill = multinomial.grown(_x, steps.value, 3.0, -1.0, grown_seed.value)
    _chart = lecture.Chart(
        f"Skill made of {steps.value} steps, and exact match of two tokens on it",
        (0, 4), (-1.2, 2.2), ("scale (decades)", "skill (nats), score"), (900, 380),
    )  # fmt: skip
    _chart.line(_x, grown_skill.skill, 0, "skill")
    _chart.line(_x, np.exp(-2 * np.exp(-grown_skill.skill)), 1, "exact match")
    runs = multinomial.bimodal(np.linspace(0, 4, 9), 12, 3.0, 2.0, 2.0, -1.0, grown_seed.value)
    _two = lecture.Chart(
        "Twelve runs at each of nine scales: each has learnt or has not; their mean is smooth",
        (-0.1, 4.1), (-1.2, 2.5), ("scale (decades)", "skill (nats)"), (900, 330),
    )  # fmt: skip
    _rng = np.random.default_rng(1)
    _jitter = 0.06 * _rng.standard_normal(runs.skill.shape)
    _two.dots(np.tile(runs.x, 12), (runs.skill + _jitter).ravel(), 1, "a run")
    _two.line(runs.x, runs.skill.mean(0), 0, "mean of the runs")
    mo.vstack(
        [
            mo.md("## 4. Grown: one step, or a hundred"),
            mo.md(
                "The same three nats, in one step or in many at random places. The truth that "
                f"comes with this one: **{grown_skill.account}**."
            ),
            lecture.controls(mo, steps, grown_seed),
            mo.Html(_chart.svg()),
            mo.md("Runs that have learnt or have not: each is sudden, their mean is not."),
            mo.Html(_two.svg()),
        ]
    )
    return grown_skill, runs


@app.cell
def _(apart, grown_seed, rate):
    _x = np.linspace(0, 4, 81)
    own = multinomial.buds(_x, rate.value, 2.0, seed=grown_seed.value)
    sharing = multinomial.sharers(
        _x, max(own.arrivals.size, 1), 1.5, 3.0, apart.value, grown_seed.value
    )
    _chart = lecture.Chart(
        "Skills that have arrived against scale: by themselves, and sharing a threshold",
        (0, 4), (0, max(own.arrivals.size, 1)), ("scale (decades)", "skills arrived"), (900, 380),
    )  # fmt: skip
    for _style, (_made, _label) in enumerate(
        ((own, "each by itself (Poisson)"), (sharing, "sharing a threshold"))
    ):
        _chart.line(_x, (_x[:, None] >= _made.arrivals).sum(1), _style, _label)
    _gap = multinomial.arrival_gaps(own.arrivals)
    mean_gap = float(_gap.mean()) if _gap.size else float("nan")
    mo.vstack(
        [
            mo.md("## 5. Buds: do skills arrive, or does a threshold?"),
            mo.md(
                "Capabilities are said to arrive like buds on a branch. Here as many skills either "
                "arrive by themselves, or rise smoothly together past one threshold of a metric."
            ),
            lecture.controls(mo, rate, apart),
            mo.md(
                f"Mean gap between arrivals **{mean_gap:.3f}** decades (1/rate = "
                f"{1 / rate.value:.3f}); the sharers pass within "
                f"**{np.ptp(sharing.arrivals):.2f}** decades, and nothing happened to any of them."
            ),
            mo.Html(_chart.svg()),
        ]
    )
    return mean_gap, own, sharing


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
