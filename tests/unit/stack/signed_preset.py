"""A preset that is none of homeport's: one service whose token is made of another secret. Data alone."""

from homeport.model.network import Network
from homeport.model.preset import Preset
from homeport.model.secret import SecretSpec
from homeport.model.service import Health, Limits, SecretFile, Service
from homeport.model.template import TEXT

PRESET = Preset(
    name="signed",
    purpose="One service that is called with a token",
    services=(
        Service(
            name="gate",
            image="registry.example.com/gate:1.0",
            purpose="Asks for a token",
            networks=("gate_default",),
            secret_files=(
                SecretFile(target="token", template="{visitor-token}", syntax=TEXT),
                SecretFile(target="key", template="{signing-key}", syntax=TEXT),
            ),
            health=Health(test=("true",)),
            limits=Limits(memory=64),
            secrets=(
                SecretSpec(
                    name="visitor-token",
                    kind="jwt",
                    policy="derived",
                    purpose="for visitors of the gate",
                    made_of="signing-key",
                    claims={"role": "visitor", "iss": "gate", "iat": 1764374400, "exp": 2079734400},
                ),
                # A variable that another preset has as well.
                SecretSpec(name="signing-key", purpose="to sign tokens", variable="POSTGRES_PASSWORD"),
            ),
        ),
    ),
    networks=(Network(name="gate_default", subnet="172.30.12.0/24", internal=False),),
)
