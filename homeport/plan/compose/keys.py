"""What compose knows of a service and an app does not, with the reason: facts of the compose specification.

Source: https://github.com/compose-spec/compose-spec/blob/main/05-services.md, read 2026-11-29.
"""

from __future__ import annotations

from typing import Final

from homeport.model.service import ALLOWED_CAPABILITIES

OWN = "homeport has its own way for it"
LEFT: Final[dict[str, str]] = {
    "annotations": "an app has no annotations",
    "attach": "the output is in `docker logs`",
    "blkio_config": "an app has no limits on block devices; memory, cpus and pids it has",
    "cgroup": "a container keeps a cgroup of its own",
    "cgroup_parent": "a container keeps a cgroup of its own",
    "configs": "an app has no files of its own beside its secrets: build them into the image",
    "container_name": "homeport names containers after stack and app",
    "cpu_count": "for Windows alone",
    "cpu_percent": "for Windows alone",
    "cpu_period": "cpus is the one limit on processors",
    "cpu_quota": "cpus is the one limit on processors",
    "cpu_rt_period": "an app has no real-time share of a processor",
    "cpu_rt_runtime": "an app has no real-time share of a processor",
    "cpu_shares": "cpus is the one limit on processors",
    "cpuset": "an app is not bound to processors",
    "credential_spec": "for Windows alone",
    "develop": "for work on the source, where `docker compose watch` runs",
    "device_cgroup_rules": "an app gets no device of the host",
    "devices": "an app gets no device of the host",
    "dns": "names are answered by Docker and the host, the same for all",
    "dns_opt": "names are answered by Docker and the host, the same for all",
    "dns_search": "names are answered by Docker and the host, the same for all",
    "domainname": "an app's host name is its name",
    "external_links": "an app reaches what its needs name",
    "extra_hosts": "names of its own are not given to an app",
    "gpus": "an app gets no device of the host",
    "group_add": "an app has the group of its user alone: user takes uid:gid",
    "image_pull_policy": OWN,
    "ipc": "a container keeps an IPC namespace of its own",
    "isolation": "for Windows alone",
    "label_file": "labels are homeport's own",
    "labels": "nothing in the stack reads it; labels are homeport's own",
    "mac_address": "Docker gives one",
    "mem_reservation": "a reservation means nothing on one host; memory is the limit",
    "mem_swappiness": "swap is off",
    "models": "an app runs no model of Docker's",
    "network_mode": "an app has a network of its own",
    "oom_kill_disable": "a container that takes all memory is ended, and started again",
    "oom_score_adj": "a container that takes all memory is ended, and started again",
    "pid": "a container keeps its processes to itself",
    "platform": "the image's own for the host",
    "post_start": "no commands are run beside the container's own",
    "pre_stop": "no commands are run beside the container's own",
    "privileged": "it would be root of the host; no waiver gives that",
    "provider": "an app is a container",
    "pull_policy": "an image is pulled when its tag or digest is new",
    "runtime": "Docker's own",
    "scale": "an app is one container",
    "security_opt": "an app keeps Docker's own profiles, and gains no privileges",
    "stdin_open": "nobody sits at the container's terminal",
    "storage_opt": "an app has no limit on disk space",
    "sysctls": "an app changes no setting of the kernel",
    "tty": "nobody sits at the container's terminal",
    "ulimits": "an app has 4096 open files and no core file",
    "use_api_socket": "the socket of Docker is root of the host",
    "userns_mode": "as the daemon is set up",
    "uts": "a container keeps a host name of its own",
    "volumes_from": "an app has volumes of its own; name them in volumes",
    "working_dir": "the image's own: build it into the image",
}
TOP: Final[dict[str, str]] = {
    "models": "an app runs no model of Docker's",
}
CAPABILITIES: Final[frozenset[str]] = frozenset(name.removeprefix("CAP_") for name in ALLOWED_CAPABILITIES)
"""Those that a container may keep, as compose spells them."""
