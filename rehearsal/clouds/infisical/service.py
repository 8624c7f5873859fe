"""The API apart from HTTP: Universal Auth, and secrets of the third version, raw.

Source: Infisical/infisical, backend/src: server/routes/v1/identity-universal-auth-router.ts,
server/routes/v3/deprecated-secret-router.ts, services/identity-ua/identity-ua-service.ts,
services/secret-v2-bridge/secret-v2-bridge-service.ts, server/plugins/error-handler.ts, server/lib/schemas.
"""

from __future__ import annotations

import hmac
import re
import secrets
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, unquote

from rehearsal.clouds.infisical.errors import InfisicalError, forbidden, missing, unauthorized, unfit, wrong
from rehearsal.clouds.infisical.store import Store, stamp
from rehearsal.clouds.kit.api import Answer, Api, Call, parsed
from rehearsal.clouds.kit.faults import Faults
from rehearsal.clouds.kit.journal import Journal
from rehearsal.clouds.kit.routing import NoRouteError, Routes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rehearsal.clouds.kit.faults import Fault

Record = dict[str, Any]
_MASK: Final = "<hidden-by-infisical>"
_TTL: Final = 2_592_000
"""Seconds that a token lives, as an identity has it by default."""
_THRESHOLD, _LOCKED = 3, 300.0
_REFERENCE: Final = re.compile(r"\$\{([a-zA-Z0-9\-_.]+)\}")
# What JavaScript's `trim` takes away.
_BLANK: Final = " \t\n\r\v\f\u00a0\u1680\u2028\u2029\u202f\u205f\u3000\ufeff" + "".join(map(chr, range(0x2000, 0x200B)))
_LEVELS: Final = {"describe": 1, "read": 2, "edit": 3}


@dataclass(frozen=True, slots=True)
class Request:
    """One call.

    Attributes:
        identity: Client id of the identity that it came from, empty before the login.
        about: Query and body together.
        name: Secret's name in the path.
    """

    identity: str
    about: Mapping[str, Any]
    name: str = ""


def _level(held: str | Mapping[str, str], slug: str) -> int:
    """What an identity may do in an environment: the same in all, or by each."""
    return _LEVELS[held if isinstance(held, str) else held.get(slug, "describe")]


class Service(Api):
    """The emulated API.

    Args:
        store: What is there.
    """

    def __init__(self, store: Store) -> None:
        # Bodies hold secrets, which nothing but the answers may tell.
        super().__init__(Faults(), Journal())
        self._store = store
        self._tokens: dict[str, tuple[str, float]] = {}
        self._failures: dict[str, tuple[int, float]] = {}
        self._routes: Routes[Callable[[Request], Record]] = Routes()
        raw = "/api/v3/secrets/raw"
        self._routes.add("GET", raw, self._list)
        self._routes.add("GET", f"{raw}/([^/]+)", self._get)
        self._routes.add("POST", f"{raw}/([^/]+)", self._create)
        self._routes.add("PATCH", f"{raw}/([^/]+)", self._update)
        self._routes.add("DELETE", f"{raw}/([^/]+)", self._delete)

    def controls(self) -> dict[tuple[str, str], Callable[[dict[str, Any]], Any]]:
        """Those of every cloud, and the clock."""
        return super().controls() | {("POST", "/clock"): lambda body: self._store.advance(float(body["advance"]))}

    def error(self, fault: Fault) -> Answer:
        """In Infisical's own shape; a code is the error's name."""
        problem = InfisicalError(fault.status, fault.message, str(fault.code or "InternalServerError"))
        return Answer(fault.status, problem.body())

    def answer(self, call: Call) -> Answer:
        """What the call gets."""
        try:
            return Answer(200, self._answered(call))
        except InfisicalError as problem:
            return Answer(problem.status, problem.body())

    def _answered(self, call: Call) -> Record:
        content = parsed(call.content) if call.content else {}
        if not isinstance(content, dict):
            raise wrong("Body is not valid JSON")
        about = {**dict(parse_qsl(call.query, keep_blank_values=True)), **content}
        if (call.method, call.path) == ("GET", "/api/status"):
            return {
                "date": stamp(self._store.now()),
                "message": "Ok",
                "emailConfigured": False,
                "redisConfigured": True,
            }
        if (call.method, call.path) == ("POST", "/api/v1/auth/universal-auth/login"):
            return self._login(about)
        try:
            act, match = self._routes.find(call.method, call.path)
        except NoRouteError:
            raise missing(f"Route {call.method}:{call.path} not found", "Not Found") from None
        name = unquote(match[1]).strip() if match.groups() else ""
        return act(Request(self._caller(call.authorization), about, name))

    def _login(self, about: Mapping[str, Any]) -> Record:
        client = _text(about, "clientId").strip()
        identity = self._store.get("identities", client)
        if identity is None:
            raise unauthorized("Invalid credentials")
        failures, until = self._failures.get(client, (0, 0.0))
        if failures >= _THRESHOLD and self._store.now() < until:
            raise unauthorized("This identity auth method is temporarily locked, please try again later")
        if not hmac.compare_digest(_text(about, "clientSecret").strip().encode(), identity["secret"].encode()):
            self._failures[client] = (failures % _THRESHOLD + 1, self._store.now() + _LOCKED)
            raise unauthorized("Invalid credentials")
        self._failures.pop(client, None)
        token, ttl = f"ey{secrets.token_urlsafe(40)}", int(identity.get("ttl", _TTL))
        self._tokens[token] = (client, self._store.now() + ttl)
        return {"accessToken": token, "expiresIn": ttl, "accessTokenMaxTTL": ttl, "tokenType": "Bearer"}

    def _caller(self, header: str) -> str:
        kind, _, token = header.partition(" ")
        if kind != "Bearer" or not token:
            raise unauthorized("Token missing")
        client, until = self._tokens.get(token, ("", 0.0))
        if not client:
            words = (
                "The provided access token is malformed. Please use a valid token or generate a new one and try again."
            )
            raise InfisicalError(403, words, "TokenError")
        if self._store.now() >= until:
            raise InfisicalError(403, "Your token has expired. Please re-authenticate.", "TokenError")
        return client

    def _place(self, request: Request, level: str) -> str:
        """The key of the folder, if the caller may do that much in it."""
        project, slug = str(request.about.get("workspaceId") or ""), str(request.about.get("environment") or "")
        if not project or not slug:
            raise wrong("Missing project id or environment")
        path = str(request.about.get("secretPath") or "/")
        if self._store.get("projects", project) is None:
            raise missing(f"Project with ID '{project}' not found")
        held = self._store.get("identities", request.identity)["projects"].get(project)
        if held is None:
            raise forbidden("You are not a member of this project")
        if _level(held, slug) < _LEVELS[level]:
            raise InfisicalError(403, f"You are not allowed to {level} on secrets", "PermissionDenied")
        if path != "/" or slug not in self._store.get("projects", project)["environments"]:
            raise missing(f"Folder with path '{path}' in environment with slug '{slug}' not found", "GetSecrets")
        return f"{project}/{slug}"

    def _readable(self, request: Request) -> bool:
        project, slug = str(request.about["workspaceId"]), str(request.about["environment"])
        held = self._store.get("identities", request.identity)["projects"][project]
        return _level(held, slug) >= _LEVELS["read"]

    def _rows(self, place: str) -> dict[str, Record]:
        return {row["secretKey"]: row for row in self._store.all("secrets").values() if row["place"] == place}

    def _shown(self, row: Record, request: Request, *, expand: bool = False) -> Record:
        seen = self._readable(request) and request.about.get("viewSecretValue", "true") == "true"
        value = self._expanded(row["secretValue"], row["place"]) if expand else row["secretValue"]
        public = {key: content for key, content in row.items() if key != "place"}
        return {**public, "secretValue": value if seen else _MASK, "secretValueHidden": not seen, "secretPath": "/"}

    def _expanded(self, value: str, place: str, depth: int = 0) -> str:
        rows = self._rows(place)

        def other(found: re.Match[str]) -> str:
            row = rows.get(found[1])
            # Unknown references and circles stay as they are written.
            return (
                found[0] if row is None or depth > len(rows) else self._expanded(row["secretValue"], place, depth + 1)
            )

        return _REFERENCE.sub(other, value)

    def _list(self, request: Request) -> Record:
        place = self._place(request, "describe")
        expand = request.about.get("expandSecretReferences") == "true"
        shown = [self._shown(row, request, expand=expand) for row in self._rows(place).values()]
        imports = []
        if request.about.get("include_imports") == "true":
            project, slug = place.split("/")
            for other in self._store.get("projects", project)["environments"][slug].get("imports", []):
                rows = [self._shown(row, request, expand=expand) for row in self._rows(f"{project}/{other}").values()]
                # Imported ones are told without their times.
                bare = [{key: row[key] for key in row if key not in ("createdAt", "updatedAt")} for row in rows]
                imports.append({"secretPath": "/", "environment": other, "folderId": other, "secrets": bare})
        return {"secrets": shown, "imports": imports}

    def _get(self, request: Request) -> Record:
        row = self._rows(self._place(request, "describe")).get(request.name)
        if row is None:
            raise missing(f"Secret with name '{request.name}' not found")
        expand = request.about.get("expandSecretReferences") == "true"
        return {"secret": self._shown(row, request, expand=expand)}

    def _create(self, request: Request) -> Record:
        if not request.name or ":" in request.name or "/" in request.name:
            raise unfit("secretName", "Secret name cannot contain colon or forward slash.")
        place, value = self._place(request, "edit"), _trimmed(_text(request.about, "secretValue"))
        if request.name in self._rows(place):
            raise wrong("Secret already exist")
        self._check_references(value, place)
        if self._guarded(place):
            return self._approval()
        now, key = stamp(self._store.now()), str(uuid.uuid4())
        project, slug = place.split("/")
        row: Record = {"id": key, "_id": key, "workspace": project, "environment": slug, "version": 1, "type": "shared"}
        row |= {
            "secretKey": request.name,
            "secretValue": value,
            "secretComment": str(request.about.get("secretComment", "")),
        }
        row |= {"skipMultilineEncoding": bool(request.about.get("skipMultilineEncoding")), "place": place}
        row |= {"createdAt": now, "updatedAt": now, "tags": [], "metadata": None}
        with self._store.change() as data:
            data["secrets"][key] = row
        return {"secret": self._shown(row, request)}

    def _update(self, request: Request) -> Record:
        place = self._place(request, "edit")
        row = self._rows(place).get(request.name)
        if row is None:
            raise missing(f"Secret with name {request.name} not found")
        changes: Record = {"version": row["version"] + 1, "updatedAt": stamp(self._store.now())}
        if "secretValue" in request.about:
            changes["secretValue"] = _trimmed(_text(request.about, "secretValue"))
            self._check_references(changes["secretValue"], place)
        if "skipMultilineEncoding" in request.about:
            changes["skipMultilineEncoding"] = bool(request.about["skipMultilineEncoding"])
        if self._guarded(place):
            return self._approval()
        with self._store.change() as data:
            data["secrets"][row["id"]] |= changes
        return {"secret": self._shown(row | changes, request)}

    def _delete(self, request: Request) -> Record:
        row = self._rows(self._place(request, "edit")).get(request.name)
        if row is None:
            raise missing("Secret not found")
        with self._store.change() as data:
            del data["secrets"][row["id"]]
        return {"secret": self._shown(row, request)}

    def _check_references(self, value: str, place: str) -> None:
        lacking = [name for name in _REFERENCE.findall(value) if name not in self._rows(place)]
        if lacking:
            raise wrong(f"Referenced secret(s) not found: {','.join(lacking)}")

    def _guarded(self, place: str) -> bool:
        project, slug = place.split("/")
        return bool(self._store.get("projects", project)["environments"][slug].get("approval"))

    def _approval(self) -> Record:
        return {
            "approval": {"id": str(uuid.uuid4()), "status": "open", "slug": secrets.token_hex(5), "hasMerged": False}
        }


def _text(about: Mapping[str, Any], name: str) -> str:
    value = about.get(name)
    if not isinstance(value, str):
        raise unfit(name, "Required" if value is None else f"Expected string, received {type(value).__name__}")
    return value


def _trimmed(value: str) -> str:
    inner = value.strip(_BLANK)
    return f"{inner}\n" if value.endswith("\n") else inner
