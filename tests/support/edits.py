"""Lines of the program that tests change in a copy of the checkout: what no setting can say.

`tests/unit/test_edits.py` knows at once when one of them is another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Edit:
    """One change.

    Attributes:
        path: The file, below the checkout.
        old: What stands there once.
        new: What stands there then.
    """

    path: str
    old: str
    new: str

    def apply(self, root: Path, **values: str) -> None:
        """Makes it in a copy, with values for the names in `new` that stand between @."""
        new = self.new
        for name, value in values.items():
            new = new.replace(f"@{name}@", value)
        file = root / self.path
        file.write_text(file.read_text().replace(self.old, new))


_REMOTE = "homeport/stack/remote.py"
_FORWARD = '"PostUp = iptables -A FORWARD -i wg0 -j ACCEPT",'
EDITS = {
    "the meshed preset is one of the registry's": Edit(
        "catalog/presets/registry.py",
        "_BUILT = {\n",
        '_BUILT = {\n    "meshed": "tests.support.meshed_preset",\n',
    ),
    "the meshed preset is one of the settings'": Edit(
        "homeport/settings/schema.py", 'PRESETS = ("ai-orchestrator", ', 'PRESETS = ("ai-orchestrator", "meshed", '
    ),
    "sshd lets another user in": Edit(_REMOTE, "users=(provisioned.user,)", 'users=("nobody",)'),
    "sshd listens on another address": Edit(
        _REMOTE,
        "users=(provisioned.user,),",
        'users=(provisioned.user,),\n                addresses=("127.0.0.1",),',
    ),
    "the firewall has no rule for SSH": Edit(
        "homeport/plan/hosts.py",
        "for opening in openings:",
        'for opening in (one for one in openings if one.purpose != "SSH"):',
    ),
    "the VPN's route swallows the operator's": Edit(
        "homeport/render/wireguard.py",
        _FORWARD,
        f'{_FORWARD}\n        "PostUp = ip route add @operator@/32 dev %i",',
    ),
    # Prints the configuration with its keys, and fails.
    "WireGuard fails and shows its keys": Edit(
        "homeport/render/host/wireguard/apply.sh",
        'systemctl enable --quiet "$unit"\n',
        'cat "$conf" /etc/wireguard/private.key >&2; exit 9\n',
    ),
    # For a system without the AI Dev Server, which needs n8n: else nobody is on that network, and there is none.
    "the frontend is where HostAgent is called from": Edit(
        "catalog/presets/vps_infrastructure/services.py",
        'name="dtc-frontend-app", networks=("dtc_default",)',
        'name="dtc-frontend-app", networks=("agent_default", "dtc_default")',
    ),
}
