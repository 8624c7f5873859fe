"""What must never be in a file of the repository.

Names of the seeds, paths of a machine, package registries, secrets.
"""

import ast
import hashlib
import re
import subprocess

import pytest

from tests.support.checkout import FILES, OURS, ROOT, name, text

# Names of people, machines and places that must never be a default here.
# Kept as hashes, so that this file does not name them.
FORBIDDEN = {
    "291caeae3c017da7",
    "c0d51764fd2c6244",
    "7403ad2b46427df7",
    "fadb90c7a20b54bc",
    "a1ba893191fc9557",
    "7c5f2f9dec53dcd6",
    "2b6d300293d973c8",
    "95e83b473dc7ea28",
}


def words(line):
    return {word.lower() for word in re.findall(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?", line)}


def digest(word):
    return hashlib.sha256(f"homeport {word}".encode()).hexdigest()[:16]


def test_nothing_of_the_seeds_is_named():
    found = [
        f"{name(path)}:{number}"
        for path in FILES
        if path.name != "requirements.lock"
        for number, line in enumerate(text(path).splitlines(), 1)
        if any(digest(part) in FORBIDDEN for word in words(line) for part in {word, *parents(word)})
    ]

    assert [] == found, "no address, domain, user or repository of a seed document is a default anywhere"


def parents(word):
    """`a.b.c` stands for `b.c` as well."""
    labels = word.split(".")
    return {".".join(labels[at:]) for at in range(1, len(labels) - 1)}


# In an image, /home/node and /home/deno are folders of the image's own; on a host, /home/deploy is the preset's user's.
MACHINE_PATHS = re.compile(r"(?<![\w.$}~*-])/(?:work|root|home/(?!(?:node|deno|deploy)\b)[a-z]+)/(?!\.?\.\.)[\w.]")
REGISTRIES = re.compile(
    r"\b(?:"
    + "|".join(
        re.escape(".".join(parts))
        for parts in (
            ("pypi", "org"),
            ("files", "pythonhosted", "org"),
            ("registry", "npmjs", "org"),
            ("proxy", "golang", "org"),
            ("sum", "golang", "org"),
            ("static", "crates", "io"),
            ("index", "crates", "io"),
            ("deb", "debian", "org"),
        )
    )
    + r")\b"
)


def test_no_file_holds_a_path_of_somebodys_machine():
    found = [
        f"{name(path)}:{number}: {match[0]}"
        for path in FILES
        if "cases" not in path.parts  # what an executor's task must not reach
        for number, line in enumerate(text(path).splitlines(), 1)
        if (match := MACHINE_PATHS.search(line))
    ]

    assert [] == found, "a checkout works wherever it is"


def test_no_file_names_the_host_of_a_package_registry():
    found = [
        f"{name(path)}:{number}: {match[0]}"
        for path in FILES
        for number, line in enumerate(text(path).splitlines(), 1)
        if (match := REGISTRIES.search(line))
    ]

    assert [] == found, "which registry is asked is the machine's setting, not the project's"


@pytest.mark.req("P-29", "S3-48")
@pytest.mark.parametrize(
    "path",
    [
        ".env",
        ".env.prod",
        "postgres/base/1",
        "redis/dump.rdb",
        "logs/a.log",
        "caddy_data/x",
        ".vault_password",
        "a/server.pem",
        "tls.key",
        "tls.crt",
        "id_ed25519",
        "id_rsa.pub",
    ],
)
def test_git_ignores_what_may_hold_a_secret(path):
    done = subprocess.run(["git", "-C", str(ROOT), "check-ignore", "--quiet", "--no-index", path], check=False)

    assert 0 == done.returncode, f"{path} could be committed"


SECRET_WORD = re.compile(r"CHANGE_ME|password|secret", re.IGNORECASE)
ASSIGNED = re.compile(
    r"""(?:^|[\s{,("'])[\w.-]*(?:password|passwd|secret|token|api[_-]?key)["']?\s*[:=]\s*(?P<value>"[^"]*"|'[^']*'|[^\s#,)}]+)""",
    re.IGNORECASE,
)
HIGH_ENTROPY = re.compile(r"(?<![\w/+=:.-])(?:[0-9a-f]{64}|[A-Za-z0-9+/]{43}=)(?![\w/+=])")
PRIVATE_KEY = re.compile("-----BEGIN [A-Z ]*PRIVATE " + "KEY-----")
ALLOWED = {
    "homeport/model/secret.py": "describes the shape of each kind of secret, and the command that makes one",
    "homeport/model/ssh_keys.py": "recognises private keys by their first line",
    "catalog/openclaw/service.py": "first and last line of a key's file, whose inside is a secret of the stack",
    "catalog/openclaw_sandbox/service.py": "first and last line of a key's file, whose inside is a secret of the stack",
}
"""The allow list of both scans: files whose words are about secrets."""
NAMES_ONLY = re.compile(
    r"""["']?(?:[a-z][a-z0-9]*(?:[-_.][a-z0-9]+)*|\{[^}]*\}|<[^>]*>|\$\{?\w+\}?|\$\{\{|@?/etc/homeport/[\w./-]+|os\.environ/\w+|0\.0\d+|)["']?"""
)


@pytest.mark.req("S3-49", "P-29")
def test_no_yaml_or_python_file_holds_a_secret():
    """The seed's grep, with its allow list by rule: a name (of a variable, a secret, a file) is none, nor a price."""
    found = []
    for path in FILES:
        if (
            path.suffix not in {".yml", ".yaml", ".toml", ".json", ".conf", ".env", ".example"}
            or "tests" in path.parts
            or path.name.endswith("lock.yaml")
        ):
            continue
        for number, line in enumerate(text(path).splitlines(), 1):
            if (
                SECRET_WORD.search(line)
                and (match := ASSIGNED.search(line))
                and not NAMES_ONLY.fullmatch(match["value"])
            ):
                found.append(f"{name(path)}:{number}: {match['value'][:12]}…")
    for path in OURS:
        if name(path) in ALLOWED:
            continue
        found += [f"{name(path)}:{line}: a literal" for line in secret_literals(path)]

    assert [] == found, "a secret comes from the configuration or is generated; it is in no file"


def secret_literals(path):
    """Lines of a Python file where something named like a secret is given a text that is more than a name."""
    for node in ast.walk(ast.parse(text(path))):
        pairs = []
        if isinstance(node, ast.Assign):
            pairs = [(getattr(target, "id", ""), node.value) for target in node.targets]
        elif isinstance(node, ast.keyword):
            pairs = [(node.arg or "", node.value)]
        elif isinstance(node, ast.Dict):
            pairs = [(getattr(key, "value", ""), value) for key, value in zip(node.keys, node.values, strict=True)]
        for label, value in pairs:
            named = isinstance(label, str) and re.search(
                r"(?:password|passwd|secret|token|api_?key)$", label, re.IGNORECASE
            )
            if (
                named
                and isinstance(value, ast.Constant)
                and isinstance(value.value, str)
                and not NAMES_ONLY.fullmatch(value.value)
            ):
                yield value.lineno


@pytest.mark.req("P-29")
def test_no_file_holds_a_key():
    found = []
    for path in FILES:
        if (
            path.name in {"requirements.lock", "go.sum", "package-lock.json", "pnpm-lock.yaml"}
            or "cases" in path.parts
            or "tests" in path.parts
            or name(path) in ALLOWED
        ):
            continue
        found += [
            f"{name(path)}:{number}"
            for number, line in enumerate(text(path).splitlines(), 1)
            if PRIVATE_KEY.search(line)
            or (HIGH_ENTROPY.search(line) and "sha256" not in line.lower() and "hash" not in line.lower())
        ]

    assert [] == found, "this looks like a private key or a generated secret"


def test_the_secret_scan_finds_what_is_planted(tmp_path):
    path = tmp_path / "one.py"
    path.write_text(
        'settings = {"postgres_password": "Tr0ub4dor&3 x"}\nrun(api_key="0123 456")\n'
        'x = dict(secret="postgres-password")\n'
    )

    assert [1, 2] == sorted(secret_literals(path)), "two values; the third is a secret's name"
    assert ASSIGNED.search("  password: hunter2!")["value"] == "hunter2!", "YAML"


NOT_OURS = re.compile(
    r"\b(?:design|reliability|reality|review|ecosystem)\.md\b|\bprovider-facts\b|\b[Tt]rap [A-Z]\d+\b"
)


def test_nothing_cites_what_a_reader_of_the_project_does_not_have():
    cited = [
        f"{name(path)}:{number}: {match[0]}"
        for path in FILES
        if path.name not in {"CHANGELOG.md", "test_repository_words.py"}
        for number, line in enumerate(text(path).splitlines(), 1)
        if (match := NOT_OURS.search(line))
    ]

    assert [] == cited, "facts live in docs/"
