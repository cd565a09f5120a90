# The README names two commands, `make demo` and `make test`. On Debian and Ubuntu, both install the packages that are
# missing.

SWIFT ?= swift
# On Linux, the command has Swift's libraries in it, so it runs where no toolchain is.
STATIC := $(shell [ "$$(uname)" = Linux ] && echo --static-swift-stdlib)
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

# Runs the tests under a sanitizer: all of them, or those that TESTS names, as in make sanitize-thread TESTS=ModelTests.
SANITIZED = LACUNA_CI=true SWIFT_BACKTRACE=enable=no $(SWIFT) test -Xswiftc -O $(if $(TESTS),--filter '$(TESTS)')

# Where `make install` puts things; DESTDIR is put before it, as package builders do.
PREFIX ?= /usr/local
INSTALLED = $(DESTDIR)$(PREFIX)
BASH_COMPLETION = $(INSTALLED)/share/bash-completion/completions
ZSH_COMPLETION = $(INSTALLED)/share/zsh/site-functions
FISH_COMPLETION = $(INSTALLED)/share/fish/vendor_completions.d

.PHONY: demo help install uninstall test test-arm64 test-sqlite test-postgres docs api examples torture fuzz sanitize sanitize-address sanitize-thread sanitize-undefined lint release dependencies clean

demo: release ## Gives the tour on the sample
	.build/release/lacuna demo

# Prints the targets that have a comment of their own.
help: ## Lists these targets
	@awk -F ':.* ## ' '/^[a-z0-9-]+:.* ## / { printf "make %-20s %s\n", $$1, $$2 }' Makefile

release: dependencies ## Builds the command with optimization, as .build/release/lacuna
	$(SWIFT) build --configuration release --product lacuna $(STATIC)

# Installs the command, its man pages, its completions for three shells, and the sample, which `lacuna demo` uses.
install: release ## Installs the command below PREFIX (/usr/local), with man pages, completions and the sample
	$(SWIFT) build --product generate-manual
	install -d $(INSTALLED)/bin $(INSTALLED)/share/man/man1 $(INSTALLED)/share/lacuna/packages \
	    $(BASH_COMPLETION) $(ZSH_COMPLETION) $(FISH_COMPLETION)
	install -m 755 .build/release/lacuna $(INSTALLED)/bin
	Installation/manual .build/debug/generate-manual .build/release/lacuna $(INSTALLED)/share/man/man1
	.build/release/lacuna --generate-completion-script bash >$(BASH_COMPLETION)/lacuna
	.build/release/lacuna --generate-completion-script zsh >$(ZSH_COMPLETION)/_lacuna
	.build/release/lacuna --generate-completion-script fish >$(FISH_COMPLETION)/lacuna.fish
	install -m 644 Examples/packages/README.md Examples/packages/*.npy Examples/packages/*.jsonl \
	    $(INSTALLED)/share/lacuna/packages
	install -m 755 Examples/packages/demo $(INSTALLED)/share/lacuna/packages

uninstall: ## Removes what `make install` has installed
	rm -f $(INSTALLED)/bin/lacuna $(INSTALLED)/share/man/man1/lacuna.1 $(INSTALLED)/share/man/man1/lacuna-*.1 \
	    $(BASH_COMPLETION)/lacuna $(ZSH_COMPLETION)/_lacuna $(FISH_COMPLETION)/lacuna.fish
	rm -rf $(INSTALLED)/share/lacuna

# The tests are optimized because most of their time goes into simulating disks.
test: dependencies ## Runs all tests
	LACUNA_CI=true LACUNA_PLANTED_BUGS=1 $(SWIFT) test -Xswiftc -O

# Checks that distances have the same bits on an emulated 64-bit Arm processor; skipped if qemu can't be installed.
test-arm64: ## Compares distances with those of an emulated 64-bit Arm processor
	Tests/ARM64/run

# Tests filters and indexes with older and newer versions of SQLite; skipped if they can't be downloaded.
test-sqlite: dependencies ## Tests filters and indexes with other versions of SQLite
	SWIFT=$(SWIFT) Tests/SQLiteVersions/run

# Tests the export to PostgreSQL with pgvector; skipped if they can't be downloaded.
test-postgres: dependencies ## Runs the scripts for PostgreSQL on a server with pgvector
	SWIFT=$(SWIFT) Tests/Postgres/run

# Builds the reference with DocC, and checks that it has no warning, that each public symbol is documented, and that
# docs/api.txt lists the public symbols.
docs: dependencies ## Builds the reference, and checks it
	SWIFT=$(SWIFT) Tests/Surface/run

# Writes docs/api.txt, for a change of the public symbols that is meant.
api: dependencies ## Writes docs/api.txt
	SWIFT=$(SWIFT) Tests/Surface/run --api

# Explores a million crash states. An earlier run prints the SEED with which to go on.
STATES ?= 1000000
SEED ?= 1
torture: dependencies ## Explores a million crash states (STATES, SEED)
	LACUNA_TORTURE_STATES=$(STATES) LACUNA_TORTURE_SEED=$(SEED) $(SWIFT) test --configuration release \
	    -Xswiftc -enable-testing --scratch-path .build-torture --filter asManyStatesAsAreAskedFor

# Builds and runs the examples, each a package of its own.
examples: dependencies ## Builds and runs the examples
	SWIFT=$(SWIFT) Examples/run

# Fuzzes each target for ten seconds. FUZZ_SECONDS=3600 makes a long run; TARGETS="filter store" names some targets.
fuzz: dependencies ## Fuzzes each target for ten seconds (FUZZ_SECONDS, TARGETS)
	LACUNA_CI=true SWIFT=$(SWIFT) Fuzz/run $(TARGETS)

sanitize: sanitize-address sanitize-thread sanitize-undefined ## Runs the tests under three sanitizers (TESTS)

sanitize-address: dependencies
	LSAN_OPTIONS=suppressions=$(CURDIR)/Tests/leaks.suppressions:print_suppressions=0 \
	    $(SANITIZED) --sanitize=address --scratch-path .build-address

sanitize-thread: dependencies
	$(SANITIZED) --sanitize=thread --scratch-path .build-thread

# Checks the C code alone, which Swift's own checks don't cover.
sanitize-undefined: dependencies
	LACUNA_UNDEFINED=1 $(SANITIZED) --scratch-path .build-undefined --filter KernelTests

lint: ## Checks the format of all Swift files
	$(SWIFT) format lint --strict --recursive Package.swift Sources Tests Fuzz/Sources migrations Benchmarks/Package.swift Benchmarks/Sources

# Building needs SQLite's headers; the tour and the tests need its shell. macOS has both.
dependencies:
	@if [ "$$(uname)" = Linux ] && ! { [ -f /usr/include/sqlite3.h ] && command -v sqlite3 >/dev/null; }; then \
	    $(SUDO) apt-get update && $(SUDO) apt-get install --yes libsqlite3-dev sqlite3; \
	fi

clean: ## Removes what was built
	rm -rf .build .build-docs .build-torture .build-fuzz .build-address .build-thread .build-undefined
