"""`python -m rehearsal.world up|down|serve --folder FOLDER`: starts a world, removes it, or serves it."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

from rehearsal.clouds.hetzner.machines import MachineError
from rehearsal.world.folder import Folder

_PATIENCE = 900.0
"""Seconds that a world may take to answer; the first one prepares the images of its machines."""


def main(arguments: list[str]) -> int:
    """One verb; `up` prints one line of JSON with everything that a stack must be told."""
    parser = argparse.ArgumentParser(prog="rehearsal.world", description=__doc__)
    parser.add_argument("verb", choices=("up", "down", "serve"))
    parser.add_argument("--folder", type=Path, required=True, help="where the world is kept")
    parser.add_argument("--domain", default="example.com", help="the zone that Cloudflare holds")
    parser.add_argument("--image", action="append", default=[], help="an image that every machine has from birth")
    parser.add_argument(
        "--system",
        action="append",
        default=[],
        help="NAME=IMAGE: of what servers with that image of the cloud's are made",
    )
    parser.add_argument("--ovh", action="store_true", help="the zone is at OVH, and an authority issues certificates")
    parser.add_argument(
        "--adopted",
        action="append",
        default=[],
        metavar="NAME:USER=IMAGE",
        help="a machine that runs already, made of that image of the cloud's, and the user that lets a key in",
    )
    options = parser.parse_args(arguments)
    folder = Folder(path=options.folder.absolute())
    if options.verb == "serve":
        from rehearsal.world.serve import Surroundings, serve  # noqa: PLC0415

        surroundings = Surroundings(
            images=options.image,
            systems=dict(system.split("=", 1) for system in options.system),
            ovh=options.ovh,
            adopted=dict(_machine(text) for text in options.adopted),
        )
        return serve(folder, folder.identity(options.domain), surroundings)
    if options.verb == "down":
        from rehearsal.world.serve import remove  # noqa: PLC0415

        folder.stop()
        try:
            remove(folder, folder.identity(options.domain))
        except MachineError as error:
            print(f"rehearsal.world: {error}\n  fix: make rehearse-down, once Docker answers", file=sys.stderr)
            return 1
        return 0
    zone = folder.identity(options.domain)["domain"]
    if zone != options.domain:
        print(
            f"rehearsal.world: this world's zone is {zone}, and the stack's domain is {options.domain} by now\n"
            "  fix: make rehearse-down, then make rehearse",
            file=sys.stderr,
        )
        return 1
    images = [f"--image={image}" for image in options.image]
    more = [f"--{name}={text}" for name in ("system", "adopted") for text in getattr(options, name)]
    return _up(folder, ["--domain", options.domain, *images, *more, *(["--ovh"] if options.ovh else [])])


def _machine(text: str) -> tuple[str, dict[str, str]]:
    who, _, image = text.partition("=")
    name, _, user = who.partition(":")
    return name, {"user": user, "image": image}


def _up(folder: Folder, more: list[str]) -> int:
    if folder.process() is None:
        folder.served.unlink(missing_ok=True)
        folder.path.mkdir(parents=True, exist_ok=True)
        with folder.log.open("ab") as log:
            served = subprocess.Popen(
                [sys.executable, "-m", "rehearsal.world", "serve", "--folder", str(folder.path), *more],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        end = time.monotonic() + _PATIENCE
        while folder.process() is None:
            if served.poll() is not None or time.monotonic() > end:
                tail = "\n  ".join(folder.log.read_text(encoding="utf-8", errors="replace").splitlines()[-8:])
                print(
                    f"rehearsal.world: it does not answer; the last lines of {folder.log}:\n  {tail}", file=sys.stderr
                )
                return 1
            time.sleep(0.2)
    print(folder.served.read_text(encoding="utf-8"))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
