# Every command we type. `make` alone lists them; each target installs what it needs first.
.DEFAULT_GOAL := help
.PHONY: help install demo test check torture bench gallery format lock clean
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
ARGS ?=
POSTGRES_15 := /usr/lib/postgresql/15/bin
ON_POSTGRES_15 := $(addprefix tests/edges/test_,schema.py schema_checks.py schema_guards.py schema_admission.py \
	appends.py reads.py lists.py list_plans.py stats.py budgets.py flow.py slots.py gate.py connections.py sealing.py \
	persistence.py) tests/workflows/test_record.py tests/workflows/test_decision.py tests/surfaces/test_command_line.py \
	tests/surfaces/test_verify.py \
	--deselect tests/surfaces/test_command_line.py::test_interrupted_work_waits_until_it_is_resumed

help: ## list the commands
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

.venv/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "TapeTrail needs Python 3.11 or newer: make PYTHON=python3.12 ..." >&2; exit 2; }
	$(PYTHON) -m venv .venv

.venv/run.stamp: src/tapetrail/requirements.lock pyproject.toml | .venv/pyvenv.cfg
	@echo "installing the locked packages (first time only) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r src/tapetrail/requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.venv/dev.stamp: requirements-dev.lock .venv/run.stamp
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-dev.lock
	@touch $@

install: .venv/run.stamp ## install the locked packages and `tapetrail` into .venv

demo: .venv/run.stamp ## record 130 decisions on the sample bars: no key, no network   [ARGS=...]
	@$(BIN)/tapetrail demo $(ARGS)

check: .venv/dev.stamp ## lint, types, import contracts, fast tests: under a minute, no services
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache
	@$(BIN)/basedpyright & types=$$!; $(BIN)/pytest -q --hypothesis-profile=quick -m "not service and not browser and not torture"; tests=$$?; \
		wait $$types && exit $$tests

test: .venv/dev.stamp ## everything, as the build runs it, with branch coverage
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache
	$(BIN)/basedpyright
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -q -n 3 --dist loadfile --no-loadscope-reorder
	@[ ! -x $(POSTGRES_15)/initdb ] || { echo "again on PostgreSQL 15:"; \
		TESTS_POSTGRES_BIN_DIR=$(POSTGRES_15) $(BIN)/pytest -q -n 3 --dist loadfile $(ON_POSTGRES_15); }
	$(BIN)/coverage combine -q
	$(BIN)/python tests/coverage_gate.py

torture: .venv/dev.stamp ## the tests that take minutes, such as a hundred kills, and all on PostgreSQL 15   [ARGS=...]
	$(BIN)/pytest -q -m torture $(ARGS)
	@[ ! -x $(POSTGRES_15)/initdb ] || [ -n "$(ARGS)" ] \
		|| TESTS_POSTGRES_BIN_DIR=$(POSTGRES_15) $(BIN)/pytest -q -n 3 --dist loadfile

.venv-bench/bench.stamp: benchmarks/requirements.lock
	@echo "installing Plotly, Kaleido, mplfinance and MLflow beside everything else (first time only) ..."
	@$(PYTHON) -m venv .venv-bench
	@.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r benchmarks/requirements.lock
	@touch $@

bench: .venv/dev.stamp $(if $(findstring rivals,$(ARGS)),.venv-bench/bench.stamp) ## measure speed, as ratios within one run   [ARGS=...]
	$(BIN)/python -m benchmarks $(ARGS)

gallery: .venv/dev.stamp ## draw every kind of chart: docs/gallery, in full size in build   [ARGS=...]
	$(BIN)/python -m gallery $(ARGS)

format: .venv/dev.stamp ## rewrite the sources in the project's format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: ## resolve the dependencies anew (needs uv)
	uv lock --quiet
	uv export --quiet --no-header --no-emit-project --no-dev --group build --extra files --extra s3 --extra sample -o src/tapetrail/requirements.lock --format requirements-txt
	uv export --quiet --no-header --no-emit-project --all-groups --no-group rivals --all-extras -o requirements-dev.lock --format requirements-txt
	uv export --quiet --no-header --no-emit-project --all-groups --all-extras -o benchmarks/requirements.lock --format requirements-txt

clean: ## remove the environment and caches; the record in .tapetrail stays
	-@[ ! -x $(BIN)/tapetrail ] || $(BIN)/tapetrail db stop --quiet
	rm -rf .venv .venv-bench .pytest_cache .ruff_cache .hypothesis .coverage .coverage.* dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
