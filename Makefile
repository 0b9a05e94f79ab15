# What a person types. CARGO_TARGET_DIR is respected when it is set.
#
# One build flavour: every command selects the whole workspace with all features, so that they share what they compile
# (CONTRIBUTING.md, "One build flavour"). The order of `test` is: what fails fastest comes first.

FLAVOUR := --locked --all-features

.DEFAULT_GOAL := help
.PHONY: help demo test interop fmt bench compiler lints postgres

help: ## say what there is
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1	\2/p' $(MAKEFILE_LIST)

demo: compiler ## start everything on loopback; ARGS="--data DIR" goes to the demo
	cargo run $(FLAVOUR) --bin sekisho -- demo $(ARGS)

test: compiler lints postgres ## the gate: house rules, format, lints, tests, examples in the docs, foreign clients
	cargo test $(FLAVOUR) --workspace --test tidy
	cargo fmt --all --check
	cargo clippy $(FLAVOUR) --workspace --all-targets -- --deny warnings
	cargo test $(FLAVOUR) --workspace --lib --bins --tests --examples
	cargo test $(FLAVOUR) --workspace --doc
	$(MAKE) interop

# Each foreign program is a folder with a `run`; SEKISHO names the binary that it speaks to.
interop: compiler ## other people's programs against the real binary: Authlib, a browser
	cargo build $(FLAVOUR) --workspace --bin sekisho
	@set -e; export SEKISHO="$$(realpath "$${CARGO_TARGET_DIR:-target}/debug/sekisho")"; \
	for run in interop/*/run; do echo "$$run"; "$$run"; done

bench: compiler ## measure the release build beside other proxies; ARGS="--only gateway" for a part
	bench/run $(ARGS)

fmt: ## format the source
	cargo fmt --all

# The cryptography and SQLite are C; cargo builds both, and needs nothing else.
compiler:
	@command -v cc >/dev/null || { echo "a C compiler is needed: apt-get install gcc, or xcode-select --install" >&2; exit 1; }

# Part of a usual Rust installation, missing from a minimal one.
lints:
	@cargo clippy --version >/dev/null 2>&1 && cargo fmt --version >/dev/null 2>&1 || rustup component add clippy rustfmt

# The tests start and stop a PostgreSQL of their own, on a private directory. Debian's package also makes one on the usual
# port; nothing here touches it.
postgres:
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null || interop/install "the store's tests" postgresql
