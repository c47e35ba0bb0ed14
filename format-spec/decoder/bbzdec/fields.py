"""Fields of metas and payloads: README.md, "Conventions"."""
from .errors import ArchiveError, require


class Fields:
    """Takes fields from bytes, in order. A field that does not fit is refused with the code `cut`."""

    def __init__(self, data, what, cut="malformed"):
        self.data = bytes(data)
        self.what, self.cut = what, cut
        self.at = 0

    def left(self):
        return len(self.data) - self.at

    def take(self, size):
        require(size <= self.left(), self.cut,
                f"{self.what}: a field of {size} bytes, {self.left()} are left")
        self.at += size
        return self.data[self.at - size:self.at]

    def u8(self):
        return self.take(1)[0]

    def u16(self):
        return int.from_bytes(self.take(2), "little")

    def u32(self):
        return int.from_bytes(self.take(4), "little")

    def u64(self):
        return int.from_bytes(self.take(8), "little")

    def var(self, bits=64):
        """Takes a number in LEB128, which must be in as few bytes as it needs."""
        value = shift = 0
        while True:
            byte = self.u8()
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80 or shift > 63:
                break
        require(byte < 0x80 and value >> bits == 0, "malformed", f"{self.what}: a number of more than {bits} bits")
        require(byte != 0 or shift == 7, "malformed", f"{self.what}: a number longer than needed")
        return value

    def var32(self):
        return self.var(32)

    def opt32(self):
        """Takes a number that may be missing; returns None then."""
        stored = self.var32()
        return stored - 1 if stored else None

    def string(self):
        """Takes a length and so many bytes, which text() makes a string."""
        return self.take(self.var())

    def end(self):
        require(self.left() == 0, "malformed", f"{self.what}: {self.left()} bytes are left over")


def text(data, what):
    """Returns bytes as a string: they must be UTF-8."""
    try:
        return bytes(data).decode("utf-8")
    except UnicodeDecodeError as error:
        raise ArchiveError("malformed", f"{what}: not UTF-8") from error
