"""Start the server: ``python -m ai_dev_server``."""

from __future__ import annotations

import logging
import os
import sys

import uvicorn

from ai_dev_server.app import create_app
from ai_dev_server.settings import SettingsError, settings


def main() -> int:
    """Serve until the stop signal; 2 where a setting is wrong."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    for chatty in ("httpx2", "httpcore2", "mcp"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    try:
        chosen = settings(os.environ)
    except SettingsError as error:
        print(f"ai-dev-server: {error}", file=sys.stderr)
        return 2
    uvicorn.run(
        create_app(chosen),
        host="0.0.0.0",  # noqa: S104  # in a container of its own; the host publishes it on the loopback address
        port=chosen.port,
        log_config=None,
        access_log=False,
        server_header=False,
        # It is told who calls by the token alone.
        proxy_headers=False,
        ws="none",
        http="h11",
        # A stream may stand still for long; a stop does not wait for it.
        timeout_keep_alive=75,
        timeout_graceful_shutdown=5,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
