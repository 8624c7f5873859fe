"""NocoDB from npm with a real PostgreSQL: who signs in, where its tables are, and where attachments go."""

import json
import subprocess
import urllib.error
import urllib.request
import uuid
from pathlib import Path

import pytest

from catalog.nocodb.service import SERVICE
from tests.rehearsal.vpai_services.conftest import PASSWORDS, run_beside
from tests.support.catalog_containers import ensure, healthy, logs, shown
from tests.support.containers import docker

pytestmark = pytest.mark.docker
VALUES = {
    **PASSWORDS,
    "nocodb-jwt-secret": "a5" * 32,
    "nocodb-api-token": "b6" * 32,
    "nocodb-admin-password": "Canary1-of-nocodbs-administrator",
    "s3-access-key": "canary-of-an-access-key",
    "s3-secret-key": "canary-of-a-secret-key",
}
TEXTS = {
    "origin:nocodb": "https://tables.example.com",
    "s3-endpoint": "http://store:9000",
    "s3-region": "fsn1",
    "s3-bucket-shared": "shared",
    "environment": "preprod",
    "owner-email": "Owner@example.com",
}
START = {"texts": TEXTS, "publish": ("--publish", "127.0.0.1::8080")}


class NocoDB:
    def __init__(self, container):
        self.name = container
        self.host = docker("port", container, "8080/tcp").splitlines()[0]

    def ask(self, path, body=None, **headers):
        """Status and answer of its API."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        words = {"Content-Type": "application/json"} | {name.replace("_", "-"): text for name, text in headers.items()}
        request = urllib.request.Request(f"http://{self.host}{path}", data=data, headers=words)
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310  # the test's own container
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read().decode()

    def sign_in(self, password):
        return self.ask("/api/v1/auth/user/signin", {"email": TEXTS["owner-email"], "password": password})

    def upload(self, name, content, token):
        """Attach a file, as the table's page does."""
        edge = uuid.uuid4().hex
        head = f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
        body = head.encode() + content + f"\r\n--{edge}--\r\n".encode()
        kind = f"multipart/form-data; boundary={edge}"
        return self.ask("/api/v2/storage/upload", body, xc_auth=token, Content_Type=kind)


@pytest.fixture(scope="module")
def store(place):
    """What answers in the place of the S3 store."""
    name = run_beside(place, "store", Path(__file__).parent / "bucket.py", 9000)
    yield name
    docker("rm", "--force", name)


@pytest.fixture(scope="module")
def nocodb(place, postgresql, store):
    assert postgresql and store
    ensure(SERVICE.image)
    return NocoDB(healthy(place.start(SERVICE, VALUES, **START), SERVICE.health.gate))


def test_its_owner_signs_in_and_nobody_else_makes_an_account(nocodb):
    code, answer = nocodb.sign_in(VALUES["nocodb-admin-password"])
    assert code == 200 and answer["token"], "the owner of the stack is its administrator from the first start on"
    assert 400 == nocodb.sign_in("wrong")[0], "by this password alone"
    stranger = {"email": "stranger@example.com", "password": "Canary1-of-a-stranger"}
    code, words = nocodb.ask("/api/v1/auth/user/signup", stranger)
    assert code == 400 and "Not allowed to signup" in words, "an account takes an invitation"
    assert 401 == nocodb.ask("/api/v2/meta/bases")[0], "without a session nothing is shown"


@pytest.mark.req("S5-44")
def test_a_program_calls_it_by_the_stack_s_token(nocodb):
    assert 200 == nocodb.ask("/api/v2/meta/bases", xc_token=VALUES["nocodb-api-token"])[0], "as its administrator"
    assert 401 == nocodb.ask("/api/v2/meta/bases", xc_token="c7" * 32)[0], "by no other"


@pytest.mark.req("S5-44")
def test_its_tables_are_in_its_own_database(nocodb, postgresql):
    tables = postgresql.query("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", database="nocodb")
    assert int(tables) > 40, logs(nocodb.name)
    owners = "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'"
    assert "nocodb" == postgresql.query(owners, database="nocodb"), "by its own role"


@pytest.mark.req("S5-44")
def test_attachments_go_below_their_folder_of_the_shared_bucket_and_come_back(nocodb, store):
    token = nocodb.sign_in(VALUES["nocodb-admin-password"])[1]["token"]
    code, answer = nocodb.upload("note.txt", b"a word to keep", token)
    assert code == 200, (answer, logs(nocodb.name))
    ask = "import urllib.request; print(urllib.request.urlopen('http://127.0.0.1:9000/calls').read().decode())"
    (call,) = json.loads(docker("exec", store, "python", "-c", ask))
    verb, path, key = call.split(" ", 2)
    assert ("PUT", f"AWS4-HMAC-SHA256 Credential={VALUES['s3-access-key']}") == (verb, key), "signed with its key"
    assert path.startswith("/shared/preprod/nc-attachments/nc/uploads/"), "in the bucket, below its folder"
    fetch = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1]).read().decode())"
    signed = answer[0]["signedUrl"]
    assert "a word to keep" == docker("exec", store, "python", "-c", fetch, signed), "by a signed address"
    assert "X-Amz-Signature=" in signed, "and by no other"


@pytest.mark.req("S5-44")
def test_a_session_outlives_its_container_and_a_new_token_is_the_only_one(place, nocodb):
    token = nocodb.sign_in(VALUES["nocodb-admin-password"])[1]["token"]
    later = VALUES | {"nocodb-api-token": "d8" * 32}
    again = NocoDB(healthy(place.replace(SERVICE, later, **START), SERVICE.health.gate))
    nocodb.host = again.host
    assert 200 == again.ask("/api/v1/auth/user/me", xc_auth=token)[0], "it is signed by a secret of the stack"
    codes = [again.ask("/api/v2/meta/bases", xc_token=each["nocodb-api-token"])[0] for each in (VALUES, later)]
    assert [401, 200] == codes, "what was the secret before opens nothing"


def test_it_has_no_rights_and_shows_no_secret(nocodb):
    facts = "{{.Config.User}} {{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{.HostConfig.CapAdd}}"
    assert "1000:1000 true [ALL] []" == docker("inspect", "--format", facts, nocodb.name), "it needs none"
    log = subprocess.run(["docker", "logs", nocodb.name], capture_output=True, text=True, check=True)
    seen = shown(nocodb.name) + docker("top", nocodb.name) + log.stdout + log.stderr
    assert [] == [name for name, word in VALUES.items() if word in seen], "its secrets are files"
