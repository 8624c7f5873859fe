"""The queue of the preset jett while its client and its server side are killed: nothing is lost and nothing done twice."""

from __future__ import annotations

import os
import random
import time

import pytest

from tests.support.jett_kills import Sender, drain, judge, kill_container, kill_database_process, stored
from tests.support.waits import until

pytestmark = pytest.mark.world


@pytest.mark.long
@pytest.mark.req("S2-48", "S2-50")
@pytest.mark.usefixtures("empty")
def test_200_kills_of_the_client_lose_and_double_nothing(jett, handler):
    handler.pause, kept, chance = 0.05, stored(jett, 400), random.Random(4)  # noqa: S311  # the same kills each time
    for number in range(200):
        client = jett.client()
        client.stdout.readline()  # it has begun
        if number % 2:
            time.sleep(chance.uniform(0, 0.3))
        else:
            # Just after the work and before the receipt, where a kill does most harm.
            handler.worked.clear()
            handler.worked.wait(5)
        client.kill()
        client.communicate()
    with jett.running_client():
        drain(jett, handler)
    print(f"{len(kept)} requests, {handler.calls} handler calls, {len(handler.effects)} effects")

    assert handler.calls - len(handler.effects) >= 50, "kills did hit between work and receipt: the positive control"
    assert {"lost": [], "doubled": 0, "strange": [], "out of order": []} == judge(kept, handler.effects)


@pytest.mark.long
@pytest.mark.req("S2-48", "S2-50")
@pytest.mark.usefixtures("empty")
def test_kills_of_the_server_side_lose_and_double_nothing(jett, handler):
    handler.pause = 0.01
    kills, chance = int(os.environ.get("HOMEPORT_SERVER_KILLS", "10")), random.Random(5)  # noqa: S311
    with Sender(jett, 0.05) as sender, jett.running_client():
        for number in range(kills):
            before = len(sender.taken)
            until(lambda before=before: len(sender.taken) > before, "requests are taken again after a kill", 300)
            time.sleep(chance.uniform(0, 0.3))
            kill_container(jett, "n8n") if number == kills // 2 else kill_database_process(jett)
        taken = sender.stop()
        drain(jett, handler)
    print(
        f"{len(taken)} requests in {sender.tries} tries, {handler.calls} handler calls, {len(handler.effects)} effects"
    )

    assert sender.tries > len(taken), "the kills were felt: the positive control"
    assert {"lost": [], "doubled": 0, "strange": [], "out of order": []} == judge(taken, handler.effects)
