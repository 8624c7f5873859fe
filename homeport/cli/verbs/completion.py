"""`homeport completion`."""

from enum import StrEnum
from typing import Annotated

import typer

EXAMPLES = """
homeport completion bash > ~/.local/share/bash-completion/completions/homeport
homeport completion zsh > ~/.zfunc/_homeport
homeport completion fish > ~/.config/fish/completions/homeport.fish
"""


class Shell(StrEnum):
    """Shells that can be taught the verbs."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def command(shell: Annotated[Shell, typer.Argument(help="For which shell")]) -> None:
    """Print the shell's script that completes verbs, options, stacks and presets. It wants `homeport` on PATH."""
    from typer.completion import get_completion_script  # type: ignore[attr-defined]

    from homeport.cli.app import COMPLETE, NAME

    print(get_completion_script(prog_name=NAME, complete_var=COMPLETE, shell=shell.value))
    raise typer.Exit
