from __future__ import annotations

import io
import tarfile

import pytest

from toolchain.plugins.docker.building import context_of
from toolchain.plugins.docker.container_body import body_of
from toolchain.plugins.docker.container_schema import CONTAINER
from toolchain.plugins.docker.container_state import _cpus
from toolchain.plugins.docker.daemon import DaemonError
from toolchain.plugins.docker.image import registry_of, repo_digest, split_reference
from toolchain.plugins.docker.logs import demultiplexed
from toolchain.plugins.docker.uploads import archive_of
from toolchain.plugins.tfbridge.plan import planned


class OldDaemon:
    version = "1.41"


def host_config(**inputs):
    return body(**inputs)["HostConfig"]


def body(**inputs):
    return body_of(OldDaemon(), planned(CONTAINER, None, {"image": "i", "name": "n", **inputs}))


# Inputs, key of the host configuration, its value.
MAPPED = [
    ({"memory": 64, "memorySwap": -1}, "MemorySwap", -1),
    ({"memory": 64}, "Memory", 64 * 1024 * 1024),
    ({"cpus": "0.25"}, "NanoCpus", 250_000_000),
    ({"shmSize": 1}, "ShmSize", 1024 * 1024),
    ({"hosts": [{"host": "h", "ip": "host-gateway"}]}, "ExtraHosts", ["h:host-gateway"]),
    ({"volumes": [{"volumeName": "v", "containerPath": "/d", "readOnly": True}]}, "Binds", ["v:/d:ro"]),
    ({"volumes": [{"hostPath": "/h", "containerPath": "/d", "selinuxRelabel": "z"}]}, "Binds", ["/h:/d:rw,z"]),
    ({"capabilities": {"drops": ["ALL"]}}, "CapDrop", ["ALL"]),
    ({"securityOpts": ["systempaths=unconfined", "no-new-privileges:true"]}, "MaskedPaths", []),
    ({"restart": "on-failure", "maxRetryCount": 3}, "RestartPolicy", {"Name": "on-failure", "MaximumRetryCount": 3}),
    (
        {"ports": [{"internal": 53, "external": 5353, "ip": "127.0.0.1", "protocol": "udp"}]},
        "PortBindings",
        {"53/udp": [{"HostIp": "127.0.0.1", "HostPort": "5353"}]},
    ),
    (
        {"gpus": "device=0,2"},
        "DeviceRequests",
        [{"Driver": "", "Count": 0, "DeviceIDs": ["0", "2"], "Capabilities": [["gpu"]], "Options": {}}],
    ),
    (
        {"devices": [{"hostPath": "/dev/net/tun"}]},
        "Devices",
        [{"PathOnHost": "/dev/net/tun", "PathInContainer": "/dev/net/tun", "CgroupPermissions": "rwm"}],
    ),
]


@pytest.mark.parametrize(("inputs", "key", "value"), MAPPED, ids=lambda value: value if isinstance(value, str) else "")
def test_an_input_reaches_the_daemon_in_its_units(inputs, key, value):
    assert value == host_config(**inputs)[key], f"{key} differs"


def test_a_health_check_is_sent_in_nanoseconds():
    check = body(healthcheck={"tests": ["CMD", "true"], "interval": "90s", "timeout": "3s"})["Healthcheck"]
    assert 90_000_000_000 == check["Interval"], "the interval is in nanoseconds"
    assert ["CMD", "true"] == check["Test"], "the command is as given"


REFUSED = [
    ({"command": ["a", ""]}, "values for command may not be empty"),
    ({"volumes": [{}]}, "Unable to parse volumes: volume entry without container path or source container"),
    ({"cpus": "many"}, "Error setting cpus: failed to parse many as a rational number"),
    ({"cgroupnsMode": "shared"}, "cgroupns_mode: invalid CGROUP mode"),
    ({"mounts": [{"type": "volume", "target": "/a", "volumeOptions": {"subpath": "x"}}]}, "1.45 or higher"),
]


@pytest.mark.parametrize(("inputs", "problem"), REFUSED, ids=lambda value: value if isinstance(value, str) else "")
def test_what_no_daemon_takes_is_refused_before_it_is_sent(inputs, problem):
    with pytest.raises(DaemonError, match=problem):
        body(**inputs)


NANO = [(1_000_000_000, "1.0"), (1_500_000_000, "1.5"), (2_250_000_000, "2.25"), (250_000_000, "0.25")]


@pytest.mark.parametrize(("nano", "shown"), NANO)
def test_processor_time_is_shown_as_the_provider_does(nano, shown):
    assert shown == _cpus(nano), "as a decimal"


REFERENCES = [
    ("redis", ("redis", "latest"), "registry-1.docker.io"),
    ("redis:7", ("redis", "7"), "registry-1.docker.io"),
    ("localhost:5000/a/b", ("localhost:5000/a/b", "latest"), "localhost:5000"),
    ("ghcr.io/a/b:1@sha256:ab", ("ghcr.io/a/b", "sha256:ab"), "ghcr.io"),
]


@pytest.mark.parametrize(("name", "parts", "registry"), REFERENCES)
def test_an_image_name_is_taken_apart(name, parts, registry):
    assert parts == split_reference(name), "repository and tag, or digest"
    assert registry == registry_of(name), "the registry that credentials are for"


def test_of_several_digests_the_one_of_the_name_counts():
    digests = ["r.example.com/redis@sha256:1", "redis@sha256:2"]
    assert "redis@sha256:2" == repo_digest("redis:7", digests), "the repository decides"
    assert "" == repo_digest("redis:7", []), "an image that was never pushed has none"


def upload(**inputs):
    empty = {"content": "", "contentBase64": "", "source": "", "executable": False, "permissions": "", "file": "/f"}
    return {**empty, **inputs}


def test_an_uploaded_file_has_its_mode_and_content():
    with tarfile.open(fileobj=io.BytesIO(archive_of(upload(contentBase64="AP8=", permissions="0400")))) as tar:
        member = tar.getmembers()[0]
        assert 0o400 == member.mode, "permissions win over executable"
        assert b"\x00\xff" == tar.extractfile(member).read(), "base64 is decoded"


@pytest.mark.parametrize("sources", [{}, {"content": "a", "source": "b"}])
def test_an_upload_has_exactly_one_source(sources):
    with pytest.raises(DaemonError, match="error with upload content"):
        archive_of(upload(**sources))


def test_a_container_s_output_is_joined_from_its_frames():
    frames = b"".join(
        bytes([channel, 0, 0, 0, 0, 0, 0, len(text)]) + text for channel, text in ((1, b"out\n"), (2, b"err\n"))
    )
    assert b"out\nerr\n" == demultiplexed(frames), "both channels in order"


def test_a_build_context_leaves_out_what_is_ignored(tmp_path):
    (tmp_path / "Dockerfile").write_text("FROM scratch\n", encoding="utf-8")
    (tmp_path / "kept").write_text("k", encoding="utf-8")
    (tmp_path / "secret.env").write_text("s", encoding="utf-8")
    (tmp_path / ".dockerignore").write_text("# what stays here\n*.env\n", encoding="utf-8")
    archive, dockerfile = context_of(tmp_path, tmp_path / "Dockerfile")
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        names = tar.getnames()
    assert "Dockerfile" == dockerfile, "the Dockerfile is inside"
    assert "kept" in names, "what is not ignored is sent"
    assert "secret.env" not in names, "what is ignored is not"
