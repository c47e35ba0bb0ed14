"""How records fit together, and the root digest: records.md, "Order of the checks"."""
import hashlib

import xxhash

from . import container, metas
from .errors import require
from .limits import BITS_64


class Catalog:
    """What the records of an archive declare, in archive order; add() checks each against those before it."""

    def __init__(self, header, limits):
        self.header, self.limits = header, limits
        self.files, self.tensors, self.metadata, self.groups = [], [], [], []
        self.file_open = False
        self.chunk_count = self.unpacked = 0
        self.paths, self.folders = set(), set()
        self.operands, self.keys, self.newest_group = set(), set(), {}
        self.root = xxhash.xxh3_128() if header.digest_kind == container.XXH3 else hashlib.sha256()

    def add(self, record):
        add = {container.FILE: self.add_file, container.FILE_END: self.end_file,
               container.TENSOR: self.add_tensor, container.CHUNK: self.add_chunk,
               container.METADATA: self.add_metadata, container.GROUP: self.add_group}
        if record.type not in add:
            self.expect_chunks_done(record)
            return
        add[record.type](record)
        self.add_to_root(record)

    def add_to_root(self, record):
        """Root digest."""
        meta, checksum = record.meta, record.payload_checksum
        if record.type == container.CHUNK:
            meta, checksum = bytes(2) + meta[2:], 0
        self.root.update(bytes([record.type]) + len(meta).to_bytes(2, "little") + meta +
                         checksum.to_bytes(8, "little"))

    def finish(self, stored_root):
        """What must hold when all records are there."""
        self.expect_chunks_done("the end of the records")
        require(not self.file_open, "malformed", "the records end before a file does")
        require(self.root.digest() == stored_root, "checksum", "root digest")

    def expect_chunks_done(self, what):
        """Chunks follow their tensor directly, all of them."""
        if self.tensors:
            tensor = self.tensors[-1]
            require(len(tensor.chunks) == chunks_of(tensor), "malformed",
                    f"{what}: {tensor} has {len(tensor.chunks)} of {chunks_of(tensor)} chunks")

    def add_file(self, record):
        """File (type 1)."""
        file = metas.parse_file(record, self.limits)
        self.expect_chunks_done(record)
        require(len(self.files) < self.limits.files, "limit", f"{record}: too many files")
        require(not self.file_open, "malformed", f"{record}: the file before it has not ended")
        require(file.number == len(self.files), "malformed", f"{record}: number {file.number}")
        self.claim_path(record, file.path)
        self.files.append(file)
        self.file_open = True

    def claim_path(self, record, path):
        """No path twice, and none that is a directory of another."""
        parts = path.split("/")
        above = {"/".join(parts[:depth]) for depth in range(1, len(parts))}
        free = path not in self.paths and path not in self.folders and not above & self.paths
        require(free, "malformed", f"{record}: {path!r} is another's path or directory, or below it")
        self.paths.add(path)
        self.folders |= above

    def end_file(self, record):
        """File end (type 2)."""
        number, count, size, digest = metas.parse_file_end(record)
        self.expect_chunks_done(record)
        require(self.file_open and number == len(self.files) - 1, "malformed",
                f"{record}: file {number} is not open")
        file = self.files[-1]
        require(count == len(file.tensors), "malformed", f"{record}: {count} tensors")
        file.tensors.sort(key=lambda tensor: (tensor.offset, tensor.size))
        end = 0
        for tensor in file.tensors:
            require(tensor.offset == end, "malformed",
                    f"{record}: {tensor} begins at {tensor.offset}, expected {end}")
            end += tensor.size
        require(end == size, "malformed", f"{record}: {end} bytes are covered, its size is {size}")
        names = [tensor.name for tensor in file.tensors if tensor.kind == metas.TENSOR]
        require(len(set(names)) == len(names), "malformed", f"{record}: a name occurs twice")
        file.size, file.digest, file.end = size, digest, record.offset
        self.file_open = False

    def add_tensor(self, record):
        """Tensor (type 3): its sizes, its group and its place."""
        tensor = metas.parse_tensor(record, self.limits)
        self.expect_chunks_done(record)
        require(len(self.tensors) < self.limits.tensors, "limit", f"{record}: too many tensors")
        require(tensor.number == len(self.tensors), "malformed", f"{record}: number {tensor.number}")
        self.check_sizes(record, tensor)
        require(tensor.form != 0 or (tensor.stored == tensor.elements and tensor.group is None),
                "malformed", f"{record}: a dense tensor with other elements or a group")
        self.refer_to_group(record, tensor)
        self.chunk_count += chunks_of(tensor)
        require(self.chunk_count <= self.limits.chunks, "limit", f"{record}: too many chunks")
        if tensor.file is None:
            require(tensor.kind == metas.TENSOR and tensor.offset == 0, "malformed",
                    f"{record}: an operand of kind bytes or with an offset")
            require(tensor.name not in self.operands, "malformed", f"{record}: an operand twice")
            self.operands.add(tensor.name)
        else:
            self.place_in_file(record, tensor)
        self.tensors.append(tensor)

    def check_sizes(self, record, tensor):
        """Whole bytes, 64 bits, and the limit on chunks."""
        tensor.elements = 1
        for extent in tensor.shape:
            tensor.elements *= extent
            require(tensor.elements < BITS_64, "malformed", f"{record}: too many elements")
        tensor.size = whole_bytes(record, tensor.elements, tensor.bits)
        require(tensor.offset + tensor.size < BITS_64, "malformed", f"{record}: it ends beyond 64 bits")
        whole_bytes(record, tensor.chunk_elements, tensor.bits)
        whole_bytes(record, tensor.stored, tensor.bits)
        chunk = min(tensor.chunk_elements, tensor.stored) * tensor.bits // 8
        require(chunk <= self.limits.chunk, "limit", f"{record}: chunks of {chunk} bytes")

    def refer_to_group(self, record, tensor):
        """Group: it precedes the tensor and is the newest of its method."""
        if tensor.group is None:
            return
        require(tensor.group < len(self.groups), "malformed", f"{record}: group {tensor.group}")
        group = self.groups[tensor.group]
        require(self.newest_group[group.method] is group, "malformed",
                f"{record}: group {group.number} is not the newest of its method")
        if group.user is None:
            group.user = tensor.number

    def place_in_file(self, record, tensor):
        """Tensor: its file is open and regular; limits: unpacked."""
        open_file = self.files[-1] if self.file_open else None
        require(open_file and open_file.number == tensor.file and open_file.kind == metas.REGULAR,
                "malformed", f"{record}: file {tensor.file} is not open, or is a directory")
        self.unpacked += tensor.size
        most = max(self.unpacked, tensor.offset + tensor.size)
        require(most <= self.limits.unpacked, "limit", f"{record}: {most} unpacked bytes")
        open_file.tensors.append(tensor)

    def add_chunk(self, record):
        """Chunk (type 4): it follows from its tensor."""
        chunk = metas.parse_chunk(record, self.header)
        require(self.tensors and chunk.tensor == len(self.tensors) - 1, "malformed",
                f"{record}: tensor {chunk.tensor} is not the one before it")
        tensor = self.tensors[-1]
        number = len(tensor.chunks)
        require(number < chunks_of(tensor), "malformed", f"{record}: {tensor} has no more chunks")
        first = number * tensor.chunk_elements
        count = min(tensor.chunk_elements, tensor.stored - first)
        require((chunk.number, chunk.first, chunk.count) == (number, first, count), "malformed",
                f"{record}: other numbers than its tensor gives")
        chunk.size = count * tensor.bits // 8
        require(record.payload_length <= chunk.size, "malformed",
                f"{record}: payload of {record.payload_length} bytes for {chunk.size}")
        tensor.chunks.append(chunk)

    def add_metadata(self, record):
        """Metadata (type 5)."""
        entry = metas.parse_metadata(record, self.header)
        self.expect_chunks_done(record)
        require(entry.file is None or entry.file < len(self.files), "malformed",
                f"{record}: file {entry.file} has not begun")
        require((entry.file, entry.key) not in self.keys, "malformed", f"{record}: a key twice")
        self.keys.add((entry.file, entry.key))
        entry.inside = self.file_open and entry.file == len(self.files) - 1
        self.metadata.append(entry)

    def add_group(self, record):
        """Group (type 6)."""
        group = metas.parse_group(record, self.header)
        self.expect_chunks_done(record)
        require(group.number == len(self.groups), "malformed", f"{record}: number {group.number}")
        group.first = len(self.tensors)
        self.newest_group[group.method] = group
        self.groups.append(group)


def chunks_of(tensor):
    """The number of chunks that a tensor has."""
    return -(-tensor.stored // tensor.chunk_elements)


def whole_bytes(record, elements, bits):
    """The bytes of so many elements: whole, and their bits within 64 bits."""
    total = elements * bits
    require(total < BITS_64 and total % 8 == 0, "malformed",
            f"{record}: {elements} elements of {bits} bits are no whole bytes, or beyond 64 bits")
    return total // 8
