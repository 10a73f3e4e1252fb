# The commands of `.ci/run`, one by one.

# Quicker from one change to the next, and backtraces with lines, at the price of a larger target folder.
# A first build, as in the README and in CI, does without.
export CARGO_INCREMENTAL := "1"
export CARGO_PROFILE_DEV_DEBUG := "line-tables-only"
export CARGO_PROFILE_DEV_STRIP := "none"

# Everything that must pass before a change is done.
check: format lint test deny

format:
    cargo fmt --all --check

lint:
    cargo clippy --workspace --all-targets -- -D warnings

test:
    cargo test --workspace
    PYTHONPATH=plugins/python/src python3 -B -m unittest discover -q -s plugins/python/tests

# Tries the API of a daemon with what its description allows, and with what it does not. Needs `pip install schemathesis`.
fuzz-api examples="100":
    cargo build --workspace
    tests/fuzz/api.sh "${CARGO_TARGET_DIR:-target}/debug/sluice" {{examples}}

# Needs `cargo install cargo-deny`.
deny:
    cargo deny check

# The example of the README.
example:
    cargo run -- run workflows/breast-cancer.toml
