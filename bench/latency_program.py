"""The program that `bench.latency` brings up: light containers behind one docker provider, nothing else."""

from __future__ import annotations

from pathlib import Path

import pulumi
import pulumi_docker as docker

ROUND = Path(__file__).with_name("round").read_text(encoding="utf-8")

config = pulumi.Config("latency")
far = docker.Provider("far", host=config.require("host"), ssh_opts=config.require_object("ssh-opts"))
for number in range(config.require_int("containers")):
    docker.Container(
        f"light-{number}",
        name=f"{config.require('prefix')}-{number}",
        image=config.require("image"),
        command=["sleep", "86400"],
        # Only the first one's changes.
        envs=[f"ROUND={ROUND}"] if number == 0 else None,
        destroy_grace_seconds=0,
        opts=pulumi.ResourceOptions(provider=far),
    )
