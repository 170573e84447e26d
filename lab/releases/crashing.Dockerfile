# A release whose server ends at once: as a health check it asks a server that is not there.
ARG TICKER
FROM ${TICKER}
CMD ["healthcheck"]
