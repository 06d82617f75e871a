# One target a habit. Everything runs in $(VENV), which is made and filled on first use.

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
WORKERS ?= auto
ARGS ?=
TOO_OLD = functional_nn needs Python 3.11 or later; for example: make PYTHON=python3.12

# The tests that another version of JAX may fail, or of Python: where code is read, recorded and pointed at.
ON_JAX = tests/ops tests/models tests/training $$(grep -lw jax tests/oracle/*.py)
ON_PYTHON = $(wildcard tests/oracle/test_oracle_edits*.py) \
    $(addprefix tests/oracle/test_oracle_,recording.py importing.py tracing.py diagnosis_lines.py)

.PHONY: help train test test-all test-fast test-newest lint types check faults kill-matrix site site-serve docs \
    pictures wheel clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

train: $(VENV)/.train  ## install, then train a small network on real images; ARGS="--help" lists the flags
	$(BIN)/python scripts/train.py $(ARGS)

test: $(VENV)/.test  ## install, then run the tests, of the largest grids a share
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(ARGS)

test-all: $(VENV)/.test  ## every cell of every grid, for the better part of an hour
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal --one-in 1 $(ARGS)

test-fast: $(VENV)/.test  ## the tests without the slow ones
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m "not slow" $(ARGS)

test-newest: $(VENV)/.test  ## of the fast tests that another version of JAX or of Python may fail, one cell in eight
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m "not slow" --one-in 8 $(ON_JAX) $(ON_PYTHON) $(ARGS)

lint: $(VENV)/.dev  ## formatting and lint
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(VENV)/.dev  ## static types
	$(BIN)/pyright --pythonpath $(BIN)/python

check: lint types test  ## what CI runs, but for the wheel

faults: $(VENV)/.test  ## plant known mistakes in the code and see that the tests catch each
	$(BIN)/python scripts/seed_faults.py $(ARGS)

kill-matrix: $(VENV)/.test  ## measure the oracle on the corpus of real mistakes
	$(BIN)/python scripts/kill_matrix.py $(ARGS)

site: $(VENV)/.docs  ## build the study site into site/; it opens from disk
	$(BIN)/python scripts/build_site.py $(ARGS)

site-serve: $(VENV)/.docs  ## build it and serve it on this machine, port 8000
	$(BIN)/python scripts/build_site.py --serve $(ARGS)

docs: $(VENV)/.docs  ## build the documentation into site/: the pages, the API and the study site
	$(BIN)/python scripts/build_docs.py $(ARGS)

pictures: $(VENV)/.test  ## take the README's pictures anew; needs chromium
	$(BIN)/python scripts/take_pictures.py $(ARGS)

wheel: $(VENV)/.dev  ## build the wheel into dist/
	$(BIN)/python -m build --wheel --outdir dist

clean:  ## remove the environment and everything that was built
	rm -rf $(VENV) dist build site .pytest_cache .ruff_cache .hypothesis

# An environment that holds an extra of pyproject.toml; the file remembers that it does.
$(VENV)/.%: pyproject.toml
	@$(PYTHON) -c "import sys; sys.exit(None if sys.version_info >= (3, 11) else '$(TOO_OLD)')"
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet -e '.[$*]'
	@touch $@
