# The image of Ticker: its two programs without a shell or libraries beside them, and what they are made of.
#
#   docker build --build-arg TICKER_COMMIT=$(git rev-parse --short HEAD) --tag ticker:0.1.0 .
#
# For both architectures in one image, where docker has buildx:
#
#   docker buildx build --platform linux/amd64,linux/arm64 --push --tag registry.example.com/ticker:0.1.0 .

# The same release as rust-toolchain.toml; a test compares them. Always of the building machine's
# architecture: for another one Rust compiles across, which takes minutes where emulation takes hours.
FROM --platform=$BUILDPLATFORM rust:1.95.0-slim-bookworm AS toolchain
WORKDIR /src
ENV SQLX_OFFLINE=true CARGO_INCREMENTAL=0 CARGO_TERM_COLOR=never \
    CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER=x86_64-linux-gnu-gcc \
    CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
ARG TARGETARCH
RUN set -eu; \
    case "$TARGETARCH" in \
        amd64) target=x86_64-unknown-linux-gnu; compiler=gcc-x86-64-linux-gnu; libc= ;; \
        arm64) target=aarch64-unknown-linux-gnu; compiler=gcc-aarch64-linux-gnu; libc=libc6-dev-arm64-cross ;; \
        *) echo "Ticker is built for amd64 and arm64, not for '$TARGETARCH'." >&2; exit 1 ;; \
    esac; \
    echo "$target" >/target; \
    if [ "$(rustc --print host-tuple)" != "$target" ]; then \
        apt-get update; \
        apt-get install --yes --no-install-recommends "$compiler" ${libc:+"$libc"}; \
        rm -rf /var/lib/apt/lists/*; \
        rustup target add "$target"; \
    fi

# The libraries first, with empty crates of ours: this layer stays as long as no manifest changes. The
# project's own commands, xtask, stay empty, since Cargo only wants to see that they are there.
FROM toolchain AS libraries
# Everything is linked into the programs, so that the image needs no C library.
ENV CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUSTFLAGS="-C target-feature=+crt-static" \
    CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS="-C target-feature=+crt-static"
COPY Cargo.toml Cargo.lock ./
COPY crates/ticker-domain/Cargo.toml crates/ticker-domain/
COPY crates/ticker-postgres/Cargo.toml crates/ticker-postgres/
COPY crates/ticker-auth/Cargo.toml crates/ticker-auth/
COPY crates/ticker-app/Cargo.toml crates/ticker-app/
COPY crates/ticker-http/Cargo.toml crates/ticker-http/
COPY crates/ticker-server/Cargo.toml crates/ticker-server/
COPY crates/ticker-autoscaler/Cargo.toml crates/ticker-autoscaler/
COPY crates/ticker-loadgen/Cargo.toml crates/ticker-loadgen/
COPY crates/ticker-testkit/Cargo.toml crates/ticker-testkit/
COPY xtask/Cargo.toml xtask/
RUN set -eu; \
    for crate in crates/* xtask; do \
        mkdir -p "$crate/src/bin"; \
        touch "$crate/src/lib.rs"; \
        echo 'fn main() {}' >"$crate/build.rs"; \
        cp "$crate/build.rs" "$crate/src/main.rs"; \
        cp "$crate/build.rs" "$crate/src/bin/fetch-postgres.rs"; \
    done; \
    cargo build --release --locked --target "$(cat /target)" --package ticker-server --package ticker-autoscaler; \
    find crates -name '*.rs' -delete

FROM libraries AS build
COPY .sqlx .sqlx
COPY migrations migrations
COPY templates templates
COPY crates crates
# Shown as ticker_build_info.
ARG TICKER_COMMIT=unknown
ENV TICKER_COMMIT=$TICKER_COMMIT
# Copied files keep their times, which are older than what was built of the empty crates.
RUN find crates -name '*.rs' -exec touch {} + \
    && cargo build --release --locked --target "$(cat /target)" --package ticker-server --package ticker-autoscaler \
    && mkdir /programs \
    && cp "target/$(cat /target)/release/ticker" "target/$(cat /target)/release/ticker-autoscaler" /programs/

# What the programs are made of, for whoever looks for a library with a known weakness.
FROM toolchain AS bill-of-materials
RUN cargo install --locked --version 0.5.9 cargo-cyclonedx
COPY --from=libraries /src /src
RUN set -eu; \
    for crate in crates/* xtask; do mkdir -p "$crate/src"; echo 'fn main() {}' >"$crate/src/main.rs"; done; \
    mkdir /bill-of-materials; \
    for program in ticker-server ticker-autoscaler; do \
        cargo cyclonedx --manifest-path "crates/$program/Cargo.toml" --format json --target "$(cat /target)" \
            --no-build-deps --override-filename "$program.cdx"; \
        cp "crates/$program/$program.cdx.json" /bill-of-materials/; \
    done

FROM scratch
COPY --from=build /programs/ /usr/local/bin/
COPY --from=bill-of-materials /bill-of-materials/ /usr/share/doc/ticker/
COPY LICENSE /usr/share/doc/ticker/
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
ARG TICKER_VERSION=0.1.0
ARG TICKER_COMMIT=unknown
LABEL org.opencontainers.image.title="Ticker" \
      org.opencontainers.image.description="Real-time inventory on Docker Swarm" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="$TICKER_VERSION" \
      org.opencontainers.image.revision="$TICKER_COMMIT"
