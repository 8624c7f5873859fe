"""A preset that is none of homeport's: one service whose token is another secret, unless it is given. Data alone."""

from homeport.model.network import Network
from homeport.model.preset import Preset
from homeport.model.secret import SecretSpec
from homeport.model.service import Health, Limits, SecretFile, Service
from homeport.model.template import TEXT

PRESET = Preset(
    name="same",
    purpose="One service that is called with a token",
    services=(
        Service(
            name="gate",
            image="registry.example.com/gate:1.0",
            purpose="Asks for a token",
            networks=("gate_default",),
            secret_files=(SecretFile(target="token", template="{gate-token}", syntax=TEXT),),
            health=Health(test=("true",)),
            limits=Limits(memory=64),
            secrets=(
                SecretSpec(name="gate-key", kind="hex64", purpose="for programs that call the gate"),
                SecretSpec(
                    name="gate-token",
                    kind="token",
                    policy="derived",
                    made_of="gate-key",
                    purpose="for the gate's callers",
                ),
            ),
        ),
    ),
    networks=(Network(name="gate_default", subnet="172.30.14.0/24", internal=False),),
)
