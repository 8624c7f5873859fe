"""What helps against what Pulumi complains of: its words as its CLI printed them."""

import pytest

from homeport.cli.pulumi_cli import hint


@pytest.mark.parametrize(
    ("said", "helps"),
    [
        (
            (
                "error: the stack is currently locked by 1 lock(s). "
                "Either wait for the other process(es) to end or delete …"
            ),
            "make repair STACK=prod",
        ),
        ("error: incorrect passphrase", "PULUMI_CONFIG_PASSPHRASE"),
        (
            (
                "error: passphrase must be set with PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE "
                "environment …"
            ),
            "PULUMI_CONFIG_PASSPHRASE_FILE",
        ),
        ("error: no stack named 'prod' found", "make up STACK=prod"),
        ("error: failed to load checkpoint: place 1: invalid character 'g'", "pulumi stack import --stack prod"),
        ("error: something that nobody has met", "make report STACK=prod"),
    ],
)
def test_what_helps_is_named_by_its_cause(said, helps):
    assert helps in hint(said, "prod"), said
