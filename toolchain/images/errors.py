"""The one error that a user of the images meets."""


class ImageError(Exception):
    """An image that can't be had, told as: where, what is wrong, the command that fixes it."""

    def __init__(self, where: str, what: str, fix: str = "") -> None:
        self.where = where
        self.what = what
        self.fix = fix
        super().__init__(f"{where}: {what}" + (f"\n  fix: {fix}" if fix else ""))
