# The ways in: `make film`, `make test`. Each installs what is missing first (tools/setup.sh says what) and asks nothing.
BUILD ?= build
PREFIX ?= /usr/local
DEVICE ?= cpu
BUILD_TYPE ?= Release
FILM ?= examples/witch
# Tests that run side by side. Each computes with all cores, so more does not help.
TEST_JOBS ?= 2

ORACLE = $${DREAMRUNNER_CACHE:-$${XDG_CACHE_HOME:-$$HOME/.cache}/dreamrunner}/oracle/bin/python

# A type that was asked for by name is that of an earlier build too.
other_type = $(if $(filter-out file,$(origin BUILD_TYPE)),&& grep -qx 'CMAKE_BUILD_TYPE:STRING=$(BUILD_TYPE)' $(BUILD)/CMakeCache.txt)

.DEFAULT_GOAL := help
.PHONY: help film test build setup oracle goldens bench install clean

help:
	@echo "make film             build everything and make the film in $(FILM)"
	@echo "make test             build everything and run all tests"
	@echo "make build            the program: $(BUILD)/dreamrunner"
	@echo "make setup            install what is missing; DEVICE=cuda adds what an NVIDIA GPU needs"
	@echo "make install          program, engine, LibTorch and models under PREFIX=$(PREFIX)"
	@echo "make oracle           the reference implementations, for goldens and benchmarks"
	@echo "make goldens          make the golden files again from the reference implementations"
	@echo "make bench            speed and memory beside torch and diffusers, in turn (docs/performance.md)"
	@echo "make clean            remove $(BUILD)/ (LibTorch stays in its cache)"

film: build
	$(BUILD)/dreamrunner make $(FILM)

# Ends with ctest's closing lines.
test: build
	ctest --test-dir $(BUILD) --output-on-failure --no-tests=error -j $(TEST_JOBS)

build: setup
	@test -f $(BUILD)/build.ninja $(other_type) || cmake -G Ninja -S . -B $(BUILD) -DCMAKE_BUILD_TYPE=$(BUILD_TYPE)
	cmake --build $(BUILD)

setup:
	@tools/setup.sh $(DEVICE)

oracle: setup
	@tools/setup.sh oracle

goldens: oracle
	$(ORACLE) tools/golden/make_goldens.py

# Everything of docs/performance.md, about half an hour on two quiet cores: the tables on the screen, all numbers in bench.json.
bench: build oracle
	cmake --build $(BUILD) --target part_worker
	$(ORACLE) bench/bench.py $(BUILD) --json $(BUILD)/bench.json

# Builds nothing, so that `sudo make install` runs no compiler as root and finds LibTorch where `make build` put it.
install:
	@test -f $(BUILD)/dreamrunner || { echo "error: $(BUILD)/dreamrunner is not there; run make build first" >&2; exit 1; }
	cmake --install $(BUILD) --prefix $(PREFIX)

clean:
	rm -rf $(BUILD)
