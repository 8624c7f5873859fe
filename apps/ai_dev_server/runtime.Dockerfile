# What the image stands on: Python, curl for the documented checks, and the packages of requirements.txt by their hashes.
# Its name has the hash of this file and of requirements.txt (Dockerfile).
FROM python:3.11.16-slim-bookworm
COPY requirements.txt /tmp/requirements.txt
RUN apt-get update \
    && apt-get install --yes --no-install-recommends curl \
    && rm -rf /var/lib/apt/lists/* \
    && pip install --no-cache-dir --compile --require-hashes --only-binary :all: --requirement /tmp/requirements.txt \
    && rm /tmp/requirements.txt
