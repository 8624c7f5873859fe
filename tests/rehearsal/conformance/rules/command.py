"""What differs from run to run in the answers of the command plugin."""

from __future__ import annotations

from tests.rehearsal.conformance.normalise import Rules

RULES = Rules(
    volatile={
        # The resource's name and eight hexadecimal digits; the copies have the digits only.
        "command:local:Command": {"id": ".+[0-9a-f]{8}"},
        "command:remote:Command": {"id": ".+[0-9a-f]{8}"},
        "command:remote:CopyFile": {"id": "[0-9a-f]{8}"},
        "command:remote:CopyToRemote": {"id": "[0-9a-f]{8}"},
    },
)
