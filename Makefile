# Everything a developer or a newcomer runs. Needs Python 3.11 or newer and make; the rest is installed into this folder.
PYTHON ?= python3
BIN := .venv/bin
export UV_PYTHON_DOWNLOADS := never
export DJANGO_SETTINGS_MODULE := dotbridge.settings
# A home folder that cannot be written to, as in many a container: what programs keep there is kept in this folder.
ifeq ($(shell test -z "$$HOME" || test -d "$$HOME" -a -w "$$HOME" || echo unusable),unusable)
export HOME := $(shell mkdir -p .dotbridge/home && cd .dotbridge/home && pwd)
endif

# The settings of an office, in .env or the shell, are not for the tests: an empty variable wins over both. But who names a
# database server in the shell has the tests use that one.
OF_TESTS := $(shell sed -n 's/^\#*\(DOTBRIDGE_[A-Z_]*\)=.*/\1=/p' .env.example) DATABASE_URL="$$DATABASE_URL" DOTBRIDGE_DATA_DIR="$$PWD/.dotbridge/tests"

# To note each line that runs costs as much again as the tests themselves, so it is done where it is asked for.
MEASURED := $(if $(filter 1 yes true,$(COVERAGE)),--cov --cov-report=term)

.PHONY: help demo stop serve test soak lint mutants screenshots bench clean

help: ## Show what can be made
	@sed -n 's/^\([a-z]*\):.*## /\1	/p' $(MAKEFILE_LIST) | expand -t 10

demo: .venv/.ready ## Try it: make demo, or make demo ONCE=1 to end after one synchronisation
	@$(BIN)/dotbridge demo $(if $(filter 1 yes true,$(ONCE)),--once)

stop: .venv/.ready ## End the sandbox that make demo ONCE=1 leaves listening
	@$(BIN)/dotbridge demo --stop

serve: .venv/.ready ## Run the back office with your own settings (.env)
	@$(BIN)/dotbridge migrate && $(BIN)/dotbridge serve

test: .venv/.ready-dev ## Run all tests, Chromium's too; make test COVERAGE=1 measures what they reach
	@tools/install-chromium
	@$(BIN)/python -m compileall -q src
	@$(OF_TESTS) $(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder $(MEASURED) $(PYTEST_ARGS)
	$(if $(MEASURED),$(BIN)/python tools/check_coverage.py sync=90 dotdigital=90)

soak: .venv/.ready-dev ## Run the long tests in full size: a year of bad weather, 10,000 random steps, 200 kills
	@DOTBRIDGE_SOAK=full $(OF_TESTS) $(BIN)/pytest -n 2 --dist worksteal -m soak tests/soak $(PYTEST_ARGS)

lint: .venv/.ready-dev ## Style, types, floors, dependencies, migrations
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry src
	$(BIN)/dotbridge manage makemigrations --check --dry-run

mutants: .venv/.ready-dev ## Make plausible slips, one at a time, and print those that no test notices; takes hours
	@tools/install-environment $(PYTHON) --group mutants
	@$(OF_TESTS) $(BIN)/python tools/mutants $(MUTANTS_ARGS)

screenshots: .venv/.ready-dev ## Take the pictures of README and docs anew, of a demo
	@tools/install-chromium
	@$(BIN)/python tools/screenshots.py

bench: .venv/.ready-dev ## Run the benchmarks, each beside its peers; takes hours
	@set -e; for case in bench/[a-z]*.py; do echo "$$case"; $(BIN)/python "$$case"; done

clean: ## Remove the environment and all demo data
	rm -rf .venv .uv .dotbridge

.venv/.ready: pyproject.toml uv.lock
	@tools/install-environment $(PYTHON) --no-dev
	@touch $@

# The tests start hundreds of programs, so what those import is compiled beforehand; our own, for each run of the tests.
.venv/.ready-dev: pyproject.toml uv.lock
	@tools/install-environment $(PYTHON) --compile-bytecode
	@touch $@ .venv/.ready
