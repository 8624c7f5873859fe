"""What each preset is made of in each environment: all examples. A run previews a sample of them on the real engine."""

import pytest

from homeport.cli import example
from tests.unit.stack.identities import example_lines, example_list


@pytest.mark.parametrize("name", example.names())
def test_a_preset_in_an_environment_is_what_its_list_says(name):
    assert example_list(name).read_text().splitlines() == example_lines(name), (
        "what a preset is made of changes where somebody means it: read the difference, then write the list anew"
    )
