"""Runs one Pulumi program in its own interpreter: `python -u -P program.py SETTINGS PROGRAM [ARG...]`.

Started by the language host with the engine's addresses as JSON and with the stack's config in PULUMI_CONFIG. What goes
wrong is said once, through the engine, from the user's own first line on; then the exit code is `REPORTED`.
"""

import asyncio
import ctypes
import json
import logging
import os
import runpy
import signal
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NoReturn

REPORTED = 32
"""Exit code that says: the user has read the error already. The number is Pulumi's own."""
_PR_SET_PDEATHSIG = 1


def _end_quietly(number: int, _frame: object) -> NoReturn:
    """An interrupted deployment needs no traceback."""
    sys.stdout.flush()
    os._exit(128 + number)


def _die_with_host() -> None:
    """A host that is killed outright can stop nobody, so the kernel does (Linux; elsewhere the lost engine ends us)."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end_quietly)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def users_traceback(error: BaseException, program: str) -> str:
    """The traceback from the first line inside the program's folder on.

    Where no frame is the user's, as in a syntax error or an awaited failure, only our own and Python's start-up
    frames go.
    """
    root = Path(program).resolve()
    root = root.parent if root.is_file() else root
    whole = traceback.TracebackException.from_exception(error)
    part: traceback.TracebackException | None = whole
    while part is not None:
        kept = [f for f in part.stack if not f.filename.startswith("<frozen") and f.filename != __file__]
        mine = [at for at, frame in enumerate(kept) if Path(frame.filename).resolve().is_relative_to(root)]
        part.stack[:] = kept[mine[0] :] if mine else kept
        part = part.__cause__ or part.__context__
    return "".join(whole.format())


def main(settings: str, program: str, arguments: list[str]) -> int:
    """Runs the program and returns the exit code."""
    _die_with_host()
    try:
        import pulumi  # noqa: PLC0415 so that its absence is a message
        import pulumi.runtime  # noqa: PLC0415
    except ImportError as error:
        print(f"{sys.executable} has no Pulumi SDK ({error})\n  fix: make engine", file=sys.stderr)
        return 1
    pulumi.runtime.set_all_config(pulumi.runtime.get_config_env(), pulumi.runtime.get_config_secret_keys_env())
    pulumi.runtime.configure(pulumi.runtime.Settings(**json.loads(settings)))
    sys.argv = [program, *arguments]
    # Futures that nobody awaits any more are normal after a failure; asyncio's words about them help nobody.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    pool = ThreadPoolExecutor(max_workers=max(json.loads(settings)["parallel"], 1) * 4)
    loop.set_default_executor(pool)
    try:
        loop.run_until_complete(pulumi.runtime.run_in_stack(lambda: _run(program)))
    except pulumi.RunError as error:
        pulumi.log.error(str(error))
        return REPORTED
    except Exception as error:  # noqa: BLE001 the outermost frame of somebody else's program
        pulumi.log.error(f"the program failed:\n{users_traceback(error, program)}")
        return REPORTED
    except SystemExit as leaving:
        if not isinstance(leaving.code, str):
            raise
        pulumi.log.error(leaving.code)
        return REPORTED
    finally:
        pool.shutdown()
        loop.close()
        sys.stdout.flush()
    return 0


def _run(program: str) -> None:
    if Path(program).is_dir() and not Path(program, "__main__.py").is_file():
        import pulumi  # noqa: PLC0415

        raise pulumi.RunError(f"{program} has no __main__.py")
    runpy.run_path(program, run_name="__main__")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
