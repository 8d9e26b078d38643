# Two commands do everything: `make run` sets up what is missing and does the main job, `make test` runs the tests.
# A stamp stands inside what it speaks of, so that removing .venv, node_modules or build removes its stamps too.

PYTHON ?=
PYTEST_ARGS ?=
MUTATE_ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/stamps
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
CRATE := prover/native
# The tests, and the examples in the docstrings.
PYTEST := $(BIN)/python -m pytest -n auto --maxprocesses 4 --doctest-modules --ignore=$(CRATE) tests rtnet_core prover verifier cli
CRATE_SOURCES := $(CRATE)/Cargo.toml $(CRATE)/Cargo.lock $(CRATE)/pyproject.toml $(wildcard $(CRATE)/src/*.rs)
CIRCUIT_SOURCES := $(wildcard circuits/*.circom circuits/*/*.circom) circuits/artifacts.lock.json
KEYS := build/keys/account-small/keys.lock.json build/keys/account-standard/keys.lock.json
NODE_STAMP := node_modules/.package-lock.json
# The program of the page on which customers check their account.
CHECK_PAGE := verifier/site/check.js
# The native prover where Rust is installed; `make run NATIVE=` goes on without it even there.
NATIVE := $(if $(shell command -v cargo),$(STAMPS)/native,no-native)
CRATE_TESTS = $(if $(filter $(STAMPS)/native,$(NATIVE)),crate-test)

.DEFAULT_GOAL := menu
.DELETE_ON_ERROR:
.PHONY: menu setup run test test-all crate-test native-race lint fmt circuits keys doctor docs mutate fuzz bench bench-epoch wheel clean distclean no-native

menu:
	@echo "make run       set up what is missing, then market, margin, proof and verdict on the example that ships"
	@echo "make test      set up what is missing, then all tests but the slow ones"
	@echo "make test-all  the slow ones too"
	@echo "make lint      ruff, mypy, circuits, and the crate where Rust is installed"
	@echo "make fmt       format Python and Rust"
	@echo "make circuits  compile the circuits and show what they cost"
	@echo "make keys      make development keys"
	@echo "make doctor    say what is installed, what is missing, and what that costs"
	@echo "make bench     measure, and write benchmarks/results"
	@echo "make bench-epoch  prove and verify books of up to 10,000 accounts; takes most of an hour"
	@echo "make wheel     build the native prover for machines without Rust, and try it in a fresh environment: build/wheels"
	@echo "make docs      write docs/cli.md from the commands, circuits/README.md from the circuits, docs/security.md from the tests"
	@echo "make mutate    weaken the circuits line by line: a forged witness must show each; takes hours, and goes on where it ended"
	@echo "make fuzz      feed every reader files that take new paths; FUZZ_SECONDS=600 for ten minutes each"
	@echo "make clean     remove what was built, development keys included; make distclean also what was installed"

run: setup $(KEYS)
	@$(BIN)/python examples/one_account.py

test: setup $(KEYS) $(STAMPS)/test $(CRATE_TESTS)
	@echo "tests: running"
	@$(PYTEST) $(PYTEST_ARGS)

test-all: setup $(KEYS) $(STAMPS)/test $(CRATE_TESTS)
	@echo "tests: running, the slow ones too"
	@$(PYTEST) -m "slow or not slow" $(PYTEST_ARGS)

crate-test: setup
	@echo "tests: the crate's own (compiling takes a minute the first time)"
	@cd $(CRATE) && cargo test --release --locked --no-default-features --quiet

# The thread sanitizer needs the standard library built with it: `rustup component add rust-src` once.
native-race:
	@cd $(CRATE) && RUSTC_BOOTSTRAP=1 CARGO_PROFILE_RELEASE_LTO=off \
		RUSTFLAGS="-Zsanitizer=thread --cfg crossbeam_sanitize_thread" \
		cargo test --release --locked --no-default-features --quiet --lib --tests -Zbuild-std \
		--target x86_64-unknown-linux-gnu --target-dir target/race

lint: setup $(STAMPS)/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/zkm2m circuits lint
	@if command -v cargo >/dev/null; then \
		cd $(CRATE) && cargo fmt --check && cargo clippy --release --locked --all-targets -- -D warnings; \
	else echo "note: no Rust toolchain, the crate is not linted"; fi

fmt: $(STAMPS)/test
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .
	@if command -v cargo >/dev/null; then cd $(CRATE) && cargo fmt; fi

circuits: setup
	@$(BIN)/zkm2m circuits build
	@$(BIN)/zkm2m circuits table

keys: setup $(KEYS)
	@$(BIN)/zkm2m keys show

doctor: $(STAMPS)/package
	@$(BIN)/zkm2m doctor

docs: setup
	@$(BIN)/python -m cli.reference
	@$(BIN)/python -m prover.circuit_docs
	@$(BIN)/python -m verifier.site.constants
	@$(BIN)/python -m tests.support.security_page

# MUTATE_ARGS="--only ScanRisk" tries one template, --seconds N ends after a time.
mutate: setup $(STAMPS)/test
	@$(BIN)/python -m tests.mutation.run $(MUTATE_ARGS)

# FUZZ_SECONDS=600 feeds every reader for ten minutes; 10 seconds each are part of `make test-all`.
fuzz: setup $(STAMPS)/test
	@$(BIN)/python -m pytest -q -p no:randomly -m slow tests/fuzz

bench: setup $(KEYS) $(STAMPS)/test
	@$(BIN)/zkm2m keys dev market-standard
	@$(BIN)/zkm2m circuits build account-standard batch-standard market-standard --witness cpp \
		|| echo "note: witnesses are computed by WebAssembly: zkm2m doctor says what the C++ program needs"
	@$(BIN)/python -m benchmarks.run

bench-epoch: setup
	@$(BIN)/zkm2m keys dev batch-standard merge-standard
	@$(BIN)/zkm2m circuits build batch-standard merge-standard --witness cpp \
		|| echo "note: witnesses are computed by WebAssembly: zkm2m doctor says what the C++ program needs"
	@$(BIN)/python -m benchmarks.epoch

wheel: setup $(STAMPS)/test
	@command -v cargo >/dev/null || { echo "error: a Rust toolchain is needed to build the wheel" >&2; exit 1; }
	@rm -rf build/wheels
	@$(BIN)/maturin build --quiet --release --locked --manifest-path $(CRATE)/Cargo.toml \
		--interpreter $(BIN)/python --out build/wheels
	@$(BIN)/python -m pytest --quiet -m slow tests/e2e/test_wheel.py
	@ls build/wheels/*.whl

clean:
	rm -rf build $(CHECK_PAGE) .pytest_cache .ruff_cache .mypy_cache .hypothesis

distclean: clean
	rm -rf $(VENV) node_modules $(CRATE)/target *.egg-info

# --- set-up

setup: $(STAMPS)/package $(NODE_STAMP) $(CHECK_PAGE) $(NATIVE)

$(VENV)/pyvenv.cfg:
	@for python in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11; do \
		if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
			echo "set-up: virtual environment with $$($$python --version)"; exec $$python -m venv $(VENV); \
		fi; \
	done; echo "error: Python 3.11 or later was not found; name it: make PYTHON=/path/to/python3" >&2; exit 1

$(STAMPS)/requirements: requirements.lock $(VENV)/pyvenv.cfg
	@echo "set-up: Python packages"
	@$(PIP) install -r requirements.lock
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/test: requirements-test.lock $(STAMPS)/requirements
	@echo "set-up: Python packages for tests and lint"
	@$(PIP) install -r requirements-test.lock
	@touch $@

$(STAMPS)/package: pyproject.toml $(STAMPS)/requirements
	@echo "set-up: zkm2m itself"
	@$(PIP) install --no-deps --editable .
	@touch $@

$(NODE_STAMP): package-lock.json package.json
	@node -e 'process.exit(Number(process.versions.node.split(".")[0] < 20))' 2>/dev/null \
		|| { echo "error: Node 20 or later was not found on the PATH" >&2; exit 1; }
	@echo "set-up: npm packages (compiler, snarkjs)"
	@npm ci --loglevel=error
	@touch $@

$(CHECK_PAGE): verifier/site/build.mjs $(wildcard verifier/site/src/*.js) $(NODE_STAMP)
	@node verifier/site/build.mjs

no-native:
	@echo "note: no Rust toolchain; going on without the native prover: snarkjs proves, py_ecc verifies, making keys is slow"

$(STAMPS)/native: $(CRATE_SOURCES) $(STAMPS)/requirements
	@echo "set-up: native prover (compiling takes a minute or two the first time)"
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(PIP) install --no-deps --no-build-isolation --force-reinstall ./$(CRATE) \
		|| { echo "error: the native prover did not build; make run NATIVE= goes on without it" >&2; exit 1; }
	@touch $@

build/keys/%/keys.lock.json: $(CIRCUIT_SOURCES) $(NODE_STAMP) | $(STAMPS)/package $(NATIVE)
	@$(BIN)/zkm2m keys dev $*
	@touch $@
