"""Resource types made of attributes, as Terraform's plugin framework plans them and Pulumi's bridge shows them.

Official behaviour, read in hashicorp/terraform-provider-random 3.x and pulumi/pulumi-terraform-bridge
(pkg/pf/tfbridge): inputs come back from Check as they were sent; defaults appear in the outputs; Diff compares the
state with the plan, names top-level properties only and has no detailed diff; nearly every attribute replaces.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from toolchain.plugins.base import CheckFailed, Diff, Props, ProviderError, ResourceType, Secret
from toolchain.plugins.values import UNKNOWN

_JSON_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "integer": (int,),
    "boolean": (bool,),
    "string": (str,),
    "object": (dict,),
    "array": (list,),
}


@dataclass(frozen=True, slots=True)
class Attribute:
    """One property of a resource type.

    Attributes:
        kind: JSON type: integer, boolean, string, object (of strings) or array (of strings).
        input: Whether a program may set it.
        required: Whether a program must set it.
        default: Value when a program leaves it out; None when there is none.
        computed: Whether the provider makes it up.
        secret: Whether it is marked secret in the outputs.
        at_least: Smallest value allowed, None for any.
        terraform: Its name in error texts that come from Terraform.
    """

    kind: str
    input: bool = True
    required: bool = False
    default: Any = None
    computed: bool = False
    secret: bool = False
    at_least: int | None = None
    terraform: str = ""

    def schema(self) -> dict[str, Any]:
        """Its entry in the package schema."""
        entry: dict[str, Any] = {"type": self.kind}
        if self.kind == "object":
            entry["additionalProperties"] = {"type": "string"}
        if self.kind == "array":
            entry["items"] = {"type": "string"}
        if self.secret:
            entry["secret"] = True
        return entry


class RandomType(ResourceType):
    """A random resource: its attributes, how its values are made and how an id is imported."""

    attributes: ClassVar[dict[str, Attribute]]
    # Whether any change of keepers replaces, also one that is about keys without a value.
    strict_keepers: ClassVar[bool] = False

    @abstractmethod
    def generate(self, plan: Props) -> tuple[str, Props]:
        """A new id and the computed values for complete inputs."""

    @abstractmethod
    def imported(self, id: str) -> Props:
        """State for the id that a user gives to import; raises `ProviderError` when it can't be one."""

    def failures(self, news: Props) -> list[tuple[str, str]]:
        """Refusals beyond those of single attributes: property and reason."""
        return []

    def plan(self, news: Props) -> Props:
        """Inputs with defaults, without computed values; raises `ProviderError` when they contradict each other."""
        planned = {}
        for name, attribute in self.attributes.items():
            value = news.get(name) if attribute.input else None
            value = attribute.default if value is None else value
            if value is not None:
                planned[name] = value
        return planned

    def check(self, urn: str, olds: Props, news: Props, seed: bytes) -> Props:
        """Refuses unknown, missing and ill-typed inputs; the rest come back unchanged."""
        name = urn.rsplit("::", 1)[-1]
        failures = [
            # The official plugin passes an unknown property on without a word; a rehearsal must not.
            (key, f"Invalid or unknown key. Examine values at '{name}.{key}'.")
            for key in news
            if not key.startswith("__") and not (key in self.attributes and self.attributes[key].input)
        ]
        for key, attribute in self.attributes.items():
            failures += [(key, reason) for reason in _refusals(name, key, attribute, news.get(key))]
        if not failures:
            failures = [(key, f"{reason}. Examine values at '{name}.{key}'.") for key, reason in self.failures(news)]
        if failures:
            raise CheckFailed([("", reason) for _, reason in failures], news)
        return news

    def diff(self, urn: str, id: str, old_state: Props, old_inputs: Props, news: Props) -> Diff:
        """Compares the state with what the new inputs would plan."""
        planned = self.plan(news)
        changed = sorted(
            name
            for name, attribute in self.attributes.items()
            if attribute.input and old_state.get(name) != planned.get(name)
        )
        replaces = [
            name
            for name in changed
            if _replaces(name, old_state.get(name), news.get(name)) or (name == "keepers" and self.strict_keepers)
        ]
        return Diff(bool(changed), replaces=replaces, diffs=changed, has_detailed=False)

    def create(self, urn: str, news: Props, *, preview: bool, timeout: float) -> tuple[str, Props]:
        """Makes the values; a preview leaves them unknown."""
        plan = self.plan(news)
        if not preview:
            new_id, values = self.generate(plan)
            return new_id, self._marked({**plan, **values})
        unknown = {name: UNKNOWN for name, attribute in self.attributes.items() if attribute.computed}
        return "", self._marked({**plan, **unknown})

    def read(self, urn: str, id: str, state: Props, inputs: Props) -> tuple[str, Props, Props] | None:
        """Nothing is stored elsewhere: a refresh finds the state as it was, an import computes it from the id."""
        if state:
            return id, self._marked(state), {key: state[key] for key in inputs if key in state}
        state = self.imported(id)
        # The bridge leaves zero values out of what it proposes as inputs of an import.
        proposed = {
            name: state[name]
            for name, attribute in self.attributes.items()
            if attribute.input and (state.get(name) or attribute.required)
        }
        return str(state.get("id", id)), self._marked(state), proposed

    def update(
        self, urn: str, id: str, old_state: Props, old_inputs: Props, news: Props, *, preview: bool, timeout: float
    ) -> Props:
        """Only harmless changes get here, such as an empty text that becomes none: values stay, inputs follow."""
        kept = {
            name: old_state[name]
            for name, attribute in self.attributes.items()
            if attribute.computed and name in old_state
        }
        return self._marked({**self.plan(news), **kept})

    def delete(self, urn: str, id: str, state: Props, *, timeout: float) -> None:
        """Forgets: there is nothing to remove."""

    def _marked(self, state: Props) -> Props:
        # As officially, an unknown value is not marked: the SDK's own option keeps it secret.
        return {
            name: Secret(value)
            if value is not UNKNOWN and name in self.attributes and self.attributes[name].secret
            else value
            for name, value in state.items()
        }


def _refusals(name: str, key: str, attribute: Attribute, value: Any) -> list[str]:
    where = f"Examine values at '{name}.{key}'."
    if value is None:
        return [f"Missing required property '{key}'"] if attribute.required else []
    if value is UNKNOWN:
        return []
    right = isinstance(value, _JSON_TYPES[attribute.kind]) and isinstance(value, bool) == (attribute.kind == "boolean")
    if not right:
        text = f"Attribute {attribute.terraform or key} must be of type {attribute.kind}"
        return [f"Incorrect attribute value type. {text}. {where}"]
    if attribute.at_least is not None and value < attribute.at_least:
        text = f"Attribute {attribute.terraform or key} value must be at least {attribute.at_least}, got: {value}"
        return [f"Invalid Attribute Value. {text}. {where}"]
    return []


def _replaces(name: str, old: Any, new: Any) -> bool:
    if name == "overrideSpecial":
        return new is not UNKNOWN and not (new is None and old == "")
    if name != "keepers":
        return True
    was, now = old or {}, {} if new is None or new is UNKNOWN else new
    # Keys without a value never counted as keys in older versions of the official plugin, and must not replace now.
    return bool(was.keys() - now.keys()) or any(was.get(key) != value for key, value in now.items())


def decoding_error(summary: str, detail: str) -> ProviderError:
    """An error as the bridge words a Terraform diagnostic."""
    return ProviderError(f"{summary}: {detail}")
