"""The environment that every command starts in: made once, and made anew where it cannot work."""

from pathlib import Path

import pytest

from homeport.cli import bootstrap


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Instead of minutes with a registry: a list of what would have been made."""
    asked: list[Path] = []

    def run(argv: list[str]) -> None:
        asked.append(Path(argv[-1]))
        (tmp_path / "venv").mkdir(exist_ok=True)

    monkeypatch.setattr(bootstrap, "_run", run)
    monkeypatch.setattr(bootstrap.shutil, "which", lambda _: None)
    return asked


def test_a_whole_environment_is_not_made_twice(tmp_path: Path, made: list[Path]) -> None:
    folder = tmp_path / "venv"
    folder.mkdir()
    bootstrap.ensure(folder)
    first = len(made)
    (folder / ".complete").write_text(str(folder))
    bootstrap.ensure(folder)
    assert len(made) == first > 0, "a second run must find the first one's environment"


def test_an_environment_copied_from_elsewhere_is_made_anew(tmp_path: Path, made: list[Path]) -> None:
    folder = tmp_path / "venv"
    folder.mkdir()
    (folder / ".complete").write_text(str(tmp_path / "another cache" / "venv"))
    bootstrap.ensure(folder)
    assert made, "its scripts start with the path of a Python that may be gone"


def test_an_environment_without_its_mark_is_made_anew(tmp_path: Path, made: list[Path]) -> None:
    folder = tmp_path / "venv"
    folder.mkdir()
    bootstrap.ensure(folder)
    assert made, "an interrupted installation has no mark"
