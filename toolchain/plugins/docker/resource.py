"""Resource types of the docker provider."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from toolchain.plugins import context
from toolchain.plugins.base import InitError, Props
from toolchain.plugins.docker.daemon import Daemon, DaemonError
from toolchain.plugins.tfbridge.errors import listed
from toolchain.plugins.tfbridge.resource import SdkType
from toolchain.plugins.tfbridge.state import after_update

if TYPE_CHECKING:
    from collections.abc import Callable

# As long as the official plugin waits for containers that are just leaving; seconds.
_PATIENCE: Final = 30.0
_PAUSE: Final = 0.5


class DockerType(SdkType):
    """A resource type of the docker provider.

    Args:
        daemon: Answers the daemon of the configured provider.
    """

    def __init__(self, daemon: Callable[[], Daemon]) -> None:
        self.daemon = daemon

    def apply(self, urn: str, id: str, old_state: Props, plan: Props, news: Props) -> Props:
        """Changes what can be changed in place; upstream reads nothing back afterwards."""
        state: Props = {**after_update(self.schema, old_state, plan), "id": id}
        try:
            return {**state, **self.change(id, old_state, plan), "id": id}
        except DaemonError as refused:
            message = f"updating {urn}: {listed(refused)}"
            raise InitError(id, state, [message], news, message) from refused

    def change(self, id: str, old: Props, plan: Props) -> Props:
        """Changes the resource in place; answers properties that were read back all the same."""
        return {}


def remove_when_free(daemon: Daemon, path: str, *, busy: str, state: str, **options: Any) -> None:
    """Removes the object at `path`; waits for containers that are just leaving.

    Args:
        daemon: Where it is.
        path: Its path.
        busy: What the daemon says while a container still counts as a user of it.
        state: Terraform's word for that state.
        **options: As those of `Daemon.call`.
    """
    waited = 0.0
    while True:
        try:
            daemon.call("DELETE", path, **options)
        except DaemonError as refused:
            if busy not in str(refused):
                raise
            if waited >= _PATIENCE:
                raise DaemonError(
                    f"timeout while waiting for state to become 'removed' (last state: '{state}', timeout: 30s)"
                ) from refused
        else:
            return
        context.current().sleep(_PAUSE)
        waited += _PAUSE
