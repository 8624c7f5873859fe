"""A provider on this machine's daemon, and what a test makes with it."""

from __future__ import annotations

import os

from toolchain.plugins.base import InitError
from toolchain.plugins.docker.provider import provider

PREFIX = f"homeport-live-{os.getpid()}"
IMAGE = f"homeport-test/busybox:live-{os.getpid()}"
BUSYBOX = "/bin/busybox"


class World:
    """Resources made by a test, with what is needed to delete them."""

    def __init__(self):
        self.provider = provider()
        self.provider.configure({})
        self._made = []

    def type(self, short):
        return self.provider.resources[f"docker:index/{short[0].lower()}{short[1:]}:{short}"]

    def inputs(self, short, news):
        return self.type(short).check(f"urn:pulumi:t::t::x::{short}", {}, news, b"seed")

    def make(self, short, **news):
        inputs = self.inputs(short, news)
        try:
            new_id, state = self.type(short).create("urn", inputs, preview=False, timeout=0)
        except InitError as unfinished:
            self._made.append((short, unfinished.id, unfinished.state))
            raise
        self._made.append((short, new_id, state))
        return new_id, state, inputs

    def delete(self, old_id):
        entry = next(entry for entry in self._made if entry[1] == old_id)
        self._made.remove(entry)
        self.type(entry[0]).delete("urn", old_id, entry[2], timeout=0)

    def close(self):
        for _, old_id, _ in self._made[::-1]:
            self.delete(old_id)
        self.provider.daemon().close()


def container(image, name, **more):
    return {"image": image, "name": f"{PREFIX}-{name}", "command": [BUSYBOX, "sleep", "600"], **more}
