"""What a computer's firmware does: it starts the system again that has asked for a reboot."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

import docker as client

from rehearsal.clouds.hetzner.machines import MachineError
from rehearsal.machine.daemon import SERVER, WORLD, docker

if TYPE_CHECKING:
    from collections.abc import Callable

# In a PID namespace reboot(2) ends the first process by SIGHUP for a restart and by SIGINT for power off: reboot(2),
# "Behavior inside PID namespaces". Docker reports 128 and the signal.
REBOOTED: Final = 129
_AGAIN_SECONDS: Final = 1.0


def watch(world: str, start: Callable[[str], None], returned: Callable[[], object] | None = None) -> None:
    """Calls `start` with the name of every container of the world that ends so, from a thread of its own.

    Those that ended before are started at once. `returned` is called when the daemon answers again after it did not:
    what it then says of the machines' end is its own (255, or 137), not theirs.
    """
    threading.Thread(target=_follow, args=(world, start, returned), daemon=True, name=f"firmware-{world}").start()


def _follow(world: str, start: Callable[[str], None], returned: Callable[[], object] | None) -> None:
    filters = {"type": "container", "event": "die", "label": [f"{WORLD}={world}", SERVER]}
    away = False
    while True:
        try:
            events = client.from_env(timeout=3600).events(decode=True, filters=filters)
            if away and returned is not None:
                returned()
            away = True
            flags = (
                "--filter",
                f"label={WORLD}={world}",
                "--filter",
                f"label={SERVER}",
                "--filter",
                f"exited={REBOOTED}",
            )
            for name in docker("ps", "--all", *flags, "--format", "{{.Names}}").split():
                start(name)
            for event in events:
                about = event["Actor"]["Attributes"]
                if about.get("exitCode") == str(REBOOTED):
                    # The event is a moment ahead of the container's state.
                    time.sleep(0.2)
                    start(about["name"])
        except (client.errors.DockerException, MachineError, OSError):
            time.sleep(_AGAIN_SECONDS)
