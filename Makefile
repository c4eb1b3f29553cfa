# surefill: `make up` runs everything on this machine, `make test` runs every test. Both set up .venv by themselves.
PYTHON ?= python3
UV_VERSION := 0.13.9
BIN := .venv/bin

# Without compiled modules every process takes seconds longer to start, and the sandbox compiles each workflow again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: up test check bench lint fmt lock clean

up: .venv/.local
	$(BIN)/surefill up

# Most tests wait for real processes: two at a time.
PYTEST := $(BIN)/pytest -n 2 --dist loadfile

test: .venv/.dev
	$(PYTEST)

# The inner loop: everything that starts no processes of ours, in under two minutes.
check: .venv/.dev lint
	$(PYTEST) -q -m "not slow"

# Trades and a floor in turns, about ten minutes on a quiet machine; writes bench/results and the README's table.
bench: .venv/.dev
	$(BIN)/python -m bench --keep

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

# Locks hold no addresses of any package index.
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-emit-index-url --no-annotate --no-header pyproject.toml
lock: .venv/bin/uv
	$(COMPILE) -o requirements.lock
	$(COMPILE) --extra local -c requirements.lock -o requirements-local.lock
	$(COMPILE) --extra local --extra dev -c requirements.lock -o requirements-dev.lock

clean:
	rm -rf .venv dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .surefill
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
