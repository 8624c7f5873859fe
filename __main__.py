"""The program that `pulumi preview` and `pulumi up` run: load, plan, build, export."""

import sys

from homeport.model.errors import HomeportError


def main() -> None:
    """Build the stack's graph, or say what is wrong and register nothing."""
    from homeport.settings.from_pulumi import configuration  # noqa: PLC0415  # an error below must find its handler

    try:
        from homeport.plan.resolve import resolve  # noqa: PLC0415

        plan = resolve(configuration())
    except HomeportError as error:
        sys.exit(f"{error}\n\nNothing was registered and nothing was changed.")
    from homeport.stack.program import build  # noqa: PLC0415  # the SDKs cost seconds; a refused configuration needs none

    build(plan)


main()
