"""node_exporter: what a host has of processors, memory and disks, as metrics. https://github.com/prometheus/node_exporter.

The distribution's package, in a unit of ours: the package's own listens on every address of the host, to everybody. A
preset says by ``{node-address}`` which address of the host it is to be: that in the mesh.

Beside it a script tells of the stack's containers, in cAdvisor's words, so that the same alerts ask for those of every
host, and no second cAdvisor has a port: node_exporter reads what it writes (its textfile collector).
"""

from homeport.model.host import Package
from homeport.model.host_program import HostProgram, ProgramFile
from homeport.model.template import UNIT

_STATES = """\
#!/bin/sh
# Of each container of homeport's that runs: that it was seen, whether it is healthy, since when it runs. While Docker
# does not answer nothing is told, and the alerts take each of them for away.
set -u
asked='{{.Name}} {{index .Config.Labels "homeport.service"}}'
asked="$asked {{with .State.Health}}{{.Status}}{{else}}none{{end}} {{.State.StartedAt}}"
while :; do
  seen=$(date +%s)
  timeout 10 docker ps --quiet --filter label=homeport.service |
    xargs -r timeout 10 docker inspect --format "$asked" |
    while read -r name service health started; do
      case $health in healthy) health=1 ;; none) health=-1 ;; *) health=0 ;; esac
      # While one container takes another's place there are two of a service.
      labels="name=\\"${name#/}\\",container_label_homeport_service=\\"$service\\""
      echo "container_last_seen{$labels} $seen"
      echo "container_health_state{$labels} $health"
      echo "container_start_time_seconds{$labels} $(date -d "$started" +%s)"
    done | sort >"$1/new" && mv "$1/new" "$1/containers.prom"
  sleep 30
done
"""

NODE_EXPORTER = HostProgram(
    name="node-exporter",
    purpose="The host's metrics and its containers' states, for members of the mesh",
    # With it comes the user that it runs as.
    packages=(Package(name="prometheus-node-exporter", program="prometheus-node-exporter"),),
    files=(
        ProgramFile(target="/usr/local/lib/homeport/container-states", text=_STATES, mode=0o755),
        ProgramFile(
            target="/etc/systemd/system/container-states.service",
            text=(
                "[Unit]\n"
                "Description=States of this host's containers, for node_exporter\n"
                "After=docker.service\n"
                "StartLimitIntervalSec=0\n"
                "\n"
                "[Service]\n"
                "ExecStart=/usr/local/lib/homeport/container-states /run/container-states\n"
                "RuntimeDirectory=container-states\n"
                # Without a home Docker's command would say on each call that it has no settings.
                "Environment=DOCKER_CONFIG=/run/container-states\n"
                "Restart=always\n"
                "RestartSec=5\n"
                # It is root for Docker's socket, and has no right of root's beside.
                "CapabilityBoundingSet=\n"
                "LockPersonality=yes\n"
                "MemoryDenyWriteExecute=yes\n"
                "MemoryMax=128M\n"
                "NoNewPrivileges=yes\n"
                "PrivateDevices=yes\n"
                "PrivateNetwork=yes\n"
                "PrivateTmp=yes\n"
                "ProtectClock=yes\n"
                "ProtectControlGroups=yes\n"
                "ProtectHome=yes\n"
                "ProtectHostname=yes\n"
                "ProtectKernelLogs=yes\n"
                "ProtectKernelModules=yes\n"
                "ProtectKernelTunables=yes\n"
                "ProtectSystem=strict\n"
                "RestrictAddressFamilies=AF_UNIX\n"
                "RestrictNamespaces=yes\n"
                "RestrictRealtime=yes\n"
                "RestrictSUIDSGID=yes\n"
                "SystemCallArchitectures=native\n"
                "SystemCallFilter=@system-service\n"
                "UMask=0022\n"
                "\n"
                "[Install]\n"
                "WantedBy=multi-user.target\n"
            ),
        ),
        ProgramFile(
            target="/etc/systemd/system/node-exporter.service",
            syntax=UNIT,
            text=(
                "[Unit]\n"
                "Description=Metrics of this host, for members of the mesh\n"
                "After=network-online.target tailscaled.service\n"
                "Wants=network-online.target\n"
                # The mesh's address is there only once the mesh is: it tries until then.
                "StartLimitIntervalSec=0\n"
                "\n"
                "[Service]\n"
                "User=prometheus\n"
                "ExecStart=/usr/bin/prometheus-node-exporter --web.listen-address={node-address}:9100"
                # What dashboards and alerts ask for; the others cost each question more, and some want rights.
                " --web.disable-exporter-metrics --collector.disable-defaults --collector.cpu --collector.diskstats"
                " --collector.filesystem --collector.loadavg --collector.meminfo --collector.netdev"
                " --collector.stat --collector.uname"
                " --collector.textfile --collector.textfile.directory=/run/container-states\n"
                "Restart=always\n"
                "RestartSec=5\n"
                "IPAddressDeny=any\n"
                # Members, and Alloy on this host, which comes by the network that it leaves by.
                "IPAddressAllow=localhost 100.64.0.0/10 {subnet:egress}\n"
                "CapabilityBoundingSet=\n"
                "LockPersonality=yes\n"
                "MemoryDenyWriteExecute=yes\n"
                "MemoryMax=64M\n"
                "NoNewPrivileges=yes\n"
                "PrivateDevices=yes\n"
                "PrivateTmp=yes\n"
                "ProtectClock=yes\n"
                "ProtectControlGroups=yes\n"
                "ProtectHome=read-only\n"
                "ProtectHostname=yes\n"
                "ProtectKernelLogs=yes\n"
                "ProtectKernelModules=yes\n"
                "ProtectKernelTunables=yes\n"
                "ProtectSystem=strict\n"
                "RestrictAddressFamilies=AF_INET AF_INET6 AF_NETLINK AF_UNIX\n"
                "RestrictNamespaces=yes\n"
                "RestrictRealtime=yes\n"
                "RestrictSUIDSGID=yes\n"
                "SystemCallArchitectures=native\n"
                "SystemCallFilter=@system-service\n"
                "UMask=0077\n"
                "\n"
                "[Install]\n"
                "WantedBy=multi-user.target\n"
            ),
        ),
    ),
    setup="systemctl --quiet mask --now prometheus-node-exporter.service",
    teardown="systemctl --quiet unmask prometheus-node-exporter.service",
    units=("container-states.service", "node-exporter.service"),
)
