# What the image stands on: Python, and the packages of requirements.txt by their hashes.
# Its name has the hash of this file and of requirements.txt (Dockerfile).
FROM python:3.11.16-slim-bookworm
COPY requirements.txt /tmp/requirements.txt
RUN pip install --no-cache-dir --compile --require-hashes --only-binary :all: --requirement /tmp/requirements.txt \
    && rm /tmp/requirements.txt
