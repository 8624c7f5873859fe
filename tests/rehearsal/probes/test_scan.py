"""The scanner against a host whose doors are known: open, closed, refused and silent ones, in both families."""

import time

import pytest

from rehearsal.probes.box import Box, docker, run, start
from rehearsal.probes.errors import ProbeError
from rehearsal.probes.scan import Scan, scan, scan_from

pytestmark = pytest.mark.docker

LISTENING = [1, 22, 80, 1023, 5432, 32768, 49152, 65535]
FLAGS = ("--cap-add", "NET_BIND_SERVICE", "--sysctl", "net.ipv6.conf.all.disable_ipv6=0")


@pytest.fixture(scope="module")
def host(network, image):
    with Box(network, image, FLAGS) as box:
        beacon = start(box.prefix, "beacon", {"ports": LISTENING})
        beacon.wait_for(0)
        yield box
        beacon.stop()


@pytest.fixture
def firewall(host):
    """Sets rules of INPUT for both families; they are gone afterwards."""

    def both(*rules):
        lines = [f"{table} -A INPUT {rule}" for rule in rules for table in ("iptables", "ip6tables")]
        docker("exec", host.name, "sh", "-ec", "\n".join(lines))

    yield both
    docker("exec", host.name, "sh", "-c", "iptables -F INPUT; ip6tables -F INPUT")


def test_a_full_scan_finds_every_listening_port_and_no_other_in_both_families(network, host, image):
    for found in scan_from(network, [Scan(address=host.address()), Scan(address=host.address(6))], image):
        assert LISTENING == found["open"], f"these ports listen on {found['address']}"
        assert 65535 - len(LISTENING) == found["counts"]["closed"], "a host without a firewall refuses all others"
        assert found["control"]["sound"], "the control beside it was seen as it is"


def test_a_firewall_that_drops_hides_all_but_its_openings_within_seconds(network, host, image, firewall):
    firewall("-p tcp --dport 22 -j ACCEPT", "-p tcp --dport 5432 -j REJECT", "-p tcp -j DROP")
    found = scan_from(network, [Scan(address=host.address()), Scan(address=host.address(6))], image)
    for one in found:
        assert [22] == one["open"], "one opening"
        assert [[5432, 5432]] == one["rejected"], "a refusal by ICMP is none of the host's closed ports"
        assert (0, 65533) == (one["counts"]["closed"], one["counts"]["filtered"]), "everything else is silent"
        assert one["seconds"] < 180, "three passes over 65,535 silent ports"


def test_a_scan_that_sees_too_little_is_an_error_and_no_finding(network, host, image, firewall):
    firewall("-p tcp --dport 22 -m statistic --mode random --probability 0.5 -j DROP")
    with Box(network, image) as box, pytest.raises(ProbeError, match="answers are missing"):
        scan(box.prefix, Scan(address=host.address()), {"address": host.address(), "open": [22], "closed": []})


def test_a_control_that_is_not_as_it_is_said_to_be_is_an_error(network, host, image):
    control = {"address": host.address(), "open": [22, 23], "closed": [24]}
    with Box(network, image) as box, pytest.raises(ProbeError, match=r"wrong at {'23': 'closed'}"):
        scan(box.prefix, Scan(address=host.address(), ports=((1, 100),)), control)


def test_the_watcher_sees_a_door_that_opens_for_a_moment(network, host, image, firewall):
    firewall("-p tcp -j DROP")
    with Box(network, image) as box:
        watch = start(box.prefix, "watch", {"address": host.address(), "ports": [22, 80, 81], "rate": 20})
        watch.wait_for(0)
        time.sleep(1)
        docker(
            "exec",
            host.name,
            "sh",
            "-ec",
            "iptables -I INPUT -p tcp --dport 80 -j ACCEPT; sleep 1; iptables -D INPUT 1",
        )
        time.sleep(1)
        seen = watch.stop()[-1]
    assert ([80], [80]) == (seen["accepted"], seen["answered"]), "the one that was open for a second"
    assert ["silent", "open", "silent"] == [state for _, state in seen["ports"]["80"]["changes"]], "when it changed"
    assert [22, 81] == [
        int(port) for port, one in seen["ports"].items() if "open" not in one and "closed" not in one
    ], "nobody else"
    assert seen["ports"]["22"]["sent"] >= 20 * seen["seconds"] - 2, "20 SYNs a second"


def test_udp_tells_silence_from_nobody_there(network, host, image, firewall):
    firewall("-p udp --dport 51820 -j DROP")
    echo = start(host.prefix, "echo", {"port": 7000})
    echo.wait_for(0)
    with Box(network, image) as box:
        asked = {"address": host.address(), "ports": [7000, 51820, 51821], "tries": 2, "patience": 5}
        found = run(box.prefix, "udp", asked)[0]
    echo.stop()
    assert (["7000"], [[51821, 51821]], [[51820, 51820]]) == (
        list(found["answered"]),
        found["closed"],
        found["silent"],
    ), "an answer, a port that nobody has, and one that the firewall drops"


def test_a_box_leaves_nothing_behind(network, image):
    with Box(network, image) as box:
        assert box.name in docker("ps", "--format", "{{.Names}}"), "it runs"
    assert box.name not in docker("ps", "--all", "--format", "{{.Names}}"), "it is gone"


def test_a_program_that_fails_inside_is_told_in_one_line(network, image):
    with Box(network, image) as box, pytest.raises(ProbeError, match="udp: ended with 1: KeyError: 'address'"):
        run(box.prefix, "udp", {})
