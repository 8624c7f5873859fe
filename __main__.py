"""The program that `pulumi preview` and `pulumi up` run: load, choose, build."""

import sys

from homeport.model.errors import HomeportError


def main() -> None:
    """Build the stack's graph, or say what is wrong and register nothing."""
    from homeport.settings.load import from_pulumi  # noqa: PLC0415  # an error below must find its handler

    try:
        from catalog.presets.registry import declared, defaults, preset  # noqa: PLC0415
        from homeport.plan.stack import prepare  # noqa: PLC0415

        loaded = from_pulumi(defaults, declared())
        blueprint, supplied, generated = prepare(loaded, preset(loaded.preset))
    except HomeportError as error:
        sys.exit(f"{error}\n\nNothing was registered and nothing was changed.")
    from homeport.stack.program import Program  # noqa: PLC0415  # the SDKs cost seconds; a refused configuration needs none

    Program(blueprint, loaded, supplied, generated)


main()
