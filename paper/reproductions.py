"""Reproduce four papers from what ships and from simulation, and say what agrees and what does not.

Schaeffer et al. 2023 (arXiv 2304.15004), Wei et al. 2022 (arXiv 2206.07682, Figure 2), Caballero
et al. 2022 (arXiv 2210.14891) and Du et al. 2024 (arXiv 2403.15796). Each part has a figure in
`docs/reproductions/`, with its numbers and words beside it, and its text on
`docs/reproductions.md`. `--check` changes nothing and fails where they say something else.

Run with `python paper/reproductions.py [--part NAME …] [--check]`.
"""

from __future__ import annotations

import argparse
import time
from types import ModuleType

from matplotlib.figure import Figure
from readme import ROOT, filled, settle
from reproduced import broken, loss, mirage, panels

from emergent_stats.plots import telling

PAGE = ROOT / "docs" / "reproductions.md"
FIGURES = ROOT / "docs" / "reproductions"
#: Name of the marks and of the figure, what makes them, what the figure shows.
PARTS: dict[str, tuple[ModuleType, str]] = {
    "mirage": (mirage, "One power law seen through five metrics, and three series of GPT-3"),
    "panels": (panels, "Figure 2 of Wei et al. as far as its tasks ship"),
    "bnsl": (broken, "Six forecasts from small models, with what the larger ones scored"),
    "loss": (loss, "Four tasks against training compute and against validation loss"),
}


def part(name: str) -> tuple[str, Figure]:
    """Text and figure of a part."""
    module, shows = PARTS[name]
    found = module.find()
    figure = module.figure(found)
    telling.tell(figure, f"{shows}.")
    return f"![{shows}](reproductions/{name}.png)\n\n{module.words(found)}", figure


def main() -> None:
    """Fill the page and draw the figures, or compare them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing, fail if outdated")
    parser.add_argument("--part", action="append", choices=list(PARTS), help="only this part")
    given = parser.parse_args()
    texts, figures = {}, {}
    for name in given.part or PARTS:
        begun = time.perf_counter()
        texts[name], figures[FIGURES / f"{name}.png"] = part(name)
        print(f"{name}: {time.perf_counter() - begun:.0f} s", flush=True)
    old = {PAGE: PAGE.read_text("utf-8")}
    settle(old, filled(old, texts), figures, "paper/reproductions.py", check=given.check)


if __name__ == "__main__":
    main()
