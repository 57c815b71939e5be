# make run      build and start the server on port 6379          (PORT=, ARGS= to change)
# make test     build and run the tests                          (TESTS=, PYTEST_ARGS= to change)
# make debug    the tests on a build with assertions and audits
# make asan     parser, encoding, file and fuzz tests under AddressSanitizer
# make bench    CPU time, memory and latency beside Redis and Valkey (BENCH= to change)
# make profile  where the time of a command goes                 (TESTS=SET,ZADD, PROFILE_ARGS=)
# make document docs/COMMANDS.md and docs/CONFIGURATION.md, from the declarations
# make lint     ruff, mypy, cython-lint
#
# All it makes lies in .venv/ and build/. A fresh machine needs Python 3.10+ and a C compiler; what else is
# missing, tools/prepare.sh installs when it runs as root with apt, and names otherwise.

PYTHON ?= python3
VENV ?= .venv
PORT ?= 6379
TESTS ?= tests
ASAN_TESTS ?= $(wildcard tests/base tests/resp tests/encodings tests/keyspace \
	tests/services/rdb tests/services/aof tests/fuzz)
BENCH ?= all

SHELL := /bin/sh
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install -q
NATIVE := build/native
SOURCES := pyproject.toml setup.py \
	$(shell find src -name '*.py' -o -name '*.pyx' -o -name '*.pxd' -o -name '*.h' -o -name '*.c')
COMPILE := $(BIN)/python -m tools.compile
TEST_SOURCES := $(wildcard tests/native/*.pyx)
LIBASAN = $(shell gcc -print-file-name=libasan.so)
# $(call BUILD,kind): the package and the tests' native modules in build/kind/lib, beside the installed one.
BUILD = sh -c '$(COMPILE) build --build-base build/$(1) --build-lib build/$(1)/lib && \
	CARNELIAN_TESTS=1 $(COMPILE) build_ext --build-temp build/$(1)/native --build-lib build/$(1)/lib'

ifneq ($(wildcard /usr/lib/ccache),)
export PATH := /usr/lib/ccache:$(PATH)
endif

.PHONY: run test debug asan bench profile document lint clean
.DELETE_ON_ERROR:

run: $(VENV)/.package
	exec $(BIN)/carnelian --port $(PORT) $(ARGS)

test: $(VENV)/.test-tools $(NATIVE)/.made
	$(BIN)/python -m pytest $(TESTS) $(PYTEST_ARGS)

debug: $(VENV)/.test-tools
	CARNELIAN_DEBUG=1 $(call BUILD,debug)
	PYTHONPATH=build/debug/lib $(BIN)/python -m pytest $(TESTS) $(PYTEST_ARGS)

asan: $(VENV)/.test-tools
	CARNELIAN_ASAN=1 $(call BUILD,asan)
	LD_PRELOAD=$(LIBASAN) ASAN_OPTIONS=detect_leaks=0 PYTHONPATH=build/asan/lib \
		$(BIN)/python -m pytest $(ASAN_TESTS) $(PYTEST_ARGS)

bench: $(VENV)/.test-tools $(NATIVE)/.made
	$(BIN)/python -m benchmarks $(BENCH)

profile: $(VENV)/.test-tools
	$(BIN)/python -m tools.profile --tests $(if $(filter tests,$(TESTS)),SET,$(TESTS)) $(PROFILE_ARGS)

document: $(VENV)/.package
	$(BIN)/python -m tools.document

lint: $(VENV)/.lint-tools
	$(BIN)/ruff check src tests benchmarks tools setup.py
	$(BIN)/mypy
	find src tests/native -name '*.pyx' -o -name '*.pxd' | PATH="$(CURDIR)/$(BIN):$$PATH" xargs cython-lint

clean:
	rm -rf build $(VENV)
	find src -name '*.so' -delete

$(VENV)/.made: tools/prepare.sh
	PYTHON=$(PYTHON) sh tools/prepare.sh build
	@echo "making $(VENV), which holds all that is installed"
	$(PYTHON) -m venv $(VENV)
	touch $@

# setuptools and Cython live in the venv, so that a rebuild needs no network and compiles only what changed.
$(VENV)/.build-tools: $(VENV)/.made
	$(PIP) 'setuptools>=77' 'Cython>=3.1'
	touch $@

$(VENV)/.package: $(VENV)/.build-tools $(SOURCES)
	$(COMPILE) build
	$(PIP) --no-build-isolation --no-deps .
	touch $@

$(VENV)/.test-tools: $(VENV)/.package
	PYTHON=$(PYTHON) sh tools/prepare.sh peers
	test $(VENV)/.test-packages -nt pyproject.toml || $(PIP) --no-build-isolation '.[test]'
	touch $(VENV)/.test-packages $@

# What tests need compiled; tests/conftest.py puts it on the path.
$(NATIVE)/.made: $(VENV)/.package $(TEST_SOURCES)
	CARNELIAN_TESTS=1 $(COMPILE) build_ext --build-temp $(NATIVE)/temp --build-lib $(NATIVE)/lib
	touch $@

$(VENV)/.lint-tools: $(VENV)/.test-tools
	test $(VENV)/.lint-packages -nt pyproject.toml || $(PIP) --no-build-isolation '.[lint]'
	touch $(VENV)/.lint-packages $@
