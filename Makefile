# Everything a person does here; `make` alone lists the commands.
# Python and make are all that must be there: the first command builds .venv from
# requirements.lock.txt (every package pinned by hash) and leaves a stamp, so it is done once.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo seminar test test-slow lint docs bench calibration readme paper reproductions data lock

PYTHON := .venv/bin/python
RUN := .venv/bin/emergent-stats
UV := .tools/bin/uv
STAMP := .venv/.installed
export UV_PYTHON_DOWNLOADS := never

help:
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(firstword $(MAKEFILE_LIST)) \
	| while IFS='|' read -r target text; do printf '%-18s %s\n' "$$target" "$$text"; done

setup: $(STAMP) ## build the environment (the other commands do it when needed)

demo: $(STAMP) ## verdicts and figure on the published GPT-3, BIG-bench and Pythia series
	@mkdir -p demo
	$(RUN) test gpt3 --task '3D?' --task LAMBADA --shots 0 --shots 50 --out demo/gpt3.csv
	$(RUN) test bigbench-bigg --task modified_arithmetic --task word_unscrambling \
	  --task linguistic_mappings --out demo/bigbench.csv
	$(RUN) test pythia --task arithmetic_addition --shots 16 --family pythia-v0-deduped \
	  --family 'pythia-v0-12b*' --calibrate 200 --out demo/pythia.csv
	$(RUN) test obsscaling --task arithmetic_3da --family GPT-Neo/J --family Pythia \
	  --out demo/obsscaling.csv
	$(RUN) plot gpt3 --task 3D- --shots 50 --out demo/verdict.png
	@echo 'Figure: demo/verdict.png; tables: demo/*.csv'

seminar: $(STAMP) ## hand-outs, slides, sheets and guide for teaching, in demo/seminar
	$(PYTHON) seminar/takehome.py demo/seminar
	@echo 'In class: $(RUN) seminar'

test: $(STAMP) ## run the tests (a few minutes)
	$(PYTHON) -m pytest

test-slow: $(STAMP) ## run the long tests too: recovery and calibration
	$(PYTHON) -m pytest -m "slow or not slow" --hypothesis-profile search

lint: $(STAMP) ## check format, style and types
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .
	$(PYTHON) -m pyright

docs: $(STAMP) ## build the documentation into docs/_build, offline
	$(PYTHON) -m sphinx -W --keep-going -q -b html docs docs/_build

bench: $(STAMP) ## print the error-rate and speed tables
	@set -e; for script in benchmarks/[a-z]*.py; do echo "== $$script"; $(PYTHON) $$script; done

calibration: $(STAMP) ## ranks of parameters and probabilities of accounts, from the prior
	$(PYTHON) benchmarks/calibration.py

readme: $(STAMP) ## fill the tables, figure and counts of README and docs from one run
	$(PYTHON) paper/readme.py

paper: $(STAMP) ## fill the paper from the tables, draw it, make its PDF and LaTeX
	$(PYTHON) paper/paper.py

reproductions: $(STAMP) ## four papers made again from what ships: figures and docs/reproductions.md
	$(PYTHON) paper/reproductions.py

data: $(STAMP) ## rebuild every shipped table from its sources (or one: STUDY=name SOURCES=folder)
	$(PYTHON) data/build.py $(if $(SOURCES),'$(SOURCES)') $(if $(STUDY),--study '$(STUDY)')

lock: $(UV) ## resolve pyproject.toml again and rewrite requirements.lock.txt
	$(UV) lock
	$(UV) export --quiet --no-emit-project --extra samples --extra xlsx --extra zarr --extra seminar --extra paper --extra cluster --all-groups --no-header -o .tools/lock.txt
	{ echo '# Written by `make lock` from pyproject.toml; no address, so any index serves it.'; \
	grep -v '://' .tools/lock.txt; } > .tools/lock.new
	mv .tools/lock.new requirements.lock.txt

# uv lives in a private environment, at the version and hash of the lock: a uv that happens to be
# installed may be a shim that does not run. Any Python 3.8 or later can carry it.
$(UV):
	@rm -rf .tools
	@for python in python3 python3.13 python3.12 python; do \
	  $$python -m venv .tools 2>/dev/null && test -x .tools/bin/pip && break; rm -rf .tools; \
	done; test -d .tools || { echo 'No python3 here can make a virtual environment:' \
	  'install Python 3.12 or later (on Debian also python3-venv), then run make again.' >&2; exit 2; }
	@awk '/^[^ #]/ { keep = /^uv==/ } keep' requirements.lock.txt > .tools/uv.txt
	.tools/bin/python -m pip install --quiet --require-hashes -r .tools/uv.txt

# The interpreter is the one of .python-version, or else any that pyproject.toml allows.
# Where uv cannot reach the package index but pip is set up to, pip installs the same lock.
# Bytecode is made once, here, as pip does: every later start is seconds faster.
$(STAMP): requirements.lock.txt pyproject.toml .python-version | $(UV)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 12))' 2>/dev/null \
	|| $(UV) venv --quiet --clear --no-project --python "$$(cat .python-version)" .venv 2>/dev/null \
	|| $(UV) venv --quiet --clear --no-project --python '>=3.12' .venv \
	|| { echo 'Python 3.12 or later is needed and none was found.' >&2; exit 2; }
	$(UV) pip sync --quiet --compile-bytecode --python $(PYTHON) --require-hashes requirements.lock.txt \
	|| { $(PYTHON) -m ensurepip && \
	  $(PYTHON) -m pip install --require-hashes -r requirements.lock.txt; }
	$(UV) pip install --quiet --python $(PYTHON) --no-deps --no-build-isolation -e .
	@touch $@
