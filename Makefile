# Every chore by one word; CI uses the same words. `make` alone lists them.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
SCENARIO ?= bad-image
# As pip does: behind a gateway with an authority of its own, only the system's store knows it.
export UV_SYSTEM_CERTS ?= 1

.PHONY: help demo test check prove mutants docs site screenshots manifests bench eval clean
help: ## list the chores
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' Makefile

# The stamp is newer than the lock once the environment holds exactly what the lock names.
$(VENV)/.installed: requirements.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@$(BIN)/python -m uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock
	@$(BIN)/python -m uv pip install --quiet --python $(BIN)/python --no-deps -e .
	@touch $@

demo: $(VENV)/.installed ## one incident from alert to verified fix, in a pretend data centre
	@HANDS_FREE=$(HANDS_FREE) $(BIN)/midwatch demo $(SCENARIO)

test: $(VENV)/.installed ## unit, contract, story and adversary tests
	@$(BIN)/python -m pytest -q -n auto --maxprocesses 6 --dist worksteal

check: $(VENV)/.installed ## lint, types and import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

# Two for each of two processors: a proof that waits for a disk or a lease leaves its own to another.
PROVERS ?= 4
prove: $(VENV)/.installed ## the long proofs
	@MIDWATCH_PROVE=1 $(BIN)/python -m pytest -q -m proof -n $(PROVERS) --dist worksteal

# mutmut is not in the lock: nothing of the product and none of its tests needs it.
mutants: $(VENV)/.installed ## the faults put into the protocol's rules that no test notices
	@$(BIN)/python -m uv pip install --quiet --python $(BIN)/python 'mutmut>=3.8,<4'
	@PATH="$(abspath $(BIN)):$$PATH" $(BIN)/mutmut run
	@$(BIN)/mutmut results | { grep -v 'caught by type check' || true; }

docs: $(VENV)/.installed ## write the pages of docs/ that are generated from the code
	@$(BIN)/python -m midwatch.docs docs

site: $(VENV)/.installed ## the pages of docs/ as a site, in build/site; nothing is fetched
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet

screenshots: $(VENV)/.installed ## the pictures of docs/images, taken anew of one incident in the pretend data centre
	@$(BIN)/python -m evals.screenshots docs/images

manifests: $(VENV)/.installed ## write the manifests of deploy/ that are generated from the catalogue
	@$(BIN)/python -m midwatch.manifests deploy/rbac
	@$(BIN)/python -m midwatch.admission deploy/admission
	@$(BIN)/python -m midwatch.slack_manifest deploy

bench: $(VENV)/.installed ## the promised figures, measured here; BENCH=--write keeps them
	@$(BIN)/python -m evals.bench $(BENCH)

eval: $(VENV)/.installed ## every scenario, scored and compared with the baseline; EVAL=--write keeps the result
	@$(BIN)/midwatch eval --variants all $(EVAL)

clean: ## remove the environment and caches
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache mutants
