# surefill: `make up` runs everything on this machine, `make test` runs every test. Both set up .venv by themselves.
PYTHON ?= python3
UV_VERSION := 0.13.9
BIN := .venv/bin

# Without compiled modules every process takes seconds longer to start, and the sandbox compiles each workflow again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: up test check bench faults lint fmt lock clean

up: .venv/.local
	$(BIN)/surefill up

# Most tests wait for real processes: two at a time.
PYTEST := $(BIN)/pytest -n 2 --dist loadfile

test: .venv/.dev .venv-strangers/.made
	$(PYTEST)

# The inner loop: everything but what is marked slow, in under two minutes.
check: .venv/.dev lint
	$(PYTEST) -q -m "not slow"

# Trades and a floor in turns, about ten minutes on a quiet machine; writes bench/results and the README's table.
bench: .venv/.dev
	$(BIN)/python -m bench --keep

# Real processes struck at every stop of a trade, then all books compared: about an hour; SHORT=1 takes four minutes.
faults: .venv/.dev
	$(BIN)/python -m faults $(if $(SHORT),--short) --rounds $(or $(ROUNDS),1) $(FAULTS)

lint: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fmt: .venv/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.venv/bin/uv:
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

.venv/.local: .venv/bin/uv requirements-local.lock pyproject.toml
	$(BIN)/uv pip install --quiet --python $(BIN)/python -r requirements-local.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	touch $@

.venv/.dev: .venv/.local requirements-dev.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python -r requirements-dev.lock
	touch $@

# Foreign clients of the exchange, with pins that clash with ours: tests/strangers runs them as processes of their own.
.venv-strangers/.made: .venv/bin/uv tests/strangers/requirements.lock
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python .venv-strangers
	$(BIN)/uv pip install --quiet --python .venv-strangers/bin/python -r tests/strangers/requirements.lock
	touch $@

# Locks hold no addresses of any package index.
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-emit-index-url --no-annotate --no-header
lock: .venv/bin/uv
	$(COMPILE) pyproject.toml -o requirements.lock
	$(COMPILE) pyproject.toml --extra local -c requirements.lock -o requirements-local.lock
	$(COMPILE) pyproject.toml --extra local --extra dev -c requirements.lock -o requirements-dev.lock
	$(COMPILE) tests/strangers/requirements.in -o tests/strangers/requirements.lock

clean:
	rm -rf .venv .venv-strangers dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .surefill
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
