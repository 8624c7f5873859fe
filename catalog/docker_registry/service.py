"""Distribution, Docker's registry: images of one's own. https://distribution.github.io/distribution/about/configuration/.

A preset has a route named ``registry``, and says which port of the host's loopback address is the registry's.

Version 3, not ``registry:2``: 2.8.3 of 2023 is the last of its line and nobody mends it. Both speak the same protocol
and store alike, so a volume of the one is read by the other.
"""

from homeport.model.image import ImageFacts
from homeport.model.secret import SecretSpec
from homeport.model.service import Health, Limits, Port, SecretFile, Service, Volume
from homeport.model.template import TEXT, YAML

IMAGE = ImageFacts(
    repository="registry",
    source="https://github.com/distribution/distribution-library-image/blob/master/Dockerfile",
    read="2026-11-29",
    entrypoint=("/entrypoint.sh",),
    command=("/etc/distribution/config.yml",),
    writable=("/var/lib/registry",),
    tools=("sh", "wget", "grep", "find", "du", "registry"),
    ports=(5000,),
    health="GET / answers 200 without a name, 503 while its storage does not work; GET /v2/ asks who calls",
    digests={"3.1.2": "sha256:ddf754342cfc8acc51a56d5d0ab6af06826461864460636d8bd5c546dab2a7b8"},
    digests_from=(
        "2026-11-29, found by searching public source for the tag: what most of the repositories pin it to "
        "(two have another digest, the one of a platform); no registry was asked"
    ),
)

SERVICE = Service(
    name="docker-registry",
    # renovate: datasource=docker depName=registry
    image="registry:3.1.2",
    purpose="Container registry",
    command=("/etc/distribution/config.yml",),
    env={"OTEL_TRACES_EXPORTER": "none"},
    # Where the image itself has it, so that its own commands (garbage-collect) find it by their usual path.
    files_at="/etc/distribution",
    secret_files=(
        SecretFile(
            target="config.yml",
            syntax=YAML,
            template=(
                "version: 0.1\n"
                "log:\n"
                "  level: warn\n"
                # The proxy writes who asked for what.
                "  accesslog: {disabled: true}\n"
                "storage:\n"
                "  filesystem: {rootdirectory: /var/lib/registry}\n"
                # Without it no tag and no image could ever be taken away.
                "  delete: {enabled: true}\n"
                "  cache: {blobdescriptor: inmemory}\n"
                "  maintenance:\n"
                "    uploadpurging: {enabled: true, age: 168h, interval: 24h, dryrun: false}\n"
                "http:\n"
                "  addr: :5000\n"
                # A client goes on where it began: by the public name as well as by the loopback address. An absolute
                # address would lead from the one to the other, and of these the second has no certificate.
                "  relativeurls: true\n"
                # Signs the state of an upload: with one that is made at each start, none would outlive a restart.
                '  secret: "{registry-http-secret}"\n'
                "  draintimeout: 30s\n"
                "  headers: {X-Content-Type-Options: [nosniff]}\n"
                "auth:\n"
                "  htpasswd: {realm: registry, path: /etc/distribution/htpasswd}\n"
                "health:\n"
                "  storagedriver: {enabled: true, interval: 10s, threshold: 3}\n"
            ),
        ),
        SecretFile(target="htpasswd", template="registry:{registry-password|bcrypt}\n", syntax=TEXT),
    ),
    volumes={"data": Volume(path="/var/lib/registry", owner=(10001, 10001))},
    tmpfs={"/tmp": "rw,noexec,nosuid,nodev,size=16m,mode=1777"},
    health=Health(
        # A registry that hands its images to anybody is as bad as one that does not answer; and while its storage does
        # not work it answers 503.
        test=("sh", "-c", "wget -q -O /dev/null http://127.0.0.1:5000/v2/ 2>&1 | grep -q ' 401 '"),
        interval=15,
        start_period=15,
    ),
    troubles={
        "a push leaves out layers, after garbage was collected by hand": (
            "it remembers layers that are gone: `docker restart NAME`"
        ),
        "401 for who was signed in": "the password is another one now: sign in again",
    },
    limits=Limits(memory=256, cpus="1.0", pids=128, least=64),
    ports=(Port(name="registry", inside=5000, outside=5000, at="here"),),
    grace=40,
    secrets=(
        SecretSpec(
            name="registry-password",
            purpose="for docker login at the container registry, as the user registry",
            variable="REGISTRY_PASSWORD",
        ),
        SecretSpec(
            name="registry-http-secret",
            kind="hex64",
            purpose="to sign the state of uploads to the container registry",
            variable="REGISTRY_HTTP_SECRET",
        ),
    ),
)
