"""`homeport smoke`: how addresses are asked, and what it makes of their answers."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest

from homeport.cli import membership, smoke
from homeport.model.errors import ToolError
from homeport.model.mesh import Member, Mesh
from homeport.model.vpn import Peer, Vpn
from homeport.plan.smoke import Check
from tests.support.dialled import dialled
from tests.support.scratch import free_port


class Page(BaseHTTPRequestHandler):
    def do_GET(self):
        status = int(self.path.rpartition("/")[2] or 200)
        self.send_response(status)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"fine\n")

    def log_message(self, *_):
        pass


@pytest.fixture
def address():
    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def way(seconds=180.0, here=""):
    return smoke.Way(seconds=seconds, here=here, trust=ssl.create_default_context())


def asked(url, statuses=(200,), *, silence=False, contains="", **more):
    check = Check(name="x", url=url, expected="x", statuses=statuses, silence=silence, contains=contains)
    return smoke.ask(check, way(**more))


@pytest.mark.req("FP-20", "S5-90")
def test_an_answer_counts_by_its_status_and_its_text_and_silence_only_where_it_is_right(address):
    assert asked(f"http://{address}/").ok
    assert asked(f"http://{address}/", contains="fine").ok
    assert not asked(f"http://{address}/", contains="else").ok
    assert not asked(f"http://{address}/500").ok and "500" == asked(f"http://{address}/500").answer
    assert asked(f"http://{address}/403", (403,), silence=True).ok
    assert not asked(f"http://{address}/200", (403,), silence=True).ok, "who is let in is not silent"
    closed = f"http://127.0.0.1:{free_port()}/"
    assert asked(closed, (403,), silence=True).ok and not asked(closed).ok
    assert not asked("https://name.invalid/").ok and asked("https://name.invalid/", (), silence=True).ok


@pytest.mark.req("FP-20")
def test_a_port_that_listens_is_a_connection_and_one_that_speaks_no_http_is_no_answer(address):
    assert "a connection" == asked(f"tcp://{address}").answer and asked(f"tcp://{address}").ok
    assert not asked(f"tcp://{address}", (), silence=True).ok, "open where it has to be silent"
    assert asked("http://app.localhost:" + address.rpartition(":")[2], here="127.0.0.1").ok, "as no DNS says"
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        assert not asked(url, seconds=0.2).ok, "a time-out ends it"
    assert not asked(f"https://{address}/", (), seconds=5.0).ok, "and what speaks no TLS is no page"


def test_a_connection_made_elsewhere_is_like_one_made_here_and_a_place_that_is_not_there_is_no_silence(
    address, monkeypatch
):
    monkeypatch.setattr(smoke, "connected", dialled([], {"app.example.com": "127.0.0.1"}))
    port = address.rpartition(":")[2]

    assert asked(f"http://app.example.com:{port}/", contains="fine").ok, "by what the name leads to there"
    assert "503" == asked(f"http://app.example.com:{port}/503").answer
    silent = asked(f"http://127.0.0.1:{free_port()}/", (403,), silence=True)
    assert silent.ok and "refused" in silent.answer
    monkeypatch.setattr(smoke, "connected", dialled(["false"]))
    with pytest.raises(RuntimeError, match="is not there"):
        asked(f"http://{address}/", (403,), silence=True)


@pytest.mark.req("FP-20", "S5-89")
def test_the_exit_code_and_the_report_say_whether_all_is_well(address, tmp_path, capsys, monkeypatch):
    rows = (
        Check(name="good", url=f"http://{address}/", expected="200", statuses=(200,)),
        Check(name="bad", url=f"http://{address}/503", expected="200", statuses=(200,)),
    )
    plan = SimpleNamespace(blueprint=None, settings=SimpleNamespace(smoke={}), local=False)
    stack = SimpleNamespace(name="prod", plan=plan)
    options = {"inside": False, "authority": None, "report": tmp_path / "report.json"}
    monkeypatch.setattr(smoke, "checks", lambda *_, **__: rows)

    assert 1 == smoke.smoke(stack, json=False, **options)
    shown = capsys.readouterr()
    assert "FAIL" in shown.out and "1 of 2 addresses" in shown.err + shown.out
    document = json.loads((tmp_path / "report.json").read_text())
    assert ["prod", "outside", False, 2] == [*list(document.values())[:3], len(document["checks"])]
    with pytest.raises(ToolError, match=r"gone/report\.json: cannot be written \(No such file or directory\)\n  fix: "):
        smoke.smoke(stack, json=False, **options | {"report": tmp_path / "gone" / "report.json"})
    shown = capsys.readouterr()
    assert "FAIL" in shown.out and "1 of 2 addresses" in shown.err, "what was asked is shown all the same"
    monkeypatch.setattr(smoke, "checks", lambda *_, **__: rows[:1])
    assert 0 == smoke.smoke(stack, json=True, **options)
    assert json.loads(capsys.readouterr().out)["ok"]
    monkeypatch.setattr(smoke, "checks", lambda *_, **__: ())
    with pytest.raises(ToolError, match="no address to ask"):
        smoke.smoke(stack, json=False, **options)
    with pytest.raises(ToolError, match="holds no certificate"):
        monkeypatch.setattr(smoke, "checks", lambda *_, **__: rows)
        smoke.smoke(stack, json=False, **options | {"authority": tmp_path / "none"})


def known(monkeypatch, **names):
    """What the resolver of this machine knows: addresses by name."""

    def addresses(name):
        if name not in names:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return {names[name]}

    monkeypatch.setattr(membership, "addresses", addresses)


VPN = Vpn(subnet="127.0.0.0/24", slot=9, peers=(Peer(name="laptop", slot=1),))
MESH = Mesh(
    server="headscale.example.com",
    base_domain="mesh.example.com",
    members=(Member(name="away", tags=()), Member(name="ai", tags=("ai",))),
)


@pytest.mark.parametrize(
    ("vpn", "mesh", "names", "shown"),
    [
        (None, None, {}, ""),
        (VPN, None, {}, "it is 127.0.0.1 in the VPN"),
        # As a network at home that has the same subnet.
        (Vpn(subnet="127.0.0.0/24", slot=9, peers=(Peer(name="laptop", slot=2),)), None, {}, ""),
        (None, MESH, {"ai.mesh.example.com": "100.64.0.3"}, "the mesh's own DNS tells it where ai.mesh.example.com is"),
        (None, MESH, {"ai.mesh.example.com": "203.0.113.7"}, ""),
        (None, MESH, {}, ""),
    ],
)
def test_whether_this_machine_is_a_member_it_sees_by_itself(monkeypatch, vpn, mesh, names, shown):
    known(monkeypatch, **names)

    assert shown == membership.membership(SimpleNamespace(vpn=vpn, mesh=mesh))


@pytest.mark.req("S5-90")
def test_a_member_is_told_of_a_page_behind_the_proxy_that_does_not_work_and_a_stranger_that_nobody_looked(
    address, capsys, monkeypatch
):
    def checks(*_, inside):
        row = {"statuses": (200,)} if inside else {"statuses": (403,), "silence": True}
        return (Check(name="page", url=f"http://{address}/{502 if inside else 403}", expected="x", **row),)

    monkeypatch.setattr(smoke, "checks", checks)
    plan = SimpleNamespace(blueprint=None, settings=SimpleNamespace(smoke={}), local=False)
    options = {"authority": None, "report": None, "json": False}

    def smoked(inside, peer=1):
        vpn = Vpn(subnet="127.0.0.0/24", slot=9, peers=(Peer(name="laptop", slot=peer),))
        plan.blueprint = SimpleNamespace(vpn=vpn, mesh=None, edge=None)
        code = smoke.smoke(SimpleNamespace(name="prod", plan=plan), inside=inside, **options)
        return code, capsys.readouterr().err

    code, said = smoked(None)
    assert 1 == code and "asked as a member: it is 127.0.0.1 in the VPN" in said, "as make deploy-prod asks"
    code, said = smoked(None, peer=2)
    assert 0 == code and "asked as a stranger" in said and "--inside" in said
    assert [0, 1] == [smoked(inside)[0] for inside in (False, True)], "whoever says which it is, is believed"
