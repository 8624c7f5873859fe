from __future__ import annotations

import pytest

from toolchain.plugins.base import UNKNOWN, CheckFailed
from toolchain.plugins.docker.provider import provider

URN = "urn:pulumi:dev::rec::docker:index/container:Container::c"
CONTAINER = provider().resources["docker:index/container:Container"]


def check(news, olds=None, seed=b"seed"):
    return CONTAINER.check(URN, olds or {}, news, seed)


# Inputs beside the image, and the whole reason.
REFUSED = [
    (
        {"gpus": "all", "deviceRequests": [{}]},
        (
            'Conflicting configuration arguments. "device_requests": conflicts with gpus. '
            "Examine values at 'c.deviceRequests'."
        ),
    ),
    ({"memory": -5}, "'-5' cannot be lower than 0. '-5' cannot be lower than 0. Examine values at 'c.memory'."),
    ({"cpuset": "0"}, "Invalid or unknown key. Examine values at 'c.cpuset'."),
    ({"exitCode": 0}, "Invalid or unknown key. Examine values at 'c.exitCode'."),
    ({"ports": [{"internal": 80, "port": 1}]}, "Invalid or unknown key. Examine values at 'c.ports[0].port'."),
    (
        {"healthcheck": {"tests": [], "interval": "1 minute"}},
        (
            "'1 minute' is not a valid duration. '1 minute' is not a valid duration. "
            "Examine values at 'c.healthcheck.interval'."
        ),
    ),
    (
        {"ulimits": [{"name": "nofile", "soft": 1}]},
        (
            'Missing required argument. The argument "hard" is required, but no definition was found.. '
            "Examine values at 'c.ulimits.hard'."
        ),
    ),
    (
        {"restart": "sometimes"},
        (
            "'sometimes' doesn't match the pattern '^(no|on-failure|always|unless-stopped)$'. "
            "'sometimes' doesn't match the pattern '^(no|on-failure|always|unless-stopped)$'. "
            "Examine values at 'c.restart'."
        ),
    ),
    (
        {"volumes": [{"hostPath": "here"}]},
        "'here' must be an absolute path. 'here' must be an absolute path. Examine values at 'c.volumes.hostPath'.",
    ),
]


@pytest.mark.parametrize(
    ("inputs", "reason"), REFUSED, ids=lambda value: next(iter(value)) if isinstance(value, dict) else ""
)
def test_a_bad_input_is_refused_in_the_official_words(inputs, reason):
    with pytest.raises(CheckFailed) as refused:
        check({"image": "i", "name": "n", **inputs})
    assert [("", reason)] == refused.value.failures, "the reason differs"


def test_all_that_is_wrong_is_said_at_once():
    with pytest.raises(CheckFailed) as refused:
        check({"memory": -1, "nonsense": 1})
    assert 3 == len(refused.value.failures), "image, memory and the unknown property are each worth a line"


def test_a_default_that_is_false_or_zero_is_left_to_the_plan():
    inputs = check({"image": "i", "healthcheck": {"tests": ["CMD", "true"]}})
    assert "rm" not in inputs, "false is not filled in"
    assert "retries" not in inputs["healthcheck"], "zero is not filled in"
    assert "0s" == inputs["healthcheck"]["startInterval"], "text is"


def test_an_automatic_name_is_kept_as_long_as_it_was_automatic():
    first = check({"image": "i"}, seed=b"one")
    again = check({"image": "i"}, olds=first, seed=b"two")
    assert first["name"].startswith("c-"), "the name comes from the URN"
    assert first["name"] == again["name"], "the old name stays"


def test_a_name_that_was_given_up_is_not_kept():
    inputs = check({"image": "i", "name": "mine"})
    assert "mine" != check({"image": "i"}, olds=inputs)["name"], "without a name of the user's a new one is made"


def test_an_unknown_value_is_not_judged():
    assert UNKNOWN is check({"image": UNKNOWN, "memory": UNKNOWN})["memory"], "a preview passes it on"
