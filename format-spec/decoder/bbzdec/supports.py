"""Finds the tensors that others lean on, in archives and safetensors files: records.md, "Leaning tensors"."""
import hashlib
import os

import xxhash

from . import archive, container, dtypes, limits as fixed, metas, safetensors
from .errors import ArchiveError, require


def open_safetensors(data, where):
    """Returns the tensors of a safetensors file: (name, dtype, shape, a function that reads it)."""
    length = int.from_bytes(data[:safetensors.LENGTH_BYTES], "little")
    size = safetensors.LENGTH_BYTES + length
    require(length <= safetensors.MOST_JSON and size <= len(data), "malformed", f"{where}: no archive, no safetensors file")
    entries = safetensors.parse(bytes(data[safetensors.LENGTH_BYTES:size]), where)
    entries.pop("__metadata__", None)
    tensors = []
    for name, entry in entries.items():
        dtype, shape, begin, end = safetensors.parse_entry(entry, where)
        require(begin <= end <= len(data) - size, "malformed", f"{where}: {name!r} is not within the file")
        tensors.append((name, dtype.number, dtype.bits, shape,
                        lambda begin=begin, end=end: bytes(data[size + begin:size + end])))
    return tensors


class Supports:
    """The tensors of some files. `above` are the paths of the archives that lean on them, nearest first:
    with one of them, a chain has at most fixed.CHAIN."""

    def __init__(self, paths, above=()):
        self.paths, self.above = paths, above
        self.tensors = None
        self.too_deep = False  # archives were left out, because the chain would be too long

    def open(self):
        """Opens the files, when the first support is needed."""
        self.tensors = []
        for path in self.paths:
            where = os.path.realpath(path)
            with open(path, "rb") as file:
                data = memoryview(file.read())
            if data[:8] != container.MAGIC:
                self.tensors += open_safetensors(data, path)
                continue
            if where in self.above:
                continue
            if len(self.above) >= fixed.CHAIN:
                self.too_deep = True
                continue
            opened = archive.open_archive(data, supports=Supports(self.paths, (where,) + self.above))
            for tensor in opened.catalog.tensors:
                if tensor.kind == metas.TENSOR and tensor.file is not None:
                    self.tensors.append((tensor.name, tensor.dtype, tensor.bits, tensor.shape,
                                         lambda opened=opened, tensor=tensor: opened.content.read_whole(tensor)))

    def find(self, tensor):
        """Returns the bytes of a tensor's support."""
        if self.tensors is None:
            self.open()
        name, digest = tensor.support.name, tensor.support.digest
        named = [one for one in self.tensors if one[0] == name]
        require(named or not self.too_deep, "limit", f"a chain of more than {fixed.CHAIN} archives")
        require(named, "unsupported", f"{tensor} leans on {name!r}, which no base has")
        refused = "it has another dtype or shape"
        for _, dtype, bits, shape, read in named:
            if (dtype, bits, shape) != (tensor.dtype, tensor.bits, tensor.shape):
                continue
            data = read()
            found = hashlib.sha256(data).digest() if len(digest) == 32 else xxhash.xxh3_128_digest(data)
            if found == digest:
                return data
            refused = f"it has the digest {found.hex()}, expected {digest.hex()}"
        raise ArchiveError("digest-mismatch", f"{tensor} leans on {name!r}: {refused} ({dtypes.name_of(tensor.dtype)})")
