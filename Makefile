# The commands of this project. `make` alone lists them.
# Nothing is installed outside this folder: Python packages go to .venv, data to modelyard-data.
VENV ?= .venv
ARGS ?=
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
# Everything the tests use: all databases, and the real clients.
EXTRAS := dev,demo,postgres,mysql,otel,oidc

.DEFAULT_GOAL := help
.PHONY: help serve demo test check lint fuzz bench bench-scale soak chaos pins clean

help: ## list these commands
	@echo "Modelyard: one model registry that every client can talk to."
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "Another Python than the one found: make serve PYTHON=/path/to/python3.12"

serve: $(VENV)/.serve ## start the registry on http://127.0.0.1:8080, data in ./modelyard-data (more options: ARGS="--port 9000")
	@$(BIN)/modelyard serve $(ARGS)

demo: $(VENV)/.demo ## train models, register them through Kubeflow's own clients and JFrog's API, and look at what the registry knows
	@$(BIN)/python -m demo.run $(ARGS)

test: $(VENV)/.dev ## run every test, on SQLite and on real PostgreSQL and MariaDB servers (some of them: ARGS=tests/unit)
	@$(BIN)/python -m pytest $(if $(ARGS),$(ARGS),--numprocesses 2 --dist loadfile --no-loadscope-reorder)

check: lint test ## all that must hold before a change lands: style, types, walls between the rooms, and every test

lint: $(VENV)/.dev ## style, types and walls only
	@$(BIN)/ruff check . || { echo "Style: 'ruff check --fix .' mends much of it; the rest is yours."; exit 1; }
	@$(BIN)/ruff format --check --quiet . || { echo "Layout: run '$(BIN)/ruff format .' and try again."; exit 1; }
	@$(BIN)/mypy || { echo "Types: mend what mypy names above."; exit 1; }
	@$(BIN)/lint-imports --no-logo || { echo "Walls: docs/architecture.md says which room may import which."; exit 1; }

fuzz: $(VENV)/.dev ## send generated requests to the server for a long while
	@FUZZ_EXAMPLES=$${FUZZ_EXAMPLES:-1000} $(BIN)/python -m pytest -m fuzz $(ARGS)

bench: $(VENV)/.dev ## measure what a request costs, and what it costs MLflow (docs/reference/performance.md)
	@$(BIN)/python -m perf $(ARGS)

soak: $(VENV)/.dev ## ten minutes of mixed load: do memory and open files stay flat? (docs/reference/reliability.md; ARGS="--minutes 1")
	@$(BIN)/python -m perf.soak $(ARGS)

chaos: $(VENV)/.dev ## kill the server and its database while clients write, cut the power, and look for losses (docs/reference/reliability.md)
	@$(BIN)/python -m chaos $(ARGS)

bench-scale: $(VENV)/.dev ## measure filters and everyday calls at 10 thousand to a million models (an hour; less: ARGS="--models 100000 --database sqlite")
	@$(BIN)/python -m perf.scale $(ARGS)

pins: ## renew constraints.txt: the newest versions that fit together (then run `make check`)
	@rm -rf $(VENV)/pins && $(BIN)/python -m venv $(VENV)/pins
	@$(VENV)/pins/bin/python -m pip install --quiet --disable-pip-version-check '.[$(EXTRAS)]'
	@{ sed '/^[^#]/d' constraints.txt; $(VENV)/pins/bin/python -m pip list --disable-pip-version-check --format freeze \
	  --exclude modelyard --exclude pip --exclude setuptools; } > $(VENV)/pins/constraints.txt
	@mv $(VENV)/pins/constraints.txt constraints.txt && rm -rf $(VENV)/pins

clean: ## remove what was installed, and caches (never the data)
	rm -rf $(VENV) .venv-clients .venv-mlflow .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# A stamp says what is installed; it is made again only when what it depends on changes.
INSTALLED_FROM := pyproject.toml constraints.txt | $(BIN)/python

$(VENV)/.serve: $(INSTALLED_FROM)
	@echo "Installing Modelyard and the few packages it needs (under a minute) ..."
	@$(PIP) --editable . || { $(CANNOT_INSTALL); }
	@touch $@

$(VENV)/.demo: $(INSTALLED_FROM)
	@echo "Installing Modelyard, scikit-learn and Kubeflow's client (about a minute) ..."
	@$(PIP) --editable '.[demo]' || { $(CANNOT_INSTALL); }
	@touch $@

$(VENV)/.dev: $(INSTALLED_FROM)
	@echo "Installing Modelyard and what its tests need (a minute or two) ..."
	@$(PIP) --editable '.[$(EXTRAS)]' || { $(CANNOT_INSTALL); }
	@touch $@

CANNOT_INSTALL = echo "Some packages could not be installed; the lines above say which. Is PyPI reachable (PIP_INDEX_URL, HTTPS_PROXY)? Then run the same command again."; exit 1

$(BIN)/python:
	@python="$(PYTHON)"; \
	if [ -z "$$python" ]; then \
	  for candidate in python3 python3.14 python3.13 python3.12 python3.11; do \
	    if $$candidate -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$$candidate; break; fi; \
	  done; \
	fi; \
	if ! $${python:-false} -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	  echo "Modelyard needs Python 3.11 or newer; $${python:-what this machine has as python3} is not. Install one (Debian, Ubuntu: apt install python3 python3-venv),"; \
	  echo "or name it: make $(or $(MAKECMDGOALS),serve) PYTHON=/path/to/python3.12"; exit 1; \
	fi; \
	echo "Making a Python environment in $(VENV) with $$($$python --version) ..."; \
	$$python -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "The environment could not be made. On Debian and Ubuntu: apt install python3-venv. Then run the same command again."; exit 1; }
