"""The binary arithmetic code: bits-back.md, "Code"."""
from .errors import require

ONES = 14  # models of a number


class Decoder:
    """Holds a range and a code, and reads bits."""

    def __init__(self, data):
        self.data, self.at = data, 0
        self.range, self.code = 0xFFFFFFFF, 0
        for _ in range(4):
            self.code = self.code << 8 | self.next_byte()

    def next_byte(self):
        """Past the end, four bytes are read as 0."""
        require(self.at < len(self.data) + 4, "truncated", "bits-back record: its code is cut")
        byte = self.data[self.at] if self.at < len(self.data) else 0
        self.at += 1
        return byte

    def split(self, bound):
        """Reads a bit: whether the code is at or above the bound."""
        bit = int(self.code >= bound)
        if bit:
            self.code -= bound
            self.range -= bound
        else:
            self.range = bound
        while self.range < 1 << 24:
            self.range <<= 8
            self.code = (self.code << 8 | self.next_byte()) & 0xFFFFFFFF
        return bit

    def raw(self, count):
        """Reads so many raw bits as a number."""
        value = 0
        for _ in range(count):
            value = value << 1 | self.split(self.range // 2)
        return value

    def bit(self, model):
        """Reads a bit of a model, a list of p and m, which learns it."""
        p, m = model
        bit = self.split((self.range >> 15) * min(32767, max(1, p // 2)))
        rho = 65536 // (m + 2)
        p += -(p * rho >> 16) if bit else (65536 - p) * rho >> 16
        model[:] = p, min(m + 1, 510)
        return bit

    def end(self):
        require(self.at >= len(self.data), "malformed", "bits-back record: bytes are left over")


class NumberModel:
    """Reads numbers."""

    def __init__(self):
        self.models = [[32768, 0] for _ in range(ONES)]

    def read(self, code):
        for number, model in enumerate(self.models):
            if not code.bit(model):
                return number
        zeros = 0
        while not code.raw(1):
            zeros += 1
            require(zeros < 32, "malformed", "bits-back record: a number of more than 32 bits")
        number = ONES - 1 + (1 << zeros) + code.raw(zeros)
        require(number < 1 << 32, "malformed", "bits-back record: a number of more than 32 bits")
        return number
