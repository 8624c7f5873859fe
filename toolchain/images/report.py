"""Which image is which: pulled, real software out of a package registry, or a stub."""

from dataclasses import asdict, dataclass

from toolchain.images import daemon
from toolchain.images.recipe import known, recipes, tagged


@dataclass(frozen=True, kw_only=True)
class Line:
    """What is known of one image.

    Attributes:
        image: its name.
        state: `pulled`, `real`, `stub`, or `absent`.
        software: what is in it; for an absent one, what its recipe would put there.
        version: the software's version; empty when not known.
        source: the package registry it came from, and the package there.
        current: whether it was made by today's recipe.
    """

    image: str
    state: str
    software: str = ""
    version: str = ""
    source: str = ""
    current: bool = True


def lines(images: list[str] | None = None) -> list[Line]:
    """One line per image: all that have recipes, all that recipes made, and the given ones."""
    return [_line(image) for image in sorted({*recipes(), *daemon.built(), *map(tagged, images or [])})]


def as_text(images: list[Line]) -> str:
    """The report as a table for people."""
    words = {"pulled": "pulled from its registry", "real": "real software", "stub": "STUB", "absent": "not here"}
    rows = []
    for image in images:
        what = f"{image.software} {image.version}".strip()
        notes = [part for part in (what, image.source, "" if image.current else "made by an older recipe") if part]
        rows.append((image.image, words[image.state], "; ".join(notes)))
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)] if rows else [0, 0]
    return "\n".join(f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c}".rstrip() for a, b, c in rows)


def as_values(images: list[Line]) -> list[dict[str, str | bool]]:
    """The report as plain values for `--json`."""
    return [asdict(image) for image in images]


def _line(image: str) -> Line:
    local, recipe = daemon.inspect(image), known(image)
    if local is None:
        return Line(
            image=image,
            state="absent",
            software=recipe.software if recipe else "",
            source=recipe.source if recipe else "",
        )
    if not local.labels:
        return Line(image=image, state="pulled")
    labels = local.labels
    return Line(
        image=image,
        state=labels.get("kind", "stub"),
        software=labels.get("software", ""),
        version=labels.get("version", ""),
        source=labels.get("source", ""),
        current=recipe is None or labels.get("recipe") == recipe.fingerprint,
    )
