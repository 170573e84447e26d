# Ticker as it is.
ARG TICKER
FROM ${TICKER}
LABEL ticker.lab.release=v1
