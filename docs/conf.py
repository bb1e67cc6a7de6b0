"""Documentation: built offline with `make docs`, warnings as errors.

The glossary is written from the package's own before the pages are read; the gallery is run.
"""

from pathlib import Path

import emergent_stats
from emergent_stats.report.glossary import terms
from emergent_stats.report.writing import markdown

project = "emergent_stats"
author = "The emergent_stats developers"
copyright = author
release = version = emergent_stats.__version__

extensions = ["sphinx.ext.autodoc", "sphinx.ext.autosummary", "numpydoc", "myst_nb"]
exclude_patterns = ["_build", "jupyter_execute"]

autosummary_generate = True
autosummary_imported_members = True
autodoc_typehints = "none"
numpydoc_show_class_members = False

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 600
nb_merge_streams = True
# nothing is fetched: the widgets' scripts stand on a server of somebody else
nb_ipywidgets_js = {}

html_theme = "pydata_sphinx_theme"
html_title = "emergent_stats"
html_show_sourcelink = False
html_copy_source = False
html_static_path = ["_static"]
html_css_files = ["own.css"]
html_context = {"default_mode": "auto"}
html_theme_options = {
    "header_links_before_dropdown": 4,
    "navbar_align": "left",
    "navbar_end": ["theme-switcher"],
    "secondary_sidebar_items": ["page-toc"],
    "show_prev_next": False,
    "footer_start": ["copyright"],
    "footer_end": [],
}
html_sidebars = {"**": []}


def glossary() -> str:
    """Page of all words, by what they are."""
    lines = [
        "# Glossary",
        "",
        "Words that the package prints. `emergent-stats explain edge` tells one of them, also from",
        "a reason or warning as it was printed.",
        "",
        "```{glossary}",
    ]
    for term in terms().values():
        also = f" Also: {', '.join(term.also)}." if term.also else ""
        lines += [term.name, f"  ({', '.join(term.kinds)}) {markdown(term.text + also)}", ""]
    return "\n".join([*lines[:-1], "```", ""])


def write(path: Path, text: str) -> None:
    """Write a page where it has changed, so that only then it is built again."""
    path.parent.mkdir(exist_ok=True)
    if not path.exists() or path.read_text("utf-8") != text:
        path.write_text(text, "utf-8")


write(Path(__file__).parent / "generated" / "glossary.md", glossary())
