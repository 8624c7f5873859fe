"""The client as a process, against a server that keeps the queue's contract."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

APP = Path(__file__).resolve().parents[1]


@pytest.mark.req("S2-45")
def test_a_beat_is_a_post_of_status_online(world):
    status, said = world.once()

    assert 0 == status, said
    (path, headers, body), *rest = world.seen
    assert ("/webhook/heartbeat", {"status": "online"}, "application/json") == (path, body, headers["Content-Type"])
    assert [] == rest, "nothing waits, so nothing is claimed"


@pytest.mark.req("S2-45")
def test_without_any_setting_it_beats_at_the_description_s_address_every_minute_for_five_seconds(monkeypatch):
    monkeypatch.syspath_prepend(APP)
    from heartbeat_settings import settings

    usual = settings({})

    assert ("http://10.0.0.2:5678/webhook/heartbeat", 60, 5) == (usual.heartbeat_url, usual.interval, usual.timeout)


@pytest.mark.req("S2-45")
def test_it_beats_again_and_again_and_says_offline_when_it_is_ended(world, until):
    process = world.start(INTERVAL="0.1")
    until(lambda: len(world.seen) >= 3, "three beats")
    process.terminate()
    said = process.communicate(timeout=180)[0]

    assert 0 == process.returncode, said
    assert [{"status": "online"}] * 3 == world.bodies("/webhook/heartbeat")[:3]
    assert {"status": "offline"} == world.bodies("/webhook/heartbeat")[-1]


@pytest.mark.req("S2-45")
def test_a_server_that_is_away_is_no_error_and_is_told_of_once(world, until):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}/webhook/heartbeat"
        status, _ = world.once(HEARTBEAT_URL=url)
    world.answers["/webhook/heartbeat"] = [500] * 5 + [200] * 1000
    process = world.start(INTERVAL="0.05")
    until(lambda: len(world.seen) >= 8, "it goes on")
    process.terminate()
    said = process.communicate(timeout=180)[0]

    assert 1 == status, "once tells whether the beat was taken"
    assert 0 == process.returncode, said
    assert 1 == said.count("did not take"), said


@pytest.mark.req("S2-45")
def test_a_server_that_does_not_answer_is_left_after_the_timeout(world):
    world.slow["/webhook/heartbeat"] = 5
    status, said = world.once(TIMEOUT="0.2")

    assert (1, True) == (status, "timed out" in said), said


@pytest.mark.req("S2-50")
def test_what_waits_goes_to_the_handler_in_order_and_is_acknowledged_each(world):
    world.wait(*range(25))
    status, said = world.once()
    handled = world.bodies("/requests")
    keys = [headers["Idempotency-Key"] for path, headers, _ in world.seen if path == "/requests"]

    assert 0 == status, said
    assert list(range(25)) == [item["payload"] for item in handled]
    assert [str(item["id"]) for item in handled] == keys
    assert [{"id": number + 1} for number in range(25)] == world.bodies("/webhook/queue/ack")
    assert {"done"} == {item["state"] for item in world.items}


@pytest.mark.req("S2-50")
def test_a_failed_item_is_reported_and_only_its_own_source_waits(world):
    world.wait("a1", "a2", source="a")
    world.wait("b1", source="b")
    world.answers["/requests"] = [422] + [200] * 9
    world.once()

    assert ["a1", "b1"] == [item["payload"] for item in world.bodies("/requests")], "a2 would overtake a1"
    assert [{"id": 1, "error": "HTTP 422: {}"}] == world.bodies("/webhook/queue/fail")
    assert ["resting", "pending", "done"] == [item["state"] for item in world.items]


@pytest.mark.req("S2-50")
@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_handler_that_has_no_time_costs_no_attempt(world, status):
    world.wait(1, 2)
    world.answers["/requests"] = [status]
    world.once()

    assert 1 == len(world.bodies("/requests")), "the rest waits as well"
    assert [] == world.bodies("/webhook/queue/fail") + world.bodies("/webhook/queue/ack")


@pytest.mark.req("S2-50")
def test_nor_does_one_that_is_not_there(world):
    world.wait(1)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        _, said = world.once(HANDLER_URL=f"http://127.0.0.1:{nobody.getsockname()[1]}/requests")

    assert "the queue rests" in said
    assert [] == world.bodies("/webhook/queue/fail") + world.bodies("/webhook/queue/ack")


@pytest.mark.req("S2-50")
@pytest.mark.parametrize("status", [301, 307, 400, 410, 422, 500])
def test_any_other_answer_is_one_attempt_and_no_redirect_is_followed(world, status):
    world.wait("poison", source="a")
    world.wait("good", source="b")
    world.answers["/requests"] = [status, 200]
    world.once()

    assert [{"id": 1, "error": f"HTTP {status}: {{}}"}] == world.bodies("/webhook/queue/fail")
    assert ([], ["resting", "done"]) == (world.bodies("/elsewhere"), [item["state"] for item in world.items])


@pytest.mark.req("S2-50")
@pytest.mark.parametrize("breaks", ["the connection", "never answers"])
def test_an_item_that_breaks_its_handler_is_an_attempt_and_holds_up_its_own_source_alone(world, breaks):
    """Otherwise it came again for ever, and nothing else came at all."""
    world.wait("poison", source="a")
    world.wait("good", source="b")
    if breaks == "the connection":
        world.answers["/requests"] = [0, 200]
    else:
        world.poison = "poison"
    world.once(HANDLER_TIMEOUT="2")

    [failed] = world.bodies("/webhook/queue/fail")
    why = {"the connection": "RemoteDisconnected", "never answers": "timed out"}[breaks]
    assert (1, True) == (failed["id"], why in failed["error"]), failed
    assert ["resting", "done"] == [item["state"] for item in world.items]


@pytest.mark.req("S2-50")
def test_a_handler_that_says_when_is_asked_no_earlier_and_what_is_claimed_stays_claimed(world, until):
    world.wait(1, 2)
    world.answers["/requests"] = [429, 200, 200]
    world.more["/requests"] = {"Retry-After": "2"}
    process = world.start(INTERVAL="0.1")
    until(lambda: world.items[1]["state"] == "done", "both are done")
    process.terminate()
    process.communicate(timeout=180)
    paths = [path for path, _, _ in world.seen]
    refused = paths.index("/requests")
    meanwhile = paths[refused + 1 : paths.index("/requests", refused + 1)]

    assert meanwhile.count("/webhook/heartbeat") >= 3, "it beats on, and does not hand over at each beat"
    assert meanwhile.count("/webhook/queue/claim") >= 3, "so the lease does not end, which would be an attempt"
    assert [] == world.bodies("/webhook/queue/fail"), "and none is counted"


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        ("", 0),
        ("120", 120),
        ("86400", 3600),
        ("9" * 40, 3600),
        ("Fri, 31 Dec 2100 23:59:59 GMT", 3600),
        ("Sat, 01 Jan 2000 00:00:00 GMT", 0),
        ("soon", 0),
        ("-5", 0),
        ("\u00b2", 0),
        ("Fri, 31 Feb 99999 00:00:00 GMT", 0),
    ],
)
def test_what_a_handler_asks_for_is_an_hour_at_most_and_nothing_where_it_is_no_time(monkeypatch, asked, seconds):
    monkeypatch.syspath_prepend(APP)
    from heartbeat_http import _rest

    assert seconds == _rest(asked)


@pytest.mark.req("S2-50")
def test_an_acknowledgement_that_got_lost_brings_the_item_again_under_the_same_id(world):
    world.wait(1)
    world.answers["/webhook/queue/ack"] = [0]
    world.once()
    world.once()
    handled = world.bodies("/requests")

    assert [1, 1] == [item["id"] for item in handled]
    assert "done" == world.items[0]["state"]


def test_beats_go_on_while_a_long_queue_is_emptied(world):
    world.wait(*range(8))
    world.slow["/requests"] = 0.1
    world.once(INTERVAL="0.2")

    assert len(world.bodies("/webhook/heartbeat")) >= 3, "three minutes without a beat would mean offline"


def test_it_ends_after_the_item_in_hand_when_it_is_told_to(world, until):
    world.wait(*range(20))
    world.slow["/requests"] = 1.0
    process = world.start()
    until(lambda: world.bodies("/requests"), "the first item")
    process.terminate()
    process.communicate(timeout=180)

    assert len(world.bodies("/requests")) == len(world.bodies("/webhook/queue/ack")) <= 3


TOLD_WHILE_IT_BEGINS_TO_WAIT = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
import heartbeat
events = 0
def between(frame, event, argument):
    global events
    events += 1
    if events == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGTERM)
    return between
whole = heartbeat.Client.once
def once(client):
    taken = whole(client)
    sys._getframe(1).f_trace = between
    sys.settrace(between)
    return taken
heartbeat.Client.once = once
sys.exit(heartbeat.main([]))
"""


@pytest.mark.parametrize("event", range(1, 9))
def test_it_hears_a_signal_at_any_line_of_beginning_to_wait(world, event):
    """An Event that the handler sets was a lock that the main thread held."""
    argv = [sys.executable, "-E", "-s", "-B", "-c", TOLD_WHILE_IT_BEGINS_TO_WAIT, str(APP), str(event)]
    done = subprocess.run(argv, env=world.environment(), capture_output=True, text=True, timeout=180, check=False)

    assert 0 == done.returncode, done.stderr
    assert [{"status": "online"}, {"status": "offline"}] == world.bodies("/webhook/heartbeat")


WITHOUT_A_CONSOLE = """
import sys
sys.path.insert(0, sys.argv[1])
import heartbeat
sys.stdout = sys.stderr = None
sys.exit(heartbeat.main(["--once"]))
"""


@pytest.mark.req("S2-45", "S2-50")
@pytest.mark.parametrize(("interval", "status"), [("60", 0), ("soon", 2)])
def test_it_works_where_nobody_can_read_what_it_says(world, interval, status):
    """Windows' pythonw, by which its task starts it, has neither output: both are None."""
    world.wait("x")
    argv = [sys.executable, "-E", "-s", "-B", "-c", WITHOUT_A_CONSOLE, str(APP)]
    environment = world.environment(INTERVAL=interval)
    done = subprocess.run(argv, env=environment, capture_output=True, timeout=180, check=False)

    assert (status, b"", b"") == (done.returncode, done.stdout, done.stderr)
    assert (["done"] if status == 0 else ["pending"]) == [item["state"] for item in world.items]


def test_the_key_goes_to_the_queue_only_and_follows_no_redirect(world):
    world.wait(1)
    world.answers["/webhook/queue/claim"] = [307]
    world.once()
    with_key = {path for path, headers, _ in world.seen if "X-Api-Key" in {name.title() for name in headers}}

    assert {"/webhook/queue/claim"} == with_key
    assert [] == world.bodies("/elsewhere")


def test_a_proxy_in_the_environment_is_not_asked(world):
    status, said = world.once(http_proxy="http://127.0.0.1:9", HTTP_PROXY="http://127.0.0.1:9")

    assert 0 == status, said


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("INTERVAL", "0", "more than 0"),
        ("INTERVAL", "soon", "must be seconds"),
        ("TIMEOUT", "nan", "more than 0"),
        ("HANDLER_TIMEOUT", "600", "at most 150"),
        ("HEARTBEAT_URL", "file:///etc/passwd", "must begin with http"),
        ("HANDLER_URL", "ftp://x", "must begin with http"),
        ("API_KEY_FILE", "/nowhere/key", "cannot be read"),
        ("API_KEY_FILE", "", "is not set"),
    ],
)
def test_a_wrong_setting_is_refused_by_name_before_anything_is_sent(world, name, value, told):
    status, said = world.once(**{name: value})

    assert 2 == status
    assert (True, True, False) == (name in said, told in said, "Traceback" in said), said
    assert [] == world.seen


def test_without_a_handler_it_only_beats(world):
    world.wait(1)
    status, said = world.once(HANDLER_URL="", API_KEY_FILE="")

    assert 0 == status, said
    assert ["/webhook/heartbeat"] == [path for path, _, _ in world.seen]
