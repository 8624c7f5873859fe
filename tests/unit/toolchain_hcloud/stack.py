"""A resource as the engine leads it through its life."""

from __future__ import annotations

SEED = b"0123456789abcdef"


def token(kind):
    return f"hcloud:index/{kind[0].lower()}{kind[1:]}:{kind}"


class Resource:
    """One resource of a program.

    Args:
        plugin: The provider.
        kind: Name of its type, such as Server.
        name: Its logical name.
    """

    def __init__(self, plugin, kind, name="it"):
        self.type = plugin.resources[token(kind)]
        self.urn = f"urn:pulumi:dev::p::{token(kind)}::{name}"
        self.id, self.inputs, self.state = "", {}, {}

    def checked(self, inputs):
        return self.type.check(self.urn, self.inputs, inputs, SEED)

    def create(self, **inputs):
        self.inputs = self.checked(inputs)
        preview_id, preview = self.type.create(self.urn, self.inputs, preview=True, timeout=0)
        self.id, self.state = self.type.create(self.urn, self.inputs, preview=False, timeout=0)
        assert preview_id == ""
        assert set(preview) >= set(self.state), "a preview names all that there will be"
        return self

    def diff(self, **inputs):
        return self.type.diff(self.urn, self.id, self.state, self.inputs, self.checked(inputs))

    def update(self, **inputs):
        news = self.checked(inputs)
        self.state = self.type.update(self.urn, self.id, self.state, self.inputs, news, preview=False, timeout=0)
        self.inputs = news

    def refresh(self):
        answer = self.type.read(self.urn, self.id, self.state, self.inputs)
        if answer is None or not answer[0]:
            return False
        _, self.state, self.inputs = answer
        return True

    def imported(self):
        return self.type.read(self.urn, self.id, {}, {})

    def delete(self):
        self.type.delete(self.urn, self.id, self.state, timeout=0)
