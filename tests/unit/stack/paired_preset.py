"""A preset that is none of homeport's: one service with the halves of an SSH key. Data alone."""

from homeport.model.network import Network
from homeport.model.preset import Preset
from homeport.model.secret import SecretSpec
from homeport.model.service import Health, Limits, SecretFile, Service
from homeport.model.template import LINE

PRESET = Preset(
    name="paired",
    purpose="One service that is entered with a key",
    services=(
        Service(
            name="door",
            image="registry.example.com/door:1.0",
            purpose="Admits whoever has the key",
            networks=("door_default",),
            secret_files=(SecretFile(target="admitted", template="ssh-ed25519 {door-key-public}", syntax=LINE),),
            health=Health(test=("true",)),
            limits=Limits(memory=64),
            secrets=(
                SecretSpec(name="door-key", kind="ed25519", purpose="to enter"),
                SecretSpec(
                    name="door-key-public",
                    kind="ed25519-public",
                    policy="derived",
                    made_of="door-key",
                    purpose="to know who enters",
                ),
            ),
        ),
    ),
    networks=(Network(name="door_default", subnet="172.30.13.0/24", internal=False),),
)
