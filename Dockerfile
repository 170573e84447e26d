# The image of Ticker: one program, its files built in, no shell.
#
#   docker build --build-arg TICKER_COMMIT=$(git rev-parse --short HEAD) -t ticker .

# The same release as rust-toolchain.toml and, below, the same C library; a test compares the first.
FROM rust:1.95.0-slim-bookworm AS build
WORKDIR /src
ENV SQLX_OFFLINE=true CARGO_INCREMENTAL=0 CARGO_TERM_COLOR=never

# The libraries first, with empty crates of ours: this layer stays as long as no manifest changes. The
# project's own commands, xtask, stay empty, since Cargo only wants to see that they are there.
COPY Cargo.toml Cargo.lock ./
COPY crates/ticker-domain/Cargo.toml crates/ticker-domain/
COPY crates/ticker-postgres/Cargo.toml crates/ticker-postgres/
COPY crates/ticker-auth/Cargo.toml crates/ticker-auth/
COPY crates/ticker-app/Cargo.toml crates/ticker-app/
COPY crates/ticker-http/Cargo.toml crates/ticker-http/
COPY crates/ticker-server/Cargo.toml crates/ticker-server/
COPY crates/ticker-loadgen/Cargo.toml crates/ticker-loadgen/
COPY crates/ticker-testkit/Cargo.toml crates/ticker-testkit/
COPY xtask/Cargo.toml xtask/
RUN set -eu; \
    for crate in crates/* xtask; do \
        mkdir -p "$crate/src/bin"; \
        touch "$crate/src/lib.rs"; \
        echo 'fn main() {}' | tee "$crate/build.rs" "$crate/src/main.rs" "$crate/src/bin/fetch-postgres.rs" >/dev/null; \
    done; \
    cargo build --release --locked --package ticker-server; \
    find crates -name '*.rs' -delete

COPY .sqlx .sqlx
COPY migrations migrations
COPY templates templates
COPY crates crates
# Shown as ticker_build_info.
ARG TICKER_COMMIT=unknown
ENV TICKER_COMMIT=$TICKER_COMMIT
# Copied files keep their times, which are older than what was built of the empty crates.
RUN find crates -name '*.rs' -exec touch {} + \
    && cargo build --release --locked --package ticker-server \
    && cp target/release/ticker /ticker

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /ticker /usr/local/bin/ticker
# A password hash takes 19 MiB for a moment. Told so, the allocator returns such blocks soon after, and an
# idle process stays below 16 MiB instead of near 40.
ENV MIMALLOC_PURGE_DELAY=10 MIMALLOC_ARENA_EAGER_COMMIT=0
# Unprivileged, and known by number to whoever checks that.
USER 65532:65532
EXPOSE 5000 9091
STOPSIGNAL SIGTERM
# Red until ready once; after that a database that is down is no reason to restart.
HEALTHCHECK --interval=5s --timeout=10s --start-period=60s --retries=3 \
    CMD ["/usr/local/bin/ticker", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/ticker"]
CMD ["serve"]
