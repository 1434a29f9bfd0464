# make install · make demo · make test · make check. Needs Linux and Python 3.11; everything else is installed here.
SHELL := /bin/bash
PYTHON ?= python3.11
BIN := .venv/bin
ARGS ?=
# A folder of wheels beside the project, where there is one, has the CPU build of torch; PyPI's brings CUDA along.
WHEELS := $(wildcard ../shared/wheels)
export PIP_FIND_LINKS := $(strip $(WHEELS) $(PIP_FIND_LINKS))
export UV_FIND_LINKS := $(subst $(eval) ,$(comma),$(strip $(WHEELS)))
export UV_LINK_MODE := copy
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export HF_HUB_OFFLINE := 1
export TOKENIZERS_PARALLELISM := false

.PHONY: help install demo test check fast format lock clean browser

help:
	@grep -hE '^# make' $(MAKEFILE_LIST); echo 'make demo ARGS="--exit"   run the demo and end'

install: .venv/.installed

.venv/.installed: requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 is needed: install it, or name one with make PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "installing into .venv (a few minutes the first time)"
	@$(BIN)/python -m pip install -q uv==0.13.9
	@$(BIN)/uv pip install -q --python $(BIN)/python torch==2.13.0
	@$(BIN)/uv pip install -q --python $(BIN)/python --no-deps --require-hashes -r requirements.lock
	@$(BIN)/uv pip install -q --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

demo: install
	@$(BIN)/vocengine demo $(ARGS)

# The browser tests drive Debian's chromium; as root it is installed here, otherwise they say how.
browser:
	@command -v chromium >/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null; \
	  else echo "chromium is missing: the browser tests will be skipped (apt-get install chromium)"; fi; }

test: install browser
	@$(BIN)/pytest $(ARGS)

fast: install
	@$(BIN)/pytest -m "not integration and not browser and not slow" $(ARGS)

check: install
	@$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy && $(MAKE) --no-print-directory fast

format: install
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

# Pins every dependency with its hashes; torch stands apart, since its builds differ by machine.
lock:
	@$(BIN)/uv pip compile pyproject.toml --all-extras --generate-hashes --python-version 3.11 \
	  --no-emit-package torch --no-emit-find-links --no-header -q -o requirements.lock

clean:
	rm -rf .venv .vocengine .cache streams/broker/libs
