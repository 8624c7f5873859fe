"""`homeport verify`: how certificates, names, ports and containers are looked at, and what it makes of them."""

from __future__ import annotations

import contextlib
import datetime as dt
import errno
import json
import socket
import ssl
import threading
from types import SimpleNamespace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from homeport.cli import daemon, example, host_programs, pulumi_cli, smoke, verify
from homeport.model.container import container_spec
from homeport.model.errors import ToolError
from homeport.plan.verify import NameCheck, PortCheck, Verdict
from homeport.plan.zone import NameRecord
from tests.support.checkout import ROOT
from tests.support.inspected import inspected
from tests.support.scratch import free_port

EXAMPLES = json.loads((ROOT / "tests/cases/examples/supplied.json").read_text())
HOUR = dt.timedelta(hours=1)


def unverified():
    trust = ssl.create_default_context()
    trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
    return trust


def way(trust=None, seconds=20.0):
    return smoke.Way(here="127.0.0.1", trust=trust or unverified(), seconds=seconds)


def signed(folder, *names, begins=-HOUR, ends=11 * HOUR):
    """A file with a key and a certificate for these names, signed by itself."""
    now, key = dt.datetime.now(dt.UTC), ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    builder = x509.CertificateBuilder(
        subject, subject, key.public_key(), x509.random_serial_number(), now + begins, now + ends
    )
    if names:
        listed = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
        builder = builder.add_extension(listed, critical=False)
    certificate = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = folder / "both.pem"
    path.write_bytes(key.private_bytes(*form) + certificate)
    return path


@pytest.fixture
def served():
    """Serves one TLS connection with a certificate; its port."""
    ends = []

    def serve(path):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        listener = socket.create_server(("127.0.0.1", 0))

        def one():
            line, _ = listener.accept()
            with line, contextlib.suppress(OSError):
                context.wrap_socket(line, server_side=True).close()

        thread = threading.Thread(target=one)
        thread.start()
        ends.append((listener, thread))
        return listener.getsockname()[1]

    yield serve
    for listener, thread in ends:
        thread.join()
        listener.close()


def certificate(url, *, private=False, **more):
    (verdict,) = verify._certificate(url, way(**more), private)
    assert "certificate" == verdict.kind and bool(verdict.fix) == (verdict.outcome == "fail")
    return verdict.outcome, verdict.what


@pytest.mark.req("P-24", "FP-20")
@pytest.mark.parametrize(
    ("names", "lasts", "expected"),
    [
        (("app.localhost",), {}, ("ok", "valid for the name, 11 hours left")),
        (("*.localhost",), {"ends": 89.5 * 24 * HOUR}, ("ok", "valid for the name, 89 days left")),
        (("other.localhost", "*.app.localhost"), {}, ("fail", "it is for other.localhost, *.app.localhost")),
        ((), {}, ("fail", "it is for nobody")),
        (("app.localhost",), {"begins": -3 * HOUR, "ends": -HOUR}, ("fail", "it is valid from")),
        (("app.localhost",), {"begins": HOUR}, ("fail", "it is valid from")),
        (("app.localhost",), {"begins": -76 * 24 * HOUR, "ends": 14.5 * 24 * HOUR}, ("fail", "14 days are left, and")),
    ],
)
def test_a_certificate_is_of_its_name_and_renewed_in_time(tmp_path, served, names, lasts, expected):
    port = served(signed(tmp_path, *names, **lasts))
    outcome, what = certificate(f"https://app.localhost:{port}")

    assert expected[0] == outcome and what.startswith(expected[1]), what


@pytest.mark.req("P-24")
def test_a_certificate_that_nobody_believes_fails_and_a_name_for_members_is_not_asked_from_outside(tmp_path, served):
    port = served(signed(tmp_path, "app.localhost"))
    found = certificate(f"https://app.localhost:{port}", trust=ssl.create_default_context(), private=True)
    assert "fail" == found[0] and "no certificate that is believed" in found[1], "who shows one is not silent"
    silent = f"https://app.localhost:{free_port()}"
    assert "fail" == certificate(silent)[0]
    assert ("not asked", "it is for members alone: ask with --inside from one of them") == certificate(
        silent, private=True
    )
    assert ("not asked", "it is reached in plain HTTP") == certificate("http://127.0.0.1:5678")


def port(check, address="127.0.0.1", seconds=20.0):
    (verdict,) = verify._port(address, check, way(seconds=seconds))
    assert "port" == verdict.kind and bool(verdict.fix) == (verdict.outcome == "fail")
    return verdict.outcome, verdict.what


@pytest.mark.req("P-24", "FP-20")
def test_a_declared_port_is_open_and_another_one_is_closed(monkeypatch):
    closed = free_port()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        number = listener.getsockname()[1]
        assert ("ok", "open, SSH") == port(PortCheck(number=number, purpose="SSH", open=True))
        assert ("fail", "open, n8n; described: closed") == port(PortCheck(number=number, purpose="n8n", open=False))
    assert "ok" == port(PortCheck(number=closed, purpose="n8n", open=False))[0]
    assert "fail" == port(PortCheck(number=closed, purpose="SSH", open=True))[0]
    limited = PortCheck(number=closed, purpose="SSH", open=True, sources=("203.0.113.0/24",))
    assert "not asked" == port(limited)[0], "this machine may be none of those that are let in"

    def nowhere(*_):
        raise OSError(errno.ENETUNREACH, "Network is unreachable")

    unknown = port(PortCheck(number=22, purpose="SSH", open=False), address="name.invalid")
    assert "fail" == unknown[0], "a name that leads nowhere is no host whose ports are closed"
    monkeypatch.setattr(smoke, "connected", nowhere)
    for open_ in (True, False):
        found = port(PortCheck(number=22, purpose="SSH", open=open_), address="2001:db8::1")
        assert ("not asked", "this machine has no way there (Network is unreachable)") == found


RECORD = NameRecord(name="n8n", hostname="n8n.example.com", kind="A", host="main")
HOSTS = {"hosts": {"main": {"address": "203.0.113.7"}}}


def name(monkeypatch, answers, *, outputs=HOSTS, **check):
    """The verdict where a resolver knows these names; an error's number stands for its complaint."""

    def resolve(asked):
        answer = answers.get(asked, {asked})
        if isinstance(answer, int):
            raise socket.gaierror(answer, "complaint")
        return answer

    monkeypatch.setattr(verify, "addresses", resolve)
    monkeypatch.setattr(verify, "unanswered", lambda problem: problem.errno == socket.EAI_AGAIN)
    (verdict,) = verify._name(NameCheck(hostname="n8n.example.com", **check), outputs, "prod")
    assert "name" == verdict.kind and bool(verdict.fix) == (verdict.outcome == "fail")
    return verdict.outcome, verdict.what


@pytest.mark.req("P-24")
def test_a_name_leads_to_its_host_alone_or_to_cloudflare(monkeypatch):
    there, elsewhere = {"n8n.example.com": {"203.0.113.7"}}, {"n8n.example.com": {"203.0.113.7", "203.0.113.9"}}
    assert ("ok", "203.0.113.7") == name(monkeypatch, there, record=RECORD)
    described = "203.0.113.7, 203.0.113.9; described: 203.0.113.7"
    assert ("fail", described) == name(monkeypatch, elsewhere, record=RECORD), "half of all visitors come to another"
    assert ("fail", "it does not resolve") == name(monkeypatch, {"n8n.example.com": socket.EAI_NONAME}, record=RECORD)
    assert "not asked" == name(monkeypatch, {"n8n.example.com": socket.EAI_AGAIN}, record=RECORD)[0]
    assert "not asked" == name(monkeypatch, there, record=RECORD, outputs={})[0]
    assert ("not asked", "why") == name(monkeypatch, there, unasked="why")
    alias = {**there, "home.example.org": {"203.0.113.7"}}
    outputs = {"hosts": {"main": {"address": "home.example.org"}}}
    assert "ok" == name(monkeypatch, alias, record=RECORD, outputs=outputs)[0], "a name leads where its target does"
    edge = {"n8n.example.com": {"104.16.0.1", "2606:4700::1"}}
    assert "ok" == name(monkeypatch, edge, proxied=True)[0]
    assert "fail" == name(monkeypatch, there, proxied=True)[0], "past Cloudflare and its Access"


class Docker:
    """A stack on this machine whose containers are as described, but for what a test changes."""

    def __init__(self, monkeypatch, name="ai-orchestrator/dev"):
        shipped = example.example(name)
        self.stack, blueprint = shipped, shipped.plan.blueprint
        self.there = {service.name: inspected(blueprint, service) for service in blueprint.services}
        self.silent, self.others = "", []
        self.made = {
            "services": {
                service.name: {"container": container_spec(blueprint, service).name} for service in blueprint.services
            }
        }
        monkeypatch.setattr(daemon, "inspect", self._inspect)
        monkeypatch.setattr(daemon, "run", self._run)
        monkeypatch.setattr(pulumi_cli, "prepared", lambda _: self)
        monkeypatch.setattr(verify, "_own_address", lambda: "")
        monkeypatch.setattr(smoke, "connected", self._refused)

    def outputs(self):
        return self.made

    def daemons_by_host(self):
        return {name: {"DOCKER_HOST": name} for name in self.stack.plan.hosts}

    def _on(self, where):
        homes = self.stack.plan.blueprint.homes
        return [item for name, item in self.there.items() if homes[name] == where["DOCKER_HOST"]]

    def _refused(self, *_):
        raise ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")

    def _inspect(self, kind, names, where):
        assert "container" == kind
        if self.silent:
            raise ToolError(f"Docker does not answer: {self.silent}\n  fix: docker version")
        return [item for item in self._on(where) if item["Name"].removeprefix("/") in names]

    def _run(self, *argv, where):
        assert argv[0] == "ps", "nothing is asked that changes anything"
        return SimpleNamespace(stdout="\n".join([*(item["Name"][1:] for item in self._on(where)), *self.others]))

    def verdicts(self, *kinds):
        found = verify.verdicts_of(self, self.made, way(), inside=True)
        return [each for each in found if each.outcome != "ok" and (not kinds or each.kind in kinds)]


CONTAINERS = ("health", "user", "root", "capabilities", "privileges", "limits", "published", "networks", "mounts")


@pytest.mark.req("P-24")
def test_each_container_is_looked_at_where_the_stack_has_it_and_what_nobody_declares_is_named(monkeypatch):
    docker = Docker(monkeypatch)
    assert [] == docker.verdicts(*CONTAINERS)
    docker.others = ["left-behind"]
    (stranger,) = docker.verdicts(*CONTAINERS)
    assert ("health", "left-behind", "it runs, and nothing declares it") == (
        stranger.kind,
        stranger.where,
        stranger.what,
    )
    docker.others = []
    docker.there["ai-redis"]["State"]["Health"]["Status"] = "unhealthy"
    docker.there["ai-redis"]["HostConfig"]["Privileged"] = True
    ill, privileged = docker.verdicts(*CONTAINERS)
    assert ("fail", "running, unhealthy") == (ill.outcome, ill.what) and "docker logs --tail 50 ai-redis" in ill.fix
    assert ("capabilities", "ai-redis", "fail") == (privileged.kind, privileged.where, privileged.outcome)
    del docker.there["ai-redis"]
    gone, *unasked = docker.verdicts(*CONTAINERS)
    assert ("fail", "gone, -") == (gone.outcome, gone.what)
    assert {"not asked"} == {each.outcome for each in unasked} and 8 == len(unasked), "and nothing of it passes"


@pytest.mark.req("P-24")
@pytest.mark.parametrize("name", EXAMPLES)
def test_every_preset_is_looked_at_in_every_environment_on_each_of_its_hosts(name, monkeypatch):
    docker = Docker(monkeypatch, name)
    plan = docker.stack.plan
    addresses = {host: f"203.0.113.{number}" for number, host in enumerate(plan.hosts, 10)}
    docker.made["hosts"] = {host: {"address": address} for host, address in addresses.items()}
    monkeypatch.setattr(verify, "addresses", lambda _: {"203.0.113.10"})
    found = verify.verdicts_of(docker, docker.made, way(), inside=False)

    assert [] == [each for each in found if each.kind in CONTAINERS and each.outcome != "ok"]
    assert {service.name for service in plan.blueprint.services} == {
        each.where for each in found if each.kind == "user"
    }
    asked = {each.where.rpartition(":")[0] for each in found if each.kind == "port"}
    assert asked == ({"127.0.0.1"} if plan.local else {*addresses.values()})
    assert {plan.blueprint.host(route) for route in plan.blueprint.routes} == {
        each.where for each in found if each.kind == "name"
    }
    assert all(each.fix for each in found if each.outcome == "fail"), "each with what helps"


@pytest.mark.req("P-24")
def test_a_docker_that_does_not_answer_fails_once_and_its_containers_are_not_said_to_be_right(monkeypatch):
    docker = Docker(monkeypatch)
    docker.silent = "permission denied"
    first, *others = docker.verdicts(*CONTAINERS)

    assert ("host main", "fail", "Docker does not answer: permission denied") == (
        first.where,
        first.outcome,
        first.what,
    )
    assert 8 * 5 == len(others) and {"not asked"} == {each.outcome for each in others}
    monkeypatch.setattr(docker, "daemons_by_host", dict)
    assert "no update has come as far as its Docker" == docker.verdicts(*CONTAINERS)[0].what


@pytest.mark.req("P-24", "FP-20")
def test_each_host_is_asked_at_its_addresses_and_one_behind_a_proxy_command_is_not(monkeypatch):
    plan = example.example("ai-orchestrator/prod").plan
    outputs = {"hosts": {"main": {"address": "203.0.113.7", "address6": "2001:db8::1"}}}
    asked = []
    monkeypatch.setattr(verify, "_port", lambda address, check, _: [asked.append((address, check.number, check.open))])
    for task in verify._ports(plan, outputs, way(), {"main": frozenset({5432})}):
        list(task())

    assert [22, 80, 443] == [number for address, number, open_ in asked if open_ and address == "203.0.113.7"]
    assert [22] == [number for address, number, open_ in asked if open_ and address == "2001:db8::1"]
    assert ("203.0.113.7", 5432, False) in asked and ("203.0.113.7", 2375, False) in asked
    (host,) = plan.hosts.values()
    through = SimpleNamespace(hosts={"main": SimpleNamespace(machine=host.machine, ssh_through="nc %h %p")})
    found = [next(iter(task())) for task in verify._ports(through, outputs, way(), {})]
    assert ["not asked", "not asked"] == [verdict.outcome for verdict in found]


@pytest.mark.req("P-24")
def test_programs_of_hosts_are_as_well_as_status_says(monkeypatch):
    docker = Docker(monkeypatch)
    docker.made["programs"] = {"host-backup": {}}
    unit = {"host": "main", "program": "host-backup", "state": "failed", "since": "", "age": "", "version": ""}
    units = [host_programs.Unit(unit="a.timer", words=words, **unit) for words in ("", "a.timer is failed")]
    work = {"host": "main", "program": "host-backup", "work": "all", "last_good": "", "age": "3 h ago"}
    works = [host_programs.Work(last_run=last, **work) for last in ("ok", "error")]
    monkeypatch.setattr(host_programs, "ask", lambda *_: (units, works))

    assert [
        ("a.timer on main", "a.timer is failed"),
        ("host-backup all on main", "last run: error; went well 3 h ago"),
    ] == [(verdict.where, verdict.what) for verdict in docker.verdicts("health")]


@pytest.mark.req("P-24", "FP-20")
def test_the_exit_code_the_report_and_the_table_say_whether_all_is_as_described(tmp_path, capsys, monkeypatch):
    docker = Docker(monkeypatch)
    good = Verdict(kind="networks", where="n8n", outcome="ok", what="ai-edge")
    bad = Verdict(kind="user", where="n8n", outcome="fail", what="root; described: 1000:1000", fix="bin/homeport up")
    unasked = Verdict(kind="name", where="n8n.localhost", outcome="not asked", what="why")
    found = [good, bad, unasked]
    monkeypatch.setattr(verify, "verdicts_of", lambda *_, **__: tuple(found))
    options = {"inside": False, "authority": None, "report": tmp_path / "report.json"}

    assert 1 == verify.verify(docker.stack, json=False, **options)
    shown = capsys.readouterr()
    assert "FAIL  user" in shown.out and "1 of 3 checks failed" in shown.err
    assert "  n8n: user: root; described: 1000:1000\n    fix: bin/homeport up" in shown.err, (
        "where, what, and what helps"
    )
    assert any(line.split() == ["S2-14", "FAIL", "0", "1", "0"] for line in shown.out.splitlines()), shown.out
    document = json.loads((tmp_path / "report.json").read_text())
    assert [False, 3, "fail", "ok", "not asked"] == [
        document["ok"],
        len(document["checks"]),
        *(document["requirements"][row] for row in ("S2-14", "AT-08", "S2-38")),
    ]
    with pytest.raises(ToolError, match=r"gone/report\.json: cannot be written"):
        verify.verify(docker.stack, json=False, **options | {"report": tmp_path / "gone" / "report.json"})
    assert "1 of 3 checks failed" in capsys.readouterr().err, "what was looked at is said all the same"
    found.remove(bad)
    assert 0 == verify.verify(docker.stack, json=True, **options), "what was not asked fails nothing"
    assert "inside" == json.loads(capsys.readouterr().out)["from"], "a stack on this machine has no outside"
    docker.made = {}
    with pytest.raises(ToolError, match=r"is not up.*\n  fix: bin/homeport up --stack dev"):
        verify.verify(docker.stack, json=False, **options)


@pytest.mark.req("P-24")
def test_who_is_to_ask_for_a_login_sends_to_cloudflares_and_to_no_other(monkeypatch):
    docker = Docker(monkeypatch, "jett/prod")
    docker.made["hosts"] = {}
    monkeypatch.setattr(smoke, "_http", lambda url, _: smoke._Answer(status=302, location=f"{url}signin"))
    found = docker.verdicts("access")

    assert found and all("it leads to https://" in verdict.what for verdict in found), "a login of the service's own"
    login = "https://team.cloudflareaccess.com/cdn-cgi/access/login/n8n.example.com?meta=secret"
    monkeypatch.setattr(smoke, "_http", lambda *_: smoke._Answer(status=302, location=login))
    assert [] == docker.verdicts("access")
    assert "access" in {verdict.kind for verdict in verify.verdicts_of(docker, docker.made, way(), inside=False)}
