"""Whether each secret that the configuration holds can be written wherever it goes, before anything is registered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from homeport.model import template
from homeport.model.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from homeport.model.blueprint import Blueprint
    from homeport.model.secret import SecretSpec
    from homeport.model.template import Syntax
    from homeport.settings.secrets import Masked


def unwritable(
    blueprint: Blueprint, secrets: Mapping[str, Masked], specs: Mapping[str, SecretSpec]
) -> Iterator[Problem]:
    """A problem for each secret with a place that has no way to write it: no word of the value is in it."""
    for where, text, syntax in _places(blueprint):
        names = template.names(text)
        for name in names:
            if name not in secrets:
                continue
            try:
                # str, in place of a hash: it can be written wherever its value can.
                template.fill(text, dict.fromkeys(names, "x") | {name: secrets[name].reveal()}, syntax, str)
            except template.UnwritableError as error:
                what = f"cannot be written into {where}, which is {syntax.name}: {error}"
                yield Problem(f"homeport:{name}", what, f"Run: {specs[name].command}")


def _places(blueprint: Blueprint) -> Iterator[tuple[str, str, Syntax]]:
    """Where a secret goes, the text with its name in it, and the text's syntax."""
    for service in blueprint.services:
        for file in service.secret_files:
            yield f"{file.target} of {service.name}", file.template, file.syntax
    for route in blueprint.routes:
        for guard in route.guards:
            if guard.kind == "api-key":
                yield f"the guard of route {route.name}", f'"{{{guard.secret}}}"', template.PROXY
    for program in blueprint.programs:
        for laid in program.files:
            if laid.syntax and laid.text:
                yield f"{laid.target} of {program.name}", laid.text, laid.syntax
    for name, text in blueprint.connections.items():
        yield f"the connection {name}", text, template.URL
