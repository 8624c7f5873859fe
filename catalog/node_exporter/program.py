"""node_exporter: what a host has of processors, memory and disks, as metrics. https://github.com/prometheus/node_exporter.

The distribution's package, in a unit of ours: the package's own listens on every address of the host, to everybody. A
preset says by ``{node-address}`` which address of the host it is to be: that in the mesh.
"""

from homeport.model.host import Package
from homeport.model.host_program import HostProgram, ProgramFile
from homeport.model.template import UNIT

NODE_EXPORTER = HostProgram(
    name="node-exporter",
    purpose="The host's metrics, for members of the mesh",
    # With it comes the user that it runs as.
    packages=(Package(name="prometheus-node-exporter", program="prometheus-node-exporter"),),
    files=(
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
                " --collector.stat --collector.uname\n"
                "Restart=always\n"
                "RestartSec=5\n"
                "IPAddressDeny=any\n"
                "IPAddressAllow=localhost 100.64.0.0/10\n"
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
    units=("node-exporter.service",),
)
