"""How records fit together, and the root digest: records.md, "Order of the checks"."""
import hashlib

import xxhash

from . import blocks, codecs, container, groups, limits as fixed, metas
from .errors import require
from .limits import BITS_64, VIEWED


class Catalog:
    """What the records of an archive declare, in archive order; add() checks each against those before it."""

    def __init__(self, header, limits):
        self.header, self.limits = header, limits
        self.files, self.tensors, self.metadata, self.groups = [], [], [], []
        self.block_types, self.bases = [], []
        self.file_open = False
        self.chunk_count = self.unpacked = self.viewed = 0
        self.paths, self.folders = set(), set()
        self.operands, self.keys = set(), set()
        self.newest_group, self.newest_chunk = {}, {}
        self.names, self.used = [], set()  # of private numbers; (registry, number)
        self.root = xxhash.xxh3_128() if header.digest_kind == container.XXH3 else hashlib.sha256()

    def add(self, record):
        add = {container.FILE: self.add_file, container.FILE_END: self.end_file,
               container.TENSOR: self.add_tensor, container.CHUNK: self.add_chunk,
               container.METADATA: self.add_metadata, container.GROUP: self.add_group,
               container.PRIVATE_NAME: self.add_private_name,
               container.BLOCK_TYPE: self.add_block_type, container.BASE: self.add_base}
        self.check_place(record)
        add.get(record.type, self.add_unknown)(record)
        self.used.add((metas.RECORD_TYPES, record.type))
        self.add_to_root(record)

    def check_place(self, record):
        """Padding: none without an alignment, and chunks that keep it."""
        alignment = self.header.alignment
        require(alignment or not record.flags & container.PADDED, "malformed",
                f"{record}: padded, and the archive has no alignment")
        large = container.has_chunk(record) and alignment and record.payload_length >= alignment
        require(not large or record.payload_offset % alignment == 0, "malformed",
                f"{record}: its payload at {record.payload_offset} is not aligned to {alignment}")

    def add_to_root(self, record):
        """Root digest."""
        meta = record.meta
        if record.type == container.CHUNK:
            meta = meta[1:]
        if record.type == container.TENSOR:
            begin = 2 if meta[0] & 16 else 1
            rest = meta[begin + 1:] if meta[0] & 7 == metas.FOLLOWS else meta[begin:]
            meta = bytes([meta[0] & 0xF8]) + meta[1:begin] + rest
        flags = record.flags & (container.SKIPPABLE | container.EXTENDED)
        self.root.update(var(record.type) + bytes([flags]) + var(len(meta)) + meta)

    def use(self, registry, number, extensions=metas.Extensions()):
        """Private name: notes that a record uses a number, and those of its extensions."""
        self.used.add((registry, number))
        self.used.update((metas.EXTENSIONS, extension) for extension in extensions.numbers)

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
        self.use(metas.RECORD_TYPES, record.type, file.extensions[0])
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
        number, count, size, ordered, digest, extensions = metas.parse_file_end(record)
        self.expect_chunks_done(record)
        require(self.file_open and number == len(self.files) - 1, "malformed",
                f"{record}: file {number} is not open")
        file = self.files[-1]
        require(count == len(file.tensors), "malformed", f"{record}: {count} tensors")
        offsets = [tensor.offset for tensor in file.tensors if tensor.size]
        require(ordered == (offsets == sorted(offsets)), "malformed", f"{record}: ordered {ordered}")
        file.tensors.sort(key=lambda tensor: (tensor.offset, tensor.size))
        end = 0
        for tensor in file.tensors:
            require(tensor.offset == end, "malformed",
                    f"{record}: {tensor} begins at {tensor.offset}, expected {end}")
            end += tensor.size
        require(end == size, "malformed", f"{record}: {end} bytes are covered, its size is {size}")
        names = [tensor.name for tensor in file.tensors + file.views if tensor.kind == metas.TENSOR]
        require(len(set(names)) == len(names), "malformed", f"{record}: a name occurs twice")
        file.size, file.digest, file.end = size, digest, record.offset
        file.extensions.append(extensions)
        self.use(metas.RECORD_TYPES, record.type, extensions)
        self.file_open = False

    def add_tensor(self, record):
        """Tensor (type 3): its sizes, its group and its place."""
        tensor, chunk = metas.parse_tensor(record, self.header, self.limits)
        self.expect_chunks_done(record)
        require(len(self.tensors) < self.limits.tensors, "limit", f"{record}: too many tensors")
        self.place(record, tensor)
        require(not tensor.support or tensor.support.base < len(self.bases), "malformed",
                f"{record}: its base is not before it")
        blocks.check_tensor(record, tensor, self.block_types)
        self.check_sizes(record, tensor)
        self.refer_to_group(record, tensor)
        self.chunk_count += chunks_of(tensor)
        require(self.chunk_count <= self.limits.chunks, "limit", f"{record}: too many chunks")
        if tensor.form == groups.VIEW:
            self.add_view(record, tensor)
        elif tensor.file is None and tensor.form <= groups.PIVOT:
            require(tensor.name not in self.operands, "malformed", f"{record}: an operand twice")
            self.operands.add(tensor.name)
        elif tensor.file is not None:
            self.claim_space(record, tensor)
        self.use(metas.DTYPES, tensor.dtype, tensor.extensions)
        self.use(metas.FORMS, tensor.form)
        self.tensors.append(tensor)
        if chunk:
            chunk.tensor = tensor.number
            self.take_chunk(record, chunk)

    def add_view(self, record, tensor):
        """Views: what is checked of places and sizes. A view belongs to the file of its base."""
        require(self.file_open and 1 <= tensor.back <= tensor.number, "malformed",
                f"{record}: a view of the tensor {tensor.back} before it")
        base, file = self.tensors[tensor.number - tensor.back], self.files[-1]
        require(base.file == file.number and base.form != groups.VIEW, "malformed",
                f"{record}: a view of {base}, which does not tile the open file")
        require(tensor.stored == 0 and tensor.bits % 8 == 0, "malformed",
                f"{record}: a view with stored elements, or of {tensor.bits} bits")
        end = tensor.begin
        if tensor.elements:
            steps = sum((extent - 1) * stride for extent, stride in zip(tensor.shape, tensor.strides))
            end += (steps + 1) * tensor.bits // 8
        require(end <= base.size, "malformed", f"{record}: a view up to byte {end} of {base}")
        self.viewed += tensor.size
        require(self.viewed <= VIEWED, "limit", f"{record}: {self.viewed} viewed bytes")
        tensor.base, tensor.file, tensor.offset = base, file.number, base.offset + tensor.begin
        file.views.append(tensor)

    def place(self, record, tensor):
        """Tensor: the place that the record states, or the one that follows."""
        number = len(self.tensors)
        require(tensor.number in (None, number), "malformed", f"{record}: number {tensor.number}")
        tensor.number = number
        if tensor.more & metas.OPERAND:
            return
        file = self.files[-1] if self.file_open else None
        require(file and file.kind == metas.REGULAR and tensor.file in (None, file.number),
                "malformed", f"{record}: file {tensor.file} is not open, or is a directory")
        end = file.tensors[-1].offset + file.tensors[-1].size if file.tensors else 0
        tensor.file = file.number
        if not tensor.more & metas.PLACED:
            tensor.offset = end
        require(bool(tensor.more & metas.MOVED) == (tensor.offset != end), "malformed",
                f"{record}: at {tensor.offset} after {end}")

    def check_sizes(self, record, tensor):
        """Whole bytes, 64 bits, and the limit on chunks."""
        tensor.size = whole_bytes(record, tensor.elements, tensor.bits)
        require(tensor.offset + tensor.size < BITS_64, "malformed", f"{record}: it ends beyond 64 bits")
        chunk = whole_bytes(record, min(tensor.chunk_elements, tensor.stored), tensor.bits)
        whole_bytes(record, tensor.stored, tensor.bits)
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

    def claim_space(self, record, tensor):
        """Limits: unpacked."""
        self.unpacked += tensor.size
        most = max(self.unpacked, tensor.offset + tensor.size)
        require(most <= self.limits.unpacked, "limit", f"{record}: {most} unpacked bytes")
        self.files[-1].tensors.append(tensor)

    def add_chunk(self, record):
        """Chunk (type 4): it follows from its tensor."""
        chunk = metas.parse_chunk(record, self.header)
        require(self.tensors and chunk.tensor == len(self.tensors) - 1, "malformed",
                f"{record}: tensor {chunk.tensor} is not the one before it")
        tensor = self.tensors[-1]
        number = len(tensor.chunks)
        require(number < chunks_of(tensor), "malformed", f"{record}: {tensor} has no more chunks")
        require(chunk.number == number, "malformed", f"{record}: chunk {chunk.number}, expected {number}")
        self.take_chunk(record, chunk)

    def take_chunk(self, record, chunk):
        """Chunk: its size, and that of its payload."""
        tensor = self.tensors[-1]
        left = tensor.stored - chunk.number * tensor.chunk_elements
        chunk.count = min(tensor.chunk_elements, left)
        chunk.size = chunk.count * tensor.bits // 8
        require(record.payload_length <= chunk.size, "malformed",
                f"{record}: payload of {record.payload_length} bytes for {chunk.size}")
        require(tensor.support or chunk.codec not in codecs.NEED_BASE, "malformed",
                f"{record}: codec {chunk.codec}, and {tensor} does not lean")
        self.use(metas.CODECS, chunk.codec, chunk.extensions)
        chunk.source = record
        may_repeat = tensor.form == groups.DENSE and tensor.file is not None and not tensor.support
        row = tensor.shape[-1] if tensor.shape else 1
        column = chunk.number * tensor.chunk_elements % row if may_repeat else 0
        key = (tensor.dtype, tensor.bits, chunk.count, row, column, chunk.decoded.checksum)
        if chunk.codec == codecs.SAME:
            require(may_repeat, "malformed", f"{record}: codec same, not dense, in no file or leaning")
            require(record.payload_length == 0, "malformed", f"{record}: codec same with a payload")
            self.repeat(record, chunk, self.newest_chunk.get(key))
        elif may_repeat:
            self.newest_chunk[key] = tensor, chunk
        tensor.chunks.append(chunk)

    @staticmethod
    def repeat(record, chunk, repeated):
        """Repeated chunks: the codec, the payload and what is not known are those of the other."""
        require(repeated and repeated[1].decoded == chunk.decoded, "malformed",
                f"{record}: codec same, and no chunk before it has the same bytes")
        tensor, other = repeated
        chunk.codec, chunk.source = other.codec, other.record
        for extensions in (other.extensions, tensor.extensions):
            if chunk.extensions.unknown is None and extensions.unknown is not None:
                chunk.extensions = extensions

    def add_metadata(self, record):
        """Metadata (type 5)."""
        entry = metas.parse_metadata(record, self.header)
        self.expect_chunks_done(record)
        require(entry.file is None or entry.file < len(self.files), "malformed",
                f"{record}: file {entry.file} has not begun")
        require((entry.file, entry.key) not in self.keys, "malformed", f"{record}: a key twice")
        self.keys.add((entry.file, entry.key))
        entry.inside = self.file_open and entry.file == len(self.files) - 1
        self.use(metas.RECORD_TYPES, record.type, entry.extensions)
        self.metadata.append(entry)

    def add_group(self, record):
        """Group (type 6)."""
        group = metas.parse_group(record, self.header)
        self.expect_chunks_done(record)
        require(group.number == len(self.groups), "malformed", f"{record}: number {group.number}")
        group.first = len(self.tensors)
        self.newest_group[group.method] = group
        self.use(metas.METHODS, group.method, group.extensions)
        self.groups.append(group)

    def add_private_name(self, record):
        """Private name (type 10)."""
        entry, extensions = metas.parse_private_name(record)
        self.expect_chunks_done(record)
        self.use(metas.RECORD_TYPES, record.type, extensions)
        if metas.RECORD_TYPES <= entry.registry <= metas.EXTENSIONS:
            require(entry.number in metas.PRIVATE, "malformed", f"{record}: number {entry.number}")
            valid = 3 <= len(entry.name) <= 255 and metas.NAME_BYTES.issuperset(entry.name)
            require(valid, "malformed", f"{record}: name {entry.name!r}")
            require((entry.registry, entry.number) not in self.used, "malformed",
                    f"{record}: number {entry.number} was named or used before")
            self.use(entry.registry, entry.number)
            self.names.append(entry)

    def add_block_type(self, record):
        """Block type (type 11)."""
        block = blocks.parse_block_type(record)
        self.expect_chunks_done(record)
        require(len(self.block_types) < fixed.BLOCK_TYPES, "limit", f"{record}: too many block types")
        require(block.number == len(self.block_types), "malformed", f"{record}: number {block.number}")
        require(block.name not in (other.name for other in self.block_types), "malformed",
                f"{record}: another block type is called {block.name!r}")
        self.use(metas.RECORD_TYPES, record.type, block.extensions)
        for field in block.fields:
            self.use(metas.DTYPES, field.dtype)
        self.block_types.append(block)

    def add_base(self, record):
        """Base (type 12)."""
        base = metas.parse_base(record)
        self.expect_chunks_done(record)
        require(len(self.bases) < fixed.BASES, "limit", f"{record}: too many bases")
        require(base.number == len(self.bases), "malformed", f"{record}: number {base.number}")
        self.use(metas.RECORD_TYPES, record.type, base.extensions)
        self.bases.append(base)

    def add_unknown(self, record):
        """Records: an unknown one begins with the check of its payload."""
        self.expect_chunks_done(record)
        require(not record.flags & container.PAYLOAD
                or len(record.meta) >= metas.check_size(self.header), "malformed",
                f"{record}: a meta of {len(record.meta)} bytes has no check of the payload")


def var(number):
    """Conventions: a number in LEB128."""
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(out + bytes([number]))


def chunks_of(tensor):
    """The number of chunks that a tensor has."""
    return -(-tensor.stored // tensor.chunk_elements)


def whole_bytes(record, elements, bits):
    """The bytes of so many elements: whole, and their bits within 64 bits."""
    total = elements * bits
    require(total < BITS_64 and total % 8 == 0, "malformed",
            f"{record}: {elements} elements of {bits} bits are no whole bytes, or beyond 64 bits")
    return total // 8
