# Everything runs in .venv, which is made on first use and brought up to date when the requirements change.
# Needs only make and Python 3.11 or newer; another Python: make app PYTHON=/path/to/python3.12

VENV := .venv
RUN := $(VENV)/bin/python
PIP := $(RUN) -m pip --disable-pip-version-check
RUNTIME := $(VENV)/.runtime-installed
DEVELOPMENT := $(VENV)/.development-installed
PYTHON ?=
CONFIG ?=

.PHONY: help app test lint format train bench screenshots clean

help:
	@echo "make app          open the app in the browser"
	@echo "make test         run all tests"
	@echo "make lint         check style and types"
	@echo "make format       lay out the code as lint wants it"
	@echo "make train        train the shipped checkpoints again, or one training: make train CONFIG=configs/kem.yaml"
	@echo "make bench        measure speed and memory"
	@echo "make screenshots  take the pictures of the README"
	@echo "make clean        remove .venv and caches"

app: $(RUNTIME)
	$(RUN) -m streamlit run app.py

test: $(DEVELOPMENT)
	$(RUN) -m pytest -n auto --dist loadfile

lint: $(DEVELOPMENT)
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy

format: $(DEVELOPMENT)
	$(RUN) -m ruff check --fix .
	$(RUN) -m ruff format .

# Everything resumes: what has been rendered or trained before is kept.
train: $(RUNTIME)
ifneq ($(CONFIG),)
	$(RUN) -m mtlviz train $(CONFIG)
else
	$(RUN) -m mtlviz rooms --out data/rooms/train --split train --count 6000
	$(RUN) -m mtlviz rooms --out data/rooms/val --split val --count 300
	$(RUN) -m mtlviz train configs/encoder.yaml --publish encoder-rooms --encoder-only
	$(RUN) -m mtlviz train configs/none.yaml --publish none
	$(RUN) -m mtlviz train configs/kem.yaml --publish kem
	$(RUN) -m mtlviz train configs/cross_attention.yaml --publish cross_attention
	$(RUN) -m mtlviz train configs/topk_attention.yaml --publish topk_attention
	$(RUN) -m mtlviz train configs/inducing_points.yaml --publish inducing_points
	$(RUN) -m mtlviz train configs/skem.yaml --publish skem
	$(RUN) -m mtlviz train configs/ctal.yaml --publish ctal
	$(RUN) -m mtlviz train configs/kem-six.yaml --publish kem-six
	$(RUN) -m mtlviz train configs/skem-six.yaml --publish skem-six
endif

bench: $(DEVELOPMENT)
	$(RUN) -m mtlviz bench

screenshots: $(DEVELOPMENT)
	$(RUN) -m tests.browser.screenshots

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache build dist *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The first Python that is new enough and able to make environments; the oldest first, as the tests run on it.
$(VENV)/bin/python:
	@for python in $(PYTHON) python3.11 python3.12 python3.13 python3.14 python3 python; do \
	  "$$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
	  echo "Making $(VENV) with $$("$$python" --version)"; \
	  "$$python" -m venv --clear $(VENV) && exit 0; \
	done; \
	echo "mtlviz needs Python 3.11 or newer with its venv module, and none was found: install it (Debian and" \
	  "Ubuntu: apt install python3 python3-venv; macOS: brew install python@3.12), or name it: make PYTHON=PATH." >&2; \
	exit 1

$(RUNTIME): requirements.txt | $(VENV)/bin/python
	$(PIP) install -r requirements.txt
	@touch $@

$(DEVELOPMENT): requirements-dev.txt requirements.txt | $(VENV)/bin/python
	$(PIP) install -r requirements-dev.txt
	@touch $(RUNTIME) $@
