"""What the command plugin's resource types have in common."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, ClassVar

from toolchain.plugins.base import Diff, Props, ProviderError, ResourceType
from toolchain.plugins.command import infer
from toolchain.plugins.context import current
from toolchain.plugins.values import plain

if TYPE_CHECKING:
    from collections.abc import Mapping


def unique(prefix: str) -> str:
    """An id: the prefix and eight hexadecimal digits."""
    return prefix + secrets.token_hex(4)


class CommandType(ResourceType):
    """A type described by a Go struct; nothing can be read back, so a refresh finds what the state says."""

    struct: ClassVar[str]
    fields: ClassVar[Mapping[str, infer.Field]]
    updatable: ClassVar[bool] = True

    def check(self, urn: str, olds: Props, news: Props, seed: bytes) -> Props:
        """Refuses what does not fit the struct; fills in the defaults of the connection."""
        return infer.check(self.struct, self.fields, news)

    def diff(self, urn: str, id: str, old_state: Props, old_inputs: Props, news: Props) -> Diff:
        """Any changed input is a change."""
        news = infer.keep_ignored(news, old_state, current().ignore_changes)
        return infer.diff(self.fields, old_state, news, updatable=self.updatable)

    def read(self, urn: str, id: str, state: Props, inputs: Props) -> tuple[str, Props, Props]:
        """What the engine knows already; an import finds nothing more than the id."""
        return id, state, inputs


class LifeCommand(CommandType):
    """A command on create, another on update, another on delete."""

    def execute(self, command: str, values: Props, previous: Props, timeout: float) -> Props:
        """Runs `command` with the settings in `values`; the outputs. `previous` are the outputs so far."""
        raise NotImplementedError

    def create(self, urn: str, news: Props, *, preview: bool, timeout: float) -> tuple[str, Props]:
        """Runs `create`; officially even a preview answers an id."""
        new_id = unique(urn.rsplit("::", 1)[-1])
        nothing: Props = {"stdout": "", "stderr": ""}
        if preview:
            return new_id, infer.preview_create(news, nothing)
        command = plain(news.get("create"))
        return new_id, {**news, **(nothing if command is None else self._run(command, news, nothing, timeout))}

    def update(
        self, urn: str, id: str, old_state: Props, old_inputs: Props, news: Props, *, preview: bool, timeout: float
    ) -> Props:
        """Runs `update`, and without one `create` again, whichever input has changed."""
        news = infer.keep_ignored(news, old_state, current().ignore_changes)
        previous = {name: value for name, value in old_state.items() if name in _OUTPUTS}
        if preview:
            return infer.preview_update(self.fields, old_state, news, previous)
        command = plain(news.get("update", news.get("create")))
        return {**news, **(previous if command is None else self._run(command, news, previous, timeout))}

    def delete(self, urn: str, id: str, state: Props, *, timeout: float) -> None:
        """Runs `delete` with everything as it was at the last create or update."""
        command = plain(state.get("delete"))
        if command is not None:
            previous = {name: value for name, value in state.items() if name in _OUTPUTS}
            self._run(command, state, previous, timeout)

    def _run(self, command: str, values: Props, previous: Props, timeout: float) -> Props:
        return {**previous, **self.execute(command, dict(plain(values)), dict(plain(previous)), timeout)}


_OUTPUTS = ("stdout", "stderr", "assets", "archive")


def previous_output(values: Mapping[str, Any], previous: Mapping[str, Any]) -> dict[str, str]:
    """The variables that hand a command the output of the one before, unless that is switched off."""
    if values.get("addPreviousOutputInEnv") is False:
        return {}
    pairs = {"PULUMI_COMMAND_STDOUT": previous.get("stdout"), "PULUMI_COMMAND_STDERR": previous.get("stderr")}
    return {name: value for name, value in pairs.items() if value}


def trimmed(text: str) -> str:
    """Output without its last line end, and only that one."""
    return text.removesuffix("\n")


def os_error(error: OSError) -> ProviderError:
    """A failed system call as Go words it."""
    return ProviderError(f"open {error.filename}: {(error.strerror or '').lower()}")
