"""The header of a safetensors file against its tensors: records.md, "Safetensors files"."""
import json

from . import dtypes, metas
from .errors import ArchiveError, require

LENGTH_BYTES, MOST_JSON = 8, 100_000_000
UNSIGNED_64 = range(1 << 64)


def is_compared(file, metadata, start):
    """The files whose headers are compared; `start` is their first bytes."""
    if metadata.get("format") == "safetensors":
        return True
    header = len(start) > LENGTH_BYTES and start[LENGTH_BYTES:LENGTH_BYTES + 1] == b"{" and \
        int.from_bytes(start[:LENGTH_BYTES], "little") <= MOST_JSON
    has_tensors = any(tensor.kind == metas.TENSOR for tensor in file.tensors + file.views)
    return has_tensors and (file.path.endswith(".safetensors") or header)


def compare(file, metadata, header):
    """Compares the tensors of a file with its header, the bytes of its first tensor."""
    first = next((tensor for tensor in file.tensors if tensor.size), None)
    require(first and first.kind == metas.BYTES, "malformed",
            f"{file.path}: the header is not one tensor of kind bytes")
    length = int.from_bytes(header[:LENGTH_BYTES], "little")
    require(LENGTH_BYTES + length == len(header) and length <= MOST_JSON, "malformed",
            f"{file.path}: a header of {len(header)} bytes, it says {length} and its length")
    entries = parse(header[LENGTH_BYTES:], file.path)
    own_metadata = string_map(entries.pop("__metadata__", {}), file.path)
    named = {name: parse_entry(entry, f"{file.path}: {name!r}") for name, entry in entries.items()}
    check_tiling(file, named, len(header))
    recorded = {tensor.name: (dtypes.name_of(tensor.dtype), tensor.shape, tensor.offset - len(header))
                for tensor in file.tensors if tensor.kind == metas.TENSOR}
    expected = {name: (dtype.name, shape, begin) for name, (dtype, shape, begin, _) in named.items()}
    require(recorded == expected and not file.views, "malformed", f"{file.path}: its tensors are not those of its header")
    if "safetensors" in metadata:
        stored = string_map(parse(metadata["safetensors"].encode(), file.path), file.path)
        require(stored == own_metadata, "malformed", f"{file.path}: its metadata is not its header's")


def parse(text, where):
    """Returns the object that the JSON is. No key of any object may occur twice."""
    def unique(pairs):
        require(len(dict(pairs)) == len(pairs), "malformed", f"{where}: a key occurs twice")
        return dict(pairs)

    def no_number(word):
        raise ValueError(f"{word} is no number of JSON")
    require(text[:1] == b"{", "malformed", f"{where}: the JSON does not begin with an object")
    try:
        return json.loads(text.decode("utf-8"), object_pairs_hook=unique, parse_constant=no_number)
    except (ValueError, RecursionError) as error:
        raise ArchiveError("malformed", f"{where}: not well-formed JSON: {error}") from error


def string_map(value, where):
    """An object of strings."""
    strings = isinstance(value, dict) and all(isinstance(text, str) for text in value.values())
    require(strings, "malformed", f"{where}: the metadata is no object of strings")
    return value


def parse_entry(entry, where):
    """The dtype, the shape and the data offsets of a tensor."""
    def numbers(value):
        return isinstance(value, list) and all(type(n) is int and n in UNSIGNED_64 for n in value)
    require(isinstance(entry, dict), "malformed", f"{where}: no object")
    dtype, shape, offsets = (entry.get(key) for key in ("dtype", "shape", "data_offsets"))
    valid = isinstance(dtype, str) and numbers(shape) and numbers(offsets) and len(offsets) == 2
    require(valid, "malformed", f"{where}: dtype, shape or data_offsets are missing or wrong")
    require(dtype in dtypes.BY_NAME, "unsupported", f"{where}: dtype {dtype}")
    return dtypes.BY_NAME[dtype], shape, offsets[0], offsets[1]


def check_tiling(file, named, header_size):
    """The tensors cover the data without hole or overlap, each with the bytes that its shape takes."""
    at = 0
    for dtype, shape, begin, end in sorted(named.values(), key=lambda entry: entry[2:]):
        bits = dtype.bits
        for extent in shape:
            bits *= extent
        require(begin == at and (end - begin) * 8 == bits, "malformed",
                f"{file.path}: data offsets [{begin}, {end}], expected to begin at {at}")
        at = end
    require(header_size + at == file.size, "malformed", f"{file.path}: {at} bytes of data")
