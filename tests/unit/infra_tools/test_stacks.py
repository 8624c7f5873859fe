"""`update_images.py` and `start_services.py`: order, layers of variables, profiles, and what a failure says."""

from __future__ import annotations

import json

import pytest

from tests.support.infra_tools import CLIENT, PROJECT, SECRET

pytestmark = pytest.mark.slow
UPDATE, START = "update_images.py", "start_services.py"
CANARY = "canary-value-4711"
OLD, NEW = f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"
STACKS = {
    "00-infrastructure": {
        "docker-compose.yml": {
            "services": {"caddy": {"image": "caddy:2-alpine"}, "infisical-backend": {"image": "infisical:1"}},
            "networks": {"default": {"name": "ai-network"}},
        }
    },
    "02-compute": {
        "docker-compose.yml": {
            "services": {
                "ollama-cpu": {"image": "ollama:1", "profiles": ["cpu"]},
                "ollama-gpu": {"image": "ollama:gpu", "profiles": ["gpu-nvidia", "gpu-amd"]},
                "own": {"image": "own:dev", "build": {"context": "."}},
            },
            "networks": {"default": {"name": "ai-network", "external": True}},
        },
        "docker-compose.override.public.yml": {"services": {"ollama-cpu": {"image": "ollama:public"}}},
    },
    "01-data": {
        "compose.yaml": {
            "services": {"db": {"image": "dhi.io/postgres:17"}, "cache": {"image": "caddy:2-alpine"}},
            "networks": {"default": {"name": "ai-network", "external": True}},
        }
    },
}
IDENTITY = {
    "INFISICAL_API_URL": "https://infisical.example.com",
    "INFISICAL_CLIENT_ID": CLIENT,
    "INFISICAL_CLIENT_SECRET": SECRET,
    "INFISICAL_PROJECT_ID": PROJECT,
    "INFISICAL_ENVIRONMENT": "prod",
}


@pytest.fixture
def docker(programs, fake):
    for stack, files in STACKS.items():
        (programs.folder / stack).mkdir()
        for name, model in files.items():
            (programs.folder / stack / name).write_text(json.dumps(model))
    for other in ("docs", "03-empty", ".git"):
        (programs.folder / other).mkdir()
    programs.words.append(CANARY)
    images = ["caddy:2-alpine", "infisical:1", "ollama:1", "ollama:gpu", "ollama:public", "dhi.io/postgres:17"]
    fake.change(
        registry=dict.fromkeys(images, NEW),
        images={
            "caddy:2-alpine": {"Id": "x", "RepoDigests": [f"caddy@{OLD}"]},
            "ollama:1": {"Id": "x", "RepoDigests": [f"ollama@{NEW}"]},
        },
    )
    programs.env |= {"DHI_USERNAME": "somebody", "DHI_ACCESS_TOKEN": SECRET}
    return fake


def pulled(docker):
    return [call[-1] for call in docker.state["calls"] if call[1] == "pull"]


@pytest.mark.req("S4-47", "FP-14")
def test_images_are_pulled_and_nothing_is_restarted(programs, docker):
    result = programs.run(UPDATE)

    assert (0, "") == (result.code, result.err)
    assert [
        "updated   caddy:2-alpine  sha256:111111111111 → sha256:222222222222",
        "new       dhi.io/postgres:17  none → sha256:222222222222",
        "new       infisical:1  none → sha256:222222222222",
        "unchanged ollama:1  sha256:222222222222",
        "3 newer, 1 unchanged, 0 failed",
    ] == result.out.splitlines()[:5]
    assert {"pull", "login"} == {call[1] for call in docker.changes()}, "pulls alone"
    assert [] == docker.state["started"]


@pytest.mark.req("S4-47", "FP-14")
@pytest.mark.parametrize(
    ("argv", "wanted"),
    [
        ([], {"ollama:1"}),
        (["--profile", "cpu"], {"ollama:1"}),
        (["--profile", "gpu-nvidia"], {"ollama:gpu"}),
        (["--profile", "gpu-amd"], {"ollama:gpu"}),
        (["--profile", "none"], set()),
        (["--environment", "private"], {"ollama:1"}),
        (["--environment", "public"], {"ollama:public"}),
        (["--environment", "public", "--profile", "none"], set()),
    ],
)
def test_profile_and_environment_choose_the_images(programs, docker, argv, wanted):
    assert 0 == programs.run(UPDATE, *argv).code
    assert {"caddy:2-alpine", "infisical:1", "dhi.io/postgres:17", *wanted} == set(pulled(docker))


@pytest.mark.req("S4-47", "FP-14")
def test_a_hardened_image_is_signed_in_for_unless_that_is_skipped(programs, docker):
    assert 0 == programs.run(UPDATE, "--skip-dhi-auth", env={"DHI_ACCESS_TOKEN": None}).code
    assert [] == docker.state["signed_in"]
    result = programs.run(UPDATE, env={"DHI_ACCESS_TOKEN": None, "DHI_USERNAME": ""})
    assert (2, "not set: DHI_USERNAME, DHI_ACCESS_TOKEN") == (result.code, result.err.splitlines()[0])
    assert 0 == programs.run(UPDATE).code
    assert ["dhi.io", "somebody"] == docker.state["signed_in"]
    assert SECRET not in json.dumps(docker.state["calls"]), "a token on a command line is seen by everybody"

    programs.words.append(f"{CANARY}-wrong")
    result = programs.run(UPDATE, env={"DHI_ACCESS_TOKEN": f"{CANARY}-wrong"})
    assert (1, True) == (result.code, "--skip-dhi-auth" in result.err)


def test_who_uses_no_hardened_image_is_asked_for_no_account(programs, docker):
    model = STACKS["01-data"]["compose.yaml"] | {"services": {"cache": {"image": "caddy:2-alpine"}}}
    (programs.folder / "01-data" / "compose.yaml").write_text(json.dumps(model))
    assert 0 == programs.run(UPDATE, env={"DHI_ACCESS_TOKEN": None}).code
    assert [] == docker.state["signed_in"]


@pytest.mark.req("S4-47", "FP-14")
def test_one_failed_pull_is_told_and_the_others_go_on(programs, docker):
    docker.change(registry={"ollama:1": NEW, "infisical:1": NEW, "dhi.io/postgres:17": NEW})
    result = programs.run(UPDATE)
    assert 1 == result.code
    assert "failed    caddy:2-alpine" in result.out
    assert "pull access denied" in result.err
    assert "fix: docker pull caddy:2-alpine" in result.err
    assert 4 == len(pulled(docker))

    report = json.loads(programs.run(UPDATE, "--json").out)
    assert (1, "failed") == (report["failed"], report["images"][0]["result"])
    assert ["00-infrastructure", "01-data"] == report["images"][0]["stacks"]


@pytest.mark.req("S4-39", "FP-15")
def test_stacks_start_by_number_with_the_infrastructure_first(programs, docker):
    result = programs.run(START, "--without-infisical")
    assert (0, ["started 00-infrastructure", "started 01-data", "started 02-compute"]) == (
        result.code,
        result.out.splitlines(),
    )
    assert ["ollama-cpu", "own"] == docker.state["started"][2]["services"]


@pytest.mark.req("S4-39", "S4-49", "FP-15")
def test_infisical_wins_over_env_and_env_over_env_global(programs, docker):
    folder = programs.folder
    (folder / ".env.global").write_text("T_A=global\nT_B=global\nT_C=global\nT_D=${T_A}-d\nT_SHELL=global\n")
    (folder / ".env").write_text(
        f"T_B=env\nT_C=env\nT_E='{CANARY}'\n" + "".join(f"{n}={v}\n" for n, v in IDENTITY.items())
    )
    (folder / "01-data" / ".env").write_text("T_F=of the stack\nT_B=of the stack\n")
    docker.change(export="T_C='it's # from $Infisical'\nT_G='two\nlines'\n")
    result = programs.run(START, env={"T_SHELL": "shell"})

    assert (0, "") == (result.code, result.err)
    infrastructure, data = docker.state["started"][0]["env"], docker.state["started"][1]["env"]
    assert {
        "T_A": "global",
        "T_B": "env",
        "T_C": "it's # from $Infisical",
        "T_D": "global-d",
        "T_E": CANARY,
        "T_G": "two\nlines",
        "T_SHELL": "shell",
    } == infrastructure
    assert ("of the stack", "of the stack") == (data["T_B"], data["T_F"])
    words = json.dumps(docker.state["calls"])
    assert (False, False) == (SECRET in words, "canary-access-token" in words), "nothing secret on a command line"


@pytest.mark.req("S4-27", "S4-57")
def test_a_tunnel_token_and_an_audience_tag_may_be_in_env_or_in_infisical(programs, docker):
    (programs.folder / ".env").write_text(f"T_CLOUDFLARE_TUNNEL_TOKEN={CANARY}\n")
    docker.change(export=f"T_CLOUDFLARE_AUD_TAG='{CANARY}'\n")
    assert 0 == programs.run(START).code
    seen = docker.state["started"][0]["env"]
    assert {"T_CLOUDFLARE_TUNNEL_TOKEN": CANARY, "T_CLOUDFLARE_AUD_TAG": CANARY} == seen


@pytest.mark.req("S4-39")
def test_infisical_that_only_comes_up_with_the_infrastructure_is_asked_then(programs, docker):
    docker.change(infisical_up=False, export="T_G='late'\n")
    assert 0 == programs.run(START, env=IDENTITY).code
    seen = [(row["stack"][:2], row["env"].get("T_G")) for row in docker.state["started"]]
    assert [("00", None), ("00", "late"), ("01", "late"), ("02", "late")] == seen


@pytest.mark.req("S4-03", "S4-39", "FP-15")
def test_without_the_network_the_error_says_what_to_start(programs, docker):
    result = programs.run(START, "--without-infisical", "--stack", "01-data")
    assert (1, "ai-network not found: start 00-infrastructure first") == (result.code, result.err.splitlines()[0])
    assert "fix: start_services.py --stack 00-infrastructure" in result.err
    assert [] == docker.state["started"]


def test_an_infisical_that_refuses_stops_the_start_of_what_needs_its_secrets(programs, docker):
    docker.change(infisical_up=True, password="another")
    result = programs.run(START, env=IDENTITY)
    assert (1, True) == (result.code, "--without-infisical" in result.err)
    assert ["00-infrastructure"] == [row["stack"] for row in docker.state["started"]]


def test_an_output_that_is_no_list_of_variables_is_refused(programs, docker):
    docker.change(export=f"Update available! {CANARY}\n")
    result = programs.run(START, "--stack", "00-infrastructure")
    assert (1, True) == (result.code, "no list of NAME='value'" in result.err)


@pytest.mark.usefixtures("docker")
def test_compose_says_which_variable_is_missing_and_its_words_are_sifted(programs):
    model = {"services": {"x": {"image": "caddy:2-alpine", "needs": ["T_MISSING"]}}}
    (programs.folder / "02-compute" / "docker-compose.yml").write_text(json.dumps(model))
    (programs.folder / ".env").write_text(f"SHOWN={CANARY}\n")
    (programs.folder / ".env.global").write_text("NAME=missing\n")
    for program, argv in ((UPDATE, []), (START, ["--without-infisical"])):
        result = programs.run(program, *argv)
        assert (1, True) == (result.code, "required variable T_MISSING" in result.err), result.err


def test_a_machine_without_compose_is_told_so(programs, docker):
    docker.change(compose=False)
    for program, argv in ((UPDATE, []), (START, ["--without-infisical"])):
        result = programs.run(program, *argv, env={"PATH": f"{docker.folder}:/bin"})
        assert (1, "docker compose: no such command on this machine") == (result.code, result.err.splitlines()[0])


@pytest.mark.parametrize("program", [UPDATE, START])
@pytest.mark.parametrize(
    "argv",
    [
        ["--profile", "tpu"],
        ["--environment", "secret"],
        ["words"],
        ["--profile"],
        ["--root", "docs"],
        ["--prof", "cpu"],
    ],
)
def test_a_wrong_command_line_ends_with_2_and_nothing_is_done(programs, docker, program, argv):
    result = programs.run(program, *argv)
    assert (2, "") == (result.code, result.out)
    assert [] == docker.changes()


def test_an_unknown_stack_is_refused_with_the_known_ones(programs, docker):
    result = programs.run(START, "--stack", "99-none")
    assert (2, True) == (result.code, "00-infrastructure, 01-data, 02-compute" in result.err)
    assert [] == docker.changes()


def test_a_dry_run_says_the_order_and_starts_nothing(programs, docker):
    result = programs.run(START, "--dry-run")
    assert ["would start 00-infrastructure", "would start 01-data", "would start 02-compute"] == result.out.splitlines()
    assert [] == docker.changes()


def test_help_names_every_flag(programs, docker):
    text = programs.run(UPDATE, "--help").out
    for flag in ("--profile {cpu,gpu-nvidia,gpu-amd,none}", "--environment {private,public}", "--skip-dhi-auth"):
        assert flag in text
    assert [] == docker.state["calls"]
