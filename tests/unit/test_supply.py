"""What the repository has fetched is pinned: packages by a hash of each file, actions by their commits."""

import json
import re

import pytest

from tests.support.checkout import FILES, name, text


def _named(pattern):
    return [path for path in FILES if re.fullmatch(pattern, path.name)]


def _unhashed_python(content):
    """Lines of a list for pip that leave it a choice; the files of the list itself are such a line too."""
    lines = [line.strip() for line in content.replace("\\\n", " ").splitlines()]
    pinned = re.compile(r"[\w.-]+(?:\[[\w.,-]+\])?==[\w.!+]+(?: +--hash=sha256:[0-9a-f]{64})+")
    return [line for line in lines if line and not line.startswith("#") and not pinned.fullmatch(line)]


def _unhashed_npm(content):
    """Packages of a lock that npm would take as they come.

    What lies inside of another's file is pinned with that, and a link leads to a folder beside the lock.
    """
    packages = json.loads(content)["packages"]
    ours = {"", *(package["resolved"] for package in packages.values() if package.get("link"))}
    return [
        path
        for path, package in packages.items()
        if path not in ours
        and not (package.get("inBundle") or package.get("link"))
        and not package.get("integrity", "").startswith("sha512-")
    ]


def _unsummed_go(module, sums):
    """Modules that go.mod requires, and of which go.sum has no hash."""
    block = re.sub(r"//.*", "", module)
    required = re.findall(r"^(?:\t|require )([\w./~-]+\.[\w./~-]+) (v\S+)", block, re.MULTILINE)
    return [f"{path} {version}" for path, version in required if f"{path} {version}/go.mod h1:" not in sums]


def _uncommitted(workflow):
    """Actions and images of a workflow that whoever owns them can exchange."""
    return [used for used in re.findall(r"uses:\s*(\S+)", workflow) if not re.fullmatch(r"\S+@[0-9a-f]{40}", used)]


LISTS = [path for path in _named(r"requirements.*\.(?:txt|lock)") if name(path) != "requirements.txt"]
WORKFLOWS = [path for path in FILES if "workflows" in path.parts and re.search(r"\.ya?ml(?:\.template)?$", path.name)]


@pytest.mark.parametrize("path", LISTS, ids=name)
def test_every_python_package_of_a_list_has_one_version_and_its_hashes(path):
    assert text(path).count("==") > 5, "a list without a package is none"
    assert [] == _unhashed_python(text(path)), "pip would take what the index gives"


@pytest.mark.parametrize("path", _named(r"package-lock\.json"), ids=name)
def test_every_npm_package_of_a_lock_has_its_hash(path):
    assert [] == _unhashed_npm(text(path)), "npm would take what the registry gives"


@pytest.mark.parametrize("path", _named(r"go\.mod"), ids=name)
def test_every_go_module_that_is_required_has_its_hash(path):
    sums = path.with_name("go.sum")

    assert [] == _unsummed_go(text(path), text(sums) if sums.exists() else ""), "go would ask a server for it"


@pytest.mark.parametrize("path", WORKFLOWS, ids=name)
def test_every_action_of_a_workflow_is_named_by_its_commit(path):
    assert [] == _uncommitted(text(path)), "a tag is whatever its owner makes of it later"


@pytest.mark.parametrize(
    ("unpinned", "content"),
    [
        (_unhashed_python, "a==1 \\\n    --hash=sha256:" + "0" * 64 + "\nb==2\n"),
        (_unhashed_python, "a>=1 --hash=sha256:" + "0" * 64),
        (_unhashed_python, "a @ https://example.com/a.whl --hash=sha256:" + "0" * 64),
        (_unhashed_python, "--extra-index-url https://example.com"),
        (_unhashed_npm, '{"packages": {"": {}, "node_modules/a": {"version": "1.0.0"}}}'),
        (_unhashed_npm, '{"packages": {"node_modules/a": {"integrity": "sha1-x"}}}'),
        (_uncommitted, "      - uses: actions/checkout@v4\n"),
        (_uncommitted, "      - uses: docker://alpine:3\n"),
        (lambda module: _unsummed_go(module, "example.com/b v1.0.0/go.mod h1:x\n"), "require example.com/a v1.0.0\n"),
        (
            lambda module: _unsummed_go(module, "example.com/b v1.0.0/go.mod h1:x\n"),
            "require (\n\texample.com/a v1.0.0\n\texample.com/b v1.0.0 // indirect\n)\n",
        ),
    ],
)
def test_what_is_not_pinned_is_seen(unpinned, content):
    assert 1 == len(unpinned(content)), content


def test_lists_locks_and_workflows_are_looked_at():
    assert len(LISTS) >= 8 and len(WORKFLOWS) >= 5, "the patterns above have to find them"
    assert len(_named(r"package-lock\.json")) >= 6 and len(_named(r"go\.mod")) >= 10
