.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
WORKERS ?= 2
PIP_INSTALL := pip install --quiet --no-compile --disable-pip-version-check
WHAT := -e '.[train,dev]'
PYTEST = $(BIN)/python -m pytest -q -n $(WORKERS) --dist loadgroup --max-worker-restart 0

# Containers often set it. The tests start a hundred processes, and each would compile numpy and TensorFlow again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test test-full test-arm64 lint types bench results clean

help: ## list the targets
	@grep -E '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

# Debian's python3 has venv only with python3-venv, and leaves half of one behind when it finds that out.
# The constraints are given as variables because -c does not reach the packages that build ours; newer versions of
# pip want the second one for those. A path relative to here may have spaces before it.
# uv takes 20 seconds where pip takes 70. It does not read pip's settings: where those name an index or a proxy, and where
# uv fails, pip does it. What uv unpacks, and links into the environment, stays inside it and goes afterwards.
$(STAMP): export PIP_CONSTRAINT = constraints.txt
$(STAMP): export PIP_BUILD_CONSTRAINT = constraints.txt
$(STAMP): export UV_CONSTRAINT = constraints.txt
$(STAMP): export UV_BUILD_CONSTRAINT = constraints.txt
$(STAMP): export UV_CACHE_DIR = $(VENV)/.uv
$(STAMP): export UV_SYSTEM_CERTS ?= 1
$(STAMP): setup.cfg constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if (3, 10) <= v < (3, 14) else "EdgeKit needs Python 3.10 to 3.13, %s is %d.%d; set PYTHON=" % (sys.executable, v[0], v[1]))'
	@test -d $(VENV) || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "$(PYTHON) cannot make a virtual environment; on Debian, Ubuntu and Raspberry Pi OS: sudo apt install python3-venv" >&2; exit 1; }
	@echo "installing the tested set of packages into $(VENV) (half a minute; where uv cannot, more than one)"
	@trap 'exit 130' INT; ! $(BIN)/python -m pip config list | grep -qE '[.](index-url|no-index|proxy)=' \
	&& $(BIN)/python -m $(PIP_INSTALL) --only-binary uv uv \
	&& $(BIN)/python -m uv pip install --quiet --python $(BIN)/python $(WHAT) \
	|| { echo "pip installs them, not uv" >&2; $(BIN)/python -m $(PIP_INSTALL) $(WHAT); }
	@rm -rf $(VENV)/.uv
	@touch $(STAMP)

demo: $(STAMP) ## the whole chain on a drawn image set: train, compress, convert, verify, run (7 to 8 minutes on two cores)
	@$(BIN)/python -m tools.chain demo --out demo

test: $(STAMP) ## the fast tests, for before a commit (9 minutes on two cores; WORKERS=4 with four and 16 GiB)
	@$(PYTEST) -m 'not slow' --durations=20

test-full: $(STAMP) ## the other tests: every network through every format, real data, devices, streams, a browser (34 minutes on two cores)
	@$(PYTEST) -m slow --durations=40

# ARM64_ROOT=DIR keeps the root and the wheels there (default ~/.cache/edgekit/arm64); ARM64="--suite trixie" takes that
# release, ARM64=--report writes docs/results/arm64.md, ARM64=--or-skip skips where a root cannot be entered.
test-arm64: $(STAMP) ## the device's tests in an emulated Debian arm64 root (6 minutes; needs root, debootstrap, qemu-user-static)
	@ARM64_ROOT='$(ARM64_ROOT)' $(BIN)/python -m tools.arm64 $(ARM64)

lint: $(STAMP) ## ruff
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

# The three mapped folders are read where an installation puts them: inside edge/.
types: $(STAMP) ## mypy, strict
	@rm -rf build/types && mkdir -p build/types && cp -r edge tools build/types/ && cp -r models deploy calibration build/types/edge/
	@cd build/types && ../../$(BIN)/mypy --config-file ../../setup.cfg -p edge -p tools

bench: $(STAMP) ## the performance bars, as ratios in one run, saved to bench.json
	@$(BIN)/python -m tests.performance --json bench.json

results: $(STAMP) ## train and publish the released weights: make results DATA=cifar10-jpeg.zip (hours)
	@$(BIN)/python -m tools.chain cifar10 --data $(DATA) --out runs/cifar10 --publish

clean: ## remove what was installed and built
	rm -rf $(VENV) build demo runs
