"""The lock of a stack's images: who says a digest, what is named when it changes, what floats in prod."""

from __future__ import annotations

import json
import urllib.error
from datetime import UTC, date, datetime, timedelta
from email.message import Message
from types import SimpleNamespace

import pytest

from catalog import registry as catalog
from catalog.presets import registry as presets
from homeport.cli import image_lock, registry
from homeport.cli.stack import Stack
from homeport.model.errors import BlueprintError, ToolError
from homeport.model.image import floats, parts
from homeport.plan import image_lock as lock
from homeport.plan.image_lock import Pin
from homeport.plan.resolve import resolve
from homeport.settings.load import Configuration

ONE, TWO = f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"
MINE = "registry.example.com/mine:1.4"
REDIS = next(service.image for service in presets.preset("ai-orchestrator").services if service.name == "ai-redis")
DEV = {"environment": "dev", "domain": "localhost", "exposure": "local", "hosts": {"main": {"mode": "local"}}}
PROD = {"exposure": "direct", "hosts": {"main": {"mode": "create", "server_type": "cx33", "location": "fsn1"}}}


@pytest.fixture
def world(monkeypatch, tmp_path):
    """What this machine's Docker and the registries say; `said` is what a person reads."""
    world = SimpleNamespace(here={}, registries={}, said=[], ensured=[], root=tmp_path)

    def docker(*argv, **_):
        found = [{"RepoTags": [name], **world.here[name]} for name in argv[2:] if name in world.here]
        return SimpleNamespace(stdout=json.dumps(found))

    def digest(image):
        if image not in world.registries:
            raise OSError("no such host")
        return world.registries[image]

    monkeypatch.setattr(image_lock.daemon, "run", docker)
    monkeypatch.setattr(registry, "digest", digest)
    monkeypatch.setattr(image_lock, "say", world.said.append)
    monkeypatch.setattr(image_lock, "ensure", lambda images, **_: world.ensured.extend(images))
    return world


def stack(settings, name="prod", image=MINE):
    return Stack(name=name, preset="ai-orchestrator", settings={**settings, "services": {"ai-redis": {"image": image}}})


def pulled(digest, image=MINE):
    return {"Id": TWO, "RepoDigests": [f"{parts(image)[0]}@{digest}"], "Config": {"Labels": None}}


def built(image_id):
    return {"Id": image_id, "RepoDigests": [], "Config": {"Labels": {"homeport.image.kind": "real"}}}


@pytest.mark.req("RW-02", "NW-09")
@pytest.mark.parametrize("preset", sorted(presets._BUILT))
def test_no_image_of_a_preset_floats_and_each_has_facts_with_a_source(preset):
    found = presets.preset(preset)
    # One that is built is named after what is in it (tests/unit/plan/test_built.py).
    from_registries = [service.image for service in found.services if service.build is None]
    images = [*from_registries, *found.tools.values()]

    assert [] == [image for image in images if floats(image)], "latest is another image tomorrow"
    assert set() == {parts(image)[0] for image in images} - catalog.facts().keys()


def test_every_digest_that_the_catalog_knows_is_one_and_says_whence():
    known = [(one, digest) for one in catalog.facts().values() for digest in one.digests.values()]

    assert len(known) >= 8, "the catalog knows some"
    assert all(lock._DIGEST.fullmatch(digest) and one.digests_from for one, digest in known)


@pytest.mark.req("NW-09")
def test_a_tag_is_enough_in_prod_and_its_locked_digest_is_what_runs():
    values = {"homeport:preset": "ai-orchestrator", "homeport:settings": json.dumps(stack(PROD).settings)}
    pins = {MINE: Pin(digest=ONE, origin="registry", day="2026-11-29")}
    plan = resolve(Configuration("prod", values), sealed=True, pins=pins)

    assert MINE in plan.named
    assert MINE not in plan.floating != (), "plain pulumi warns of the others"
    assert f"{MINE}@{ONE}" in plan.images
    assert f"{MINE}@{ONE}" in plan.hosts["main"].images.values(), "the host pulls by digest"


@pytest.mark.req("RW-02", "P-26")
def test_the_first_up_of_prod_takes_the_catalogs_digests_and_asks_registries_for_the_rest(world):
    world.registries[MINE] = ONE
    image_lock.settle(stack(PROD), root=world.root)
    pins = lock.read(world.root, "prod")

    assert Pin(digest=ONE, origin="registry", day=pins[MINE].day) == pins[MINE]
    assert {"catalog"} == {pin.origin for image, pin in pins.items() if image != MINE}
    assert "images.prod.lock.json: 5 images by digest" in world.said[-1]

    world.said.clear()
    world.registries[MINE] = TWO
    image_lock.settle(stack(PROD), root=world.root)
    assert ONE == lock.read(world.root, "prod")[MINE].digest, "a tag that was moved changes nothing"
    assert [] == world.said

    image_lock.settle(stack(PROD), root=world.root, renew=True)
    assert any(MINE in line and ONE in line and TWO in line for line in world.said), "what changed is named"


@pytest.mark.req("RW-02", "NW-09")
def test_in_prod_an_image_that_no_digest_is_known_for_is_refused_unless_waived(world):
    with pytest.raises(ToolError, match=f"no digest is known for {MINE}.*\n  fix: "):
        image_lock.settle(stack(PROD), root=world.root)
    soon = str(datetime.now(UTC).date() + timedelta(days=9))
    waiver = {"floating-image": {"reason": "its registry is being moved", "expires": soon}}
    image_lock.settle(stack({**PROD, "waivers": waiver}), root=world.root)
    assert any("by tag alone" in line and MINE in line for line in world.said)


@pytest.mark.req("RW-02")
def test_on_this_machine_the_daemon_says_what_it_pulled_and_a_substitute_goes_by_its_tag(world):
    world.here = {MINE: pulled(ONE), "caddy:2.11.4-alpine": built(TWO)}
    dev = stack(DEV, "dev")
    image_lock.settle(dev, root=world.root)
    pins = lock.read(world.root, "dev")

    assert (ONE, "daemon") == (pins[MINE].digest, pins[MINE].origin)
    assert (TWO, "substitute") == (pins["caddy:2.11.4-alpine"].digest, pins["caddy:2.11.4-alpine"].origin)
    assert "caddy:2.11.4-alpine" == lock.reference("caddy:2.11.4-alpine", pins), "no registry knows its id"
    assert any("1 image by the ids that they have here" in line for line in world.said)

    world.here["caddy:2.11.4-alpine"] = built(ONE)
    image_lock.settle(dev, root=world.root)
    assert any("caddy:2.11.4-alpine is another image now" in line for line in world.said)


@pytest.mark.req("RW-02", "P-26")
def test_a_lock_is_promoted_without_what_was_built_here(world):
    pins = {
        MINE: Pin(digest=ONE, origin="daemon", day="2026-11-01"),
        "caddy:2.11.4-alpine": Pin(digest=TWO, origin="substitute", day="2026-11-01"),
        "other:1": Pin(digest=TWO, origin="registry", day="2026-11-01"),
    }
    lock.path(world.root, "preprod").write_text(lock.text(pins))
    prod = stack(PROD)

    assert {MINE: ("", ONE)} == image_lock.promotable("preprod", prod, root=world.root)
    assert {} == image_lock.promotable("nowhere", prod, root=world.root)
    image_lock.promote({MINE: ONE}, prod, root=world.root)
    assert {MINE: (ONE, "promoted")} == {
        image: (pin.digest, pin.origin) for image, pin in lock.read(world.root, "prod").items()
    }
    assert {MINE: (ONE, ONE)} == image_lock.promotable("preprod", prod, root=world.root), "there already"


def test_a_lock_is_written_whole_or_not_at_all(world, monkeypatch):
    prod = stack(PROD)
    image_lock.promote({MINE: ONE}, prod, root=world.root)
    before = lock.path(world.root, "prod").read_bytes()

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        image_lock.promote({MINE: TWO}, prod, root=world.root)

    assert before == lock.path(world.root, "prod").read_bytes(), "half a lock would stop every later command"
    assert [] == [path.name for path in world.root.iterdir() if path.name.startswith(".")], "and no draft is left"


@pytest.mark.req("RW-15")
def test_pins_and_facts_older_than_90_days_are_listed(world):
    lock.path(world.root, "prod").write_text(lock.text({MINE: Pin(digest=ONE, origin="registry", day="2026-08-01")}))
    old = image_lock.old_pins(stack(PROD), date(2026, 11, 29), root=world.root)

    assert [{"pin": f"images.prod.lock.json: {MINE}", "day": "2026-08-01"}] == old
    assert len(image_lock.old_pins(stack(PROD), date(2028, 1, 1), root=world.root)) > 4, "the catalog's facts as well"


@pytest.mark.parametrize("content", ["", "[]", '{"a": 1}', '{"a": {"digest": "sha256:1", "origin": "x", "day": ""}}'])
def test_a_file_that_is_no_lock_is_refused_by_name(tmp_path, content):
    lock.path(tmp_path, "prod").write_text(content)

    with pytest.raises(BlueprintError, match=r"images\.prod\.lock\.json: is no lock of images\n +fix: "):
        lock.read(tmp_path, "prod")


@pytest.mark.parametrize(
    ("image", "url"),
    [
        ("redis:7", "https://registry-1.docker.io/v2/library/redis/manifests/7"),
        ("n8nio/n8n:2.38.7", "https://registry-1.docker.io/v2/n8nio/n8n/manifests/2.38.7"),
        ("docker.io/redis:7", "https://registry-1.docker.io/v2/library/redis/manifests/7"),
        ("registry.example.com:5000/a/b:1", "https://registry.example.com:5000/v2/a/b/manifests/1"),
    ],
)
def test_a_registry_is_asked_where_docker_would_ask(monkeypatch, image, url):
    asked = []

    def opened(request, **_):
        asked.append(request if isinstance(request, str) else (request.full_url, dict(request.header_items())))
        head = Message()
        if len(asked) == 1:
            head["WWW-Authenticate"] = 'Bearer realm="https://auth.example.com/token",service="s",scope="pull"'
            raise urllib.error.HTTPError(url, 401, "", head, None)
        head["Docker-Content-Digest"] = ONE
        answer = SimpleNamespace(headers=head, read=lambda: b'{"token": "t"}')
        return SimpleNamespace(__enter__=lambda: answer, __exit__=lambda *_: None)

    class Opened:
        def __init__(self, request, **keys):
            self.answer = opened(request, **keys).__enter__()

        def __enter__(self):
            return self.answer

        def __exit__(self, *_):
            return None

    monkeypatch.setattr(registry.urllib.request, "urlopen", Opened)

    assert ONE == registry.digest(image)
    assert url == asked[0][0]
    assert "https://auth.example.com/token?service=s&scope=pull" == asked[1]
    assert "Bearer t" == asked[2][1]["Authorization"]
