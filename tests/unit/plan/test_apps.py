"""Every app below tests/cases/apps becomes what tests/golden/apps says, or is refused as its file says."""

from __future__ import annotations

import pytest

from homeport.model.errors import ProblemsError
from tests.unit.plan.expansions import CASES, GOLDEN, accepted, case, expansion, planned

REFUSED = [path for path in sorted(CASES.glob("*.yaml")) if "refused" in case(path)]


@pytest.mark.parametrize(("path", "preset"), accepted(), ids=lambda value: getattr(value, "stem", value))
def test_an_app_becomes_the_same_values_as_a_service_of_the_catalog(path, preset):
    golden = GOLDEN / f"{path.stem}.{preset}.json"

    assert golden.read_text() == expansion(preset, case(path)), (
        "read the difference, then: python -m tests.unit.plan.expansions"
    )


@pytest.mark.parametrize("path", REFUSED, ids=lambda path: path.stem)
def test_everything_wrong_about_apps_is_said_at_once(path):
    said = case(path)
    for preset in said["presets"]:
        with pytest.raises(ProblemsError) as refused:
            planned(preset, said)
        problems = {problem.path.removeprefix("homeport:settings."): problem for problem in refused.value.problems}

        assert set(said["refused"]) == set(problems), said["because"]
        for place, words in said["refused"].items():
            assert words in problems[place].what, said["because"]
            assert problems[place].fix, "what mends it is said"
