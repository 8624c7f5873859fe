"""The environment's proxies, as far as the clouds' clients can use them."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from homeport.model.errors import ToolError

_NAMES = ("https_proxy", "http_proxy", "all_proxy")
_USABLE = ("http", "https")


def refuse_unusable() -> None:
    """Refuses, before a client is made, a proxy that it would end at with a traceback (httpx and requests know HTTP's).

    Raises:
        ToolError: One is named; its address is not shown, for it may hold a password.
    """
    for name in (*_NAMES, *(name.upper() for name in _NAMES)):
        text = os.environ.get(name, "")
        scheme = urlsplit(text).scheme if "://" in text else "http"
        if scheme not in _USABLE:
            raise ToolError(
                f"{name}: a proxy of kind {scheme!r} cannot be used for the clouds' APIs\n"
                f"  fix: unset {name}, or name an HTTP proxy in https_proxy: https_proxy=http://<host>:<port>"
            )
