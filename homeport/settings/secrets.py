"""Secrets' own lane: checked in plain once, then masked until the program makes Pulumi secrets of them."""

from __future__ import annotations

import time
from collections import defaultdict
from typing import TYPE_CHECKING

from homeport.model import fixes, jwt, ssh_keys
from homeport.model.errors import Problem
from homeport.settings.strength import misfit, weakness

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from homeport.model.secret import SecretSpec


class Masked:
    """A secret's text that no log, repr, format or pickle shows."""

    __slots__ = ("__text",)

    def __init__(self, text: str) -> None:
        self.__text = text

    def reveal(self) -> str:
        """The text itself; call it only where it is wrapped or compared at once."""
        return self.__text

    def __repr__(self) -> str:
        return "[secret]"

    def __reduce__(self) -> str:
        raise TypeError("a secret is not written down")


def missing(needed: Iterable[str], supplied: Iterable[str], specs: Mapping[str, SecretSpec]) -> Iterator[Problem]:
    """A problem for each secret that is needed, not given, and cannot be generated."""
    for name in sorted(set(needed) - set(supplied)):
        spec = specs.get(name)
        if spec is None:
            yield Problem(
                f"homeport:{name}",
                "is needed, but nothing declares what it is",
                "Add it to the secrets of the service or preset that needs it, below catalog/",
            )
        elif spec.policy == "supplied":
            yield Problem(
                f"homeport:{name}", f"is required and missing: it is needed {spec.purpose}", f"Run: {spec.command}"
            )


def check(supplied: Mapping[str, str], encrypted: frozenset[str], specs: Mapping[str, SecretSpec]) -> Iterator[Problem]:
    """What is wrong with the known secrets that are given: stored in plain, of another shape, guessable, or twins."""
    owners: dict[str, list[str]] = defaultdict(list)
    for name, value in supplied.items():
        spec = specs[name]
        if name not in encrypted:
            yield Problem(f"homeport:{name}", "is stored in plain; treat it as known to others", f"Run: {spec.command}")
        if what := weakness(spec.kind, value):
            yield Problem(f"homeport:{name}", what, f"Run: {spec.command}")
        elif spec.kind != "ssh-key" and not (spec.same and value == supplied.get(spec.made_of)):
            owners[value].append(name)
    for names in owners.values():
        for name in names[1:]:
            what = f"has the same value as homeport:{names[0]}: who learns one knows both"
            yield Problem(f"homeport:{name}", what, f"Run: {specs[name].command}")
    yield from _signatures(supplied, specs)


def _signatures(supplied: Mapping[str, str], specs: Mapping[str, SecretSpec]) -> Iterator[Problem]:
    """What is wrong with keys that sign tokens, and with tokens that are given rather than made."""
    signing = sorted({spec.made_of for spec in specs.values() if spec.kind == "jwt"} & supplied.keys())
    for name in signing:
        if 0 < len(supplied[name]) < jwt.LEAST_KEY:
            what = f"is too short to sign with HS256: {jwt.LEAST_KEY} characters at least"
            yield Problem(f"homeport:{name}", what, f"Run: {specs[name].command}")
    for name in sorted(supplied):
        spec = specs[name]
        if not spec.made_of or spec.same or weakness(spec.kind, supplied[name]):
            continue
        where, fix = f"homeport:{name}", fixes.drop(f"homeport:{name}")
        if spec.made_of not in supplied:
            what = f"does not fit homeport:{spec.made_of}, which is not given: homeport makes both, or you give both"
            yield Problem(where, what, fix)
        elif what := _misfit(spec, supplied[name], supplied[spec.made_of]):
            yield Problem(where, f"does not fit homeport:{spec.made_of}: it {what}", fix)


def _misfit(spec: SecretSpec, value: str, source: str) -> str:
    if spec.kind == "ed25519-public":
        return "" if weakness("ed25519", source) or ssh_keys.public_half(source) == value else "is another key's half"
    return jwt.misfit(value, source, spec.claims, time.time())


def check_lengths(lengths: Mapping[str, int], specs: Mapping[str, SecretSpec]) -> Iterator[Problem]:
    """What is wrong with secrets of which nothing is known but how long they are: empty, cut off, another one's."""
    for name, length in lengths.items():
        if (spec := specs.get(name)) and (what := misfit(spec, length)):
            yield Problem(f"homeport:{name}", what, f"Run: {spec.command}")
