"""Errors: limits.md, "Errors"."""


class ArchiveError(Exception):
    """An archive that is refused; `code` is a name of the table of errors.

    `offset` is where in the archive a fault of content lies: README.md, "Order of the checks".
    """

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code
        self.offset = None

    def at(self, offset):
        """Sets the offset; returns the error."""
        self.offset = offset
        return self


def require(rule, code, message):
    """Refuses the archive with `code` unless the rule holds."""
    if not rule:
        raise ArchiveError(code, message)
