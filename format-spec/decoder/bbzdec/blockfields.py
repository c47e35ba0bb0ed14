"""Codec fields: codecs.md, "Fields"."""
import numpy as np

from .errors import require
from .fields import Fields

MOST = 16  # fields of a block


def decode(payload, size, allowed, decode_field):
    """Decodes a chunk of so many bytes. decode_field(codec, payload, size) decodes the content of a field,
    whose codec is one of those allowed."""
    fields = Fields(payload, "fields")
    payload_size, form = fields.left(), fields.u8()
    require(form == 1, "unsupported", f"fields: form {form}")
    require(size and payload_size < size, "malformed", f"fields: a payload of {payload_size} bytes for {size}")
    count, block = fields.u8(), fields.u16()
    require(1 <= count <= MOST and block and size % block == 0, "malformed",
            f"fields: {count} fields in blocks of {block} bytes, a chunk of {size} bytes")
    blocks = size // block
    heads = [(fields.u16(), fields.u16(), fields.u32()) for _ in range(count)]
    require(sum(width for width, _, _ in heads) == block, "malformed", "fields: they do not fill a block")
    for width, codec, length in heads:
        require(width and codec in allowed and length <= width * blocks, "malformed",
                f"fields: a field of {width} bytes by codec {codec}, a payload of {length} bytes for {blocks} blocks")
    payloads = [fields.take(length) for _, _, length in heads]
    fields.end()

    chunk = np.empty((blocks, block), np.uint8)
    at = 0
    for (width, codec, _), part in zip(heads, payloads):
        content = decode_field(codec, part, width * blocks)
        chunk[:, at:at + width] = np.frombuffer(content, np.uint8).reshape(blocks, width)
        at += width
    return chunk.tobytes()
