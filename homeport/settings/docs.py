"""docs/settings.md, made from the schema and from what the catalog declares."""

from __future__ import annotations

import json
import types
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from homeport.model.secret import SHAPES
from homeport.settings.apps import App, AppDatabase, AppHealth, AppRoute, AppSecret, AppVolume, AppWaivers
from homeport.settings.clouds import Access, Cloudflare
from homeport.settings.guests import Guest
from homeport.settings.hosts import AdoptHost, CreateHost, LocalHost
from homeport.settings.mesh import Mesh
from homeport.settings.runner import Runner
from homeport.settings.schema import WAIVERS, ServiceOverride, Settings, Waiver, group_section, with_groups
from homeport.settings.schema import Edge as EdgeSection
from homeport.settings.secret_specs import former_names, known_secrets
from homeport.settings.smoke import SmokeTest
from homeport.settings.vpn import Peer, Ssh, WireGuard
from homeport.settings.zone import Certificates, Dns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo

    from homeport.model.declarations import Declarations

_GROUPS_AT = -2
"""The catalog's sections come before those of services and waivers."""
SECTIONS: tuple[tuple[str, type[BaseModel]], ...] = (
    ("", Settings),
    ("hosts.<name>", LocalHost),
    ("hosts.<name>", AdoptHost),
    ("hosts.<name>", CreateHost),
    ("edge", EdgeSection),
    ("ssh", Ssh),
    ("mesh", Mesh),
    ("wireguard", WireGuard),
    ("wireguard.peers.<name>", Peer),
    ("cloudflare", Cloudflare),
    ("dns", Dns),
    ("certificates", Certificates),
    ("access", Access),
    ("runner", Runner),
    ("apps.<app>", App),
    ("apps.<app>.route", AppRoute),
    ("apps.<app>.secrets.<NAME>", AppSecret),
    ("apps.<app>.volumes.<name>", AppVolume),
    ("apps.<app>.database", AppDatabase),
    ("apps.<app>.health", AppHealth),
    ("apps.<app>.waivers", AppWaivers),
    ("guests.<name>", Guest),
    ("smoke.<name>", SmokeTest),
    ("services.<service>", ServiceOverride),
    ("waivers.<rule>", Waiver),
)

_HEAD = """# Settings

Made by `make docs` from `homeport/settings/` and `catalog/`; do not edit by hand.

A stack has a preset, one mapping of settings, and secrets under keys of their own:

```console
bin/homeport pulumi config set homeport:preset ai-orchestrator --stack dev
bin/homeport pulumi config set --path homeport:settings.edge.https_port 8443 --stack dev
bin/homeport pulumi config set --secret homeport:hcloud-token --stack prod
```

Everything that is wrong is refused before anything is registered, all at once, each with its path and the command that
fixes it. A value is never repeated in a message. An unknown key is refused too.
"""


def page(declared: Declarations) -> str:
    """The whole page, in Markdown; ``declared`` is what the catalog adds to the program's own settings."""
    parts = [
        _HEAD,
        *_preset(declared),
        *(_section(prefix, model) for prefix, model in sections(declared)),
        _waivers(),
        _secrets(declared),
        _renamed(declared),
    ]
    return "\n".join(parts)


def sections(declared: Declarations) -> tuple[tuple[str, type[BaseModel]], ...]:
    """Where each section of the settings stands, and its schema, those that the catalog declares among them."""
    groups = tuple(declared.groups.items())
    before, after = SECTIONS[1:_GROUPS_AT], SECTIONS[_GROUPS_AT:]
    return (("", with_groups(groups)), *before, *((name, group_section(name, group)) for name, group in groups), *after)


def _preset(declared: Declarations) -> Iterator[str]:
    yield "## homeport:preset\n\nRequired: which system the stack is.\n"
    yield "".join(f"- `{name}`\n" for name in declared.presets)


def _section(prefix: str, model: type[BaseModel]) -> str:
    where = f"homeport:settings.{prefix}" if prefix else "homeport:settings"
    mode = model.model_fields.get("mode")
    title = f"{where} (mode {get_args(mode.annotation)[0]})" if mode is not None else where
    lines = [
        f"## {title}\n",
        f"{(model.__doc__ or '').strip()}\n",
        "| Key | Must be | Default | Meaning |",
        "|---|---|---|---|",
    ]
    lines += [_row(name, field) for name, field in sorted(model.model_fields.items(), key=lambda row: row[0] != "mode")]
    return "\n".join(lines) + "\n"


def _row(name: str, field: FieldInfo) -> str:
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    shape = "a mapping, see below" if _has_section(field.annotation) else str(extra.get("shape", ""))
    cells = (shape, _default(field, str(extra.get("says", ""))), field.description or "")
    return f"| `{name}` | {' | '.join(_cell(cell) for cell in cells)} |"


def _has_section(annotation: Any) -> bool:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return True
    nested = get_origin(annotation) in (dict, Union, types.UnionType)
    return nested and any(_has_section(part) for part in _parts(annotation))


def _parts(annotation: Any) -> tuple[Any, ...]:
    return tuple(get_args(part)[0] if hasattr(part, "__metadata__") else part for part in get_args(annotation))


def _default(field: FieldInfo, says: str) -> str:
    if says:
        return says
    if field.default is PydanticUndefined:
        return "required"
    if isinstance(field.default, BaseModel):
        return "see below"
    return f"`{json.dumps(field.default, default=str)}`" if field.default not in (None, (), {}) else "none"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def _waivers() -> str:
    rows = "\n".join(f"| `{rule}` | {what} |" for rule, what in sorted(WAIVERS.items()))
    return f"Rules that can be waived:\n\n| Rule | What it allows |\n|---|---|\n{rows}\n"


def _secrets(declared: Declarations) -> str:
    origins = {
        "generated": "made when missing",
        "supplied": "by you, where needed",
        "issued": "by its issuer, whom the program asks",
        "derived": "made of another secret",
    }
    rows = "\n".join(
        f"| `homeport:{spec.name}` | {_cell(SHAPES[spec.kind])} | {origins[spec.policy]} | Needed {spec.purpose}. |"
        for spec in known_secrets(declared).values()
    )
    return (
        "## Secrets\n\nEach is set with `bin/homeport pulumi config set --secret homeport:<name> --stack <stack>`; "
        "stored in plain "
        "it is refused, and so is a value that "
        "is a placeholder,\nguessable, of another shape, or the same as another secret's.\n\n"
        f"| Key | Must be | Given | Meaning |\n|---|---|---|---|\n{rows}\n"
    )


def _renamed(declared: Declarations) -> str:
    rows = "\n".join(f"| `{old}` | `homeport:{new}` |" for old, new in sorted(former_names(declared).items()))
    head = "## Renamed\n\nThese names, old or known from `.env` files, stop the run with the new one.\n\n"
    return f"{head}| Name | Is now |\n|---|---|\n{rows}\n"
