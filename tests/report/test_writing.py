import re
import shutil
import subprocess
from dataclasses import replace

import pytest

from emergent_stats.report.content import Report
from emergent_stats.report.writing import latex, markdown, report_text

EVIL = "<script>alert(1)</script>"
ODD = r"a|b*c*_d_ $x$ \input{e} [f](g) `h` 50% ~i^j #k & <l>"


def test_every_file_holds_the_series_the_methods_and_the_data_citation(made):
    report = Report("mine.csv", [made("a"), made("b")], {"command": "x"}, citation="S (2020).")
    for suffix in (".html", ".md", ".tex"):
        text = report_text(report, suffix)
        assert "2 series: 2 gradual" in text
        assert "5,000" not in text
        assert "S (2020)" in text
        assert "No null was simulated" in text


def test_a_name_is_text_on_the_page(made):
    text = report_text(Report("m.csv", [made(EVIL), made("b")]), ".html")
    assert text.count("<script") == 1  # the page's own
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


def test_pandoc_reads_the_markdown_and_gives_the_names_back(made):
    pypandoc = pytest.importorskip("pypandoc", reason="needs the extra 'paper'")
    report = Report("m.csv", [made(ODD), made(EVIL)])
    for suffix, form in ((".md", "gfm"), (".tex", "latex")):
        plain = pypandoc.convert_text(
            report_text(report, suffix), "plain", format=form, extra_args=["--columns=400"]
        )
        assert EVIL in plain
        assert ODD in plain.replace("‘", "`").replace("’", "'")
        assert "0.5 decades" in plain


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="needs a TeX with booktabs")
def test_latex_sets_the_table_in_its_line(tmp_path, made):
    report = Report("m.csv", [made(ODD), made("a_long_name_of_a_task_with_underscores" * 2)])
    head = r"\documentclass{article}\usepackage{array,booktabs,longtable}\usepackage[T1]{fontenc}"
    body = r"\begin{document}\input{table}\end{document}"
    (tmp_path / "table.tex").write_text(report_text(report, ".tex"), "utf-8")
    (tmp_path / "main.tex").write_text(head + body, "utf-8")
    words = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "main.tex"]
    for _ in range(2):  # columns get their widths in the second run
        done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout
    assert "Overfull" not in done.stdout


def test_letters_are_printed_as_they_are():
    assert latex(r"\input{x}") == r"\textbackslash{}input\{x\}"
    assert latex("a--b") == "a-{}-b"
    assert markdown("- no list") == r"\- no list"
    assert markdown("a\nb\x08\u202e") == "a b"
    assert latex("a\x00") == "a"


def test_a_cell_cannot_end_its_row(made):
    names = ("a", "x\n|\\\\ y")
    for suffix, mark in ((".md", r"(?<!\\)\|"), (".tex", r"\\\\\n")):
        one, odd = (report_text(Report("m.csv", [made(name)]), suffix) for name in names)
        assert len(re.findall(mark, one)) == len(re.findall(mark, odd)) > 2
        assert len(one.splitlines()) == len(odd.splitlines())


def test_pymc_beside_the_engine(made):
    from emergent_stats.bayes.beside import Beside

    one = made()
    pair = [Beside("h_gradual", "gradual", -30.1, 0.02, -30.15, 0.03, 0, 1.001)]
    page = report_text(Report("m.csv", [one], beside=[pair]), ".html")
    assert "-30.15 ± 0.03" in page
    assert "1 of 1 series have the same evidences by quadrature and by bridge" in page
    apart = [replace(pair[0], log_z=-33.0)]
    page = report_text(Report("m.csv", [one], beside=[apart]), ".html")
    assert "0 of 1 series have the same evidences" in page
