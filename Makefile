.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: help demo test lint types bench results clean

help: ## list the targets
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

$(STAMP): setup.cfg constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if (3, 10) <= v < (3, 14) else "EdgeKit needs Python 3.10 to 3.13, %s is %d.%d; set PYTHON=" % (sys.executable, v[0], v[1]))'
	@test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	@echo "installing the tested set of packages into $(VENV) (about a minute)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[train,dev]'
	@touch $(STAMP)

demo: $(STAMP) ## the whole chain on a drawn image set: train, compress, convert, verify, run (under 8 minutes)
	@$(BIN)/python -m edge.cli.chain demo --out demo

test: $(STAMP) ## the tests (under 15 minutes)
	@$(BIN)/python -m pytest -q

lint: $(STAMP) ## ruff
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

# The three mapped folders are read where an installation puts them: inside edge/.
types: $(STAMP) ## mypy, strict
	@rm -rf build/types && mkdir -p build/types && cp -r edge build/types/edge && cp -r models deploy calibration build/types/edge/
	@cd build/types && ../../$(BIN)/mypy --config-file ../../setup.cfg -p edge

bench: $(STAMP) ## the performance bars, as ratios in one run, saved to bench.json
	@$(BIN)/python -m tests.bench --json bench.json

results: $(STAMP) ## train and publish the released weights: make results DATA=cifar10-jpeg.zip (hours)
	@$(BIN)/python -m edge.cli.chain cifar10 --data $(DATA) --out runs/cifar10 --publish

clean: ## remove what was installed and built
	rm -rf $(VENV) build demo runs
