"""The one error of the probes."""


class ProbeError(Exception):
    """A probe that could not look, which is no finding: where, what is wrong, the command that fixes it."""

    def __init__(self, where: str, what: str, fix: str = "") -> None:
        self.where, self.what, self.fix = where, what, fix
        super().__init__(f"{where}: {what}" + (f"\n  fix: {fix}" if fix else ""))
