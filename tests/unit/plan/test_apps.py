"""Every app below tests/cases/apps becomes what tests/golden/apps says, or is refused as its file says."""

from __future__ import annotations

import pytest

from homeport.model.errors import ProblemsError
from homeport.render.export import compose
from tests.support.fuzz.artefacts import PURE
from tests.unit.plan.expansions import CASES, GOLDEN, accepted, case, expansion, planned
from tests.unit.plan.test_contradictions import applied

REFUSED = [path for path in sorted(CASES.glob("*.yaml")) if "refused" in case(path)]


@pytest.mark.req("OS-10")
@pytest.mark.parametrize(("path", "preset"), accepted(), ids=lambda value: getattr(value, "stem", value))
def test_an_app_becomes_the_same_values_as_a_service_of_the_catalog(path, preset):
    golden = GOLDEN / f"{path.stem}.{preset}.json"

    assert golden.read_text() == expansion(preset, case(path)), (
        "read the difference, then: python -m tests.unit.plan.expansions"
    )


@pytest.mark.req("OS-10")
@pytest.mark.parametrize(("path", "preset"), accepted(), ids=lambda value: getattr(value, "stem", value))
def test_the_compose_file_of_apps_is_read_as_it_is_meant(path, preset):
    model = compose.model(planned(preset, case(path)).blueprint, {})

    assert PURE["compose"](compose.text(model)) == model, "no name, value or brace is read as something else"


def refusal(preset, said):
    """The problems of a case; none where it is accepted."""
    try:
        planned(preset, said)
    except ProblemsError as refused:
        return refused.problems
    return ()


@pytest.mark.req("OS-09")
@pytest.mark.parametrize("path", REFUSED, ids=lambda path: path.stem)
def test_everything_wrong_about_apps_is_said_at_once(path):
    said = case(path)
    for preset in said["presets"]:
        problems = {problem.path.removeprefix("homeport:settings."): problem for problem in refusal(preset, said)}

        assert set(said["refused"]) == set(problems), said["because"]
        for place, words in said["refused"].items():
            assert words in problems[place].what, said["because"]
            assert problems[place].fix, "what mends it is said"


@pytest.mark.req("OS-09")
@pytest.mark.parametrize("path", REFUSED, ids=lambda path: path.stem)
def test_what_a_refusal_suggests_mends_what_it_is_about(path):
    said = case(path)
    for preset in said["presets"]:
        for problem in refusal(preset, said):
            mended = applied(said["settings"], problem.fix)
            if mended is None or mended == said["settings"]:
                continue  # a person fills something in
            left = {other.path: other.what for other in refusal(preset, {**said, "settings": mended})}
            assert problem.what != left.get(problem.path), f"{problem.path}: {problem.fix}"


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("privileged", True),
        ("network_mode", "host"),
        ("host_network", "as on the host"),
        ("pid", "host"),
        ("ipc", "host"),
        ("userns_mode", "host"),
        ("devices", ["/dev/sda"]),
        ("security_opt", ["seccomp=unconfined"]),
        ("cap_add", ["ALL"]),
        ("capabilities.SYS_ADMIN", "it mounts what it likes"),
        ("capabilities.ALL", "it does what it likes"),
        ("binds", {"/": "/host"}),
        ("volumes.socket", "/var/run/docker.sock:/var/run/docker.sock"),
        ("volumes.socket", {"source": "/var/run/docker.sock", "path": "/var/run/docker.sock"}),
        ("volumes.root", "/:/host"),
        ("volumes.etc", {"bind": "/etc", "path": "/etc"}),
        ("ports", ["0.0.0.0:80:80"]),
        ("waivers.privileged", "it has always been so"),
        ("image", "registry.example.com/app:latest"),
        ("image", "registry.example.com/app"),
    ],
)
def test_no_setting_gives_an_app_its_host_and_no_waiver_does(place, value):
    app = {"image": "registry.example.com/app:1.4", "port": 80}
    *parts, last = place.split(".")
    spot = app
    for part in parts:
        spot = spot.setdefault(part, {})
    spot[last] = value
    waiver = {place.replace(".", "-").replace("_", "-"): {"reason": "it has always been so", "expires": "2026-12-31"}}

    for waivers in ({}, waiver):
        said = {"stack": "dev", "settings": {"apps": {"own": app}, "waivers": waivers}}
        wrong = [problem.path for problem in refusal("ai-orchestrator", said)]
        assert any(path.startswith(f"homeport:settings.apps.own.{place}") for path in wrong), wrong
        assert bool(waivers) == any("waivers." in path and "apps" not in path for path in wrong), wrong
