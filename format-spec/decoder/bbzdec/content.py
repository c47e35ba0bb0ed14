"""The bytes of tensors: records.md, "Chunk", "Group", "Forms" and "Carried chunks"."""
import hashlib

import xxhash

from . import bitsback, codecs, container, dtypes, groups, pivot
from .errors import ArchiveError, require
from .fields import Fields


def check_decoded(data, checksum, digest, what):
    """Chunk: the decoded checksum, and the decoded digest if there is one."""
    require(xxhash.xxh3_64_intdigest(data) == checksum, "checksum", f"{what}: decoded checksum")
    require(not digest or hashlib.sha256(data).digest() == digest, "checksum",
            f"{what}: decoded digest")


def read_payload(archive, record, check):
    """Conventions: a payload that has the check of its meta."""
    require(record.end <= len(archive), "truncated", f"{record}: it ends at {record.end}")
    payload = bytes(container.payload_of(archive, record))
    require(xxhash.xxh3_64_intdigest(payload) == check.checksum, "checksum", f"{record}: payload")
    require(not check.digest or hashlib.sha256(payload).digest() == check.digest, "checksum",
            f"{record}: payload digest")
    return payload


class Content:
    """Decodes the tensors of a catalog."""

    def __init__(self, archive, catalog, supports=None):
        self.archive, self.catalog, self.supports = archive, catalog, supports
        self.support = None, None  # the last tensor that leant, and the bytes of its support
        self.riders = {}  # of each bits-back group that was needed, or the error

    def read(self, tensor, fault):
        """Returns the tensor's bytes. Calls fault(error) for each chunk that has none."""
        try:
            groups.check_form(tensor, self.catalog.groups)
            if tensor.form == groups.POLAR_FORM:
                return self.derive(tensor)
            if tensor.form == groups.VIEW:
                return groups.gather(tensor, self.read_whole(tensor.base))
        except ArchiveError as error:
            fault(error.at(tensor.chunks[0].record.offset if tensor.chunks else tensor.at))
            return b""
        parts = []
        for chunk in tensor.chunks:
            try:
                parts.append(self.read_chunk(tensor, chunk))
            except ArchiveError as error:
                fault(error.at(chunk.record.offset))
        stored = b"".join(parts)
        expand = {groups.LOWER: groups.expand_lower, groups.PIVOT: pivot.expand}.get(tensor.form)
        if expand and len(parts) == len(tensor.chunks):
            return expand(tensor, stored)
        return stored

    def read_whole(self, tensor):
        """Returns the tensor's bytes; an error of one chunk is the tensor's."""
        def fault(error):
            raise error
        return self.read(tensor, fault)

    def read_chunk(self, tensor, chunk):
        """Chunk: decoding, then the checks. A payload that is damaged is so whatever decoding says."""
        what = f"{tensor}, chunk {chunk.number}"
        payload = container.payload_of(self.archive, chunk.source)
        try:
            chunk.extensions.check(what)
            if tensor.form == groups.RIDER and chunk.codec == codecs.CARRIED:
                data = self.read_carried(tensor, chunk, payload)
            else:
                data = self.decode(tensor, chunk, chunk.codec, payload, self.support_of(tensor, chunk))
            check_decoded(data, chunk.decoded.checksum, chunk.decoded.digest, what)
            return data
        except ArchiveError as error:
            container.check_payload(self.archive, chunk.source)
            raise ArchiveError(error.code, f"{what}: {error}") from error

    def support_of(self, tensor, chunk):
        """Leaning tensors: the bytes of the support of a chunk, if its codec needs a base."""
        if chunk.codec not in codecs.NEED_BASE:
            return None
        hint = self.catalog.bases[tensor.support.base].hint
        require(self.supports, "unsupported", f"{tensor} leans on a base, {hint!r}, and none is given")
        if self.support[0] is not tensor:
            self.support = tensor, self.supports.find(tensor)
        begin = chunk.number * tensor.chunk_elements * tensor.bits // 8
        return self.support[1][begin:begin + chunk.size]

    @staticmethod
    def decode(tensor, chunk, codec, payload, base=None):
        """Dtypes: what does not need a dtype is decoded without one."""
        known = dtypes.BY_NUMBER.get(tensor.dtype)
        require(codec != codecs.SPLIT_FLOAT or tensor.dtype != dtypes.BLOCK, "malformed", "split-float of blocks")
        require(known or codec != codecs.SPLIT_FLOAT, "unsupported", f"dtype {tensor.dtype}")
        require(base is not None or codec not in codecs.NEED_BASE, "malformed", f"codec {codec} without a base")
        return codecs.decode(codec, payload, known, tensor.bits, chunk.count, chunk.size, base)

    def read_carried(self, tensor, chunk, payload):
        """Carried chunks."""
        riders = self.riders_of(self.catalog.groups[tensor.group])
        container.check_payload(self.archive, chunk.record)
        fields = Fields(payload, "carried payload")
        codec, reserved, length, offset = fields.u16(), fields.u16(), fields.u32(), fields.u64()
        tail = fields.take(fields.left())
        require(reserved == 0, "unsupported", "carried payload: reserved bytes are set")
        require(codec != codecs.CARRIED, "malformed", "carried payload: its own codec is carried")
        require(offset + length <= len(riders), "malformed",
                f"carried payload: {length} bytes at {offset} of {len(riders)} riders")
        require(length + len(tail) <= chunk.size, "malformed",
                f"carried payload: {length + len(tail)} bytes for {chunk.size}")
        return self.decode(tensor, chunk, codec, riders[offset:offset + length] + tail)

    def parse_group(self, group):
        """Group: what is checked as soon as the payload is read."""
        payload = read_payload(self.archive, group.record, group.check)
        if group.extensions.unknown is not None:
            return None
        return groups.parse_group(group, payload, self.catalog.header)

    def open_group(self, group):
        """Group: what is checked when a polar tensor or a carried chunk needs it."""
        payload = self.parse_group(group)
        group.extensions.check(f"group {group.number}")
        require(payload.reserved == 0, "unsupported", f"group {group.number}: reserved bytes are set")
        return payload, groups.tensors_of(group, payload, self.catalog.tensors)

    def derive(self, tensor):
        """Polar."""
        group = self.catalog.groups[tensor.group]
        polar, belong = self.open_group(group)
        operand = belong[0] if belong else None
        groups.check_polar_cost(group, polar, tensor, operand)
        factor = self.read_whole(operand) if operand else b""
        data = groups.derive_polar(tensor, polar, operand, factor)
        check_decoded(data, polar.checksum, polar.digest, str(tensor))
        return data

    def riders_of(self, group):
        """Bits-back: the riders of a group, recovered once."""
        if group.number not in self.riders:
            try:
                payload, carriers = self.open_group(group)
                bitsback.check_limits(group, payload, carriers)
                contents = [self.read_whole(carrier) for carrier in carriers]
                self.riders[group.number] = bitsback.decode(payload, carriers, contents)
            except ArchiveError as error:
                self.riders[group.number] = error
        if isinstance(self.riders[group.number], ArchiveError):
            raise self.riders[group.number]
        return self.riders[group.number]
