"""The queue of the preset jett while its client and its server side are killed.

Nothing is lost and nothing done twice.
"""

from __future__ import annotations

import time

import pytest

from tests.support import campaign
from tests.support.jett_kills import Sender, drain, judge, kill_container, kill_database_process, stored
from tests.support.waits import until

pytestmark = pytest.mark.world


@pytest.mark.campaign
@pytest.mark.req("S2-48", "S2-50", "FP-07")
@pytest.mark.usefixtures("empty")
def test_kills_of_the_client_lose_and_double_nothing(jett, handler):
    kills, chance = campaign.size("kills of the queue's client"), campaign.chance("kills of the queue's client")
    handler.pause, kept = 0.5, stored(jett, 2 * kills)
    for number in range(kills):
        client = jett.client()
        client.stdout.readline()  # it has begun
        if number % 2:
            time.sleep(chance.uniform(0, 0.3))
        else:
            # Just after the work and before the receipt, where a kill does most harm.
            handler.worked.clear()
            handler.worked.wait(300)
        client.kill()
        client.communicate()
    handler.pause = 0.0
    with jett.running_client():
        drain(jett, handler)
    print(f"{len(kept)} requests, {handler.calls} handler calls, {len(handler.effects)} effects")

    assert handler.calls - len(handler.effects) >= kills // 4, (
        "kills did hit between work and receipt: the positive control"
    )
    assert {"lost": [], "doubled": 0, "strange": [], "out of order": []} == judge(kept, handler.effects)


@pytest.mark.campaign
@pytest.mark.req("S2-48", "S2-50", "FP-07")
@pytest.mark.usefixtures("empty")
def test_kills_of_the_server_side_lose_and_double_nothing(jett, handler):
    handler.pause = 0.01
    kills, chance = campaign.size("kills of the queue's server"), campaign.chance("kills of the queue's server")
    with Sender(jett, 0.05) as sender, jett.running_client():
        for number in range(kills):
            before = len(sender.taken)
            until(lambda before=before: len(sender.taken) > before, "requests are taken again after a kill", 300)
            time.sleep(chance.uniform(0, 0.3))
            # What n8n held when it died rests for a minute: once is enough.
            kill_container(jett, "n8n") if number == 5 else kill_database_process(jett)
        taken = sender.stop()
        drain(jett, handler)
    print(
        f"{len(taken)} requests in {sender.tries} tries, {handler.calls} handler calls, {len(handler.effects)} effects"
    )

    assert sender.tries > len(taken), "the kills were felt: the positive control"
    assert {"lost": [], "doubled": 0, "strange": [], "out of order": []} == judge(taken, handler.effects)
