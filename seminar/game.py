"""The game as an app: real, artefact, or can nobody tell."""

import marimo

app = marimo.App(width="medium", app_title="Guess the jump", css_file="seminar.css")

with app.setup:
    import gamerules
    import lecture
    import marimo as mo

    from emergent_stats.verdict.words import metric_words

    TABLE = gamerules.table()
    SIZE = 20


@app.cell
def _():
    mo.md(
        f"""
        # Guess the jump

        Simulated curves ({TABLE["design"]}) and published ones. Half of the simulated skills
        break, half are smooth. Call **real** (the skill breaks), **artefact** (the skill is smooth)
        or **can't tell**. Bars are 90 % intervals of the questions alone.
        """
    )
    return


@app.cell
def _():
    calls, set_calls = mo.state(())
    return calls, set_calls


@app.cell
def _(set_calls):
    deck_number = mo.ui.slider(
        1, 50, value=1, label="Deck", show_value=True, on_change=lambda _: set_calls(())
    )
    return (deck_number,)


@app.cell
def _(calls, deck_number):
    deck = [TABLE["curves"][i] for i in gamerules.deck(deck_number.value, SIZE)]
    seen = deck[: len(calls())]
    return deck, seen


@app.cell
def _(calls, deck, set_calls):
    def _button(call):
        return mo.ui.button(
            label=call,
            on_click=lambda _: call,
            on_change=lambda said: set_calls(lambda before: (*before, said)[: len(deck)]),
        )

    buttons = mo.ui.array([_button(call) for call in gamerules.CALLS])
    again = mo.ui.button(label="Start again", on_change=lambda _: set_calls(()))
    return again, buttons


@app.cell
def _(again, buttons, calls, deck, deck_number):
    _at = len(calls())
    _said = gamerules.reply(deck[_at - 1], calls()[-1]) if _at else "Your call."
    if _at < len(deck):
        _curve = deck[_at]
        _x = _curve["x"]
        _margin = 0.05 * (max(_x) - min(_x))
        _chart = lecture.Chart(
            f"Curve {_at + 1} of {len(deck)}: score at {len(_x)} scales, from "
            f"{_curve['score'][0]:.2f} to {_curve['score'][-1]:.2f}",
            (min(_x) - _margin, max(_x) + _margin),
            (0, 1),
            (
                f"log10 of {_curve['axis'].replace('params', 'parameters')}",
                metric_words(_curve["metric"]),
            ),
            (600, 350),
        )
        _chart.dots(_x, _curve["score"], 0, "", (_curve["low"], _curve["high"]))
        _shown = mo.Html(_chart.svg())
    else:
        _shown = mo.md("**The deck is played.** Start again, or take another deck.")
    # beside each other, so that a projector shows both the curve and what is said of the last call
    mo.hstack(
        [
            _shown,
            mo.vstack(
                [
                    mo.md(f"Curve {min(_at + 1, len(deck))} of {len(deck)}"),
                    mo.hstack([*buttons], justify="start", gap=0.5),
                    mo.md(_said),
                    mo.hstack([again], justify="start"),
                    deck_number,
                ]
            ),
        ],
        widths=[2, 1],
        align="start",
    )
    return


@app.cell
def _(calls, seen):
    _rows = {
        "you": list(calls()),
        "the package": [gamerules.package_call(c) for c in seen],
        "the Bayes floor": [
            gamerules.floor_call(c) if "floor" in c else "can't tell" for c in seen
        ],
    }
    tallies = {who: gamerules.tally(seen, said) for who, said in _rows.items()}

    def _share(value):
        return "–" if value != value else f"{100 * value:.0f} %"

    _lines = "\n".join(
        f"| {who} | {t.decided} of {t.curves} | {t.wrong} | {_share(t.error)} | "
        f"{_share(t.false_positives)} |"
        for who, t in tallies.items()
    )
    mo.md(
        "| on the simulated curves so far | decided | wrong | error | smooth ones called real |\n"
        f"|:--|--:|--:|--:|--:|\n{_lines}\n\n"
        "The floor knows how the curves were made and calls at 95 %. On average nobody who decides "
        "as often errs less; on one deck luck may."
    )
    return (tallies,)


@app.cell
def _():
    _known = [c for c in TABLE["curves"] if "breaks" in c]
    _smooth = sum(not c["breaks"] for c in _known)
    _all = {
        "the package": gamerules.tally(_known, [gamerules.package_call(c) for c in _known]),
        "the Bayes floor": gamerules.tally(_known, [gamerules.floor_call(c) for c in _known]),
        "the floor, forced to call": gamerules.tally(
            _known, [gamerules.floor_call(c, 0.5) for c in _known]
        ),
    }
    _lines = "\n".join(
        f"| {who} | {t.decided} of {t.curves} | {t.wrong} | {100 * t.error:.0f} % | "
        f"{100 * t.false_positives:.0f} % of {_smooth} |"
        for who, t in _all.items()
    )
    mo.accordion(
        {
            "All simulated curves": mo.md(
                "| | decided | wrong | error | smooth ones called real |\n"
                f"|:--|--:|--:|--:|--:|\n{_lines}"
            )
        }
    )
    return


if __name__ == "__main__":
    app.run()
