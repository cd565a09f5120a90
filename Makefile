# The README's two commands are `make demo` and `make test`. Both install what is missing, on Debian and Ubuntu.

SWIFT ?= swift
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

.PHONY: demo test fuzz lint release dependencies clean

demo: release
	.build/release/lacuna demo

release: dependencies
	$(SWIFT) build --configuration release --product lacuna

test: dependencies
	CI=true $(SWIFT) test

# Ten seconds a target; FUZZ_SECONDS=3600 for a long run, TARGETS="filter store" for some of them.
fuzz: dependencies
	CI=true SWIFT=$(SWIFT) Fuzz/run $(TARGETS)

lint:
	$(SWIFT) format lint --strict --recursive Package.swift Sources Tests Fuzz/Sources migrations Benchmarks/Package.swift Benchmarks/Sources

# SQLite's headers to build with; its shell for the tour and the tests. macOS has both.
dependencies:
	@if [ "$$(uname)" = Linux ] && ! { [ -f /usr/include/sqlite3.h ] && command -v sqlite3 >/dev/null; }; then \
	    $(SUDO) apt-get update && $(SUDO) apt-get install --yes libsqlite3-dev sqlite3; \
	fi

clean:
	rm -rf .build .build-fuzz
