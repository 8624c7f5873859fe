"""Browserless with a real Chromium in its hardened container: who has the token renders, nobody else."""

import concurrent.futures
import json
import subprocess

import pytest

from catalog.browserless.service import SERVICE
from catalog.dtc_app.service import SERVICE as PAGES
from tests.support.catalog_containers import ensure, healthy, logs, shown
from tests.support.containers import docker
from tests.support.waits import until

pytestmark = pytest.mark.docker
TOKEN = "ca9a47" * 10 + "beef"
VALUES = {"browserless-token": TOKEN}
HOME = "http://browserless-chromium:3000"
# Another container of the network calls, as n8n would: by the name, with what Node has.
ASK = """
const [address, token, body] = process.argv.slice(1);
(async () => {
  const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) };
  const answer = await fetch(address, { method: body ? 'POST' : 'GET', headers, body: body || undefined });
  process.stdout.write(JSON.stringify({ status: answer.status, type: answer.headers.get('content-type'),
    text: Buffer.from(await answer.arrayBuffer()).toString('latin1') }));
})();
"""
SESSION = """
const [address] = process.argv.slice(1);
const socket = new WebSocket(address);
socket.onopen = () => socket.send(JSON.stringify({ id: 1, method: 'Browser.getVersion' }));
socket.onmessage = (event) => { process.stdout.write(event.data); socket.close(); };
socket.onerror = () => { process.stdout.write('refused'); };
"""


class Caller:
    def __init__(self, place, browser):
        self.browser, self.name = browser, f"{place.name}-caller"
        place._containers.append(self.name)
        waits = ("--entrypoint", "sleep", SERVICE.image, "infinity")
        docker("run", "--detach", "--init", "--name", self.name, "--network", place.name, *waits)

    def ask(self, path, *, token=TOKEN, **body):
        words = (f"{HOME}{path}", token, json.dumps(body) if body else "")
        return json.loads(docker("exec", self.name, "node", "-e", ASK, *words))

    def session(self, token):
        return docker("exec", self.name, "node", "-e", SESSION, f"{HOME.replace('http', 'ws')}/chromium?token={token}")


@pytest.fixture(scope="module")
def browser(place):
    ensure(SERVICE.image, PAGES.image)
    healthy(place.start(PAGES))
    name = place.start(SERVICE, VALUES)
    docker("network", "disconnect", place.name, name)
    docker("network", "connect", "--alias", "browserless-chromium", place.name, name)
    return healthy(name)


@pytest.fixture(scope="module")
def caller(place, browser):
    return Caller(place, browser)


@pytest.mark.req("S1-23")
def test_without_the_token_nothing_is_rendered_and_no_session_opens(caller):
    page = {"html": "<p>x</p>"}
    answers = [caller.ask("/content", token=word, **page)["status"] for word in ("", "wrong", TOKEN)]

    assert [401, 401, 200] == answers, "the network alone is no proof of who calls"
    assert "refused" == caller.session("wrong"), "nor is a WebSocket's"


@pytest.mark.req("S1-23")
def test_with_it_pages_of_a_server_are_rendered_printed_and_driven(caller):
    rendered = caller.ask("/content", url="http://dtc-app:8080/")
    assert 200 == rendered["status"] and "stands in for the application" in rendered["text"], rendered
    worked = caller.ask(
        "/content", html="<body><script>document.body.textContent = `six times seven is ${6 * 7}`</script>"
    )
    assert "six times seven is 42" in worked["text"], "by a browser that runs what is in the page"
    printed = caller.ask("/pdf", url="http://dtc-app:8080/")
    assert printed["text"].startswith("%PDF-"), printed
    assert "Chrome/" in json.loads(caller.session(TOKEN))["result"]["product"], (
        "other programs drive it over a WebSocket"
    )


@pytest.mark.req("S1-23")
def test_files_of_its_container_are_no_pages(caller):
    for address in ("file:///etc/homeport/token", "file:///proc/self/environ", "file:///etc/passwd"):
        text = caller.ask("/content", url=address)["text"]
        assert TOKEN not in text and "root:" not in text, f"{address}: the token is in a file that its user can read"


@pytest.mark.req("S1-23", "S1-28", "S1-29")
def test_its_container_has_no_rights_and_shows_no_secret(browser):
    facts = json.loads(shown(browser))[0]

    host = facts["HostConfig"]
    assert (True, ["ALL"]) == (host["ReadonlyRootfs"], host["CapDrop"]) and not host["CapAdd"], "it needs none"
    assert "999:999" == facts["Config"]["User"] and not host["PortBindings"], "no port of the host is its own"
    assert host["ShmSize"] >= 1 << 30, "with Docker's 64 MB larger pages crash"
    seen = shown(browser) + logs(browser) + docker("top", browser)
    assert TOKEN not in seen, "what inspects, logs and lists shows no token"


@pytest.mark.req("S1-23")
def test_one_too_many_is_turned_away_and_one_too_long_is_ended(place, caller):
    tight = {"CONCURRENT": "1", "QUEUED": "0", "TIMEOUT": "20000"}
    name = place.replace(SERVICE, VALUES, env=tight)
    docker("network", "disconnect", place.name, name)
    docker("network", "connect", "--alias", "browserless-chromium", place.name, name)
    healthy(name)
    slow = {"html": "<p>x</p>", "waitForTimeout": 60000}
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        answers = sorted(answer["status"] for answer in pool.map(lambda _: caller.ask("/content", **slow), range(2)))

    assert [408, 429] == answers, "a flow that hangs must not keep the browser from all others"
    # Memory is the machine's: what a session has left behind counts against the next one.
    top = ["docker", "top", name]
    until(
        lambda: "--type=renderer" not in subprocess.run(top, capture_output=True, text=True, check=True).stdout,
        "nothing of it runs on",
    )
