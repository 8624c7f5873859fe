# What the sandbox stands on: Python, which OpenClaw's file tools run there, and OpenSSH's server without the keys that
# its package makes.
FROM python:3.11.16-slim-bookworm
RUN apt-get update \
    && apt-get install --yes --no-install-recommends openssh-server \
    && rm -rf /var/lib/apt/lists/* /etc/ssh/ssh_host_*
