"""The emulated Telegram: who may write where, how long, how often, and in which words it refuses."""

from __future__ import annotations

import http.client
import json
from urllib.parse import urlencode, urlsplit

import pytest

from rehearsal.clouds.kit.api import ApiServer
from rehearsal.clouds.telegram.__main__ import main
from rehearsal.clouds.telegram.service import Service
from rehearsal.clouds.telegram.store import Store

TOKEN, BOT, GROUP, PERSON = "7000000001:AAcanary", "platform_alerts_bot", "-1001000000001", "42"
SEED = {
    "bots": {TOKEN: {"username": BOT}},
    "chats": {
        GROUP: {"type": "supergroup", "title": "Alerts", "bots": {BOT: "member"}},
        PERSON: {"type": "private", "bots": {BOT: "member"}},
        "43": {"type": "private", "bots": {}},
        "-5": {"type": "group", "upgraded_to": GROUP, "bots": {BOT: "member"}},
        "-1002": {"type": "channel", "username": "news", "bots": {}},
    },
}


@pytest.fixture
def telegram():
    server = ApiServer(Service(Store(None, SEED))).start()
    yield server
    server.stop()


def call(server, path, body=b"", headers=None, method="POST"):
    link = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=120)
    try:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        link.request(method, path, content, headers or {})
        answer = link.getresponse()
        return answer.status, json.loads(answer.read()), answer.headers
    finally:
        link.close()


def send(server, text="hello", chat=GROUP, **more):
    return call(server, f"/bot{TOKEN}/sendMessage", {"chat_id": chat, "text": text, **more})[:2]


def control(server, method, path, body=None):
    return call(server, f"/_control{path}", body or {}, method=method)[1]


def told(server):
    return [row["text"] for row in control(server, "GET", "/messages")["messages"]]


def refused(status, description, **parameters):
    body = {"ok": False, "error_code": status, "description": description}
    return status, body | ({"parameters": parameters} if parameters else {})


def test_a_message_arrives_by_every_way_that_a_client_may_send_it(telegram):
    path = f"/bot{TOKEN}/sendMessage"
    parts = f'--b\r\nContent-Disposition: form-data; name="chat_id"\r\n\r\n{GROUP}\r\n'
    parts += '--b\r\nContent-Disposition: form-data; name="text"\r\n\r\nparts\r\n--b--\r\n'
    assert 200 == send(telegram, "json", int(GROUP))[0]
    assert 200 == call(telegram, path, urlencode({"chat_id": GROUP, "text": "form"}).encode())[0]
    assert 200 == call(telegram, path, parts.encode())[0]
    assert 200 == call(telegram, f"{path}?{urlencode({'chat_id': GROUP, 'text': 'query'})}", method="GET")[0]
    assert ["json", "form", "parts", "query"] == told(telegram)


def test_a_bot_is_who_its_token_says(telegram):
    status, body, _ = call(telegram, f"/bot{TOKEN}/getMe")
    assert (200, True, BOT, 7000000001) == (status, body["ok"], body["result"]["username"], body["result"]["id"])


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/bot7000000001:other/sendMessage", refused(401, "Unauthorized")),
        ("/botnothing/sendMessage", refused(401, "Unauthorized: invalid token specified")),
        (f"/bot{TOKEN}/sendPigeon", refused(404, "Not Found: method not found")),
        ("/sendMessage", refused(404, "Not Found")),
    ],
)
def test_a_wrong_token_or_method_is_refused_as_upstream_refuses_it(telegram, path, expected):
    assert expected == call(telegram, path, {"chat_id": GROUP, "text": "x"})[:2]


@pytest.mark.parametrize(
    ("chat", "expected"),
    [
        ("", refused(400, "Bad Request: chat_id is empty")),
        ("77", refused(400, "Bad Request: chat not found")),
        ("43", refused(400, "Bad Request: chat not found")),
        ("@news", refused(403, "Forbidden: bot is not a member of the channel chat")),
        (
            "-5",
            refused(
                400,
                "Bad Request: group chat was upgraded to a supergroup chat",
                migrate_to_chat_id=int(GROUP),
            ),
        ),
    ],
)
def test_a_chat_that_the_bot_cannot_reach_says_why(telegram, chat, expected):
    assert expected == send(telegram, chat=chat)
    assert [] == told(telegram)


@pytest.mark.parametrize(
    ("chat", "standing", "expected"),
    [
        (PERSON, "blocked", refused(403, "Forbidden: bot was blocked by the user")),
        (GROUP, "kicked", refused(403, "Forbidden: bot was kicked from the supergroup chat")),
        (GROUP, "left", refused(403, "Forbidden: bot is not a member of the supergroup chat")),
        (GROUP, "restricted", refused(400, "Bad Request: not enough rights to send text messages to the chat")),
        ("-1002", "member", refused(400, "Bad Request: need administrator rights in the channel chat")),
    ],
)
def test_rights_are_lost_while_it_runs(telegram, chat, standing, expected):
    control(telegram, "PUT", "/standing", {"chat": chat, "bot": BOT, "standing": standing})
    assert expected == send(telegram, chat=chat)


@pytest.mark.parametrize(
    ("text", "mode", "expected"),
    [
        ("", "", refused(400, "Bad Request: message text is empty")),
        ("  \n", "", refused(400, "Bad Request: message text is empty")),
        ("a" * 4097, "", refused(400, "Bad Request: message is too long")),
        ("\N{ROCKET}" * 2049, "", refused(400, "Bad Request: message is too long")),
        ("a" * 32769, "", refused(400, "Bad Request: Text is too long")),
        ("a", "rtf", refused(400, "Bad Request: Unsupported parse_mode")),
        (
            "spend < cap",
            "HTML",
            refused(400, 'Bad Request: can\'t parse entities: Unsupported start tag "" at byte offset 6'),
        ),
        (
            "<x>a</x>",
            "HTML",
            refused(400, 'Bad Request: can\'t parse entities: Unsupported start tag "x" at byte offset 0'),
        ),
        (
            "<b>a",
            "HTML",
            refused(400, "Bad Request: can't parse entities: Can't find end tag corresponding to start tag \"b\""),
        ),
        (
            "70.5 %",
            "MarkdownV2",
            refused(
                400,
                "Bad Request: can't parse entities: "
                "Character '.' is reserved and must be escaped with the preceding '\\'",
            ),
        ),
        (
            "eco_mode",
            "Markdown",
            refused(400, "Bad Request: can't parse entities: Can't find end of the entity starting at byte offset 3"),
        ),
    ],
)
def test_a_text_that_the_real_one_refuses_is_refused(telegram, text, mode, expected):
    assert expected == send(telegram, text, parse_mode=mode)


@pytest.mark.parametrize(
    ("text", "mode", "shown"),
    [
        ("a" * 4096, "", "a" * 4096),
        ("<b>" + "a" * 4096 + "</b>", "HTML", "a" * 4096),
        ("<b>5 &lt; 6</b> <a href='https://example.com'>x</a>", "HTML", "5 < 6 x"),
        ("*70\\.5* `a.b`", "MarkdownV2", "70.5 a.b"),
        ("*eco*\\_mode", "Markdown", "eco_mode"),
    ],
)
def test_a_text_is_kept_as_it_is_shown(telegram, text, mode, shown):
    assert 200 == send(telegram, text, parse_mode=mode)[0]
    assert [shown] == told(telegram)


def test_a_group_takes_twenty_messages_a_minute_and_says_how_long_to_wait(telegram):
    assert [200] * 20 == [send(telegram, str(number))[0] for number in range(20)]
    status, body, headers = call(telegram, f"/bot{TOKEN}/sendMessage", {"chat_id": GROUP, "text": "x"})
    wait = body["parameters"]["retry_after"]
    assert (429, f"Too Many Requests: retry after {wait}", str(wait)) == (
        status,
        body["description"],
        headers["Retry-After"],
    )
    control(telegram, "POST", "/clock", {"advance": wait})
    assert 200 == send(telegram)[0]
    assert 21 == len(told(telegram)), "a refused message is not kept"


def test_a_fault_of_429_has_the_parameters_that_clients_read(telegram):
    control(telegram, "POST", "/faults", {"kind": "status", "status": 429, "retry_after": 7})
    assert refused(429, "Too Many Requests: retry after 7", retry_after=7) == send(telegram)


def test_the_journal_has_no_token(telegram):
    send(telegram)
    assert "AAcanary" not in json.dumps(control(telegram, "GET", "/journal"))


def test_no_address_that_others_reach(tmp_path, capsys):
    seed = tmp_path / "seed.json"
    seed.write_text(json.dumps(SEED))
    assert 2 == main(["--seed", str(seed), "--address", "0.0.0.0:0"])
    assert "loopback" in capsys.readouterr().err
