# The README names two commands, `make demo` and `make test`. On Debian and Ubuntu, both install the packages that are
# missing.

SWIFT ?= swift
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

# Runs the tests under a sanitizer: all of them, or those that TESTS names, as in make sanitize-thread TESTS=ModelTests.
SANITIZED = LACUNA_CI=true SWIFT_BACKTRACE=enable=no $(SWIFT) test -Xswiftc -O $(if $(TESTS),--filter '$(TESTS)')

.PHONY: demo test test-arm64 test-sqlite test-postgres docs api examples torture fuzz sanitize sanitize-address sanitize-thread sanitize-undefined lint release dependencies clean

demo: release
	.build/release/lacuna demo

release: dependencies
	$(SWIFT) build --configuration release --product lacuna

# The tests are optimized because most of their time goes into simulating disks.
test: dependencies
	LACUNA_CI=true LACUNA_PLANTED_BUGS=1 $(SWIFT) test -Xswiftc -O

# Checks that distances have the same bits on an emulated 64-bit Arm processor; skipped if qemu can't be installed.
test-arm64:
	Tests/ARM64/run

# Tests filters and indexes with older and newer versions of SQLite; skipped if they can't be downloaded.
test-sqlite: dependencies
	SWIFT=$(SWIFT) Tests/SQLiteVersions/run

# Tests the export to PostgreSQL with pgvector; skipped if they can't be downloaded.
test-postgres: dependencies
	SWIFT=$(SWIFT) Tests/Postgres/run

# Builds the reference with DocC, and checks that it has no warning, that each public symbol is documented, and that
# docs/api.txt lists the public symbols.
docs: dependencies
	SWIFT=$(SWIFT) Tests/Surface/run

# Writes docs/api.txt, for a change of the public symbols that is meant.
api: dependencies
	SWIFT=$(SWIFT) Tests/Surface/run --api

# Explores a million crash states. An earlier run prints the SEED with which to go on.
STATES ?= 1000000
SEED ?= 1
torture: dependencies
	LACUNA_TORTURE_STATES=$(STATES) LACUNA_TORTURE_SEED=$(SEED) $(SWIFT) test --configuration release \
	    -Xswiftc -enable-testing --scratch-path .build-torture --filter asManyStatesAsAreAskedFor

# Builds and runs the examples, each a package of its own.
examples: dependencies
	SWIFT=$(SWIFT) Examples/run

# Fuzzes each target for ten seconds. FUZZ_SECONDS=3600 makes a long run; TARGETS="filter store" names some targets.
fuzz: dependencies
	LACUNA_CI=true SWIFT=$(SWIFT) Fuzz/run $(TARGETS)

sanitize: sanitize-address sanitize-thread sanitize-undefined

sanitize-address: dependencies
	LSAN_OPTIONS=suppressions=$(CURDIR)/Tests/leaks.suppressions:print_suppressions=0 \
	    $(SANITIZED) --sanitize=address --scratch-path .build-address

sanitize-thread: dependencies
	$(SANITIZED) --sanitize=thread --scratch-path .build-thread

# Checks the C code alone, which Swift's own checks don't cover.
sanitize-undefined: dependencies
	LACUNA_UNDEFINED=1 $(SANITIZED) --scratch-path .build-undefined --filter KernelTests

lint:
	$(SWIFT) format lint --strict --recursive Package.swift Sources Tests Fuzz/Sources migrations Benchmarks/Package.swift Benchmarks/Sources

# Building needs SQLite's headers; the tour and the tests need its shell. macOS has both.
dependencies:
	@if [ "$$(uname)" = Linux ] && ! { [ -f /usr/include/sqlite3.h ] && command -v sqlite3 >/dev/null; }; then \
	    $(SUDO) apt-get update && $(SUDO) apt-get install --yes libsqlite3-dev sqlite3; \
	fi

clean:
	rm -rf .build .build-docs .build-torture .build-fuzz .build-address .build-thread .build-undefined
