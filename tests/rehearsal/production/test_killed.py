"""kill -9 in the middle of production's updates and destroys.

Then one documented command, and both clouds and the host are as they should be.

A cycle takes an environment from nothing up and down again. On either way the command is killed and run again several
times, each time a random number of steps further on; two kills of each cycle fall between a cloud's work and its
answer. The last run is left
alone: it must converge. The whole campaign is five cycles of ten kills; a sample is one of them with fewer. A line of
JSON tells of each kill.
"""

from __future__ import annotations

import json
import random
import time

import pytest

from tests.support import campaign
from tests.support.production_kills import LATENCY, Killed

pytestmark = [pytest.mark.docker, pytest.mark.campaign]
CAMPAIGN = "kills of production"
_PATIENCE = 120.0
"""Seconds that a plugin may take to have a thing made, of which it asks several times before."""
VERBS = {"rehearse": ("--no-claims",), "rehearse-destroy": ()}
FAR = {"rehearse": 16, "rehearse-destroy": 24}
"""How many steps a run that is killed may do at most: short enough that most of them find work."""
CAUGHT = (
    ("hcloud:index:Server", "cloudflare:index:DnsRecord"),
    ("hcloud:index:PrimaryIp", "cloudflare:index:ZeroTrustTunnelCloudflared"),
    ("hcloud:index:SshKey", "cloudflare:index:ZeroTrustAccessApplication"),
    ("hcloud:index:Firewall", "cloudflare:index:ZeroTrustAccessPolicy"),
    ("hcloud:index:Server", "cloudflare:index:ZeroTrustAccessIdentityProvider"),
)
"""What is killed between a cloud's work and its answer, by cycle."""
CYCLES = range(len(CAUGHT)) if campaign.WHOLE else [campaign.chance(CAMPAIGN).randrange(len(CAUGHT))]


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    run = Killed(tmp_path_factory.mktemp("killed"))
    # A run of the tests that was cut off may have left half of one.
    assert run.finish("rehearse-down")[0] == 0, "what was there before can be removed"
    code, said = run.finish("rehearse", "--no-claims")
    try:
        assert code == 0, f"not even left alone does it come up:\n{said[-4000:]}"
        run.units = run.besides()
        print(json.dumps({"units": run.units}))
        code, said = run.finish("rehearse-destroy")
        assert code == 0, f"nor does it go away:\n{said[-4000:]}"
        run.empty = run.clouds()
        yield run
    finally:
        run.finish("rehearse-down")


def _shares() -> tuple[int, int, int]:
    """How many kills of a cycle are at random moments between the two caught ones, after them, and on the way down."""
    points = campaign.size(CAMPAIGN) // len(CYCLES)
    down = points * 2 // 5
    return points - down - 3, 1, down


def _random_kill(killed, verb: str, number: int) -> dict:
    steps = random.SystemRandom().randrange(FAR[verb])
    run = killed.start(verb, *VERBS[verb])
    run.wait(lambda: len(run.events()) > steps)
    # A destroy does thirty steps a second.
    time.sleep(random.SystemRandom().uniform(0, 0.4 if verb == "rehearse" else 0.1))
    at_work = killed.kill(run, masters=number % 2 == 0)
    return _told(run, verb, at_work, "random")


def _caught_kill(killed, kind: str) -> dict:
    """Killed when the cloud has made the thing and its answer has reached nobody."""
    run = killed.start("rehearse", "--no-claims")
    run.wait(lambda: any(line.startswith("==> pulumi up") for line in run.lines))
    killed.slow(LATENCY)
    run.wait(lambda: any(event[0] == kind and event[2] == "creating" for event in run.events()))
    time.sleep(LATENCY / 2)
    killed.freeze()
    # What is under way is slow still; the plugin goes on asking, and nobody hears its answer.
    killed.slow(0)
    end = time.monotonic() + _PATIENCE
    while not (orphans := _orphans(killed)) and time.monotonic() < end:
        time.sleep(0.1)
    at_work = killed.kill(run, masters=False)
    return _told(run, "rehearse", at_work, kind, orphans=orphans)


def _orphans(killed) -> list[str]:
    """What is in the clouds and in no state, which is read as it stands: the engine is stopped."""
    known = killed.stored()
    here = killed.clouds()
    return [f"{kind} {one}" for kind, ids in here.items() for one in ids if one not in {*known, *killed.empty[kind]}]


def _told(run, verb: str, at_work: bool, what: str, **more: object) -> dict:
    events = run.events()
    point = {
        "verb": verb,
        "kind": what,
        "at_work": at_work,
        "steps": len(events),
        "last": (events or [None])[-1],
    } | more
    begun = any(line.startswith("==> pulumi ") for line in run.lines)
    repaired = [line.strip() for line in run.lines if line.startswith("    removing") or "under way when" in line]
    point |= {"phase": "update" if begun else "recovery", "repaired": repaired}
    if not at_work:
        point["said"] = run.lines[-25:]
    print(json.dumps(point))
    return point


def _converge(killed, verb: str) -> None:
    began = time.monotonic()
    code, said = killed.finish(verb, *VERBS[verb])
    repaired = [
        line.strip() for line in said.splitlines() if line.startswith("    removing") or "under way when" in line
    ]
    print(
        json.dumps(
            {"converged": verb, "code": code, "seconds": round(time.monotonic() - began, 1), "repaired": repaired}
        )
    )
    assert code == 0, f"one command converges:\n{said[-6000:]}"


@pytest.mark.parametrize("cycle", CYCLES)
@pytest.mark.req("D-01", "D-03", "D-04", "P-15")
def test_an_environment_killed_again_and_again_on_its_way_up_and_down_converges_with_one_command(killed, cycle):
    between, after, down = _shares()
    if killed.state():
        # The cycle before failed.
        _converge(killed, "rehearse-destroy")
    first, second = CAUGHT[cycle]
    caught, points = [_caught_kill(killed, first)], [_random_kill(killed, "rehearse", n) for n in range(between)]
    caught.append(_caught_kill(killed, second))
    points += [_random_kill(killed, "rehearse", n) for n in range(after)]
    _converge(killed, "rehearse")
    preview = killed.pulumi("preview", "--expect-no-changes", "--diff")
    there, host = killed.clouds(), killed.on_host()
    clouds = sorted(identity for kind, ids in there.items() for identity in ids if identity not in killed.empty[kind])
    unseen = [one for one in killed.known("docker:index/") if ":" not in one and one not in host.values()]

    assert preview.returncode == 0, preview.stdout + preview.stderr
    assert sorted([*killed.known("hcloud:"), *killed.known("cloudflare:")]) == clouds, (
        f"no orphan, no duplicate: {there}"
    )
    assert [1, 1, 2, 1] == [len(there[kind]) for kind in ("servers", "firewalls", "primary_ips", "ssh_keys")], there
    assert len(killed.machines()) == 1, "one server is one machine"
    assert ([], killed.units) == (unseen, killed.besides()), (
        "the host's Docker has what the state has, and what it had without kills"
    )

    points += [_random_kill(killed, "rehearse-destroy", n) for n in range(down)]
    _converge(killed, "rehearse-destroy")

    assert [] == killed.state(), "nothing is left in the state"
    assert killed.empty == killed.clouds(), "nor in either cloud"
    assert [] == killed.machines(), "nor of its machines"
    assert [] == [one for one in caught if not one["orphans"]], "these kills fell between a cloud's work and its answer"
    assert all(one["at_work"] for one in caught), "a kill that came too late proves nothing"
    assert len([point for point in points if not point["at_work"]]) <= 1, (
        "of those at random moments one may miss; it is not counted"
    )


@pytest.mark.req("D-01")
def test_nothing_of_the_killed_commands_lives_on(killed):
    """Shared SSH connections may outlive a kill by the 30 s of their ControlPersist, and nothing else at all."""
    end = time.monotonic() + 180
    while (
        left := [process for mark in killed.victims for process in killed.processes(mark).values()]
    ) and time.monotonic() < end:
        time.sleep(1)

    assert killed.victims, "the commands above had these marks"
    assert [] == [one[:200] for one in left], "what is left would hold on to hosts that are gone"
