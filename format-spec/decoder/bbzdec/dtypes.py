"""Element types: records.md, "Dtypes"; their exponents: codecs.md, "Split-float"."""
from dataclasses import dataclass


@dataclass(frozen=True)
class DType:
    """An element type; `exponent` is 0 for types that split-float does not code."""
    number: int
    name: str
    bits: int
    exponent: int = 0


BY_NUMBER = {dtype.number: dtype for dtype in (
    DType(1, "BOOL", 8), DType(2, "U8", 8), DType(3, "I8", 8), DType(4, "U16", 16),
    DType(5, "I16", 16), DType(6, "U32", 32), DType(7, "I32", 32), DType(8, "U64", 64),
    DType(9, "I64", 64), DType(16, "F16", 16, 5), DType(17, "BF16", 16, 8),
    DType(18, "F32", 32, 8), DType(19, "F64", 64, 11), DType(20, "C64", 64),
    DType(32, "F8_E4M3", 8, 4), DType(33, "F8_E5M2", 8, 5), DType(34, "F8_E8M0", 8),
    DType(35, "F8_E4M3FNUZ", 8, 4), DType(36, "F8_E5M2FNUZ", 8, 5), DType(40, "F6_E2M3", 6),
    DType(41, "F6_E3M2", 6), DType(48, "F4", 4))}
BY_NAME = {dtype.name: dtype for dtype in BY_NUMBER.values()}
BLOCK = 64
U8, F16, BF16, F32, F64 = (BY_NAME[name].number for name in ("U8", "F16", "BF16", "F32", "F64"))


def name_of(number):
    """Returns the name of a dtype, or its number if version 1.0 has no name for it."""
    if number == BLOCK:
        return "block"
    return BY_NUMBER[number].name if number in BY_NUMBER else str(number)
