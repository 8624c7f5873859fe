"""The configuration as Pulumi's engine hands it to the program.

Nothing else reads it, and nothing else here imports Pulumi.
"""

from __future__ import annotations

import pulumi
from pulumi.runtime import config as engine

from homeport.settings.load import Configuration


def configuration() -> Configuration:
    """The configuration of the stack that runs now.

    ``pulumi.Config`` reads keys that it is asked for; what the engine was given is read here whole, so that a key which
    nobody asks for (a slip of the pen) is found.
    """
    values = {**engine.get_config_env(), **engine.CONFIG.get()}
    encrypted = {key for key in values if engine.is_config_secret(key)} | set(engine.get_config_secret_keys_env())
    return Configuration(pulumi.get_stack(), values, frozenset(encrypted))
