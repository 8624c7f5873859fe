"""Fuzzed configurations judged: refused in words, or accepted without a change of any artefact's meaning.

An accepted configuration is planned and rendered, and so is its twin, which has harmless texts in the fuzzed places.
What a program reads of the one must be what it reads of the other, but for these texts: a fuzzed text that adds a line,
ends a value or is evaluated makes another difference, and is a hole.
"""

from __future__ import annotations

import copy
import hashlib
import json
import re
import string
from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Any

from homeport.model.errors import ProblemsError
from homeport.plan.resolve import Plan, resolve
from homeport.settings.load import Configuration
from tests.support.fuzz.artefacts import PURE, artefacts, flat
from tests.support.fuzz.fields import fields
from tests.support.fuzz.values import CODE, SKELETONS, Fuzzed, at, harmless, injected, made, put

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tests.support.fuzz.fields import Field, Path

TODAY = date(2026, 11, 29)
_NUMBERS = re.compile(r"(?<=:)[0-9A-F]{4}(?= \[)|[0-9]+(?:[.][0-9]+)?")
"""Ports as the kernel's table has them among them: four hexadecimal digits."""
_DURATION = re.compile(r"\b(?:[0-9]+h)?(?:[0-9]+m)?[0-9]+s\b")
_ADDRESS = re.compile(r"\[?(?:[0-9a-f:]*::[0-9a-f:]*|[0-9]+(?:[.][0-9]+){3})\]?(?:/[0-9]+)?(?::[0-9]+)*")
"""With its brackets and the ports behind it: one of IPv6 stands in brackets where its twin of IPv4 does not."""


@dataclass
class Findings:
    """What a campaign found.

    Attributes:
        refused: How many configurations were refused.
        accepted: How many were accepted.
        compared: How many of these have a twin.
        holes: What went wrong, in words, with the configuration's number.
        seen: Setting to how often it was fuzzed.
        taken: The same, of what was accepted.
        texts: Reader to its artefacts by their hash, each once.
        pairs: Two artefacts that must be read alike, by reader, hash and hash, and how to compare them.
    """

    refused: int = 0
    accepted: int = 0
    compared: int = 0
    holes: list[str] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)
    taken: Counter[str] = field(default_factory=Counter)
    texts: dict[str, dict[str, Any]] = field(default_factory=dict)
    pairs: set[tuple[str, str, str, str, tuple[tuple[str, str], ...], bool]] = field(default_factory=set)

    def figures(self) -> str:
        """One line."""
        artefacts_ = sum(len(texts) for texts in self.texts.values())
        return (
            f"{self.refused + self.accepted} configurations: {self.refused} refused, {self.accepted} accepted "
            f"({self.compared} of them compared with a twin), {artefacts_} artefacts, {len(self.holes)} holes"
        )


def planned(skeleton: str, settings: dict[str, Any]) -> Plan:
    """As the program does it, but for its secrets."""
    preset, stack, _ = SKELETONS[skeleton]
    raw = {"homeport:preset": preset, "homeport:settings": json.dumps(settings)}
    return resolve(Configuration(stack, raw), today=TODAY, sealed=True)


def run(seed: str, numbers: Iterable[int], *, apps: bool = False) -> Findings:
    """The configurations of these numbers, judged; with ``apps``, those of an app's settings."""
    return judged(made(seed, number, apps=apps) for number in numbers)


def injections() -> list[tuple[int, str, Field, str]]:
    """By its number: what it starts from, a text or a name that can be there, and a text that is code somewhere."""
    places: dict[Path, tuple[str, Field]] = {}
    for skeleton, (name, _, start) in sorted(SKELETONS.items()):
        for place in fields(name, start):
            if place.kind in {"text", "name"} and place.path not in places and _stands(skeleton, place):
                places[place.path] = skeleton, place
    points = ((skeleton, place, code) for skeleton, place in places.values() for code in dict.fromkeys(CODE))
    return [(number, *point) for number, point in enumerate(points)]


def _stands(skeleton: str, place: Field) -> bool:
    """Whether what is put there may be right: else whatever is tried is refused for another reason."""
    try:
        planned(skeleton, injected(0, skeleton, place, "").settings)
    except ProblemsError:
        return False
    return True


def judged(configurations: Iterable[Fuzzed]) -> Findings:
    """What becomes of each; artefacts are read in Python."""
    findings = Findings()
    for fuzzed in configurations:
        findings.seen.update(place.named for place in fuzzed.changed)
        try:
            plan = planned(fuzzed.skeleton, fuzzed.settings)
        except ProblemsError as refusal:
            findings.refused += 1
            findings.holes += [f"{fuzzed.number}: {what}" for what in _badly_said(refusal)]
        except Exception as error:  # noqa: BLE001  # whatever it is: nobody may see it
            findings.holes.append(f"{fuzzed.number}: ended in {error!r} for {_shown(fuzzed)}")
        else:
            findings.accepted += 1
            findings.taken.update(place.named for place in fuzzed.changed)
            try:
                _judge(findings, fuzzed, plan)
            except Exception as error:  # noqa: BLE001  # accepted, and cannot be rendered
                findings.holes.append(f"{fuzzed.number}: rendered, it ended in {error!r} for {_shown(fuzzed)}")
    findings.holes += _compared(findings, {kind: _each(read) for kind, read in PURE.items()})
    return findings


def read_back(findings: Findings, programs: dict[str, Callable[[Sequence[Any]], list[Any]]]) -> list[str]:
    """The same artefacts read by the real programs: each is taken, and none is read otherwise than its twin."""
    return _compared(findings, programs)


def _each(read: Callable[[Any], Any]) -> Callable[[Sequence[Any]], list[Any]]:
    def answers(texts: Sequence[Any]) -> list[Any]:
        results = []
        for text in texts:
            try:
                results.append(read(text))
            except Exception as error:  # noqa: BLE001  # a reader's refusal, of whatever kind
                results.append(error)
        return results

    return answers


def _badly_said(refusal: ProblemsError) -> Iterable[str]:
    for problem in refusal.problems:
        for part in (problem.path, problem.what, problem.fix):
            if not part or not part.isprintable():
                yield f"a refusal without words, or with others than text: {problem!r}"


def _judge(findings: Findings, fuzzed: Fuzzed, plan: Plan) -> None:
    mine = {where: (kind, content) for where, kind, content in artefacts(plan)}
    twin, words = _twin(fuzzed, plan)
    theirs = {where: (kind, content) for where, kind, content in artefacts(twin)} if twin else mine
    findings.compared += twin is not None
    turned = {_turned(where, words): one for where, one in theirs.items()}
    if mine.keys() != turned.keys():
        findings.holes.append(
            f"{fuzzed.number}: other artefacts than its twin's: {sorted(mine.keys() ^ turned.keys())}"
        )
        return
    loose = any(place.kind == "number" or _derives(place) for place in fuzzed.changed)
    for where, (kind, content) in mine.items():
        keys = [_kept(findings, kind, one) for one in (content, turned[where][1])]
        findings.pairs.add((kind, f"{fuzzed.number} {where}" if keys[0] != keys[1] else "", *keys, words, loose))


def _derives(place: Field) -> bool:
    """Whether addresses follow from what stands there: these are compared by their places alone."""
    derived = r"subnet|networks|slot|address|bind|sources|peers|^apps\.[^.]+$|^apps\..*\.(?:user|owner)$"
    return re.search(derived, place.named) is not None


def _kept(findings: Findings, kind: str, content: Any) -> str:
    digest = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]
    findings.texts.setdefault(kind, {})[digest] = content
    return digest


def _twin(fuzzed: Fuzzed, plan: Plan) -> tuple[Plan | None, tuple[tuple[str, str], ...]]:
    """The twin's plan, and what each of its harmless texts stands for."""
    settings = copy.deepcopy(SKELETONS[fuzzed.skeleton][2])
    changed = []
    for place, letter in zip(fuzzed.changed, string.ascii_lowercase, strict=False):
        value = _fuzzed_value(fuzzed, place)
        plain = _plain(fuzzed.skeleton, place, json.dumps(value), letter)
        # Nothing at all, where that is a choice, has no twin: parts are then left out.
        # So has everybody where a list of addresses stands: filters then leave the match out.
        # What a schedule becomes, its times one by one, has nothing of its text.
        if plain is None or value in ("", "0.0.0.0/0", "::/0") or place.path[-1] == "schedule":
            return None, ()
        put(settings, place, json.loads(plain))
        if isinstance(json.loads(plain), str):
            changed.append((place, json.loads(plain), value))
    try:
        twin = planned(fuzzed.skeleton, settings)
    except ProblemsError:
        return None, ()
    pairs = ((place, _meant(twin, place, plain), _meant(plan, place, value)) for place, plain, value in changed)
    return twin, tuple(both for place, plain, value in pairs for both in _forms(place, plain, value))


def _forms(place: Field, plain: str, value: str) -> Iterable[tuple[str, str]]:
    """A text and its twin's, in each form in which an app's settings come into artefacts."""
    if place.path[0] == "apps":
        yield f"app_{plain}", f"app_{value.replace('-', '_')}"
        for change in (str.lower, lambda text: text.lower().replace("_", "-")):
            if plain.isupper():
                yield change(plain), change(value)
    yield plain, value
    if place.path[0] == "apps" and plain.startswith("/") and (folder := plain.rpartition("/")[0]):
        yield folder, value.rpartition("/")[0]


def _fuzzed_value(fuzzed: Fuzzed, place: Field) -> Any:
    if place.kind != "name":
        return at(fuzzed.settings, place.path)
    before = at(SKELETONS[fuzzed.skeleton][2], place.path[:-1]) or {}
    names = [name for name in at(fuzzed.settings, place.path[:-1]) if name not in before]
    return names[0] if names else place.path[-1]


def _meant(plan: Plan, place: Field, value: str) -> str:
    """The text as the settings have it once parsed: an address in its shortest form, a domain in lower case."""
    if place.kind == "name" or place.path[0] == "options":
        local, at_, domain = value.rpartition("@")
        return f"{local}@{domain.lower()}" if at_ and place.path[0] == "options" else value
    parsed = at(plan.settings.model_dump(mode="json"), place.path)
    return parsed if isinstance(parsed, str) else value


@cache
def _plain(skeleton: str, place: Field, value: str, letter: str) -> str | None:
    current = at(SKELETONS[skeleton][2], place.path)
    known = json.loads(value)
    for candidate in harmless(place, known, current, letter):
        settings = copy.deepcopy(SKELETONS[skeleton][2])
        put(settings, place, candidate)
        try:
            planned(skeleton, settings)
        except (ProblemsError, TypeError):
            continue
        return json.dumps(candidate)
    return None


def _turned(text: str, words: tuple[tuple[str, str], ...]) -> str:
    for plain, meant in words:
        text = text.replace(json.dumps(plain)[1:-1], json.dumps(meant)[1:-1])
    return text


def _compared(findings: Findings, readers: dict[str, Callable[[Sequence[Any]], list[Any]]]) -> list[str]:
    holes, readings = [], {}
    for kind, read in readers.items():
        texts = findings.texts.get(kind, {})
        readings[kind] = dict(zip(texts, read(list(texts.values())), strict=True))
        holes += [f"{kind} refuses {key}: {told!r}"[:600] for key, told in readings[kind].items() if _refuses(told)]
    for kind, where, mine, theirs, words, loose in sorted(findings.pairs):
        if kind not in readings or mine == theirs or any(_refuses(readings[kind][key]) for key in (mine, theirs)):
            continue
        first = {_plainly(line, loose) for line in _lines(readings[kind][mine], loose)}
        second = {_plainly(_turned(line, words), loose) for line in _lines(readings[kind][theirs], loose)}
        if first != second:
            difference = sorted(first - second)[:3], sorted(second - first)[:3]
            holes.append(f"{where} ({kind}): {difference[0]} instead of {difference[1]}"[:900])
    return holes


def _lines(reading: Any, loose: bool) -> Iterable[str]:
    """A reading's lines; where numbers differ, so may the order of what is sorted by them."""
    apart = loose and isinstance(reading, list) and all(isinstance(line, str) for line in reading)
    return reading if apart else flat(reading)


def _refuses(reading: Any) -> bool:
    return isinstance(reading, Exception) or hasattr(reading, "words")


def _plainly(line: str, loose: bool) -> str:
    return _NUMBERS.sub("#", _ADDRESS.sub("#", _DURATION.sub("#", line))) if loose else line


def _shown(fuzzed: Fuzzed) -> str:
    return json.dumps({place.named: _fuzzed_value(fuzzed, place) for place in fuzzed.changed}, default=str)[:400]
