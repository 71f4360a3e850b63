# Kitto's commands. Everything is installed into .venv, and what a run writes goes to var/.
# Needs Python 3.11 or newer and nothing else; with uv on the path the set-up is quicker.

VENV := .venv
PY := $(VENV)/bin/python
# Processes that tests run in (one more than cores: browsers are waited for), and anything else for pytest:
# make test ARGS="-k outbox"
JOBS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
ARGS ?=
TOOL_ENV := DEBUG=1 DATABASE_URL=sqlite://:memory:
TEMPLATES = $$(find templates -name '*.html')

# Compiled code is kept, whatever the machine says: without it each start compiles everything anew, for seconds.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help run test test-long test-faults check audit sbom format lock messages screenshots clips clean
.SUFFIXES:

help: ## list the commands
	@echo "Kitto: employees set up their own Chromebooks, and nobody is left stuck."
	@echo
	@grep -E '^[a-z%-]+:.*## ' Makefile | sed -E 's/^([a-z%-]+):.*## (.*)/\1|\2/; s/%/NAME/' | \
		while IFS='|' read -r name words; do printf '  make %-12s %s\n' "$$name" "$$words"; done

run: $(VENV)/.installed ## set everything up and open the demo city on http://127.0.0.1:8000 (PORT=… for another)
	@export DEBUG="$${DEBUG:-1}"; exec $(PY) manage.py demo

test: $(VENV)/.installed-dev ## run the tests (on PostgreSQL and Redis where DATABASE_URL and REDIS_URL say so)
	$(PY) -m pytest -q -n $(JOBS) --maxprocesses=4 --dist=worksteal --randomly-seed=20261123 $(ARGS)

test-long: $(VENV)/.installed-dev ## run the tests of all rows and many more examples (an hour)
	KITTO_ALL_LOOKS=1 $(PY) -m pytest -q -n $(JOBS) --maxprocesses=4 --dist=worksteal --hypothesis-profile=long -m "not faults" $(ARGS)

test-faults: $(VENV)/.installed-dev ## kill and cut things hundreds of times
	$(PY) -m pytest -q -m faults -rP --show-capture=stdout $(ARGS)

check: $(VENV)/.installed-dev ## check style, types, contracts, templates, migrations, requirements and deploy/
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(TOOL_ENV) $(VENV)/bin/mypy kitting accounts
	$(VENV)/bin/lint-imports --no-cache
	$(VENV)/bin/djlint templates --lint --quiet
	$(VENV)/bin/djade --check $(TEMPLATES)
	$(TOOL_ENV) $(PY) manage.py makemigrations --check --dry-run
	$(VENV)/bin/deptry .
	$(VENV)/bin/bandit --quiet --recursive --configfile pyproject.toml kitting accounts
	$(VENV)/bin/shellcheck --severity=warning deploy/start .ci/run
	$(VENV)/bin/hadolint Dockerfile
	$(VENV)/bin/kubernetes-validate --strict --quiet deploy/kubernetes/release.yaml deploy/kubernetes/kitto.yaml

audit: $(VENV)/.installed-dev ## look for known weaknesses of packages (needs the internet), risky code, unfit licences
	$(VENV)/bin/bandit --quiet --recursive --configfile pyproject.toml kitting accounts
	$(PY) -m tests.house.licences
	$(VENV)/bin/pip-audit --strict --disable-pip --requirement requirements.txt

sbom: $(VENV)/.installed-dev ## write a list of all packages for other programs: var/sbom.json (CycloneDX)
	@mkdir -p var
	$(VENV)/bin/cyclonedx-py requirements requirements.txt --output-reproducible --of JSON --output-file var/sbom.json
	@echo "Wrote var/sbom.json"

format: $(VENV)/.installed-dev ## put code and templates into their usual form
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .
	$(VENV)/bin/djade $(TEMPLATES) || true

UV_LOCK = uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links \
	--custom-compile-command "make lock   (the reason for each package stands in $(1).in)" \
	$(1).in --output-file $(1).txt

lock: ## choose versions anew from requirements.in and requirements-dev.in (needs uv)
	@command -v uv >/dev/null || { echo "make lock needs uv: https://docs.astral.sh/uv/"; exit 1; }
	$(call UV_LOCK,requirements)
	$(call UV_LOCK,requirements-dev)

messages: $(VENV)/.installed-dev ## gather the words on screen and compile their translations (needs gettext)
	$(TOOL_ENV) $(PY) manage.py makemessages --locale ja --no-obsolete --add-location file \
		--ignore '.venv/*' --ignore 'var/*' --ignore 'tests/*'
	$(TOOL_ENV) $(PY) manage.py compilemessages --locale ja --ignore '.venv/*'

screenshots: $(VENV)/.installed-dev ## take the pictures in docs/ and README.md anew (needs Chromium)
	$(PY) -m tests.browser.screenshots

clips: $(VENV)/.installed-dev ## record the short clips of the practice pages anew (needs Chromium)
	$(PY) -m pytest -q -n0 tests/browser/clips.py

bench-%: $(VENV)/.installed-dev ## measure something: runs tests/bench/NAME.py (ARGS=--write keeps the figures)
	$(PY) -m tests.bench.$* $(ARGS)

clean: ## remove what set-up and tools made; var/, where the data is, stays
	rm -rf $(VENV) staticfiles htmlcov .coverage .mypy_cache .ruff_cache .pytest_cache \
		.import_linter_cache .hypothesis test-results
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- set-up: done again only when a requirements file changes ---------------------------------------

# The first Python that is new enough and can make environments.
FIND_PYTHON = for python in $${PYTHON:-python3 python3.13 python3.12 python3.11 python3.14}; do \
	"$$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& { echo "$$python"; break; }; done

$(PY):
	@if command -v uv >/dev/null; then uv venv --quiet --allow-existing --python '>=3.11' $(VENV); else \
		python=$$($(FIND_PYTHON)); \
		if [ -z "$$python" ]; then \
			echo "Kitto needs Python 3.11 or newer with its venv module, and found none." >&2; \
			echo "On Debian and Ubuntu: sudo apt install python3 python3-venv" >&2; \
			echo "Another Python: make run PYTHON=/path/to/python3" >&2; \
			exit 1; \
		fi; \
		"$$python" -m venv $(VENV); fi

INSTALL = @echo "Installing the packages of $(1) into $(VENV) …"; \
	if command -v uv >/dev/null; then \
		uv pip install --quiet --python $(PY) --require-hashes -r $(1); \
	else \
		$(PY) -m pip --version >/dev/null 2>&1 || $(PY) -m ensurepip --default-pip >/dev/null; \
		$(PY) -m pip install --quiet --no-compile --disable-pip-version-check --no-input \
			--require-hashes -r $(1); \
	fi

$(VENV)/.installed: requirements.txt | $(PY)
	$(call INSTALL,requirements.txt)
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt | $(PY)
	$(call INSTALL,requirements-dev.txt)
	@touch $@ $(VENV)/.installed
