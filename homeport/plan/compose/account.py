"""What becomes of each line of a compose file: the lists that `homeport import` prints are made here, and are whole."""

from __future__ import annotations

from dataclasses import dataclass, replace
from os.path import commonprefix
from typing import TYPE_CHECKING, Literal

from homeport.plan.compose.document import leaves

if TYPE_CHECKING:
    from homeport.plan.compose.document import Node

Kind = Literal["taken", "hardened", "left"]
_WORSE: dict[str, int] = {"taken": 0, "hardened": 1, "left": 2}


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What became of some lines.

    Attributes:
        kind: ``taken``: the app does what the file says. ``hardened``: the app is more careful than the file.
            ``left``: the app does not do it.
        what: What the app does, or why it does not. Never holds the value of a secret.
        leaves: The lines; empty: none says it, it is what compose does where nothing is said.
        about: The service, as in ``services.web``.
        waiver: The edit that gives the file's way back, where the app may not hold the careful one; empty: there is
            none, or none is needed.
    """

    kind: Kind
    what: str
    leaves: tuple[str, ...] = ()
    about: str = ""
    waiver: str = ""

    @property
    def where(self) -> str:
        """The lines, shortened to what they have in common."""
        if not self.leaves:
            return self.about
        if len(self.leaves) == 1:
            return self.leaves[0]
        # Of characters: the paths are those of YAML keys, not of files.
        start = commonprefix(self.leaves)  # noqa: RUF071
        head = start[: len(_parent(start))]
        ends = [leaf.removeprefix(head) for leaf in self.leaves]
        if head.endswith("["):
            return head[:-1] + " ".join(f"[{end}" for end in ends)
        return f"{head}{{{', '.join(ends)}}}" if head else ", ".join(ends)


def _parent(path: str) -> str:
    """Up to the last step of a path: of a file's own name, the dots are none."""
    file, colon, rest = path.rpartition(": ")
    return file + colon + rest[: max(rest.rfind("."), rest.rfind("[")) + 1]


class Account:
    """Collects findings; of two about one line the worse holds, so that each line is in one list."""

    def __init__(self) -> None:
        self._found: list[Finding] = []
        self._by_leaf: dict[str, int] = {}

    def note(self, kind: Kind, nodes: Node | None, what: str, *, about: str = "", waiver: str = "") -> None:
        """Says what became of all lines below a node, or, with none, what compose would do without a word."""
        mine = []
        for path in dict.fromkeys(leaf.path for leaf in leaves(nodes)):
            before = self._by_leaf.get(path)
            if before is not None:
                known = self._found[before]
                if _WORSE[known.kind] >= _WORSE[kind]:
                    continue
                rest = tuple(leaf for leaf in known.leaves if leaf != path)
                # Of what has lost its last line nothing is left to be said.
                self._found[before] = replace(known, leaves=rest, about=known.about if rest else "")
            mine.append(path)
        if not mine and nodes is not None:
            return
        self._by_leaf |= dict.fromkeys(mine, len(self._found))
        self._found.append(Finding(kind=kind, what=what, leaves=tuple(mine), about=about, waiver=waiver))

    def knows(self, path: str) -> bool:
        """Whether something was said of a line."""
        return path in self._by_leaf

    def findings(self) -> tuple[Finding, ...]:
        """All, those of equal words about one place put together."""
        merged: dict[tuple[str, ...], Finding] = {}
        for finding in self._found:
            if finding.leaves or finding.about:
                place = _parent(finding.leaves[0]) if finding.leaves else finding.about
                key = (finding.kind, finding.what, finding.waiver, place.partition("[")[0])
                known = merged.get(key)
                both = replace(finding, leaves=(*known.leaves, *finding.leaves)) if known else finding
                merged[key] = both
        return tuple(finding for finding in merged.values() if finding.leaves or finding.about)
