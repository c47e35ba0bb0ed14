"""Finds the tensors that others lean on, in archives and safetensors files: records.md, "Leaning tensors"."""
import hashlib
from dataclasses import dataclass

import xxhash

from . import archive, codecs, container, dtypes, groups, limits as fixed, metas, safetensors
from .errors import ArchiveError, require


@dataclass(frozen=True)
class Candidate:
    """A tensor of a file, and what it leans on, if that is needed to read it."""
    name: str
    like: tuple  # its dtype, the bits of an element, and its shape
    read: object
    of_archive: bool = False
    needs: object = None  # the key of its support


def open_safetensors(data, where):
    """Returns the tensors of a safetensors file."""
    length = int.from_bytes(data[:safetensors.LENGTH_BYTES], "little")
    size = safetensors.LENGTH_BYTES + length
    require(length <= safetensors.MOST_JSON and size <= len(data), "malformed", f"{where}: no archive, no safetensors file")
    entries = safetensors.parse(bytes(data[safetensors.LENGTH_BYTES:size]), where)
    entries.pop("__metadata__", None)
    tensors = []
    for name, entry in entries.items():
        dtype, shape, begin, end = safetensors.parse_entry(entry, where)
        require(begin <= end <= len(data) - size, "malformed", f"{where}: {name!r} is not within the file")
        tensors.append(Candidate(name, (dtype.number, dtype.bits, tuple(shape)),
                                 lambda begin=begin, end=end: bytes(data[size + begin:size + end])))
    return tensors


def like(tensor):
    """What a tensor has in common with its support."""
    return tensor.dtype, tensor.bits, tuple(tensor.shape)


def key_of(tensor):
    """What names the support of a tensor that leans."""
    return tensor.support.name, like(tensor), tensor.support.digest


class Supports:
    """The tensors of some files. A tensor that leans itself can be read once its support is known, so those
    that lean on nothing are read first, then those that lean on these, and so on: each once."""

    def __init__(self, paths):
        self.paths = paths
        self.tensors = None
        self.names = set()  # those of which all is known that can be read
        self.known = {}  # by name, likeness and digest: the number of archives it takes, and the bytes
        self.too_deep = False  # some were left out, because the chain would be too long

    def open(self):
        """Opens the files, when the first support is needed."""
        self.tensors = []
        for path in self.paths:
            with open(path, "rb") as file:
                data = memoryview(file.read())
            if data[:8] != container.MAGIC:
                self.tensors += open_safetensors(data, path)
                continue
            opened = archive.open_archive(data, supports=self)
            for tensor in opened.catalog.tensors:
                if tensor.kind == metas.TENSOR and tensor.file is not None:
                    stored = tensor.base if tensor.form == groups.VIEW else tensor
                    leans = any(chunk.codec in codecs.NEED_BASE for chunk in stored.chunks)
                    self.tensors.append(Candidate(
                        tensor.name, like(tensor),
                        lambda opened=opened, tensor=tensor: opened.content.read_whole(tensor),
                        True, key_of(stored) if leans else None))

    def learn(self, name):
        """Reads all tensors of this name, and those that they lean on."""
        if self.tensors is None:
            self.open()
        if name in self.names:
            return
        self.names, self.known, self.too_deep = {name}, {}, False
        more = self.names
        while more:
            more = {one.needs[0] for one in self.tensors if one.needs and one.name in more} - self.names
            self.names |= more
        left = [one for one in self.tensors if one.name in self.names]
        for archives in range(fixed.CHAIN + 1):
            takes = [self.takes(one) == archives for one in left]
            ready = [one for one, now in zip(left, takes) if now]
            left = [one for one, now in zip(left, takes) if not now]
            if archives == fixed.CHAIN:  # the one that leans on them is one more
                self.too_deep = bool(ready)
                return
            for one in ready:
                try:
                    data = one.read()
                except ArchiveError:  # another file may have it whole
                    continue
                for digest in (xxhash.xxh3_128_digest(data), hashlib.sha256(data).digest()):
                    self.known.setdefault((one.name, one.like, digest), (archives, data))

    def takes(self, one):
        """The number of archives that it takes to read a tensor, or None if what it needs is not known."""
        if one.needs is None:
            return int(one.of_archive)
        return self.known[one.needs][0] + 1 if one.needs in self.known else None

    def find(self, tensor):
        """Returns the bytes of a tensor's support."""
        key = key_of(tensor)
        if key not in self.known:
            self.learn(key[0])
        if key in self.known:
            return self.known[key][1]
        require(not self.too_deep, "base", f"{tensor} leans on a chain of more than {fixed.CHAIN} archives")
        named = any(one.name == key[0] for one in self.tensors)
        require(named, "base", f"{tensor} leans on {key[0]!r}, which no base has")
        raise ArchiveError("base", f"{tensor} leans on {key[0]!r}: none has the digest {key[2].hex()}, "
                                   f"{dtypes.name_of(tensor.dtype)} {list(tensor.shape)}, or it cannot be read")
