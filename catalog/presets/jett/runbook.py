"""How jett is set up, in the order of its description's checklist: what `up` does of each step, and what ticks it."""

from homeport.model.preset import Phase, Step

PHASES = (
    Phase(
        name="WireGuard",
        steps=(
            Step(
                text="Generate keys on VPS",
                how="`up` makes them, lays them where root alone reads them, and never makes others by itself",
                claims=("private-key-files",),
            ),
            Step(
                text="Generate keys on local",
                how=(
                    "`up` makes them; a device that keeps its own gives its public key alone "
                    "(`settings.wireguard.peers.local.public_key`)"
                ),
                claims=("handshake",),
                tests=("tests/unit/components/test_network.py::test_a_device_with_its_own_key_keeps_it_to_itself",),
            ),
            Step(
                text="Configure VPS WireGuard",
                how="`up` installs it, writes `wg0.conf` and starts it, at every boot too",
                claims=("wireguard-installed", "docker-at-boot"),
                tests=("tests/unit/render/test_wireguard.py::test_configuration",),
            ),
            Step(
                text="Configure local WireGuard",
                how=(
                    "you: `bin/homeport wireguard local --to wg0.conf --stack prod` writes the file; import it in "
                    "WireGuard on the local machine"
                ),
                claims=("handshake",),
            ),
            Step(
                text="Test connectivity",
                how="you, on the local machine: `bin/homeport smoke --inside --stack prod`",
                claims=("handshake", "strange-key-gets-silence"),
                smoke=("n8n 5678",),
            ),
        ),
    ),
    Phase(
        name="Docker Setup",
        steps=(
            Step(text="Install Docker on VPS", how="`up`, where it is missing", claims=("docker-at-boot",)),
            Step(
                text="Create docker-compose.yml",
                how="`up` makes the containers itself, and lays `/opt/jett/docker-compose.yml` for whoever leaves it",
                claims=("compose-file",),
            ),
            Step(
                text="Configure environment variables",
                how=(
                    "you, before: `bin/homeport preview --stack prod` names every setting and secret that is missing; "
                    "passwords are made, and come to containers as files"
                ),
                claims=("secrets-only-where-declared",),
                tests=("tests/unit/presets/test_jett.py::test_no_environment_names_a_secret",),
            ),
            Step(
                text="Start services",
                how="`up`, each when what it needs is healthy; `bin/homeport status --stack prod` shows them",
                claims=("only-declared-services", "services-as-described"),
            ),
            Step(
                text="Verify hardening",
                how="nothing to do: a weaker setting is refused without a reason ([which are](../catalog.md#jett))",
                claims=("non-root", "caps-dropped", "read-only-roots", "limits", "socket-read-only"),
            ),
        ),
    ),
    Phase(
        name="Cloudflare Tunnel",
        steps=(
            Step(text="Install cloudflared", how="`up`, as a unit of systemd", claims=("docker-at-boot",)),
            Step(
                text="Create tunnel",
                how="`up`, by Cloudflare's API: you give it a token once ([which](../first-day.md))",
                claims=("names-lead-to-the-tunnel", "origin-refused-directly"),
            ),
            Step(
                text="Configure DNS records",
                how="`up`",
                claims=("names-lead-to-the-tunnel", "names-have-certificates", "unknown-name-404"),
            ),
            Step(
                text="Set up Zero Trust policies",
                how="`up`, before a name leads anywhere; you name the people (`settings.access`)",
                claims=("zero-trust-on", "access-denies-by-default"),
            ),
            Step(
                text="Test external access",
                how="you, from anywhere: `bin/homeport smoke --stack prod`, and sign in at n8n's name",
                claims=("people-log-in", "webhooks-by-token", "closed-in-any-spelling"),
                smoke=("n8n /homeport-smoke", "n8n /webhook/homeport-smoke", "n8n /webhook/heartbeat", "jett /"),
            ),
        ),
    ),
    Phase(
        name="Firewall",
        steps=(
            Step(
                text="Configure UFW",
                how="`up`, and it undoes by a timer what would lock it out",
                claims=("ufw-only-ssh-and-wg",),
            ),
            Step(
                text="Verify port bindings",
                how="nothing to do: no service of jett may publish elsewhere than in the VPN",
                claims=("bound-to-wg-ip", "nothing-on-public-ip"),
            ),
            Step(
                text="Test from external",
                how="you, outside of the VPN: `bin/homeport smoke --stack prod`, where what is inside must be silent",
                claims=("outside-sees-declared-ports", "udp-is-silent", "one-layer-alone"),
                smoke=("postgres 5432", "qdrant 6333", "n8n 5678", "portainer 9000", "uptime-kuma 3001"),
            ),
        ),
    ),
    Phase(
        name="Integration",
        steps=(
            Step(
                text="Local connects to VPS services",
                how="you, on the local machine: `bin/homeport smoke --inside --stack prod`",
                claims=("services-in-the-vpn", "vpn-sees-declared-ports"),
                smoke=("postgres 5432", "qdrant 6333", "n8n 5678", "portainer 9000", "uptime-kuma 3001"),
            ),
            Step(
                text="Heartbeat system",
                how="n8n's side comes with `up`; you start [the client](../../apps/heartbeat/README.md) at home",
                claims=("heartbeat-is-taken",),
                tests=(
                    (
                        "tests/rehearsal/local/test_jett.py"
                        "::test_a_beat_makes_it_online_and_missing_ones_offline_and_whoever_wants_to_know_is_told"
                    ),
                ),
            ),
            Step(
                text="Offline queue handling",
                how=(
                    "tables and workflows come with `up`; you give the client "
                    "[a handler](../../apps/heartbeat/README.md#the-handler)"
                ),
                tests=(
                    (
                        "tests/rehearsal/production/test_life.py"
                        "::test_requests_wait_while_the_local_machine_is_off_and_come_once_each_in_order"
                    ),
                ),
            ),
        ),
    ),
)
