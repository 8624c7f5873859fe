"""`homeport pulumi`."""

import typer

EXAMPLES = """
homeport pulumi config set --path homeport:settings.domain --stack prod    asks for the value
homeport pulumi config set --secret homeport:hcloud-token --stack prod     asks for it unseen
homeport pulumi stack output --stack dev
"""
# All that follows is Pulumi's, its flags among it.
SETTINGS = {"allow_extra_args": True, "ignore_unknown_options": True, "allow_interspersed_args": False}


def command(context: typer.Context) -> None:
    """Run one command of plain pulumi, in the environment of the stacks here; its exit code."""
    from homeport.cli import pulumi_cli

    pulumi_cli.ensure()
    pulumi_cli.make_stacks()
    raise typer.Exit(pulumi_cli.engine_command("exec", "--", "pulumi", *context.args))
