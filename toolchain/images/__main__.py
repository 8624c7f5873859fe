"""`python -m toolchain.images`: have the images that a stack needs, and tell which is which."""

import argparse
import json
import sys

from toolchain.images import report
from toolchain.images.ensure import ensure
from toolchain.images.errors import ImageError
from toolchain.images.recipes.stub.recipe import hand


def main(argv: list[str] | None = None) -> int:
    """Run one command; 0 when it did what was asked, 1 when it told why not, 130 when interrupted."""
    args = _parser().parse_args(argv)
    try:
        if args.command == "ensure":
            for contract in args.contract:
                hand(contract)
            ensure(args.image, pull=not args.no_pull)
        else:
            lines = report.lines(args.image)
            print(json.dumps(report.as_values(lines), indent=2) if args.json else report.as_text(lines))
    except ImageError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; nothing half-made was left under an image's name", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m toolchain.images", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    having = commands.add_parser("ensure", help="have images: here already, pulled, or built by recipe")
    having.add_argument("image", nargs="+", metavar="IMAGE[:TAG]")
    having.add_argument("--no-pull", action="store_true", help="build from recipes even where a registry answers")
    having.add_argument(
        "--contract", action="append", default=[], metavar="JSON", help="what a stub holds of an image (recipes/stub)"
    )
    telling = commands.add_parser("report", help="tell which image is pulled, real software, or a stub")
    telling.add_argument("image", nargs="*", metavar="IMAGE[:TAG]", help="images besides those that have recipes")
    telling.add_argument("--json", action="store_true", help="as JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
