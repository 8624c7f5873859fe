"""`manage-infisical.py`: what it touches, and what it asks before."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.slow
PROGRAM = "manage-infisical.py"
DATA, CACHE, FILES, OTHERS = "infisical-db-data", "infisical-redis-data", "infisical-backend-files-1", "valkey-data"
ANONYMOUS = "a" * 64


def container(name, *mounts, labels=None):
    rows = [{"Type": "volume", "Name": volume, "RW": writes} for volume, writes in mounts]
    image = f"sha256:{name}"
    return {"Name": f"/{name}", "Image": image, "Mounts": rows, "Config": {"Labels": labels}, "running": True}


@pytest.fixture
def docker(fake):
    volumes = (DATA, CACHE, FILES, OTHERS, ANONYMOUS)
    fake.change(
        containers={
            "infisical-backend": container("infisical-backend", (FILES, False)),
            "infisical-db": container("infisical-db", (DATA, True), (ANONYMOUS, True)),
            "infisical-redis": container("infisical-redis", (CACHE, True)),
            "redis": container("redis", (OTHERS, True)),
            "caddy": container("caddy"),
        },
        volumes={name: {"Name": name, "content": ["x"]} for name in volumes},
        networks={"ai-network": {"Name": "ai-network"}},
    )
    return fake


@pytest.mark.req("S4-40", "FP-12")
def test_reset_infra_removes_infisicals_containers_and_volumes_and_nothing_else(programs, docker):
    result = programs.run(PROGRAM, "reset-infra", stdin="remove infisical\n")

    assert (0, "") == (result.code, result.err)
    state = docker.state
    assert ["redis", "caddy"] == list(state["containers"])
    assert [FILES, OTHERS] == list(state["volumes"]), "files that it only reads are no data of its"
    assert ["ai-network"] == list(state["networks"])
    before = result.out.split("Type the words")[0]
    for name in ("infisical-backend", "infisical-db", "infisical-redis", DATA, CACHE, "secrets"):
        assert name in before, "what is lost is named before it is asked for"


@pytest.mark.req("S4-40", "FP-12")
def test_reset_data_empties_the_volumes_and_starts_again(programs, docker):
    result = programs.run(PROGRAM, "reset-data", stdin="empty infisical\n")

    assert (0, "") == (result.code, result.err)
    state = docker.state
    assert {DATA: [], ANONYMOUS: [], CACHE: [], FILES: ["x"], OTHERS: ["x"]} == {
        name: row["content"] for name, row in state["volumes"].items()
    }
    assert all(row["running"] for row in state["containers"].values())
    verbs = [(call[2], call[-1]) for call in docker.changes() if call[1] == "container"]
    stops = ["infisical-backend", "infisical-redis", "infisical-db"]
    wanted = [*(("stop", name) for name in stops), *(("start", name) for name in reversed(stops))]
    assert wanted == verbs, "who needs another is stopped before it and started after it"


@pytest.mark.req("S4-40", "FP-12")
@pytest.mark.parametrize("action", ["reset-infra", "reset-data"])
@pytest.mark.parametrize(
    "answer", ["", "\n", "y\n", "yes\n", "reset-infra\n", "Remove Infisical\n", "no\nremove infisical\n"]
)
def test_without_the_very_words_nothing_is_touched(programs, docker, action, answer):
    result = programs.run(PROGRAM, action, stdin=answer)
    assert (1, True) == (result.code, "nothing was changed" in result.err)
    assert [] == docker.changes()


@pytest.mark.parametrize("action", ["reset-infra", "reset-data"])
def test_a_dry_run_names_what_would_be_lost_and_asks_nothing(programs, docker, action):
    result = programs.run(PROGRAM, action, "--dry-run")
    assert (0, True, False) == (result.code, DATA in result.out, "Type the words" in result.out)
    assert [] == docker.changes()


@pytest.mark.req("S4-40", "FP-12")
@pytest.mark.parametrize(
    "argv", [[], ["reset"], ["reset-all"], ["reset-infra", "reset-data"], ["--yes", "reset-infra"]]
)
def test_a_wrong_or_missing_argument_ends_with_2(programs, docker, argv):
    result = programs.run(PROGRAM, *argv, stdin="remove infisical\n")
    assert (2, True) == (result.code, "usage: " in result.err)
    assert [] == docker.state["calls"], "Docker is not even asked"


def test_a_volume_that_somebody_else_uses_too_is_refused(programs, docker):
    docker.change(containers=docker.state["containers"] | {"theirs": container("theirs", (DATA, True))})
    for action in ("reset-infra", "reset-data"):
        result = programs.run(PROGRAM, action, stdin="remove infisical\n")
        assert (1, True) == (result.code, "is used by theirs too" in result.err)
    assert [] == docker.changes()


def test_a_reset_that_was_killed_half_way_is_ended_by_the_next(programs, docker):
    docker.change(containers={"redis": docker.state["containers"]["redis"]})
    assert 0 == programs.run(PROGRAM, "reset-infra", stdin="remove infisical\n").code
    assert {FILES, OTHERS, ANONYMOUS} == set(docker.state["volumes"])
    assert "nothing of Infisical" in programs.run(PROGRAM, "reset-infra", stdin="remove infisical\n").out


def test_volumes_without_containers_cannot_be_emptied(programs, docker):
    docker.change(containers={})
    result = programs.run(PROGRAM, "reset-data", stdin="empty infisical\n")
    assert (1, True) == (result.code, "fix: use reset-infra" in result.err)


def test_what_homeport_made_is_told_to_whoever_takes_it_away(programs, docker):
    rows = docker.state["containers"]
    rows["infisical-db"]["Config"]["Labels"] = {"homeport.stack": "prod"}
    docker.change(containers=rows)
    result = programs.run(PROGRAM, "reset-infra", "--dry-run")
    assert "fix: afterwards: homeport up --stack prod" in result.err


def test_a_machine_without_docker_is_told_so(programs, docker):
    (docker.folder / "docker").unlink()
    result = programs.run(PROGRAM, "reset-infra", env={"PATH": str(docker.folder)}, stdin="remove infisical\n")
    assert (1, True) == (result.code, "docker: no such command" in result.err and "fix: " in result.err)
