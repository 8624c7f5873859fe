"""Having an image: present already, pulled, or built by its recipe."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from toolchain.images import daemon, pack, registry, store
from toolchain.images.errors import ImageError
from toolchain.images.kit import Kit
from toolchain.images.recipe import Recipe, find, known, tagged
from toolchain.images.registry import registry_of

ASKED = "HOMEPORT_IMAGES"
"""`substitutes` asks for images built here even where a registry answers."""
_AT_ONCE = 2


def ensure(images: Sequence[str], *, pull: bool = True) -> None:
    """Have all these images on the daemon under their own names, two builds at a time.

    Args:
        images: their names, as the catalog has them.
        pull: whether registries are asked.

    Raises:
        ImageError: one of them can't be had; the others were still tried.
    """
    asked = os.environ.get(ASKED, "")
    if asked not in {"", "substitutes"}:
        raise ImageError(ASKED, f"{asked!r} is no choice; it is substitutes or not set", f"unset {ASKED}")
    pull = pull and not asked
    nameless: set[str] = set()
    wanted: list[str] = []
    errors: list[BaseException] = []
    for image in dict.fromkeys(map(tagged, images)):
        try:
            if not _settled(image, nameless, pull=pull):
                wanted.append(image)
        except ImageError as error:
            errors.append(error)
    recipes = [find(image) for image in wanted]
    for base in dict.fromkeys(base for recipe in recipes for base in _bases(recipe)):
        _build(base)
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        builds = [pool.submit(_build, recipe) for recipe in recipes]
    errors += [failure for build in builds if (failure := build.exception())]
    if len(errors) > 1 and all(isinstance(error, ImageError) for error in errors):
        raise ImageError("images", f"{len(errors)} can't be had:\n" + "\n".join(str(error) for error in errors))
    if errors:
        raise errors[0]


def _bases(recipe: Recipe) -> list[Recipe]:
    """What an image stands on, the lowest first."""
    base = find(recipe.base) if recipe.base else None
    return [*_bases(base), base] if base else []


def _settled(image: str, nameless: set[str], *, pull: bool) -> bool:
    """True when nothing has to be built: the image is here, or was pulled just now.

    A substitute stays only while there is no registry to ask, or on request: one that a slow registry brought about
    would stay for good. `nameless` are the registries whose names nobody knows; it grows.

    Raises:
        ImageError: the registry is there and did not hand the image out.
    """
    local = daemon.inspect(image)
    if local and not local.labels:
        print(f"{image}: present (pulled)", flush=True)
        return True
    recipe = known(image)
    if recipe and recipe.updated and recipe.base and pull and _settled(recipe.base, nameless, pull=pull):
        base = daemon.inspect(recipe.base)
        if base and not base.labels:
            print(f"{image}: built by the update", flush=True)
            return True
    if pull and not image.startswith("homeport/") and registry_of(image) not in nameless and _pulled(image, nameless):
        if local:
            daemon.remove_outdated(local.id)
        return True
    if local and _is_current(local, image):
        print(f"{image}: present ({local.labels['kind']})", flush=True)
        return True
    return False


def _pulled(image: str, nameless: set[str]) -> bool:
    # Not yet "pulling": it may have no registry here, and stay what it is.
    print(f"{image}: asking its registry", flush=True)
    refusal = daemon.pull(image)
    if not refusal:
        print(f"{image}: pulled", flush=True)
        return True
    if registry.nameless(image, refusal):
        nameless.add(registry_of(image))
        return False
    again = f"docker pull {image}, until it works (a rate limit: docker login)"
    substitute = f"; or {ASKED}=substitutes, for images that are built here" if known(image) else ""
    raise ImageError(image, f"its registry did not hand it out: {refusal}", again + substitute)


def _is_current(local: daemon.Local, image: str) -> bool:
    recipe = known(image)
    return recipe is None or local.labels.get("recipe") == recipe.fingerprint


def _build(recipe: Recipe) -> None:
    """Build one image, unless it is there already, or another run has built it while we waited for it."""
    slug = store.slug(recipe.image)
    with store.lock(slug, lambda line: print(f"{recipe.image}: {line}", flush=True)):
        before = daemon.inspect(recipe.image)
        if before and (not before.labels or before.labels.get("recipe") == recipe.fingerprint):
            return
        kit = Kit(recipe.image, recipe.folder)
        try:
            version = recipe.assemble(kit)
            kit.phase("packing")
            pack.build(kit, recipe.folder / "Dockerfile", _labels(recipe, version))
        finally:
            kit.close()
        if before:
            daemon.remove_outdated(before.id)
        kit.phase(f"ready: {recipe.software} {version} ({recipe.kind})")


def _labels(recipe: Recipe, version: str) -> dict[str, str]:
    return {
        "recipe": recipe.fingerprint,
        "kind": recipe.kind,
        "source": recipe.source,
        "software": recipe.software,
        "version": version,
    }
