"""The Caddyfile, and the small snippets with its secrets.

Secrets never stand in the Caddyfile: each guard imports a snippet of its own (mode 0400), so that the Caddyfile can be
read, compared and kept. The admin endpoint, by which a reload is asked for, is a socket that nobody but the proxy's own
user reaches. Directives: Caddy 2's own reference, "Caddyfile options" and "Request matchers".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from homeport.model import names, template
from homeport.model.cloudflare import PROXIES
from homeport.model.mesh import RESOLVER
from homeport.model.route import ACCESS_KINDS
from homeport.model.template import PROXY, TEXT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from homeport.model.authority import Authority
    from homeport.model.blueprint import Blueprint
    from homeport.model.route import Guard, Relay, Route

SECRETS = "guards"
"""Folder of the snippets, beside the Caddyfile."""
_BELOW = "; includeSubDomains"
"""Of Strict-Transport-Security: for the names below as well (RFC 6797, section 6.1.2)."""
ASKED_BEFORE = ACCESS_KINDS - {"closed"}
"""Guards that Cloudflare Access has asked when a request comes here."""
HEALTH_PORT = 2020
"""Answers 200 on ``/`` inside the container, whatever the routes are."""
_HEALTH_PORT = "{$HEALTH_PORT}"
"""The same in the host's network, where others may have that number: as its environment says."""
_ADMIN = "admin unix//config/admin.sock"
"""In a tmpfs of mode 0700, and itself of mode 0200 (caddyserver/caddy, listeners.go, ``IsUnixNetwork``).

Not SIGUSR1, by which Caddy reloads from 2.11 on as well (sigtrap_posix.go): why a reload was refused would stand in the
log alone, and nobody would know when it was done.
"""
_STREAMS = "stream_close_delay 12h"
"""What was upgraded, a WebSocket, is closed at once by a reload unless it may go on (reverseproxy/streaming.go,
``cleanupConnections``). A working day; whom a changed guard no longer lets in is out after it."""
_DIAL, _FRESH = "dial_timeout 5s", "keepalive off"
"""To a host on a private network: one that is down says nothing at all, on a connection of before least of all."""
_WAITS = ("lb_try_duration 30s", "lb_try_interval 100ms")
"""What is no GET is tried again only where no connection came about, so that nothing is written twice
(caddyserver/caddy, reverseproxy.go, ``tryAgain``)."""

_HEADERS_IN = "10s"
"""For the TLS handshake and the headers together: some packets, over the slowest line too. Who sends them byte by byte
(slowloris) is gone after it."""
_IDLE = "2m"
"""A connection without a request: longer than a browser's own polls are apart."""
_SLOWEST = 16 * 1024
"""Bytes a second that a body may come with: a line that is slow today."""
_PAUSE = 60
"""Seconds on top of that for a body that is small, or stops for a while.

Caddy up to 2.11 knows no limit of a pause, only one of the whole body; it ends with the body, and an answer may take as
long as it likes (net/http, ``startBackgroundRead``). Answers have no limit of their own, ``write``: it would begin with
the request, and cut off each long download and every stream of events.
"""

_LONGEST = "24h"
"""For a body of any size, on a route that takes such: none comes for longer, and who has left is gone after it."""

_COMPRESSED = ("@whole not header Accept *text/event-stream*", "encode @whole zstd gzip")
"""Not where events are asked for: the compressor holds an answer's head back until its first event (encode.go,
``FlushError``), and for ten quiet minutes the caller would not know that it is connected.
"""

ROOT = "authority.pem"
"""Beside the Caddyfile: the certificate that an authority's own is signed by."""
FILES = "/etc/homeport"
"""Where the proxy finds its files. Caddy takes this one path as it is, whichever file names it."""
_KEYS = f"{SECRETS}/authority.caddy"
ADDONS = "caddy-addon"
"""Folder beside the Caddyfile with what a preset, or whoever keeps its export, adds: read first."""

_HEADERS = (
    "X-Content-Type-Options nosniff",
    "X-Frame-Options DENY",
    "Referrer-Policy strict-origin-when-cross-origin",
    'Permissions-Policy "camera=(), microphone=(), geolocation=()"',
    "Cross-Origin-Opener-Policy same-origin",
    "-Server",
    "-X-Powered-By",
)


def caddyfile(
    blueprint: Blueprint, below: Mapping[str, str] | None = None, sites: Mapping[str, str] | None = None
) -> str:
    """The whole Caddyfile of a blueprint's routes.

    Args:
        blueprint: The system.
        below: Route name to what stands in the place of ``; includeSubDomains``, for host names that are known later
            only; None: as the names are.
        sites: Route name to the address of its site, in plain HTTP and as Caddy takes it, for names that its own
            environment tells; None: by the blueprint's names and exposure.

    HTTPS alone is for the names below a host name only where the program made it: below one that the settings give, the
    domain's own perhaps, others may have theirs (nginx-proxy/nginx-proxy#566).
    """
    ours = {route.name: "" if route.name in blueprint.hostnames else _BELOW for route in blueprint.routes}
    named = sorted(blueprint.routes, key=lambda route: route.name)
    if sites is None:
        texts = [_site(blueprint, route, (ours if below is None else below)[route.name]) for route in named]
    else:
        texts = [_text(_block(f"http://{sites[route.name]}", _body(blueprint, route, ""))) for route in named]
    health = _health(host_network=_on_host(blueprint))
    return "\n".join([_options(blueprint, plain=sites is not None), *_addons(blueprint), health, _unknown(), *texts])


def first(*, host_network: bool = False) -> str:
    """The Caddyfile of a proxy that has not been given its routes yet: it is healthy, and knows no name.

    In the host's network it listens nowhere else: which address and ports are its own comes with the routes.
    """
    options = _block("", [_ADMIN, "persist_config off", "auto_https off"])
    unknown = [] if host_network else [_unknown()]
    return "\n".join([_text(options).replace(" {", "{", 1), _health(host_network=host_network), *unknown])


def snippets(routes: tuple[Route, ...]) -> dict[str, str]:
    """File name below the Caddyfile's folder to a template with ``{secret}`` in it."""
    templates: dict[str, str] = {}
    for route in routes:
        for slot, guard in enumerate(route.guards):
            if guard.kind == "api-key":
                templates[_snippet(route, slot)] = f'@allowed header {PROXY(guard.header)} "{{{guard.secret}}}"\n'
            elif guard.kind == "basic":
                templates[_snippet(route, slot)] = (
                    f'@allowed header Authorization "Basic {{{guard.secret}|basic:{guard.user}}}"\n'
                )
    return templates


def keys(authority: Authority | None) -> dict[str, str]:
    """The same for what the proxy needs to show an authority that a name is its own."""
    names = authority.secrets if authority else ()
    # Each is called as in Caddy's module, after the provider's name.
    text = "".join(f'{name.partition("-")[2].replace("-", "_")} "{{{name}}}"\n' for name in names)
    return {_KEYS: text} if names else {}


def _snippet(route: Route, slot: int) -> str:
    return f"{SECRETS}/{route.name}-{slot}.caddy"


def _block(head: str, lines: list[str]) -> list[str]:
    return [f"{head} {{", *(f"\t{line}" for line in lines), "}"]


def _text(lines: list[str]) -> str:
    return "\n".join(lines) + "\n"


def _options(blueprint: Blueprint, *, plain: bool) -> str:
    largest = max((route.max_body for route in blueprint.routes), default=0)
    body = f"read_body {_PAUSE + largest // _SLOWEST}s"
    limits = _block("timeouts", [body, f"read_header {_HEADERS_IN}", f"idle {_IDLE}"])
    lines = [
        _ADMIN,
        "persist_config off",
        # Of a stop: requests end before Docker kills (catalog, grace). A reload waits for nothing and cuts nothing off.
        "grace_period 10s",
        *_place(blueprint),
        *_certificates(blueprint, plain=plain),
        # No HTTP/3: no port is published over UDP, and answers would promise it.
        *_block(
            "servers", [*limits, "protocols h1 h2", "max_header_size 16KB", "strict_sni_host on", *_trusted(blueprint)]
        ),
    ]
    return _text(["# Generated by homeport from the routes of the blueprint.", *_block("", lines)]).replace(
        " {", "{", 1
    )


def _place(blueprint: Blueprint) -> list[str]:
    """Where it listens: in a network of its own everywhere, in the host's at the edge alone."""
    if not _on_host(blueprint):
        return []
    ports = blueprint.edge.ports
    return [
        f"http_port {ports['http']}",
        f"https_port {ports['https']}",
        f"default_bind {PROXY(blueprint.edge.bind)}",
    ]


def _addons(blueprint: Blueprint) -> list[str]:
    there = blueprint.proxy and any(file.target == ADDONS for file in blueprint.proxy.files)
    return [f"import {ADDONS}/*.caddy\n"] if there else []


def _certificates(blueprint: Blueprint, *, plain: bool) -> list[str]:
    if blueprint.connector or plain:
        # Cloudflare has the certificates, and the tunnel is encrypted.
        return ["auto_https off"]
    return [
        # The redirects are written out below: Caddy's own know only the port inside the container.
        "auto_https disable_redirects",
        *([f"email {PROXY(blueprint.edge.acme_email)}"] if blueprint.edge.acme_email else []),
        *(_issuer(blueprint.edge.authority) if blueprint.edge.authority else _own(blueprint)),
    ]


def _own(blueprint: Blueprint) -> list[str]:
    return [] if blueprint.edge.public and not blueprint.edge.own_authority else ["local_certs", "skip_install_trust"]


def _issuer(authority: Authority) -> list[str]:
    """An authority that the settings name. With DNS-01 no other challenge is tried (certmagic, acmeclient.go)."""
    lines = [
        *([f"dir {PROXY(authority.url)}"] if authority.url else []),
        *([f"trusted_roots {FILES}/{ROOT}"] if authority.root else []),
    ]
    if authority.challenge == "ovh":
        lines += _block("dns ovh", [f"endpoint {PROXY(authority.endpoint)}", f"import {_KEYS}"])
    return _block("cert_issuer acme", lines)


def _trusted(blueprint: Blueprint) -> list[str]:
    """Whose word on the caller's address counts: that of the connector, which no other container can be."""
    if not blueprint.connector:
        return []
    known = (blueprint.connector_address, *PROXIES)
    return [f"trusted_proxies static {' '.join(known)}", "client_ip_headers CF-Connecting-IP"]


def _on_host(blueprint: Blueprint) -> bool:
    return bool(blueprint.proxy and blueprint.proxy.host_network)


def _health(*, host_network: bool) -> str:
    port = _HEALTH_PORT if host_network else HEALTH_PORT
    return _text(_block(f"http://127.0.0.1:{port}", ["bind 127.0.0.1", "respond ok 200"]))


def _unknown() -> str:
    return _text(_block("http://", ["respond 404"]))


def _site(blueprint: Blueprint, route: Route, below: str) -> str:
    host = PROXY(blueprint.host(route))
    if blueprint.connector:
        return _text(_block(f"http://{host}", _body(blueprint, route, "")))
    redirect = _block(f"http://{host}", [f"redir {blueprint.origin(route)}{{uri}} permanent"])
    # For two years.
    strict = f'Strict-Transport-Security "max-age=63072000{below}"'
    lines = [*redirect, "", *_block(f"https://{host}", _body(blueprint, route, strict))]
    if route.here and blueprint.exposure == "local":
        inside = ["bind 127.0.0.1"] if _on_host(blueprint) else []
        lines += ["", *_block(f"http://:{route.here}", [*inside, *_body(blueprint, route, "")])]
    return _text(lines)


def _body(blueprint: Blueprint, route: Route, strict: str) -> list[str]:
    """What a site does; ``strict`` is its Strict-Transport-Security, empty where it speaks no TLS itself."""
    masks = [f"request>headers>{name} delete" for name in ("Authorization", "Cookie", "X-Api-Key")]
    lines = [
        *_COMPRESSED,
        *_block("request_body", [f"max_size {route.max_body}" if route.max_body else f"read_timeout {_LONGEST}"]),
        *_block("header", [*filter(None, [strict]), *_HEADERS]),
        *_block("log", ["output stdout", *_block("format filter", ["wrap json", *_block("fields", masks)])]),
    ]
    if route.guest:
        # Another stack's service may not be there: whoever asks is told so, and not that the proxy is broken.
        answer = 'respond "{http.request.host}: the service behind this name does not answer" {err.status_code}'
        lines += _block("handle_errors 502 503 504", [answer])
    if route.relay or route.members:
        answer = 'respond "{http.request.host}: the host behind this name does not answer" 502'
        lines += _block("handle_errors 502 503 504", [answer])
    handles: list[str] = []
    if route.health:
        lines += _block("@health", ["path /health", "method GET HEAD"])
        handles += _block("handle @health", [f"rewrite * {route.health}", *_upstream(blueprint, route)])
    for slot, guard in enumerate(route.guards):
        matcher = f"@paths-{slot}"
        if guard.paths:
            lines.append(f"{matcher} path {' '.join(guard.paths)}")
        handles += _block(f"handle {matcher}" if guard.paths else "handle", _guarded(blueprint, route, slot, guard))
    if not blueprint.connector:
        return [*lines, *handles]
    # Whoever comes past the tunnel comes past Access. In `route` the order is that of the lines.
    refuse = ["respond @stranger 403", *handles]
    return [*lines, f"@stranger not remote_ip {blueprint.connector_address}", *_block("route", refuse)]


def _upstream(blueprint: Blueprint, route: Route, *more: str) -> list[str]:
    """By the service's name on a network that both are on; in the host's network by the port that it publishes.

    Between two images of a deployed service nobody listens for a moment: who asks then waits.
    """
    if route.relay:
        return _relay(blueprint, route.relay, *more)
    if route.members:
        return _reverse(blueprint, route.upstream, [_STREAMS, *_block("transport http", [_DIAL, _FRESH]), *more])
    port = blueprint.listening(route) if _on_host(blueprint) else None
    where = f"{port.address}:{port.outside}" if port else f"{PROXY(route.service)}:{route.port}"
    deployed = any(service.deployed for service in blueprint.services if service.name == route.service)
    return _block(f"reverse_proxy {where}", [_STREAMS, *(_WAITS if deployed else ()), *more])


def _relay(blueprint: Blueprint, relay: Relay, *more: str) -> list[str]:
    """By another proxy, which tells its routes by name, and shows by its certificate that it is the right one."""
    name = PROXY(blueprint.hostnames.get(relay.route, names.hostname(relay.route, blueprint.domain)))
    authority = blueprint.edge.authority
    trusted = [f"tls_trust_pool file {FILES}/{ROOT}"] if authority and authority.root else []
    transport = _block("transport http", [f"tls_server_name {name}", _DIAL, "tls_timeout 5s", _FRESH, *trusted])
    return _reverse(blueprint, f"https://{relay.to}", [_STREAMS, f"header_up Host {name}", *transport, *more])


def _reverse(blueprint: Blueprint, url: str, lines: list[str]) -> list[str]:
    """To another host of a private network, by the template of a URL without a path."""
    where = PROXY(template.fill(url, blueprint.texts(), TEXT))
    if not (blueprint.mesh and any(asked.startswith("mesh:") for asked in template.names(url))):
        return _block(f"reverse_proxy {where}", lines)
    # A member's address is the mesh's to tell, and nobody else knows its name.
    member, _, port = where.rpartition("/")[2].rpartition(":")
    return _block("reverse_proxy", [*_block(f"dynamic a {member} {port}", [f"resolvers {RESOLVER}"]), *lines])


def _guarded(blueprint: Blueprint, route: Route, slot: int, guard: Guard) -> list[str]:
    if guard.kind == "open" or guard.kind in ASKED_BEFORE:
        return _upstream(blueprint, route)
    if guard.kind == "closed":
        return ["respond 404"]
    if guard.kind == "members":
        # The connection's own address: no header can say another.
        texts = blueprint.texts()
        ranges = [template.fill(network, texts, TEXT) for network in guard.networks]
        ask = [f"@allowed remote_ip {' '.join(PROXY(network) for network in ranges)}"]
        return [*ask, *_block("handle @allowed", _upstream(blueprint, route)), *_block("handle", ["respond 403"])]
    ask = [f"import {_snippet(route, slot)}"]
    if guard.kind == "basic":
        # The scheme has no case, and as many spaces behind it as the caller likes (RFC 7235, sections 2.1 and 2.2).
        ask = ['request_header Authorization "^(?i:basic) +" "Basic "', *ask]
        proxy = _upstream(blueprint, route, "header_up -Authorization")
        refuse = ['header WWW-Authenticate `Basic realm="homeport", charset="UTF-8"`', "respond 401"]
    else:
        proxy = _upstream(blueprint, route)
        refuse = [
            "header Content-Type application/json",
            f'respond `{{"error":"{guard.header} is missing or wrong"}}` 401',
        ]
    return [*ask, *_block("handle @allowed", proxy), *_block("handle", refuse)]
