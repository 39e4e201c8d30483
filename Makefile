# One verb a job; everything happens in .venv, which is made at the first need and kept.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

# The first Python on the path that runs, is new enough and can make an environment.
PYTHON = $(shell for python in python3.11 python3 python3.12 python3.13 /usr/bin/python3; do \
	$$python -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& { command -v $$python; break; }; done)
BIN = .venv/bin
# Constraints reach the build backends too: the first name is read by old pips, the second by new.
export PIP_CONSTRAINT = constraints.txt
export PIP_BUILD_CONSTRAINT = constraints.txt
export PIP_DISABLE_PIP_VERSION_CHECK = 1

PLUGINS = $(addprefix plugins/,zoo emoji table text audio video)
CONTENTS = pyproject.toml $(addsuffix /pyproject.toml,$(PLUGINS)) constraints.txt
# Two processes of tests; a file's tests stay together, for what they share, in the order of conftest.
PARALLEL = -n 2 --dist loadfile --no-loadscope-reorder
DEMO = digits-dcgan-hinge digits-dcgan-wgan-gp
SECOND_ACT = emoji-dcgan-conditional train.steps=1000

.PHONY: help env test quick extras soak methods zoo zoo-smoke gpu check wheels demo clean

help:  ## say what there is
	@sed -n 's/^\([a-z-]*\):.*## /\1 /p' Makefile | while read -r verb words; do \
		printf '  make %-9s %s\n' "$$verb" "$$words"; done

env: .venv/ready  ## make .venv with everything, editable

.venv/ready: $(CONTENTS)
	@test -n "$(PYTHON)" || { echo "no Python 3.11 or newer with venv was found" >&2; exit 1; }
	@echo "installing ganzoo and what it needs into .venv; the first time takes minutes"
	@$(BIN)/python -c '' 2>/dev/null || "$(PYTHON)" -m venv --clear .venv
	@$(BIN)/pip install -qq -e '.[dev]' $(addprefix -e ,$(PLUGINS))
	@touch $@

test: check  ## lint, types, floors, all tests, those of extras, and the wheels in an environment of their own
	@$(BIN)/pytest -q $(PARALLEL)
	@$(MAKE) --no-print-directory extras wheels

quick: env  ## the tests that take less than a few seconds each
	@$(BIN)/pytest -q $(PARALLEL) -m "not slow"

extras: .venv/extras/ready  ## the tests of DINOv2 and CLIP, with the package transformers
	@PYTHONPATH=.venv/extras $(BIN)/pytest -q tests/zoo/test_vision_transformers.py

# In a folder of its own: torchmetrics imports transformers wherever it is, which takes seconds.
.venv/extras/ready: .venv/ready
	@$(BIN)/pip install -qq --upgrade --target .venv/extras 'transformers>=5'
	@touch $@

soak: env  ## kill a run 40 times, make its file calls fail, read 200,000 mutated files, write docs/reliability.md; hours
	@OMP_NUM_THREADS=1 $(BIN)/python -m tests.reliability.soak | tee .soak.log
	@OMP_NUM_THREADS=1 $(BIN)/python -m tests.reliability.file_faults --share 5 | tee -a .soak.log
	@OMP_NUM_THREADS=1 $(BIN)/python -m tests.reliability.fuzz | tee .fuzz.log
	@$(BIN)/python -m tests.reliability.table --soak .soak.log \
		--fuzz "$$(tail -n 1 .fuzz.log)"; rm .soak.log .fuzz.log
	@OMP_NUM_THREADS=1 $(BIN)/python -m tests.reliability.collapse_trial
	@$(MAKE) --no-print-directory zoo-smoke

methods: env  ## write the table of methods in docs/game.md, from tests/literature
	@$(BIN)/python -m tests.literature.table

zoo: env  ## write docs/zoo.md from the recipes, their records and benchmarks/zoo.json
	@$(BIN)/python benchmarks/zoo.py

zoo-smoke: env  ## train every small recipe for a moment: finite, better than untrained, resumed; minutes
	@OMP_NUM_THREADS=1 $(BIN)/python -m tests.small_recipes

check: env  ## lint, format, floors, types
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet || { echo "try: $(BIN)/ruff format" >&2; exit 1; }
	@words=$$($(BIN)/lint-imports --no-logo 2>&1) || { echo "$$words"; exit 1; }
	@$(BIN)/mypy

wheels: env  ## build the wheels, install them without the dev extras, try them
	@.ci/wheels "$(PYTHON)"

demo: env  ## train two GANs on digits and compare them, then one on emoji; minutes on a CPU
	@runs=(); for recipe in $(DEMO); do run=$$($(BIN)/ganzoo run $$recipe); runs+=("$$run"); done; \
	$(BIN)/ganzoo compare "$${runs[@]}"; \
	echo; runs+=("$$($(BIN)/ganzoo run $(SECOND_ACT))"); \
	echo; echo "look at"; for run in "$${runs[@]}"; do \
		echo "  $$run/samples/real.png"; \
		echo "  $$(ls "$$run"/samples/step-*.png | tail -n 1)"; \
	done

gpu: env  ## the checks that need an NVIDIA GPU; minutes
	@$(BIN)/python -c "import torch; assert torch.cuda.is_available(), 'no NVIDIA GPU is here'"
	@$(BIN)/pytest -q tests/gpu

clean:  ## remove what was built, but not runs/
	@rm -rf .venv .venv-wheels dist build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
