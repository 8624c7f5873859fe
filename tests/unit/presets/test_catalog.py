"""Each service of the catalog stands in a folder of its own, with facts about its image that others can check."""

import importlib
import re
from datetime import date

import pytest

from catalog.presets import registry
from homeport.model.image import ImageFacts
from tests.support.checkout import ROOT

FOLDERS = sorted(path.parent for path in (ROOT / "catalog").glob("*/service.py"))
FACTS = {
    facts.repository: (folder, facts)
    for folder in FOLDERS
    for facts in vars(importlib.import_module(f"catalog.{folder.name}.service")).values()
    if isinstance(facts, ImageFacts)
}
USED = [service for name in registry._BUILT for service in registry.preset(name).services]
CATALOG = [importlib.import_module(f"catalog.{folder.name}.service").SERVICE for folder in FOLDERS]


@pytest.mark.parametrize("service", CATALOG, ids=lambda service: service.name)
def test_a_service_is_named_after_its_folder_and_its_files_are_there(service):
    # Of a name with dots the last part is the software's.
    folder = ROOT / "catalog" / service.name.rpartition(".")[2].replace("-", "_")

    assert folder in FOLDERS, "the folder has the software's name"
    # A folder with all that is in it may be there in an operator's own project alone, as dbt's snapshots.
    sources = [file.source for file in service.files if not file.source.endswith("/**/*")]
    assert [] == [source for source in sources if not list(ROOT.glob(source))], "no file is missing"


@pytest.mark.parametrize("repository", sorted(FACTS))
def test_facts_about_an_image_name_their_source_and_their_day(repository):
    _, facts = FACTS[repository]

    assert re.match(r"https://[\w.-]+/.+", facts.source), "somebody else can read the same"
    assert date.fromisoformat(facts.read) <= date.today(), "and knows how old it is"  # noqa: DTZ011  # a day is enough


@pytest.mark.parametrize("service", [*CATALOG, *USED], ids=lambda service: service.name)
def test_the_program_of_a_health_check_is_in_the_image(service):
    repository = service.image.partition(":")[0]
    _, facts = FACTS[repository]
    program = service.health.test[0] if service.health else ""

    assert not program or program in facts.tools, f"{repository} has {', '.join(facts.tools) or 'no program'}"
    assert program or "health" in service.waivers, "what no program can ask has a reason"
