"""Metrics, logs, dashboards and alerts: what their literals and files say, before any of them runs."""

import importlib
import json
import os
import re
import subprocess
import time
from dataclasses import replace

import pytest
import yaml

from catalog.alloy.service import OPTIONS as ALLOY_OPTIONS
from catalog.alloy.service import SERVICE as ALLOY
from catalog.cadvisor.service import SERVICE as CADVISOR
from catalog.grafana.service import SERVICE as GRAFANA
from catalog.loki.service import SERVICE as LOKI
from catalog.node_exporter.program import NODE_EXPORTER
from catalog.uptime_kuma.service import SERVICE as KUMA
from catalog.victoriametrics.service import SERVICE as STORE
from catalog.zerobyte.service import SERVICE as ZEROBYTE
from homeport.model import template
from homeport.model.container import container_spec
from homeport.render import host_programs
from tests.support.alerts import files, rules, system
from tests.support.checkout import ROOT

EVERY = (STORE, CADVISOR, LOKI, ALLOY, GRAFANA, ZEROBYTE)
WATCHED = (*EVERY, KUMA)


def contacts(**values):
    file = next(file for file in GRAFANA.secret_files if file.target.endswith("contacts.yaml"))
    return yaml.safe_load(template.fill(file.template, dict.fromkeys(file.secrets, "x") | values, file.syntax))


@pytest.mark.req("S5-52")
@pytest.mark.parametrize("folder", [path.parent.name for path in sorted((ROOT / "catalog").glob("*/service.py"))])
def test_no_container_of_the_catalog_fills_the_disk_with_what_it_says(folder):
    service = importlib.import_module(f"catalog.{folder}.service").SERVICE
    spec = container_spec(system(), replace(service, env={}, connector=False))

    assert ("json-file", {"max-size": "10m", "max-file": "3"}) == (spec.log_driver, dict(spec.log_options)), (
        "no service has a say in it"
    )


@pytest.mark.parametrize("service", WATCHED, ids=lambda service: service.name)
def test_each_is_asked_for_its_health_every_ten_to_thirty_seconds(service):
    assert service.health and 10 <= service.health.interval <= 30, "often enough for its alert, not more"


@pytest.mark.parametrize("service", EVERY, ids=lambda service: service.name)
def test_none_publishes_a_port_or_has_a_secret_in_its_environment(service):
    assert () == service.ports, "they are reached on their networks, and by the proxy"
    named = [name for name in service.env if re.search("TOKEN|PASSWORD|SECRET", name) and not name.endswith("_FILE")]
    assert [] == named, "docker inspect shows the environment to whoever may ask Docker"
    assert all(bind.read_only and bind.reason for bind in service.binds.values()), (
        "what they see of the host they leave"
    )


@pytest.mark.req("S5-47")
def test_how_long_metrics_and_logs_are_kept_is_an_option():
    assert "{metrics-retention}" == STORE.env["VM_retentionPeriod"], "read by -envflag.enable"
    assert {"-envflag.enable", "-envflag.prefix=VM_"} <= {*STORE.command}, "and by no other name"
    config = yaml.safe_load((ROOT / "catalog/loki/files/config.yaml").read_text())
    assert ("grafana/loki:3.6.5", ("monitoring",)) == (LOKI.image, LOKI.networks), "as described"
    assert "{logs-retention}" == LOKI.env["LOKI_RETENTION"] and "-config.expand-env=true" in LOKI.command
    assert "${LOKI_RETENTION}" == config["limits_config"]["retention_period"], "what is older goes"
    assert config["compactor"]["retention_enabled"], "without it Loki keeps everything, whatever the limit says"


def test_grafana_asks_both_stores_by_their_names_and_each_question_is_for_one_of_them():
    sources = yaml.safe_load(files(system())["provisioning/datasources/homeport.yaml"])["datasources"]
    shown = [json.loads(text) for path, text in files(system()).items() if path.startswith("dashboards/")]

    urls = {source["uid"]: source["url"] for source in sources}
    assert {"metrics": f"http://{STORE.name}:8428", "logs": f"http://{LOKI.name}:3100"} == urls, "by container and port"
    assert {"frontend", "monitoring"} == {*GRAFANA.networks} and {*STORE.networks, *LOKI.networks} == {"monitoring"}
    asked = {panel["datasource"]["uid"] for board in shown for panel in board["panels"]}
    asked |= {rule["data"][0]["datasourceUid"] for rule in grafana_rules()}
    assert asked == {*urls}, "nothing asks a source that is not there"
    assert 3 == len({board["uid"] for board in shown}), "containers, hosts, logs"


def grafana_rules():
    texts = [yaml.safe_load(text) for path, text in files(system(KUMA)).items() if "/alerting/" in path]
    return [rule for text in texts for group in text.get("groups", ()) for rule in group["rules"]]


@pytest.mark.req("S5-54")
def test_a_new_service_has_its_alerts_at_once_on_whichever_host_and_one_that_runs_at_times_has_none():
    new, nightly, far = (replace(KUMA, name=name) for name in ("new-one", "nightly", "far"))
    nightly = replace(nightly, schedule="0 3 * * *")
    homes = dict.fromkeys((service.name for service in system(new, nightly).services), "ai") | {"far": "hub"}
    watched = {
        rule.labels["service"] for rule in rules(system(new, nightly, far, homes=homes)) if "service" in rule.labels
    }

    assert {service.name for service in system(new, far).services} == watched, "no list is kept beside the services"
    of_new = [rule.title for rule in rules(system(new)) if rule.labels.get("service") == "new-one"]
    assert ["new-one is not running", "new-one is unhealthy", "new-one starts again and again"] == sorted(of_new)


@pytest.mark.req("S5-54")
def test_thresholds_are_those_of_the_description():
    held = {rule.title: (rule.expr, rule.hold) for rule in rules(system())}
    expr, hold = held["A host's processors are busy"]

    assert expr.endswith("> 90") and hold == 300, "90 % for five minutes"
    assert held["A disk fills up"][0].endswith("> 80 <= 90") and held["A disk is almost full"][0].endswith("> 90")


def test_rules_are_such_as_grafana_takes_whatever_a_service_is_called():
    names = (replace(KUMA, name="a" * 63), replace(KUMA, name="realtime-dev.supabase-realtime"))
    identities = [rule.uid for rule in rules(system(*names))]

    assert [] == [uid for uid in identities if not re.fullmatch(r"[a-zA-Z0-9_-]{1,40}", uid)], "else it does not start"
    assert len(identities) == len({*identities}), "each is one of its own"


def test_alerts_ask_for_what_alloy_collects():
    config = (ROOT / "catalog/alloy/files/config.alloy").read_text()
    assert "grafana/alloy:v1.13.0" == ALLOY.image and "/etc/homeport/config.alloy" in ALLOY.command
    collected = {*re.findall(r'job_name\s*=\s*"([a-z]+)"', config)}
    asked = {job for rule in rules(system()) for job in re.findall(r'job="([a-z]+)"', rule.expr)}

    assert asked <= collected, "a job that nobody scrapes is away for ever"
    hosts = {*re.findall(r'"__address__" = "([a-z]+):', config)} | {*re.findall(r"http://([a-z]+):", config)}
    assert hosts == {service.name for service in system().services} - {ALLOY.name}, "by the containers' names"
    assert config.count("{") == config.count("}"), "nothing is left open"


def test_alerts_go_to_the_bot_for_monitoring_and_what_concerns_agents_to_theirs_too():
    made = contacts(
        **{
            "telegram-monitoring-token": "1:aa",
            "telegram-monitoring-chat": "-1001",
            "telegram-openclaw-token": "2:bb",
            "telegram-openclaw-chat": "-1002",
        }
    )
    bots = {point["name"]: point["receivers"][0]["settings"] for point in made["contactPoints"]}
    policy = yaml.safe_load(files(system())["provisioning/alerting/policies.yaml"])["policies"][0]

    assert ("1:aa", "-1001") == (bots["monitoring"]["bottoken"], bots["monitoring"]["chatid"]), "as texts"
    assert ("2:bb", "-1002") == (bots["agents"]["bottoken"], bots["agents"]["chatid"]), "another bot, another chat"
    assert "monitoring" == policy["receiver"], "whatever nobody thought of is told too"
    assert {route["receiver"] for route in policy["routes"]} == {*bots}, "each bot has its alerts"
    agents = next(route for route in policy["routes"] if route["receiver"] == "agents")
    assert agents["continue"], "and who watches the system learns of it all the same"


@pytest.mark.req("S5-94")
def test_alerts_leave_by_a_network_with_a_way_out_and_wait_for_nothing_that_they_watch():
    assert "frontend" == GRAFANA.networks[0] and () == GRAFANA.needs, "it starts, and sends, whoever is away"


def test_the_heartbeat_goes_by_another_way_than_the_alerts_and_its_end_is_no_message():
    made = contacts(**{"grafana-heartbeat-url": "http://kuma.example.com:3001/api/push/abc?status=up"})
    point = next(point for point in made["contactPoints"] if point["name"] == "heartbeat")["receivers"][0]
    policy = yaml.safe_load(files(system())["provisioning/alerting/policies.yaml"])["policies"][0]
    route = next(route for route in policy["routes"] if route["receiver"] == "heartbeat")

    assert ("webhook", True) == (point["type"], point["disableResolveMessage"]), "its silence is the message"
    assert "http://kuma.example.com:3001/api/push/abc?status=up" == point["settings"]["url"], "a push monitor's address"
    assert ("1m", "1m") == (route["repeat_interval"], route["group_interval"]), "every minute"


def test_a_store_that_does_not_answer_is_told_by_every_alert_and_ends_the_heartbeat():
    states = {rule["title"]: (rule["execErrState"], rule["noDataState"]) for rule in grafana_rules()}

    assert ("OK", "OK") == states.pop("All is well here"), "firing on, it would say that all is well"
    assert {("Error", "OK")} == {*states.values()}, "nothing found is no fault, nobody asked is one"


def test_a_host_that_a_stack_does_not_have_is_not_asked():
    config = (ROOT / "catalog/alloy/files/config.alloy").read_text()
    nodes = config.split('discovery.relabel "nodes"')[1].split("\n}\n")[0]

    assert re.search(r'regex\s+= "127\[\.\]\.\*"\s+action\s+= "drop"', nodes), "without a mesh, and for no such role"
    assert "targets         = discovery.relabel.nodes.output" in config, "else its alert would never end"


@pytest.mark.parametrize("value", ["[]", '[{"__address__": "100.64.0.3:9100", "instance": "workstation"}]'])
def test_hosts_are_named_as_alloy_reads_them(value):
    assert re.fullmatch(ALLOY_OPTIONS["node-targets"].pattern, value) and isinstance(json.loads(value), list)


@pytest.mark.parametrize("value", ["", "[", '["100.64.0.3:9100"]', '[{"__address__": "x:1"}]', '[{"a": 1}] '])
def test_other_words_for_hosts_are_refused(value):
    assert not re.fullmatch(ALLOY_OPTIONS["node-targets"].pattern, value), "Alloy would not start"


def test_node_exporter_listens_in_the_mesh_alone_and_has_no_rights():
    texts = {"node-address": "100.64.0.3", "subnet:egress": "172.20.4.0/24"}
    unit = host_programs.files(NODE_EXPORTER, texts, ROOT)[-1]
    text = template.fill(unit.content, texts, template.UNIT)

    assert ["100.64.0.3:9100"] == re.findall(r"--web\.listen-address=(\S+)", text), "not on every address, as packaged"
    assert "mask --now prometheus-node-exporter.service" in NODE_EXPORTER.setup, "the package's own unit does"
    allowed = "IPAddressDeny=any\nIPAddressAllow=localhost 100.64.0.0/10 172.20.4.0/24\n"
    assert allowed in text, "and hears nobody else but the network that Alloy comes by, on its own host"
    assert "User=prometheus\n" in text and "CapabilityBoundingSet=\n" in text and "NoNewPrivileges=yes\n" in text


INSPECTED = (
    "/headscale headscale healthy 2026-11-30T10:00:00.123456789Z",
    "/hub-caddy hub-caddy unhealthy 2026-11-30T10:00:01Z",
    "/hub-caddy-next hub-caddy starting 2026-11-30T10:00:02Z",
    "/watch uptime-kuma none 2026-11-30T10:00:03Z",
)


def states(tmp_path, docker):
    """What the script has written when it would wait for the first time, with a command for Docker's."""
    (script,) = (file.text for file in NODE_EXPORTER.files if file.target.endswith("/container-states"))
    commands, written = tmp_path / "bin", tmp_path / "states"
    for folder in (commands, written):
        folder.mkdir()
    for name, text in (("docker", docker), ("sleep", "kill $PPID")):
        (commands / name).write_text(f"#!/bin/sh\n{text}\n")
        (commands / name).chmod(0o755)
    environ = {"PATH": f"{commands}:{os.environ['PATH']}", "TZ": "UTC"}
    subprocess.run(["sh", "-c", script, "script", str(written)], env=environ, check=False, timeout=60)
    assert ["containers.prom"] == [path.name for path in written.iterdir()], "nobody reads half of it"
    return (written / "containers.prom").read_text()


def test_containers_of_every_host_are_told_of_in_the_words_that_the_alerts_ask_for(tmp_path):
    lines = "".join(f"{line}\\n" for line in INSPECTED)
    asks = "case $* in 'ps --quiet --filter label=homeport.service') echo a b c d ;; "
    text = states(tmp_path, f"{asks}'inspect --format '*' a b c d') printf '{lines}' ;; esac")
    samples = dict(line.rsplit(" ", 1) for line in text.splitlines())

    def said(metric):
        found = re.compile(rf'container_{metric}\{{name="(.*)",container_label_homeport_service="(.*)"\}}')
        return {match.groups(): int(value) for key, value in samples.items() if (match := found.fullmatch(key))}

    names = [tuple(line.removeprefix("/").split()[:2]) for line in INSPECTED]
    assert dict(zip(names, (1, 0, 0, -1), strict=True)) == said("health_state"), "without a check it is not ill"
    assert dict(zip(names, range(1796032800, 1796032804), strict=True)) == said("start_time_seconds")
    now = time.time()
    assert {*names} == {name for name, at in said("last_seen").items() if now - 60 < at <= now}
    asked = {match for rule in rules(system(KUMA)) for match in re.findall(r"container_[a-z_]+(?={)", rule.expr)}
    assert {f"container_{metric}" for metric in ("health_state", "last_seen", "start_time_seconds")} == asked


@pytest.mark.parametrize("docker", ["exit 1", "echo nobody answers >&2; exit 125"])
def test_while_docker_does_not_answer_no_container_is_told_of(tmp_path, docker):
    assert "" == states(tmp_path, docker), "its alerts take it for away, and the loop goes on"
