"""A stack beside shared-infrastructure, on the same server: it joins the network, and gets its name by one setting."""

from __future__ import annotations

import http
from typing import TYPE_CHECKING

from rehearsal.claims.doors import named_person
from tests.support.waits import until

if TYPE_CHECKING:
    from tests.support.production import Rehearsed

GUEST, PORT = "n8n", 5678
_PROJECT = ("--label", "com.docker.compose.project=flows", "--user", "10001:10001", "--network", "ai-network")
_SERVE = (
    f"printf ':{PORT} {{\\n respond `flows`\\n}}\\n' >/tmp/Caddyfile; "
    "exec caddy run --config /tmp/Caddyfile --adapter caddyfile"
)


def another_stack_joins(rehearsed: Rehearsed) -> None:
    """No container of the shared stack is replaced by it, and nobody comes in unasked."""
    with rehearsed.seen() as view:
        before = {name: container["Id"] for name, container in view.containers().items()}
        image = view.containers()["caddy"]["Image"]
        view.run("docker", "run", "-d", "--name", GUEST, *_PROJECT, "--entrypoint", "sh", image, "-c", _SERVE)
    rehearsed.settle(lambda settings: settings.setdefault("guests", {}).update({GUEST: {}}))
    rehearsed.updated()
    with rehearsed.seen() as view:
        hostname = view.hostnames[GUEST]
        cookie = view.log_in(hostname, named_person(view))
        until(lambda: view.visit(hostname, Cookie=cookie)["status"] == http.HTTPStatus.OK, "its route leads nowhere")
        after = {name: container["Id"] for name, container in view.containers().items()}
        stranger = view.visit(hostname)["status"]
        view.run("docker", "rm", "--force", GUEST)

    assert http.HTTPStatus.FOUND == stranger, "Access asks for a login before it"
    assert before == {name: after.get(name) for name in before}, "no container of the shared stack was replaced"
