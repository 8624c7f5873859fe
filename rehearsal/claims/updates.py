"""The claim on updates: what was made is what is described, so that a further one finds nothing to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rehearsal.claims.claim import Claim
from rehearsal.probes.errors import ProbeError

if TYPE_CHECKING:
    from rehearsal.claims.view import View


def second_preview(view: View) -> str:
    """What Pulumi said of a second update, after it had looked at everything anew.

    Raises:
        ProbeError: Nobody asked it.
    """
    if not view.second_preview:
        raise ProbeError("the second preview", "was not tried", "make rehearse")
    return view.second_preview


CLAIMS: tuple[Claim[View, Any], ...] = (
    Claim(
        name="second-preview-empty",
        rows=("P-07",),
        says="a second update has nothing to do, also after a look at everything that there is",
        observe=second_preview,
        expected=lambda _: "empty",
        spoil=lambda _: "changes",
    ),
)
