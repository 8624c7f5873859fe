"""Who may call an edge function: our main program, run by Node with what it asks the edge runtime for."""

from __future__ import annotations

import json
import subprocess

import pytest

from homeport.model import jwt
from tests.support.checkout import ROOT, text
from tests.support.supabase import FUNCTIONS, META

pytestmark = pytest.mark.docker

MAIN = ROOT / "catalog/supabase_edge_functions/files/main/index.ts"
WORLD = """
const asked = %s;
const started = [];
let handler;
globalThis.Deno = {
  env: { get: (name) => asked.env[name], toObject: () => asked.env },
  serve: (given) => { handler = given; },
  stat: async (path) => {
    if (!asked.folders.includes(path)) throw new Error("no such folder");
    return { isDirectory: true };
  },
};
globalThis.EdgeRuntime = {
  userWorkers: {
    create: async (options) => {
      started.push({ path: options.servicePath, env: options.envVars.map(([name]) => name) });
      return { fetch: async () => new Response("hello") };
    },
  },
};
"""
THEN = """
const answers = [];
for (const [path, headers] of asked.requests) {
  answers.push((await handler(new Request(`http://functions${path}`, { headers }))).status);
}
console.log(JSON.stringify({ answers, started }));
"""


def called(supabase, requests, folders=("/etc/homeport/functions/hello", "/home/deno/functions/mine")):
    """The status of each request, and which functions were started with which variables."""
    env = {**FUNCTIONS.env, "JWT_SECRET": supabase.secrets["jwt-secret"]}
    asked = {"env": env, "folders": folders, "requests": requests}
    program = WORLD % json.dumps(asked) + text(MAIN) + THEN
    done = subprocess.run(
        ["docker", "exec", "-i", supabase.name(META.name), "node", "--input-type=module-typescript", "-"],
        input=program.encode(),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    said = json.loads(done.stdout)
    return said["answers"], said["started"]


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.req("S1-18")
def test_a_function_is_called_with_a_token_of_ours_and_with_no_other(supabase):
    key, claims = supabase.secrets["jwt-secret"], {"role": "anon", "exp": 4102444800}
    unsigned = "eyJhbGciOiJub25lIn0." + jwt.unsigned(claims).partition(".")[2] + "."
    requests = [
        ("/hello", {}),
        ("/hello", bearer(supabase.secrets["anon-key"])),
        ("/hello", {"Authorization": f"Basic {supabase.secrets['anon-key']}"}),
        ("/hello", bearer(jwt.signed(key, claims))),
        ("/hello", bearer(jwt.signed(key[::-1], claims))),
        ("/hello", bearer(jwt.signed(key, {**claims, "exp": 1764374400}))),
        ("/hello", bearer(jwt.signed(key, {"role": "anon"}))),
        ("/hello", bearer(unsigned)),
        ("/hello", bearer("a.b.c")),
    ]
    answers, started = called(supabase, requests)

    assert [401, 200, 401, 200, 401, 401, 401, 401, 401] == answers
    assert {"/etc/homeport/functions/hello"} == {one["path"] for one in started}
    assert [] == [one for one in started if "JWT_SECRET" in one["env"]], "a function could make itself any token"


@pytest.mark.req("S1-18")
def test_a_function_is_one_of_the_two_folders_and_the_users_own_goes_first(supabase):
    key = bearer(supabase.secrets["service-role-key"])
    requests = [(path, key) for path in ("/mine", "/hello/more?x=1", "/none", "/", "/main", "/..%2fmain", "/.hidden")]
    both = ("/etc/homeport/functions/hello", "/home/deno/functions/hello", "/home/deno/functions/mine")
    answers, started = called(supabase, requests, both)

    assert [200, 200, 404, 404, 404, 404, 404] == answers
    assert ["/home/deno/functions/mine", "/home/deno/functions/hello"] == [one["path"] for one in started]
