# Tasks for developers: `just --list`. CI runs `.ci/run`, which is `just ci`.

# What to run all day: format, lints, unit tests. Under a minute after a build.
check: format clippy unit

# Check the format.
format:
    cargo fmt --check

# Lints are errors.
clippy:
    cargo clippy --locked --all-targets -- -D warnings

# Unit tests, the order of the layers, and the documents.
unit:
    cargo test --locked --lib --test layers --test docs

# All tests: with the binary, shells, crashes, Prometheus, a browser, and systemd where it can be booted.
test:
    cargo test --locked

# Everything that must hold before a change lands; as root it installs the Debian packages that the tests use.
ci:
    ./.ci/run

# Watch simulated restores on the terminal.
demo:
    cargo run --locked -- demo

# The status page with simulated restores, until Ctrl-C.
page:
    cargo run --locked -- demo --http 127.0.0.1:9115

# Make the book of `docs/` in target/book, and watch it with `mdbook serve docs`.
book:
    mdbook build docs

# Write the generated pages and the sample configuration again.
generate:
    UPDATE=1 cargo test --locked --lib config::keys
    UPDATE=1 cargo test --locked --test docs

# One benchmark: wait, state, scale, steps, fleet, schedules, web or replicas.
bench NAME:
    cargo bench --locked --bench {{NAME}}
