"""The preset jett on this machine's Docker.

Every flag as described, and heartbeat and queue through the real n8n and PostgreSQL.
"""

from __future__ import annotations

import json
import socket
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest

from rehearsal.claims.jett import CODE_NODES, HARMLESS, code_nodes
from tests.support.checkout import ROOT
from tests.support.containers import readable_with
from tests.support.scratch import docker, inspect
from tests.support.waits import until

pytestmark = pytest.mark.world
CASES = {path.stem: json.loads(path.read_text()) for path in sorted((ROOT / "tests/cases/jett").glob("*.json"))}


@pytest.mark.req("S2-14", "S2-16", "S2-17", "S2-18", "S2-19", "S2-23", "S2-26")
@pytest.mark.parametrize("service", CASES)
def test_each_container_has_the_flags_of_the_description_and_none_loosened(jett, service):
    wanted, found = CASES[service], inspect(jett.container(service))
    host = found["HostConfig"]
    (binding,) = host["PortBindings"][f"{wanted['port']}/tcp"]
    mounts = {mount["Destination"]: mount for mount in found["Mounts"]}
    tmpfs = host.get("Tmpfs") or {}

    assert wanted["image"] in json.loads(docker("image", "inspect", found["Image"]))[0]["RepoTags"], "the stated image"
    assert (wanted["restart"], wanted["user"]) == (host["RestartPolicy"]["Name"], found["Config"]["User"])
    assert wanted["read_only"] is host["ReadonlyRootfs"], "nothing is written but volumes and tmpfs"
    assert (wanted["cap_drop"], wanted["security_opt"]) == (host["CapDrop"], host["SecurityOpt"])
    assert wanted["cap_add"] == [name.removeprefix("CAP_") for name in host["CapAdd"] or []]
    assert host["Privileged"] is False, "all of the above would mean nothing"
    assert ("127.0.0.1", str(jett.ports[service])) == (binding["HostIp"], binding["HostPort"]), "no public address"
    assert 1 == len(host["PortBindings"]), "one door each"
    for path, name in wanted["volumes"].items():
        assert f"{jett.stack.name}-{name}" == mounts[path]["Name"], "the volume has its known name behind the namespace"
    for path, source in wanted["binds"].items():
        assert (source, False) == (mounts[path]["Source"], mounts[path]["RW"]), "read-only"
    assert wanted["tmpfs"].items() <= tmpfs.items(), "the stated ones, and perhaps more"
    assert (wanted["memory_mb"] << 20, wanted["cpus"] * 1e9) == (host["Memory"], host["NanoCpus"])


@pytest.mark.req("S2-24")
@pytest.mark.parametrize("service", ["n8n", "postgres", "qdrant"])
def test_three_are_healthy_by_docker_itself(jett, service):
    def health():
        return inspect(jett.container(service))["State"]["Health"]["Status"]

    # Docker's own first look comes an interval after the start, and one on a busy machine may last too long.
    until(lambda: "healthy" == health(), "it is not, under all those flags")


@pytest.mark.req("AT-08")
def test_one_bridge_connects_what_works_together_and_portainer_is_out_of_n8ns_reach(jett):
    networks = {
        one["Name"].partition("-")[2]: one
        for name in jett.stack.objects("network")
        for one in json.loads(docker("network", "inspect", name))
    }
    on = {name: {one["Name"] for one in network["Containers"].values()} for name, network in networks.items()}
    portainer = inspect(jett.container("portainer"))["NetworkSettings"]["Networks"]
    (address,) = {one["IPAddress"] for one in portainer.values()}
    ask = (
        "fetch(process.argv[1], {signal: AbortSignal.timeout(3000)}).then(() => 'there', () => 'not').then(console.log)"
    )
    reached = {
        url: docker("exec", jett.container("n8n"), "node", "-e", ask, url).strip()
        for url in (f"http://{address}:9000/", "http://portainer:9000/", "http://qdrant:6333/")
    }

    assert {("bridge", False)} == {(one["Driver"], one["Internal"]) for one in networks.values()}
    assert {jett.container(name) for name in ("postgres", "qdrant", "n8n")} <= on["jett_default"]
    assert {jett.container("portainer")} == on["jett_admin"]
    assert ["not", "not", "there"] == list(reached.values()), reached


@pytest.mark.req("S2-22")
@pytest.mark.parametrize(
    ("service", "path", "owner"),
    [
        ("n8n", "/home/node/.n8n", "1000:1000"),
        ("postgres", "/var/lib/postgresql/data", "999:999"),
        ("qdrant", "/qdrant/storage", "1000:1000"),
    ],
)
def test_a_volume_belongs_to_the_user_of_its_container(jett, service, path, owner):
    assert owner == docker("exec", jett.container(service), "stat", "-c", "%u:%g", path).strip()


@pytest.mark.req("P-07")
def test_a_second_preview_is_empty_also_after_a_refresh(jett):
    refreshed = jett.stack.pulumi("refresh", "--yes", "--skip-preview")
    done = jett.stack.pulumi("preview", "--expect-no-changes", "--diff")

    assert refreshed.returncode == 0, refreshed.stdout + refreshed.stderr
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.req("S2-53")
def test_no_secret_stands_in_inspect_in_a_log_or_in_the_state(jett):
    places = {
        "docker inspect": "".join(docker("inspect", jett.container(service)) for service in CASES),
        "the logs": "".join(docker("logs", jett.container(service)) for service in CASES),
        "the state": "".join(path.read_text() for path in jett.stack.state.rglob("*.json*") if path.is_file()),
    }
    leaks = [(name, where) for name, value in jett.secrets.items() for where, text in places.items() if value in text]

    assert {"postgres-password", "n8n-owner-password", "portainer-admin-password"} <= set(jett.secrets), (
        "positive control"
    )
    assert [] == leaks, "the files in the containers are their only place"


@pytest.mark.req("S2-15")
def test_user_and_password_of_the_description_sign_in_as_n8ns_owner(jett):
    env = inspect(jett.container("n8n"))["Config"]["Env"]
    body = {"emailOrLdapLoginId": "owner@example.com", "password": jett.secrets["n8n-owner-password"]}
    right, wrong = (
        jett.call("/rest/login", body, key=False),
        jett.call("/rest/login", {**body, "password": "x"}, key=False),
    )

    assert {
        "N8N_BASIC_AUTH_ACTIVE=true",
        "N8N_BASIC_AUTH_USER=owner@example.com",
        "N8N_BASIC_AUTH_PASSWORD_FILE=/etc/homeport/owner_hash",
    } <= set(env)
    assert (200, 401) == (right[0], wrong[0]), "n8n itself asks"


@pytest.mark.req("AT-10")
def test_no_file_that_n8n_reads_holds_its_owners_password(jett):
    container, secrets = jett.container("n8n"), jett.secrets

    assert "/etc/homeport/encryption_key" in readable_with(container, secrets["n8n-encryption-key"]), "it looks there"
    assert [] == readable_with(container, secrets["n8n-owner-password"]), "the hash is all that it gets"


@pytest.mark.req("AT-02")
def test_n8ns_owner_can_put_no_node_to_work_that_runs_code(jett):
    def ask(method, path, body, headers):
        url = f"http://127.0.0.1:{jett.ports['n8n']}{path}"
        request = urllib.request.Request(url, body.encode() or None, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310
                return {"status": answer.status, "headers": dict(answer.headers), "body": answer.read().decode()}
        except urllib.error.HTTPError as error:
            return {"status": error.code, "headers": dict(error.headers), "body": error.read().decode()}

    found = code_nodes(ask, "owner@example.com", jett.secrets["n8n-owner-password"])

    assert {HARMLESS, *CODE_NODES} == set(found)
    assert [HARMLESS] == [kind for kind, working in found.items() if working], found


@pytest.mark.req("AT-07")
def test_the_webhooks_key_is_nowhere_in_postgresqls_files(jett):
    for number in range(5):
        assert 400 == jett.call("/webhook/request", {"source": f"wal {number}"})[0]
    key, mark = jett.secrets["n8n-webhook-api-key"], "wal 4"
    search = "sync; cat /var/lib/postgresql/data/pgdata/pg_wal/0* | grep -a -c -F -e"
    found = {
        word: docker("exec", jett.container("postgres"), "sh", "-c", f"{search} '{word}' || true").strip()
        for word in (key, mark)
    }

    assert "0" != found[mark], "the record of the call itself is there"
    assert "0" == found[key], "what proves who calls is forgotten before n8n writes"


@pytest.mark.req("AT-09")
@pytest.mark.parametrize("path", ["/", "/webhook/request", "/rest/push?pushRef=x"])
def test_an_upgrade_that_nobody_answers_ends(jett, path):
    with socket.create_connection(("127.0.0.1", jett.ports["n8n"]), timeout=30) as link:
        lines = (f"GET {path} HTTP/1.1", "Host: n8n", "Connection: Upgrade", "Upgrade: websocket")
        key = ("Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "", "")
        link.sendall("\r\n".join((*lines, *key)).encode())
        while link.recv(4096):
            pass  # a refusal, and then its end; a connection that stays open is the test's timeout


@pytest.mark.req("S2-44", "AT-10")
def test_the_local_machine_logs_in_to_jett_and_to_no_other_database(jett):
    app, boss, n8n = (
        jett.secrets[name] for name in ("jett-app-password", "postgres-password", "n8n-database-password")
    )

    assert "jett_app" == jett.psql("jett_app", app, "jett").stdout.strip()
    for user, password, database in (
        ("jett", boss, "jett"),  # the superuser stays on the socket
        ("jett_app", "wrong", "jett"),
        ("jett", boss, "n8n"),
        ("n8n", n8n, "jett"),
        ("jett_app", app, "postgres"),
    ):
        refused = jett.psql(user, password, database)
        assert refused.returncode == 2, f"{user} in {database}: {refused.stdout}"


@pytest.mark.req("S2-52")
def test_the_collection_is_there_and_another_size_is_refused_with_the_option_to_change(jett):
    url = f"http://127.0.0.1:{jett.ports['qdrant']}/collections/semantic_cache"
    asked = urllib.request.Request(url, headers={"api-key": jett.secrets["qdrant-api-key"]})
    with urllib.request.urlopen(asked, timeout=120) as answer:  # noqa: S310
        vectors = json.loads(answer.read())["result"]["config"]["params"]["vectors"]
    again = docker("exec", jett.container("n8n"), "node", "/etc/homeport/prepare.cjs")
    with pytest.raises(AssertionError, match=r"size 384.*\n.*options\.qdrant-size"):
        docker("exec", "-e", "HOMEPORT_QDRANT_SIZE=5", jett.container("n8n"), "node", "/etc/homeport/prepare.cjs")

    assert {"size": 384, "distance": "Cosine"} == {key: vectors[key] for key in ("size", "distance")}
    assert "is in place" in again, "made once, however often it is asked for"


@pytest.mark.req("AT-08")
@pytest.mark.parametrize("headers", [{}, {"api-key": "0" * 64}, {"Authorization": "Bearer x"}])
def test_qdrant_answers_nobody_without_its_key(jett, headers):
    url = f"http://127.0.0.1:{jett.ports['qdrant']}/collections"
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=120)


@pytest.mark.req("AT-08", "S2-25")
def test_portainer_lets_in_its_admin_alone(jett):
    def status(path, body=None):
        url = f"http://127.0.0.1:{jett.ports['portainer']}{path}"
        asked = urllib.request.Request(url, json.dumps(body).encode() if body else None)
        try:
            with urllib.request.urlopen(asked, timeout=120) as answer:  # noqa: S310
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    right = {"username": "admin", "password": jett.secrets["portainer-admin-password"]}
    assert (200, 401) == (status("/api/system/status"), status("/api/endpoints"))
    assert (200, 422) == (status("/api/auth", right), status("/api/auth", {**right, "password": "admin"}))


@pytest.mark.req("S2-25")
def test_portainer_is_told_its_admins_password_by_a_file_that_it_alone_reads(jett):
    name = jett.container("portainer")
    mode = docker("exec", name, "stat", "-c", "%a %u", "/etc/homeport/admin_password").strip()

    assert ["--admin-password-file", "/etc/homeport/admin_password"] == inspect(name)["Config"]["Cmd"][:2]
    assert "400 0" == mode
    assert jett.secrets["portainer-admin-password"] == docker("exec", name, "cat", "/etc/homeport/admin_password")


@pytest.mark.req("S2-45", "S2-46", "S2-47", "FP-07")
@pytest.mark.usefixtures("empty")
def test_a_beat_makes_it_online_and_missing_ones_offline_and_whoever_wants_to_know_is_told(jett, handler):
    news = f"http://{jett.gateway}:{jett.handler_port}/news"
    before = jett.sql("SELECT online FROM local_state")
    status, answer = jett.call("/webhook/heartbeat", {"status": "online"}, key=False)
    during = jett.sql("SELECT online, last_seen > now() - interval '15 seconds' FROM local_state")
    jett.sql(f"UPDATE queue_settings SET notify = '{news}', told = true")  # noqa: S608
    until(lambda: jett.sql("SELECT online FROM local_state") == "f", "offline after 15 missed beats of 1 s")
    until(lambda: jett.sql("SELECT status FROM heartbeat") == "offline", "the workflow that runs every minute says so")
    until(lambda: jett.sql("SELECT told FROM queue_settings") == "f", "and tells it")
    jett.sql("UPDATE queue_settings SET notify = ''")
    jett.call("/webhook/heartbeat", {"status": "online"}, key=False)
    (told,) = handler.news

    assert (200, {"ok": True, "queued": 0}) == (status, answer)
    assert ("f", "t|t") == (before, during)
    assert (False, 0) == (told["online"], told["queued"]), told
    assert told["text"].startswith("The local machine is offline, last seen 20"), told
    assert "t" == jett.sql("SELECT online FROM local_state"), "the next beat makes it online"


@pytest.mark.req("S2-47", "FP-07")
@pytest.mark.usefixtures("empty")
def test_what_nobody_took_is_told_again_and_what_nobody_wanted_to_know_is_not_told_later(jett):
    told = jett.sql("""
        BEGIN;
        UPDATE queue_settings SET notify = 'http://x', told = NULL, beat_seconds = 60, missed_beats = 3;
        SELECT 'first', heartbeat_news() ->> 'url';
        SELECT heartbeat_beat('local', 'online') IS NULL;
        SELECT 'back', heartbeat_news() ->> 'online', heartbeat_news() ->> 'online', heartbeat_told(true);
        SELECT 'known', heartbeat_news() ->> 'url';
        UPDATE heartbeat SET last_seen = clock_timestamp() - interval '179 seconds';
        SELECT 'not yet', heartbeat_news() ->> 'url';
        UPDATE heartbeat SET last_seen = clock_timestamp() - interval '181 seconds';
        SELECT 'gone', heartbeat_news() ->> 'online';
        SELECT status FROM heartbeat;
        UPDATE queue_settings SET notify = '';
        SELECT 'unwanted', heartbeat_news() ->> 'url';
        UPDATE queue_settings SET notify = 'http://x';
        SELECT 'later', heartbeat_news() ->> 'url';
        ROLLBACK""").splitlines()

    assert ["first|", "f", "back|true|true|t", "known|", "not yet|"] == told[:5]
    assert ["gone|false", "offline", "unwanted|", "later|"] == told[5:]


@pytest.mark.req("S2-40")
def test_webhooks_refuse_a_wrong_key_or_a_wrong_body(jett):
    for path in ("request", "queue/claim", "queue/ack", "queue/fail"):
        assert 403 == jett.call(f"/webhook/{path}", {}, key=False)[0], path
    assert (400, {"error": "missing field: payload"}) == jett.call("/webhook/request", {"source": "s"})
    assert (400, {"error": "invalid field: status"}) == jett.call("/webhook/heartbeat", {"status": "x"}, key=False)
    assert (400, {"error": "invalid field: id"}) == jett.call("/webhook/queue/ack", {"id": "1"})


@pytest.mark.req("AT-03", "AT-06")
@pytest.mark.parametrize(
    ("path", "body", "because"),
    [
        ("heartbeat", {"status": "online"}, "a heartbeat comes through the VPN"),
        ("queue/claim", {}, "the queue is reached through the VPN"),
        ("queue/ack", {"id": 1}, "the queue is reached through the VPN"),
        ("queue/fail", {"id": 1, "error": "x"}, "the queue is reached through the VPN"),
    ],
)
def test_what_is_closed_to_the_tunnel_refuses_whom_the_edge_has_marked_in_any_spelling(jett, path, body, because):
    spelt = (f"/webhook/{path}", f"/WEBHOOK/{path}", f"/WebHook/%{ord(path[0]):x}{path[1:]}")
    marks = ({"CF-Ray": "1"}, {"Cf-Connecting-Ip": "198.51.100.7"}, {"CDN-Loop": "cloudflare"})
    answers = [jett.call(way, body, headers=mark) for way in spelt for mark in marks]

    assert [(400, {"error": because})] * len(answers) == answers


@pytest.mark.req("FP-07")
def test_the_tables_have_the_columns_of_their_contract(jett):
    def columns(table):
        shown = "attname, format_type(atttypid, atttypmod) || CASE WHEN attnotnull THEN '' ELSE ' null' END"
        there = f"attrelid = 'public.{table}'::regclass AND attnum > 0 AND NOT attisdropped"
        found = jett.sql(f"SELECT {shown} FROM pg_attribute WHERE {there}")  # noqa: S608
        return dict(line.split("|") for line in found.splitlines())

    time = "timestamp with time zone"
    assert {
        "id": "bigint",
        "received_at": time,
        "source": "text",
        "dedupe_key": "text null",
        "payload": "jsonb",
        "status": "text",
        "attempts": "integer",
        "claimed_at": f"{time} null",
        "lease_until": f"{time} null",
        "done_at": f"{time} null",
        "last_error": "text null",
    }.items() <= columns("offline_queue").items()
    assert {"node": "text", "last_seen": time, "status": "text"} == columns("heartbeat")
    assert {"online": "boolean null", "last_seen": f"{time} null"} == columns("local_state"), "a view's may be null"
    for statement in ("(dedupe_key, payload) VALUES ('k', '1'), ('k', '1')", "(payload, status) VALUES ('1', 'new')"):
        with pytest.raises(AssertionError, match="violates"):
            jett.sql(f"INSERT INTO offline_queue {statement}")


@pytest.mark.req("FP-07")
@pytest.mark.usefixtures("empty")
def test_a_claim_leaves_out_what_somebody_else_holds_and_does_not_wait_for_it(jett):
    for source in ("a", "b"):
        jett.call("/webhook/request", {"source": source, "payload": source})
    holding = "BEGIN; SELECT id FROM offline_queue WHERE id = 1 FOR UPDATE; SELECT pg_sleep(20); ROLLBACK"
    waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(jett.sql, holding)
        until(lambda: jett.sql(waits) == "1", "somebody holds the first")
        claimed = jett.sql("SELECT payload FROM queue_claim(10)")
        still = jett.sql(waits)
        jett.sql("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
        with pytest.raises(AssertionError, match="canceling"):
            held.result()

    assert ('"b"', "1") == (claimed, still)
    assert '"a"' == jett.sql("SELECT payload FROM queue_claim(10, 'other')"), "what was held comes to whoever asks next"


@pytest.mark.req("S2-48", "S2-49", "S2-50", "FP-07")
@pytest.mark.usefixtures("empty")
def test_requests_are_kept_while_offline_and_delivered_once_each_in_order_when_the_client_is_back(jett, handler):
    sent = [
        jett.call("/webhook/request", {"source": "s", "payload": {"n": n}, "dedupe_key": f"k{n}"}) for n in range(25)
    ]
    twice = jett.call("/webhook/request", {"source": "s", "payload": {"n": 0}, "dedupe_key": "k0"})
    kept = jett.sql("SELECT count(*) FROM offline_queue WHERE status = 'pending'")
    client = jett.client("--once")
    output = client.communicate(timeout=300)[0]

    assert {202} == {status for status, _ in sent}, "kept, not refused"
    assert (202, {"queued": True, "id": sent[0][1]["id"]}) == twice, "the same request again is the same item"
    assert "25" == kept
    assert 0 == client.returncode, output
    assert list(range(25)) == [item["payload"]["n"] for item in handler.effects]
    assert "25" == jett.sql("SELECT count(*) FROM offline_queue WHERE status = 'done'")


@pytest.mark.req("S2-48", "FP-07")
@pytest.mark.usefixtures("empty")
def test_while_online_a_request_goes_straight_to_the_local_machine(jett, handler):
    jett.call("/webhook/heartbeat", {"status": "online"}, key=False)
    straight = jett.call("/webhook/request", {"source": "s", "payload": "now"})
    handler.status = 503
    kept = jett.call("/webhook/request", {"source": "s", "payload": "later"})
    row = jett.sql("SELECT status, attempts FROM offline_queue WHERE payload = '\"later\"'")

    assert (200, False) == (straight[0], straight[1]["queued"])
    assert (202, True) == (kept[0], kept[1]["queued"]), "nobody there: kept, not lost"
    assert "pending|0" == row, "and as if it had not been tried"


@pytest.mark.req("S2-50", "FP-07")
@pytest.mark.usefixtures("empty")
def test_an_item_that_fails_holds_up_its_own_source_alone_is_tried_again_later_and_dies_in_the_end(jett):
    for source, payload in (("a", 1), ("b", 2), ("a", 3)):
        jett.call("/webhook/request", {"source": source, "payload": payload})
    first = [item["payload"] for item in jett.call("/webhook/queue/claim", {})[1]["items"]]
    states = [jett.call("/webhook/queue/fail", {"id": 1, "error": "no"})[1]["status"]]
    while_resting = [item["payload"] for item in jett.call("/webhook/queue/claim", {})[1]["items"]]
    for _ in range(4):
        jett.sql("UPDATE offline_queue SET lease_until = now() WHERE id = 1")
        jett.call("/webhook/queue/claim", {"limit": 1})
        states.append(jett.call("/webhook/queue/fail", {"id": 1, "error": "no"})[1]["status"])
    then = [item["payload"] for item in jett.call("/webhook/queue/claim", {})[1]["items"]]

    assert [1, 2, 3] == first
    assert [2] == while_resting, "3 would overtake 1"
    assert ["pending", "pending", "pending", "pending", "dead"] == states
    assert [2, 3] == then, "a dead item holds nobody up"
    assert "5|no" == jett.sql("SELECT attempts, last_error FROM offline_queue WHERE id = 1")


@pytest.mark.req("S2-50", "FP-07")
@pytest.mark.usefixtures("empty")
def test_what_a_consumer_never_ended_comes_again_when_its_lease_is_over_and_is_dead_after_five_tries(jett):
    jett.call("/webhook/request", {"source": "a", "payload": 1})
    mine = jett.call("/webhook/queue/claim", {"consumer": "one"})[1]["items"]
    other = jett.call("/webhook/queue/claim", {"consumer": "two"})[1]["items"]
    jett.sql("UPDATE offline_queue SET lease_until = now()")
    maintained = jett.sql("SELECT id, status FROM queue_maintain()")
    after = jett.call("/webhook/queue/claim", {"consumer": "two"})[1]["items"]
    ends = []
    for consumer in ("three", "four", "five"):
        jett.sql("UPDATE offline_queue SET lease_until = now()")
        jett.call("/webhook/queue/claim", {"consumer": consumer})
        ends.append(jett.sql("SELECT status, attempts FROM offline_queue"))
    jett.sql("UPDATE offline_queue SET lease_until = now()")

    assert ([1], [], "1|pending") == ([item["id"] for item in mine], other, maintained)
    assert [(1, 2)] == [(item["id"], item["attempts"]) for item in after]
    assert ["claimed|3", "claimed|4", "claimed|5"] == ends
    assert "1|dead" == jett.sql("SELECT id, status FROM queue_maintain()")


@pytest.mark.req("S2-19", "S2-51", "S2-54", "AT-10")
def test_replaced_containers_find_their_data_and_credentials_again_and_a_rotated_password_signs_in(jett):
    def sign_in(password):
        body = {"emailOrLdapLoginId": "owner@example.com", "password": password}
        return jett.call("/rest/login", body, key=False)[0]

    before = jett.secrets["n8n-owner-password"]
    jett.sql("CREATE TABLE IF NOT EXISTS kept AS SELECT 42 AS answer")
    migrations = "SELECT file, sha256, applied_at FROM schema_migrations"
    applied = jett.sql(migrations)
    for service in ("postgres", "n8n"):
        docker("rm", "-f", jett.container(service))
    refreshed = jett.stack.pulumi("refresh", "--yes", "--skip-preview")
    jett.stack.configure(rotate={"n8n-owner-password": 2})
    jett.up()

    assert refreshed.returncode == 0, refreshed.stdout + refreshed.stderr
    assert "42" == jett.sql("SELECT answer FROM kept"), "a container is cattle, its volume is not"
    assert applied == jett.sql(migrations) != "", "run again, and nothing is made twice"
    assert 200 == jett.call("/webhook/queue/claim", {})[0], "n8n still reads its credential for PostgreSQL"
    assert [401, 200] == [sign_in(before), sign_in(jett.secrets["n8n-owner-password"])], "a new hash is a new container"
