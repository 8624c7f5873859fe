"""Progress of the tool chain: on a terminal one live line for each piece, elsewhere plain lines at its start and end.

Each line of `toolchain` names a piece (an image with its tag, or `engine`) and what happens to it:
`redis:7.4.11-alpine: packing`, with the seconds since its start before it or not. A piece ends with a line that begins
with one of `ENDS`. Every other line is a note, shown as it is.
"""

from __future__ import annotations

import os
import re
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self, TextIO

from homeport.cli.phases import duration

if TYPE_CHECKING:
    from collections.abc import Iterator

ENDS = ("present", "pulled", "ready")
"""First words of a piece's last line."""
_LINE = re.compile(r"(?:\[ *[\d.]+ s\] )?(engine|[\w./@-]+:[\w.-]+): (.+)")
_SIZE = re.compile(r"\b(\d+ MB)\b")
_SILENCE = 60.0
"""Seconds without a line after which a pipe gets a sign of life."""
_LOOK = 1.0
_NARROW = 60
"""Columns below which a piece's step is left out: name, time and size say more."""


@dataclass
class Piece:
    """Something that is being fetched or built.

    Attributes:
        name: An image, or the engine.
        step: What happens to it now.
        size: How large it is; empty while nobody knows.
        began: When it began, on the monotonic clock.
    """

    name: str
    step: str
    size: str = ""
    began: float = field(default_factory=time.monotonic)

    @property
    def age(self) -> str:
        """How long it has taken so far."""
        return duration(time.monotonic() - self.began)


class Progress:
    """Shows the progress of pieces that are worked on at the same time; a context, whose end shows nothing any more.

    Args:
        stream: Where it is shown.
        silence: Seconds without a line after which a pipe gets a sign of life.
    """

    def __init__(self, stream: TextIO | None = None, silence: float = _SILENCE) -> None:
        self._stream = stream or sys.stderr
        self._silence = silence
        self._pieces: dict[str, Piece] = {}
        self._present = 0
        self._spoken = time.monotonic()
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._live: Any = None
        self._console: Any = None
        self._beat: threading.Thread | None = None

    def __enter__(self) -> Self:
        """Begins: a live display on a terminal that can move its cursor, else a thread that breaks long silences."""
        if self._stream.isatty() and os.environ.get("TERM", "dumb") != "dumb":
            from rich.console import Console  # noqa: PLC0415  # most runs fetch nothing, and a pipe needs none of it
            from rich.live import Live  # noqa: PLC0415

            self._console = Console(file=self._stream, highlight=False, markup=False)
            self._live = Live(get_renderable=self._table, console=self._console, transient=True, refresh_per_second=4)
            self._live.start()
        else:
            self._beat = threading.Thread(target=self._break_silence, daemon=True)
            self._beat.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Ends the display; a terminal learns how many pieces were there already."""
        self._over.set()
        if self._beat:
            self._beat.join()
        if self._live:
            self._live.stop()
            if self._present:
                self._say(f"    {self._present} {'image is' if self._present == 1 else 'images are'} here already")

    def line(self, text: str) -> None:
        """Takes one line of the tool chain."""
        match = _LINE.fullmatch(text)
        with self._lock:
            if match:
                self._step(*match.groups())
            else:
                self._say(text)

    def _step(self, name: str, step: str) -> None:
        if step.startswith(ENDS):
            piece = self._pieces.pop(name, None)
            if self._live and step.startswith("present"):
                self._present += 1
            else:
                known = [word for word in (piece.age, piece.size) if word not in step] if piece else []
                self._say(", ".join([f"    {name}: {step}", *filter(None, known)]))
            return
        piece = self._pieces.get(name)
        if piece is None:
            piece = self._pieces[name] = Piece(name, step)
            if not self._live:
                self._say(f"    {name}: {step}")
        piece.step = step
        if size := _SIZE.search(step):
            piece.size = size[1]

    def _say(self, text: str) -> None:
        self._spoken = time.monotonic()
        if self._live:
            self._console.print(text, soft_wrap=True)
        else:
            print(text, file=self._stream, flush=True)

    def _break_silence(self) -> None:
        while not self._over.wait(min(_LOOK, self._silence / 4)):
            with self._lock:
                if self._pieces and time.monotonic() - self._spoken >= self._silence:
                    self._say("    still at work: " + "; ".join(self._lives()))

    def _lives(self) -> Iterator[str]:
        for piece in self._pieces.values():
            yield f"{piece.name} ({piece.step}, {piece.age}{f', {piece.size}' if piece.size else ''})"

    def _table(self) -> Any:
        from rich.spinner import Spinner  # noqa: PLC0415
        from rich.table import Table  # noqa: PLC0415

        table = Table.grid(padding=(0, 1), expand=True)
        table.add_column(width=5, justify="right")
        table.add_column(ratio=2, no_wrap=True, overflow="ellipsis")
        wide = self._console.width >= _NARROW
        if wide:
            table.add_column(ratio=3, no_wrap=True, overflow="ellipsis")
        table.add_column(justify="right", no_wrap=True)
        table.add_column(justify="right", no_wrap=True)
        for piece in list(self._pieces.values()):
            # In ASCII, for the terminal's encoding may have nothing else.
            step = [piece.step] if wide else []
            table.add_row(Spinner("line"), piece.name, *step, piece.age, piece.size)
        return table
