"""What to suggest where one of a few words is asked for: it holds beside the other settings, and opens no more."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from homeport.settings.hosts import MODES, AdoptHost, CreateHost
from homeport.settings.section import section

if TYPE_CHECKING:
    from collections.abc import Sequence

_FIELDS_OF = {"adopt": set(AdoptHost.model_fields), "create": set(CreateHost.model_fields)}


def choice(path: Sequence[str | int], words: Sequence[str], data: dict[str, Any], usual: str) -> str:
    """The word to suggest; empty where leaving the setting out is better.

    Args:
        path: Where, from the top of the settings.
        words: What may stand there.
        data: The settings with what is filled in, wrong ones among them.
        usual: What the exposure is where nobody says it.
    """
    parent = section(data, *(str(part) for part in path[:-1]))
    written = str(parent.get(str(path[-1]), ""))[:64].lower()
    near = next(iter(get_close_matches(written, words, n=1)), "")
    last = path[-1]
    if last == "exposure":
        # Another one may need what is not there, or open what nobody meant to.
        return near if near == usual else "local"
    if last == "mode":
        fits = [mode for mode, fields in _FIELDS_OF.items() if (set(parent) - {"mode", "roles"}) & fields]
        return near if near in fits else next(iter([*fits, MODES[0]]))
    if last == "reach":
        private = section(data, "wireguard")
        return "vpn" if near == "vpn" and private.get("enabled") and private.get("peers") else ""
    if last == "login":
        return near if near != "google" or parent.get("google_client_id") else ""
    return near
