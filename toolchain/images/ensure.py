"""Having an image: present already, pulled, or built by its recipe."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from toolchain.images import daemon, pack, store
from toolchain.images.errors import ImageError
from toolchain.images.kit import Kit
from toolchain.images.recipe import Recipe, find, known, tagged
from toolchain.images.registry import Registries

_AT_ONCE = 2


def ensure(images: Sequence[str], *, pull: bool = True) -> None:
    """Have all these images on the daemon under their own names, two builds at a time.

    Args:
        images: their names, as the catalog has them.
        pull: whether a registry that answers is used.

    Raises:
        ImageError: one of them can't be had; the others were still tried.
    """
    registries = Registries()
    wanted = [image for image in dict.fromkeys(map(tagged, images)) if not _settled(image, registries, pull=pull)]
    recipes = [find(image) for image in wanted]
    for base in dict.fromkeys(base for recipe in recipes for base in _bases(recipe)):
        _build(base)
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        builds = [pool.submit(_build, recipe) for recipe in recipes]
    errors = [error for build in builds if (error := build.exception())]
    if len(errors) > 1 and all(isinstance(error, ImageError) for error in errors):
        raise ImageError("images", f"{len(errors)} can't be had:\n" + "\n".join(str(error) for error in errors))
    if errors:
        raise errors[0]


def _bases(recipe: Recipe) -> list[Recipe]:
    """What an image stands on, the lowest first."""
    base = find(recipe.base) if recipe.base else None
    return [*_bases(base), base] if base else []


def _settled(image: str, registries: Registries, *, pull: bool) -> bool:
    """True when nothing has to be built: the image is here and of today's recipe, or was pulled just now."""
    local = daemon.inspect(image)
    if local and (not local.labels or _is_current(local, image)):
        print(f"{image}: present ({local.labels.get('kind', 'pulled')})", flush=True)
        return True
    if not pull or image.startswith("homeport/") or not registries.answers(image):
        return False
    print(f"{image}: pulling", flush=True)
    try:
        daemon.pull(image)
    except ImageError as error:
        if known(image) is None:
            raise
        print(f"{error}\n{image}: building the substitute instead", flush=True)
        return False
    print(f"{image}: pulled", flush=True)
    return True


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
