"""The one error that a user of the images meets."""


class ImageError(Exception):
    """An image that can't be had, told as: where, what is wrong, the command that mends it."""

    def __init__(self, where: str, what: str, mend: str = "") -> None:
        self.where = where
        self.what = what
        self.mend = mend
        super().__init__(f"{where}: {what}" + (f"\n  mend: {mend}" if mend else ""))
