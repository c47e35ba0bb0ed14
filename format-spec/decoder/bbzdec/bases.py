"""Bases, and the tensors that lean on them: records.md, "Base"."""
from dataclasses import dataclass

from .container import SHA256
from .errors import require
from .fields import Fields, text


@dataclass(frozen=True)
class Base:
    """A base; `root` is empty if it was no archive."""
    number: int
    root_kind: int
    root: bytes
    hint: str
    extensions: object


@dataclass(frozen=True)
class Support:
    """Leaning tensors: the base, and the digest and the name of the support."""
    base: int
    digest: bytes
    name: str


def support_of(tensor, header, where, limits):
    """Leaning tensors: the fields of the extension, of which the name is the rest."""
    fields = Fields(tensor.extensions.leaning, f"{where}: extension leaning")
    base, digest = fields.var32(), fields.take(32 if header.digest_kind == SHA256 else 16)
    name = fields.take(fields.left())
    require(len(name) <= limits.name, "limit", f"{where}: a name of {len(name)} bytes")
    name = text(name, where)
    require(name != tensor.name or not name, "malformed", f"{where}: the name of its support is its own")
    return Support(base, digest, name or tensor.name)
