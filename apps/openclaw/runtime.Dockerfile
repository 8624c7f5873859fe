# The official image, which stands on Debian's slim one, and the client that OpenClaw's sandbox by SSH calls.
FROM ghcr.io/openclaw/openclaw:2026.9.6
USER root
RUN apt-get update \
    && apt-get install --yes --no-install-recommends openssh-client \
    && rm -rf /var/lib/apt/lists/*
USER node
