"""A page that judges a table: paste it or drop a file, get verdict, figure and reasons."""

import marimo

app = marimo.App(width="medium", app_title="Judge a table", css_file="seminar.css")

with app.setup:
    from html import escape

    import judging
    import marimo as mo

    from emergent_stats import ResultsError


@app.cell
def _():
    mo.md(
        f"""
        # Is the jump real?

        Paste a table or drop a file (CSV, Parquet, JSON; up to {judging.MOST_BYTES // 1000:,} kB).
        One row per score: a scale (`params`, `tokens`, `flops`, `step` or `loss`), `score`,
        `metric`, and, where known, `n`, `chance`, `stderr`. A proportion runs from 0 to 1.
        Nothing leaves this machine.
        """
    )
    return


@app.cell
def _():
    pasted = mo.ui.text_area(
        value=judging.EXAMPLE,
        rows=10,
        max_length=judging.MOST_BYTES,
        label="Table",
        full_width=True,
    )
    dropped = mo.ui.file(
        filetypes=[".csv", ".parquet", ".json"],
        kind="area",
        max_size=judging.MOST_BYTES,
        label="drop a file here (it is taken instead of the text)",
    )
    mo.vstack([pasted, dropped])
    return dropped, pasted


@app.cell
def _(dropped, pasted):
    said, series = "", []
    table = pasted.value.encode(), "the pasted table.csv"
    if dropped.value:
        table = dropped.contents(), dropped.name()
    try:
        series = judging.read(*table)
    except ResultsError as error:
        said = str(error)
    choice = mo.ui.dropdown(
        judging.labels(series),
        value=next(iter(judging.labels(series)), None),
        label="Series",
        full_width=True,
    )
    go = mo.ui.run_button(label="Judge", disabled=not series)
    _mistake = mo.callout(mo.Html(f"<pre style='{judging.PLAIN}'>{escape(said)}</pre>"), "danger")
    mo.output.replace(mo.vstack([choice, go]) if series else _mistake)
    return choice, go, table


@app.cell
def _(choice, go, table):
    mo.stop(not go.value or choice.value is None)
    try:
        with mo.status.spinner("Weighing five accounts of the skill behind these scores"):
            _found = judging.judge(*table, choice.value)
            _svg = judging.figure(_found)
        _shown = mo.vstack(
            [
                mo.Html(judging.shown(_found, _svg)),
                mo.accordion({"Explain why": mo.Html(judging.explained(_found))}),
                mo.hstack(
                    [
                        mo.download(
                            judging.report(_found, _svg), "verdict.html", label="Report (HTML)"
                        ),
                        mo.download(_svg, "verdict.svg", label="Figure (SVG)"),
                        mo.download(_found.to_json().encode(), "verdict.json", label="All (JSON)"),
                    ],
                    justify="start",
                ),
            ]
        )
    except ResultsError as error:
        _shown = mo.callout(mo.Html(escape(str(error))), "danger")
    mo.output.replace(_shown)
    return


if __name__ == "__main__":
    app.run()
