"""The one error of the probes."""


class ProbeError(Exception):
    """A probe that could not look, which is no finding: where, what is wrong, the command that mends it."""

    def __init__(self, where: str, what: str, mend: str = "") -> None:
        self.where, self.what, self.mend = where, what, mend
        super().__init__(f"{where}: {what}" + (f"\n  mend: {mend}" if mend else ""))
