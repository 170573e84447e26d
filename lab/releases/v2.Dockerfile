# Ticker as it is, in an image of its own: what an update to it takes is the updating.
ARG TICKER
FROM ${TICKER}
LABEL ticker.lab.release=v2
