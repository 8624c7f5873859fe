"""Many requests at once, and an emulator that is killed between two of them."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

from tests.unit.clouds_hetzner.emulated import TOKEN, Emulated


def test_of_many_requests_for_one_name_exactly_one_is_granted(cloud):
    with ThreadPoolExecutor(8) as pool:
        same = list(pool.map(lambda _: cloud.ask("POST", "/firewalls", {"name": "f"})[0], range(16)))
        others = list(
            pool.map(lambda n: cloud.make("/networks", {"name": f"n{n}", "ip_range": "10.0.0.0/16"}), range(16))
        )
    assert [201, *[409] * 15] == sorted(same)
    assert 16 == len({other["network"]["id"] for other in others})


def _ask(port, name):
    door = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        body = json.dumps({"name": name})
        door.request("POST", "/v1/firewalls", body, {"Authorization": f"Bearer {TOKEN}"})
        return door.getresponse().status
    finally:
        door.close()


def test_what_was_acknowledged_before_a_kill_is_there_after_it(tmp_path):
    path = tmp_path / "cloud.json"
    for life in range(3):
        command = [sys.executable, "-m", "rehearsal.clouds.hetzner", "--state", str(path)]
        running = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        port = int(running.stdout.readline().strip().removesuffix("/v1").rsplit(":", 1)[1])
        granted = []
        killer = threading.Timer(0.15 + life * 0.07, running.kill)
        killer.start()
        try:
            while True:
                name = f"f{life * 10_000 + len(granted)}"
                granted += [name] if _ask(port, name) == 201 else []
        except (OSError, http.client.HTTPException):
            killer.join()
        running.wait(120)
        running.stdout.close()
        again = Emulated(path)
        kept = {row["name"] for row in again.service.project.table("firewalls").values()}
        again.listener.stop()
        assert granted, "it worked before it was killed"
        assert set(granted) <= kept, "an answer is given only when the state is on disk"
        path.unlink()
