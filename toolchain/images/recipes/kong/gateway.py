#!/usr/bin/python3 -I
"""In Kong's place: routes by path and host, keys, groups, passwords. Its words and codes are Kong's.

Facts: Kong/kong, kong/plugins/{key-auth,acl,basic-auth,request-termination,cors}/handler.lua, kong/router; its
declarative format, kong/db/schema/others/declarative_config.lua.
"""

import base64
import http.client
import json
import os
import signal
import socket
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml

PLUGINS = {"cors", "key-auth", "acl", "basic-auth", "request-termination", "http-log"}
HOP = {"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "proxy-authorization"}


class Gateway:
    """What a declarative configuration says.

    Attributes:
        routes: Each with its service and its plugins by name, the most exact first.
        keys: Key to the groups of whom it is.
        logins: User and password to the same.
    """

    def __init__(self, config: dict[str, Any]) -> None:
        if config.get("_format_version") != "3.0":
            sys.exit("kong: the configuration has no _format_version 3.0")
        self.keys: dict[str, set[str]] = {}
        self.logins: dict[tuple[str, str], set[str]] = {}
        for consumer in config.get("consumers", ()):
            groups = {acl["group"] for acl in consumer.get("acls", ())}
            self.keys |= {one["key"]: groups for one in consumer.get("keyauth_credentials", ())}
            self.logins |= {
                (one["username"], one["password"]): groups for one in consumer.get("basicauth_credentials", ())
            }
        self.routes = [
            (
                path,
                route,
                service,
                {plugin["name"]: plugin.get("config") or {} for plugin in service.get("plugins", ())},
            )
            for service in config.get("services", ())
            for route in service["routes"]
            for path in route["paths"]
        ]
        unknown = {name for *_, plugins in self.routes for name in plugins} - PLUGINS
        if unknown or not self.routes or not all(self.keys):
            sys.exit(
                f"kong: failed parsing declarative configuration: {', '.join(unknown) or 'an empty key or no route'}"
            )
        # A route with hosts goes before one without, then the longer path.
        self.routes.sort(key=lambda found: (not found[1].get("hosts"), -len(found[0])))

    def match(self, path: str, host: str) -> tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]] | None:
        """The route of a request."""
        for found in self.routes:
            prefix, route = found[:2]
            if path.startswith(prefix) and host in route.get("hosts", (host,)):
                return found
        return None


class Handler(BaseHTTPRequestHandler):
    """One connection of a client."""

    protocol_version = "HTTP/1.1"
    gateway: Gateway

    def answer(self, status: int, message: str, **headers: str) -> None:
        """Kong's own answer."""
        body = json.dumps({"message": message}).encode()
        self.send_response(status)
        for name, value in {
            "Content-Type": "application/json; charset=utf-8",
            "Server": "kong/3.9.3",
            **headers,
        }.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body if self.command != "HEAD" else b"")

    def handle_request(self) -> None:
        """Whatever the method."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urlsplit(self.path)
        found = self.gateway.match(url.path, (self.headers.get("Host") or "").partition(":")[0])
        if found is None:
            self.answer(404, "no Route matched with those values")
            return
        prefix, route, service, plugins = found
        if "request-termination" in plugins:
            config = plugins["request-termination"]
            self.answer(config.get("status_code", 503), config.get("message", "Service unavailable"))
        elif "cors" in plugins and self.command == "OPTIONS" and self.headers.get("Access-Control-Request-Method"):
            self.answer(200, "", Access_Control_Allow_Origin="*")
        elif self.allowed(plugins, url.query):
            rest = url.path[len(prefix) :].lstrip("/") if route.get("strip_path", True) else url.path.lstrip("/")
            self.forward(service["url"], rest, url.query, body, plugins)

    def allowed(self, plugins: dict[str, Any], query: str) -> bool:
        """Whether the caller may come in; where not, he has been told."""
        groups: set[str] | None = None
        if "key-auth" in plugins:
            key = self.headers.get("apikey") or next(iter(parse_qs(query).get("apikey", ())), "")
            if not key:
                self.answer(401, "No API key found in request", WWW_Authenticate='Key realm=""')
                return False
            groups = self.gateway.keys.get(key)
        if "basic-auth" in plugins:
            scheme, _, text = (self.headers.get("Authorization") or "").partition(" ")
            try:
                user, _, secret = base64.b64decode(text, validate=True).decode().partition(":")
            except ValueError:
                user = secret = ""
            groups = self.gateway.logins.get((user, secret)) if scheme.lower() == "basic" else None
        if groups is None and {"key-auth", "basic-auth"} & set(plugins):
            realm = "Key" if "key-auth" in plugins else "Basic"
            self.answer(401, "Unauthorized", WWW_Authenticate=f'{realm} realm="service"')
            return False
        if "acl" in plugins and not (groups or set()) & set(plugins["acl"].get("allow", ())):
            self.answer(403, "You cannot consume this service")
            return False
        return True

    def forward(self, url: str, rest: str, query: str, body: bytes, plugins: dict[str, Any]) -> None:
        """The request to the service, and its answer back."""
        target = urlsplit(url)
        path = f"{target.path.rstrip('/')}/{rest}" if rest else target.path or "/"
        hidden = set(HOP)
        hidden |= {"apikey"} if plugins.get("key-auth", {}).get("hide_credentials") else set()
        hidden |= {"authorization"} if plugins.get("basic-auth", {}).get("hide_credentials") else set()
        headers = {name: value for name, value in self.headers.items() if name.lower() not in hidden | {"host"}}
        connection = http.client.HTTPConnection(target.hostname or "", target.port or 80, timeout=60)
        try:
            connection.request(self.command, f"{path}?{query}" if query else path, body, headers)
            reply = connection.getresponse()
            content = reply.read()
        except (OSError, http.client.HTTPException):
            self.answer(503, "name resolution failed or the connection was refused")
            return
        finally:
            connection.close()
        self.send_response(reply.status)
        for name, value in reply.getheaders():
            if name.lower() not in HOP | {"content-length", "server", "date"}:
                self.send_header(name, value)
        self.send_header("Via", "1.1 kong/3.9.3")
        if "cors" in plugins:
            self.send_header("Access-Control-Allow-Origin", "*")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content if self.command != "HEAD" else b"")

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = handle_request  # noqa: N815  # the names are http.server's


def main(words: list[str]) -> None:
    """``kong docker-start`` and ``kong health``, as the image is called."""
    if words[:1] == ["health"]:
        socket.create_connection(("127.0.0.1", 8000), timeout=5).close()
        return
    if os.environ.get("KONG_DATABASE") != "off":
        sys.exit("kong: there is no database here: KONG_DATABASE must be off")
    (Path(os.environ["KONG_PREFIX"]) / "pids").mkdir(exist_ok=True)
    file = Path(os.environ.get("KONG_DECLARATIVE_CONFIG") or sys.exit("kong: KONG_DECLARATIVE_CONFIG is not set"))
    if not file.is_file():
        sys.exit(f"kong: {file} is missing")
    Handler.gateway = Gateway(yaml.safe_load(file.read_text(encoding="utf-8")))
    for number in (signal.SIGTERM, signal.SIGQUIT):
        signal.signal(number, lambda *_: os._exit(0))
    ThreadingHTTPServer(("0.0.0.0", 8000), Handler).serve_forever()  # noqa: S104  # in a container


if __name__ == "__main__":
    main([word for word in sys.argv[1:] if word != "kong"])
