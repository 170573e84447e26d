# A release that works, but whose health check stays red.
ARG TICKER
FROM ${TICKER} AS release
FROM debian:trixie-slim
COPY --from=release /usr/local/bin/ /usr/local/bin/
RUN mv /usr/local/bin/ticker /usr/local/bin/ticker-that-works
COPY --chmod=0755 never-healthy.sh /usr/local/bin/ticker
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/ticker"]
CMD ["serve"]
