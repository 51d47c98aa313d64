# What act takes for `ubuntu-latest`: enough for a checkout and for `run:` steps. GitHub's own runners have far more.
FROM python:3.13-slim-trixie
# hadolint ignore=DL3008 # Debian keeps one version at a time, so a pin would only break
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates curl git jq nodejs \
    && rm -rf /var/lib/apt/lists/*
