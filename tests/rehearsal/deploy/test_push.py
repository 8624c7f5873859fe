"""A push to an emulated GitHub deploys the AI Dev Server, through the real chain on a real machine.

Its own image, built from the folder that a host's repository has, goes by the proxy into the real registry and is put
live by the workflow, on a stack that Pulumi has made. The runner's own program is a stand-in; scripts, units, workflow
and deployment are what hosts get.
"""

from __future__ import annotations

import re

import pytest

from catalog.presets.vps_infrastructure.deployments import REGISTRY_GC
from tests.support.deploy_host import CHECKOUT, PORT, PROGRAMS, REGISTRY, SERVICE, Host, checkout, edited, release
from tests.support.github import NAME
from tests.support.waits import until

pytestmark = pytest.mark.world
UNIT = "actions.runner.owner-platform.vps.service"
BROKEN = {
    "unhealthy": ("app.py", "return Health()", "raise RuntimeError('no database')"),
    "crash": ("__main__.py", "chosen = settings(os.environ)", "raise SystemExit(3)"),
}


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    made = Host(tmp_path_factory.mktemp("deploy"))
    try:
        yield made.begin()
    finally:
        made.close()


def changed_hands(calls, old, new):
    """All were answered by the old one or the new one.

    But what is no GET, and was handed to the old one in the moment in which it stopped listening: no proxy may send
    that again, for it may have been done (caddyserver/caddy, reverseproxy.go: only what could not be dialled, or is a
    GET, is tried again). And what the proxy has held for the 30 s of its setting: on a machine that is so busy that a
    container takes as long to start.
    """
    answers, lost = calls["answers"], {}
    if calls["longest"] < 30:
        lost = {word: count for word, count in answers.items() if word not in {old, new}}
    assert {old, new} <= {*answers} and {*lost} <= {"status 502 to POST"}, calls
    assert sum(lost.values()) <= 8, f"a moment, and four callers: {calls}"


def no_difference(host):
    done = host.stack.pulumi("preview", "--expect-no-changes", "--diff")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.req("S1-69", "FP-03")
def test_a_missing_token_an_expired_one_and_another_checksum_are_refused_with_the_way_out(host):
    done = host.setup("")
    assert 1 == done.returncode and "there is no registration token" in done.stderr, done.stdout + done.stderr
    assert f"take one from {host.github.url}/{NAME} (Settings, Actions, Runners, New)" in done.stderr, done.stderr

    old = host.github.registration()
    host.github.store.advance(3601)
    done = host.setup(old)
    assert 1 == done.returncode and "a token lasts one hour" in done.stderr, done.stdout + done.stderr
    again = done.stderr.partition("then: ")[2].strip()
    assert f"GITHUB_REPO={NAME} " in again and again.endswith("./setup-runner.sh"), "what was typed, to be typed again"
    assert old not in done.stderr + done.stdout, done.stderr

    other = host.setup(host.github.registration(), RUNNER_SHA256="0" * 64, RUNNER_NAME="other")
    assert 1 == other.returncode and "another checksum" in other.stderr, other.stdout + other.stderr
    assert 1 == host.script("./start-runner-service.sh").returncode, "what is not registered does not start"


@pytest.mark.req("S1-69", "S1-70", "S1-71", "FP-03")
def test_the_runner_is_set_up_by_its_scripts_and_is_a_service(host):
    token = host.github.registration()
    done = host.setup(token)
    assert 0 == done.returncode and "now: ./start-runner-service.sh" in done.stdout, done.stdout + done.stderr
    again = host.setup("")
    assert 0 == again.returncode, "a second time needs no token and changes nothing: " + again.stderr
    started = host.script("./start-runner-service.sh")
    assert 0 == started.returncode and f"{UNIT} runs as homeport-runner" in started.stdout, started.stderr

    place = f"/repos/{NAME}/actions/runners"
    [row] = until(
        lambda: [row for row in host.github.ask("GET", place)[1]["runners"] if row["status"] == "online"], "offline"
    )
    assert {"self-hosted", "vps"} <= {label["name"] for label in row["labels"]}, row
    assert "active" in host.run("systemctl is-active 'actions.runner.*'"), "as runbooks ask"
    assert "homeport-runner" == host.run(f"systemctl show -P User {UNIT}").strip(), "not root"
    until(lambda: "Listening for Jobs" in host.run(f"journalctl -u '{UNIT}'"), "its log is not in the journal")
    kept = host.run("journalctl --no-pager; cat /proc/[0-9]*/cmdline | tr '\\0' ' '")
    assert token not in kept, "the token is in no log and no argument"


@pytest.mark.req("S1-66", "S1-72", "FP-04")
def test_a_push_is_built_pushed_by_its_commit_live_and_healthy(host):
    assert "first" == host.live(), "the one that the update has built"
    with host.calls() as said:
        commit, run, job, log = host.pushed(checkout() | release("good"))

    assert "success" == run["conclusion"], log
    assert "good" == host.live() and "healthy" in host.docker(
        "ps", "--filter", f"name=^{SERVICE}$", "--format", "{{.Status}}"
    )
    changed_hands(said, "first", "good")
    words = [step["name"] for step in job["steps"] if step["conclusion"] == "success"]
    order = ["Test", "Build", "Log in to the registry", "Push by the commit", "Redeploy", "Health", "Push as latest"]
    assert order == [word for word in words if word in order], words
    tags = host.tags()
    assert {commit, "latest"} == {*tags} and tags["latest"] == tags[commit], "one image, by its commit and as latest"
    assert "paths, and the MCP endpoint" in log, "its own test ran before anything was built"
    assert host.password not in log, "the password is nowhere in the log"
    assert [] == host.github.runs(host.github.push({"README.md": "words"})), "a push of anything else deploys nothing"
    assert "" == host.run("find /var/lib/homeport-runner -name config.json"), "nor on the disk once the job has ended"
    others = 'for process in /proc/[0-9]*; do [ "$process" = /proc/$$ ] || tr "\\0" " " <"$process/cmdline"; echo; done'
    assert [] == [line for line in host.run(others).splitlines() if host.password in line], (
        "nor in a program's arguments"
    )
    no_difference(host)


@pytest.mark.req("S1-72", "FP-04", "L-06")
@pytest.mark.parametrize("kind", [*BROKEN])
def test_a_broken_one_never_takes_over_and_the_old_one_answers_all(host, kind):
    before, latest = host.live(), host.tags()["latest"]
    with host.calls() as said:
        commit, run, _, log = host.pushed(checkout() | edited(*BROKEN[kind]))

    assert "failure" == run["conclusion"] and "the old one was not touched" in log, log
    assert {before} == {*said["answers"]}, f"not one request failed or met the broken one: {said}"
    assert said["answers"][before] > 20, f"there were requests: {said}"
    assert before == host.live()
    tags = host.tags()
    assert commit in tags and latest == tags["latest"] != tags[commit], "kept under its commit, and not the latest"


@pytest.mark.req("S1-72")
def test_what_does_not_even_start_to_run_is_neither_built_nor_pushed(host):
    commit, run, job, log = host.pushed(checkout() | edited("app.py", "return Health()", "return Health("))

    assert "failure" == run["conclusion"] and "SyntaxError" in log, log
    results = {step["name"]: step["conclusion"] for step in job["steps"]}
    assert ("failure", "skipped") == (results["Test"], results["Build"]), results
    assert commit not in host.tags()


@pytest.mark.req("S1-74", "L-06")
def test_one_command_takes_a_deployment_back_and_a_killed_runner_takes_the_next_job(host):
    before, pid = host.live(), host.run(f"systemctl show -P MainPID {UNIT}").strip()
    host.run(f"kill -9 {pid}")
    until(lambda: host.run(f"systemctl show -P MainPID {UNIT}").strip() not in {pid, "0"}, "it does not come back")
    commit, run, _, log = host.pushed(checkout() | release("newer"))
    assert "success" == run["conclusion"] and "newer" == host.live(), log

    listed = host.run(f"sh {PROGRAMS}/rollback-service.sh --list {SERVICE}")
    assert re.search(rf"^{commit} latest  \d{{4}}-\d\d-\d\d .*  live$", listed, re.MULTILINE), listed
    with host.calls() as said:
        assert "is live" in host.run(f"sh {PROGRAMS}/rollback-service.sh {SERVICE}")
    assert before == host.live()
    changed_hands(said, "newer", before)
    assert f"{SERVICE}:{commit} is live" in host.run(f"sh {PROGRAMS}/rollback-service.sh {SERVICE} {commit}")
    assert "newer" == host.live(), "and by its tag"
    no_difference(host)


@pytest.mark.req("S1-75")
def test_the_report_after_a_deployment_has_containers_units_and_health(host):
    line = f"sh {PROGRAMS}/verify.sh --unit 'actions.runner.*' --url http://127.0.0.1:{PORT}/health"
    report = host.run(f"{line} --patience 5")
    assert (
        f"ok    unit       {UNIT}: active" in report
        and f"ok    health     http://127.0.0.1:{PORT}/health: 200" in report
    )

    host.run(f"systemctl stop {UNIT}")
    report = host.run(f"{line} --patience 0; echo ended $?")
    assert f"FAIL  unit       {UNIT}: inactive" in report and "ended 1" in report, report


@pytest.mark.req("S1-66")
def test_the_hosts_timer_frees_the_registry_and_what_is_live_or_was_is_whole(host):
    host.run(
        "cd /etc/systemd/system; systemd-analyze verify registry-gc.timer registry-gc.service registry-mend.service"
    )
    host.run(f"systemctl daemon-reload; systemctl enable --now {' '.join(REGISTRY_GC.units)}")
    assert "*-*-* 05:47:00" in host.run("systemctl show -P TimersCalendar registry-gc.timer"), "daily"
    until(lambda: "no collection was killed" in host.run("journalctl -u registry-mend"), "not as at each boot")
    begun = host.run("date +%s").strip()
    host.run("systemctl start --no-block registry-gc")
    # Somebody has just pushed: it has looked once, and waits. As if it were killed while the registry stands still:
    looks = ["--filter", "container=registry", "--filter", "event=exec_create"]
    until(lambda: "-mmin" in host.docker("events", "--since", begun, "--until", "0s", *looks), "the unit does not look")
    host.docker("create", "--name", "registry-gc", "registry:3.1.2")
    host.docker("stop", "registry")
    host.run("systemctl kill --signal KILL registry-gc")
    until(lambda: "failed" in host.run("systemctl show -P ActiveState registry-gc"), "it was killed")
    assert {"latest"} < {*until(host.tags, "the registry does not answer")}, "the unit starts it, however it ended"
    assert "registry-gc" not in host.docker("ps", "-a", "--format", "{{.Names}}").split()

    store = "/var/lib/registry/docker/registry/v2"
    host.docker("exec", "registry", "find", store, "-type", "f", "-exec", "touch", "-d", "2020-01-01", "{}", "+")
    host.run("systemctl start registry-gc")
    until(lambda: "MB freed" in host.run("journalctl -u registry-gc"), "not as its own user, in its sandbox")
    before = host.tags()
    done = host.script(f"sh {PROGRAMS}/registry-gc.sh --keep 1")
    assert done.returncode == 0 and "deleted ai-dev-server:" in done.stdout, "by hand too: " + done.stdout + done.stderr
    left = host.tags()
    assert {*left} < {*before} and {"latest"} < {*left}, "what is live, was live or is latest stays, broken ones go"
    digests = host.docker("image", "ls", "--digests", "--format", "{{.Repository}} {{.Digest}}")
    assert {*left.values()} <= {*digests.split()}, digests
    assert host.live() and host.password not in host.run("journalctl --no-pager; ls /etc/homeport/registry")


@pytest.mark.req("L-06")
def test_an_image_that_nobody_pushed_is_refused_by_its_name(host):
    before = host.live()
    repository = f"{REGISTRY}/{SERVICE}"
    done = host.script(f"{CHECKOUT}/deploy-service.sh {SERVICE} unheard-of")
    assert 1 == done.returncode and f"{repository}:unheard-of: not here, and its registry asks" in done.stderr, done
    assert f"fix: docker login {REGISTRY}," in done.stderr, "the user has not signed in yet"
    login = f"docker login {REGISTRY} --username registry --password-stdin"
    assert "Succeeded" in host.script(f"printf %s '{host.password}' | {login}").stdout
    done = host.script(f"{CHECKOUT}/deploy-service.sh {SERVICE} unheard-of")
    assert 1 == done.returncode and f"{repository}:unheard-of: no such image here, nor in its" in done.stderr, done
    host.docker("tag", "caddy:2.11.4-alpine", f"{repository}:smuggled")
    done = host.script(f"{CHECKOUT}/deploy-service.sh {SERVICE} smuggled")
    assert 1 == done.returncode and "its registry never had it" in done.stderr, done
    assert f"fix: docker push {repository}:smuggled" in done.stderr, done
    assert before == host.live()


@pytest.mark.req("S1-69", "S1-70")
def test_after_its_token_has_expired_it_is_removed_here_registered_anew_and_removed_everywhere(host):
    def listed():
        rows = host.github.ask("GET", f"/repos/{NAME}/actions/runners")[1]["runners"]
        return [(row["name"], row["status"]) for row in rows]

    old = host.github.registration()
    host.github.store.advance(3601)
    assert 0 == host.script("./start-runner-service.sh").returncode
    refused = host.setup(old, RUNNER_LABELS="self-hosted,other")
    assert 1 == refused.returncode and "\nfix: take a new one from " in refused.stderr, refused.stderr
    until(lambda: listed() == [("vps", "online")], "the registration from before works on")

    gone = host.script("./uninstall.sh", RUNNER_TOKEN=old)
    assert 0 == gone.returncode and "runner vps is gone from this host" in gone.stdout, gone
    assert "GitHub lists it still" in gone.stderr and f"fix: remove it at {host.github.url}/{NAME}" in gone.stderr, gone
    until(lambda: listed() == [("vps", "offline")], "GitHub was not told")
    refused = host.setup(old)
    assert 1 == refused.returncode and "GitHub refused to register it" in refused.stderr, refused
    assert 1 == host.script("./start-runner-service.sh").returncode, "nothing half registered starts"

    done = host.setup(host.github.registration())
    assert 0 == done.returncode and 0 == host.script("./start-runner-service.sh").returncode, done
    until(lambda: listed() == [("vps", "online")], "one runner, in the old one's place")


@pytest.mark.req("S1-69", "FP-03")
def test_nothing_is_left_of_it_once_it_is_uninstalled(host):
    assert 0 == host.script("./uninstall.sh", RUNNER_NAME="other").returncode, "one that was never registered"
    done = host.script("./uninstall.sh", RUNNER_TOKEN=host.github.registration("remove"))
    assert 0 == done.returncode, done.stdout + done.stderr
    assert [] == host.github.ask("GET", f"/repos/{NAME}/actions/runners")[1]["runners"], "GitHub is told"
    units = "systemctl list-units -a --plain 'actions.runner.*' | grep -c actions.runner || true"
    left = host.run(f"find /var/lib/homeport-runner /etc/homeport/runner -mindepth 1 2>/dev/null; {units}")
    assert "0" == left.strip(), left
    assert 0 == host.script("./uninstall.sh").returncode, "to remove what is gone is no error"
