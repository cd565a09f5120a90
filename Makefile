# The README's two commands are `make demo` and `make test`. Both install what is missing, on Debian and Ubuntu.

SWIFT ?= swift
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

.PHONY: demo test torture lint release dependencies clean

demo: release
	.build/release/lacuna demo

release: dependencies
	$(SWIFT) build --configuration release --product lacuna

test: dependencies
	CI=true LACUNA_PLANTED_BUGS=1 $(SWIFT) test

# A million crash states; SEED goes on where an earlier run has said that it was.
STATES ?= 1000000
SEED ?= 1
torture: dependencies
	LACUNA_TORTURE_STATES=$(STATES) LACUNA_TORTURE_SEED=$(SEED) $(SWIFT) test --configuration release \
	    -Xswiftc -enable-testing --scratch-path .build-torture --filter asManyStatesAsAreAskedFor

lint:
	$(SWIFT) format lint --strict --recursive Package.swift Sources Tests migrations Benchmarks/Package.swift Benchmarks/Sources

# SQLite's headers to build with; its shell for the tour and the tests. macOS has both.
dependencies:
	@if [ "$$(uname)" = Linux ] && ! { [ -f /usr/include/sqlite3.h ] && command -v sqlite3 >/dev/null; }; then \
	    $(SUDO) apt-get update && $(SUDO) apt-get install --yes libsqlite3-dev sqlite3; \
	fi

clean:
	rm -rf .build
