"""The program that `pulumi preview` and `pulumi up` run: load, plan, build, export."""

import gc
import sys
from pathlib import Path

from homeport.model.errors import HomeportError, ProblemsError


def main() -> None:
    """Build the stack's graph, or say what is wrong and register nothing."""
    # What is imported and registered stays: the collector would look through it again and again, a seventh of the time.
    gc.disable()
    # Here, so that whatever is refused while these are read is said in a person's words.
    try:
        from homeport.plan import image_lock  # noqa: PLC0415
        from homeport.plan.resolve import resolve  # noqa: PLC0415
        from homeport.settings.from_pulumi import configuration  # noqa: PLC0415

        asked = configuration()
        try:
            plan = resolve(asked, pins=image_lock.read(Path(__file__).parent, asked.stack))
        except ProblemsError as error:
            raise error.of(asked.stack) from None
    except HomeportError as error:
        sys.exit(f"{error}\n\nNothing was registered and nothing was changed.")
    # The SDKs cost seconds; a refused configuration needs none.
    from homeport.stack.program import build  # noqa: PLC0415

    try:
        build(plan)
    except HomeportError as error:
        sys.exit(str(error))
    gc.freeze()
    gc.enable()


main()
