"""One HTTP request, without following anything; or several, one after the other.

Told: `url`, `method`, `headers`, `body`, `seconds`; with https `server_name`, the name that the server is asked for by
TLS. Its certificate is not looked at. Or `requests`, a list of such.
"""

from __future__ import annotations

import http.client
import ssl
import time
from typing import Any
from urllib.parse import urlsplit

from rehearsal.probes.inside.talk import say, told


def main() -> None:
    """Asks, and says status, headers and body, or the error in words."""
    about = told()
    for request in about.get("requests", [about]):
        say(_asked(request))


def _asked(about: dict[str, Any]) -> dict[str, Any]:
    url = urlsplit(about["url"])
    began = time.monotonic()
    secure = url.scheme == "https"
    connection = http.client.HTTPConnection(
        url.hostname or "", url.port or (443 if secure else 80), timeout=about.get("seconds", 10)
    )
    try:
        if secure:
            connection.connect()
            connection.sock = _unverified().wrap_socket(connection.sock, server_hostname=about["server_name"])
        path = (url.path or "/") + (f"?{url.query}" if url.query else "")
        body = about.get("body")
        connection.request(about.get("method", "GET"), path, body.encode() if body else None, about.get("headers", {}))
        answer = connection.getresponse()
        text = answer.read().decode(errors="replace")
        result = {"status": answer.status, "headers": dict(answer.getheaders()), "body": text}
    except (OSError, http.client.HTTPException) as error:
        result = {"status": 0, "error": f"{type(error).__name__}: {error}"}
    finally:
        connection.close()
    return {**result, "seconds": round(time.monotonic() - began, 3)}


def _unverified() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


if __name__ == "__main__":
    main()
