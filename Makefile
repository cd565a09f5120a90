# The README's two commands are `make demo` and `make test`. Both install what is missing, on Debian and Ubuntu.

SWIFT ?= swift
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

# The sanitizers' runs of the tests, all or those that TESTS names, as in make sanitize-thread TESTS=ModelTests.
SANITIZED = LACUNA_CI=true SWIFT_BACKTRACE=enable=no $(SWIFT) test -Xswiftc -O $(if $(TESTS),--filter '$(TESTS)')

.PHONY: demo test torture fuzz sanitize sanitize-address sanitize-thread sanitize-undefined lint release dependencies clean

demo: release
	.build/release/lacuna demo

release: dependencies
	$(SWIFT) build --configuration release --product lacuna

# Optimized: most of the time goes into simulating disks.
test: dependencies
	LACUNA_CI=true LACUNA_PLANTED_BUGS=1 $(SWIFT) test -Xswiftc -O

# A million crash states; SEED goes on where an earlier run has said that it was.
STATES ?= 1000000
SEED ?= 1
torture: dependencies
	LACUNA_TORTURE_STATES=$(STATES) LACUNA_TORTURE_SEED=$(SEED) $(SWIFT) test --configuration release \
	    -Xswiftc -enable-testing --scratch-path .build-torture --filter asManyStatesAsAreAskedFor

# Ten seconds a target; FUZZ_SECONDS=3600 for a long run, TARGETS="filter store" for some of them.
fuzz: dependencies
	LACUNA_CI=true SWIFT=$(SWIFT) Fuzz/run $(TARGETS)

sanitize: sanitize-address sanitize-thread sanitize-undefined

sanitize-address: dependencies
	LSAN_OPTIONS=suppressions=$(CURDIR)/Tests/leaks.suppressions:print_suppressions=0 \
	    $(SANITIZED) --sanitize=address --scratch-path .build-address

sanitize-thread: dependencies
	$(SANITIZED) --sanitize=thread --scratch-path .build-thread

# The C code alone, which Swift's own checks don't cover.
sanitize-undefined: dependencies
	LACUNA_UNDEFINED=1 $(SANITIZED) --scratch-path .build-undefined --filter KernelTests

lint:
	$(SWIFT) format lint --strict --recursive Package.swift Sources Tests Fuzz/Sources migrations Benchmarks/Package.swift Benchmarks/Sources

# SQLite's headers to build with; its shell for the tour and the tests. macOS has both.
dependencies:
	@if [ "$$(uname)" = Linux ] && ! { [ -f /usr/include/sqlite3.h ] && command -v sqlite3 >/dev/null; }; then \
	    $(SUDO) apt-get update && $(SUDO) apt-get install --yes libsqlite3-dev sqlite3; \
	fi

clean:
	rm -rf .build .build-torture .build-fuzz .build-address .build-thread .build-undefined
