"""Containers for the tests of images: hardened as the catalog hardens its services, gone after the test."""

import json
import subprocess
import time
import uuid

from tests.support import subnets

HARDENED = (
    "--read-only",
    "--cap-drop",
    "ALL",
    "--security-opt",
    "no-new-privileges",
    "--pids-limit",
    "200",
    "--log-driver",
    "json-file",
)


def docker(*argv, check=True, **more):
    """Run a docker command; its standard output, stripped."""
    done = subprocess.run(["docker", *argv], capture_output=True, text=True, check=False, **more)
    assert not check or done.returncode == 0, f"docker {' '.join(argv)}: {done.stdout}{done.stderr}"
    return done.stdout.strip()


class Yard:
    """An internal network of its own, with containers, volumes and their end."""

    def __init__(self):
        self.name = f"homeport-test-{uuid.uuid4().hex[:8]}"
        self._containers, self._volumes = [], []
        subnets.network(self.name, "--internal", "--label", "homeport.test=images")

    def volume(self, part):
        name = f"{self.name}-{part}"
        docker("volume", "create", "--label", "homeport.test=images", name)
        self._volumes.append(name)
        return name

    def start(self, part, image, *flags, command=(), hardening=HARDENED):
        """Start a container; its name is the yard's and the part's, its alias on the network the part's alone."""
        name = f"{self.name}-{part}-{len(self._containers)}"
        self._containers.append(name)
        docker(
            "run",
            "--detach",
            "--name",
            name,
            "--network",
            self.name,
            "--network-alias",
            part,
            "--label",
            "homeport.test=images",
            *hardening,
            *flags,
            image,
            *command,
        )
        return name

    def close(self):
        for name in self._containers:
            docker("rm", "--force", "--volumes", name, check=False)
        for name in self._volumes:
            docker("volume", "rm", name, check=False)
        docker("network", "rm", self.name, check=False)


def until_says(said, name, *argv, seconds=400):
    """Run a command in a container until its output contains `said`; the output."""
    end = time.monotonic() + seconds
    output = ""
    while time.monotonic() < end:
        done = subprocess.run(["docker", "exec", name, *argv], capture_output=True, text=True, check=False)
        output = done.stdout + done.stderr
        if done.returncode == 0 and said in output:
            return output
        time.sleep(0.3)
    logs = subprocess.run(["docker", "logs", "--tail", "30", name], capture_output=True, text=True, check=False)
    raise AssertionError(f"{argv} never said {said!r} in {seconds} s, but: {output}\n{logs.stdout}{logs.stderr}")


_SEARCH = """
const fs = require('node:fs');
const word = fs.readFileSync(0);
const walk = (path) => {
  try {
    if (fs.statSync(path).isFile()) return fs.readFileSync(path).includes(word) ? [path] : [];
    return fs.readdirSync(path).flatMap((name) => walk(`${path}/${name}`));
  } catch { return []; }
};
const own = fs.readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name));
const processes = own.flatMap((name) => [`/proc/${name}/environ`, `/proc/${name}/cmdline`]);
console.log(JSON.stringify([...process.argv.slice(1), ...processes].flatMap(walk).sort()));
"""


def readable_with(container, word):
    """The files that hold a word and that the user of a container with Node can read; its root is the image's."""
    facts = json.loads(docker("inspect", "--type", "container", container))[0]
    assert facts["HostConfig"]["ReadonlyRootfs"], "what is not mounted is the image's, and holds nothing of ours"
    mounted = [mount["Destination"] for mount in facts["Mounts"]] + list(facts["HostConfig"]["Tmpfs"])
    argv = ("exec", "-i", container, "node", "-e", _SEARCH, *mounted)
    return json.loads(docker(*argv, input=word))
