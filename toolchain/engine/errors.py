"""The one error that this package shows to people."""


class EngineError(Exception):
    """A failure that a person can fix.

    Args:
        where: The file, folder or command that failed.
        problem: What is wrong with it, in one sentence.
        remedy: The command that fixes it.
    """

    def __init__(self, where: str, problem: str, remedy: str) -> None:
        super().__init__(f"{where}: {problem}\n  fix: {remedy}")
        self.where = where
        self.problem = problem
        self.remedy = remedy
