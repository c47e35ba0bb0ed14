// Payloads of codecs zstd and carried, and of bits-back groups, put together by hand from RFC 8878
// and format-spec/records.md.
#pragma once

#include "format/container/raw_archive.h"

namespace bbz::vectors {

// A frame whose header is the descriptor and these fields, of a block that repeats a byte and a
// block of bytes as they are.
struct ZstdFrame {
  unsigned descriptor = 0x20;  // one segment, content size of one byte
  raw::Buffer fields{};
  std::uint32_t magic = 0xFD2FB528;
  unsigned last_type = 0;  // of the block of bytes as they are
  raw::Buffer checksum{};  // the lower 32 bits of the content's XXH64, if the descriptor has bit 2

  // Of content that begins with equal bytes, `run` of them.
  raw::Buffer of(Bytes content, std::size_t run) const {
    raw::Fields f;
    f.u32(magic).u8(descriptor).bytes(fields);
    const auto block = [&](std::size_t size, unsigned type, bool last, Bytes bytes) {
      const std::size_t header = size << 3 | type << 1 | (last ? 1 : 0);
      f.u8(header).u16(header >> 8).bytes(bytes);
    };
    block(run, 1, false, content.first(1));
    const Bytes rest = content.subspan(run);
    block(rest.size(), last_type, true, rest);
    return f.bytes(checksum);
  }
};

inline raw::Record bits_back_group(std::uint32_t width, Bytes record, unsigned carriers = 1,
                                   unsigned reserved = 0) {
  const raw::Buffer payload = raw::Fields().u32(width).u16(carriers).u16(reserved).bytes(record);
  return raw::group(0, 3, payload);
}

// The example of format-spec/bits-back.md: six rows of three F16 carry `bbz!`.
inline raw::Buffer example_carrier() {
  raw::Fields f;
  for (const unsigned value :
       {0x3595, 0x3954, 0x33D4, 0x371F, 0xB565, 0x2729, 0x354B, 0x3691, 0xB4FC, 0xA366, 0xB6B9,
        0xB5E5, 0xB36B, 0x38A5, 0xB7BE, 0xB53D, 0x3809, 0x2F70}) {
    f.u16(value);
  }
  return f;
}
inline raw::Buffer example_record() {
  raw::Fields f;
  for (const unsigned byte :
       {0x01, 0x00, 0x0F, 0x81, 0x16, 0x00, 0x03, 0x00, 0x06, 0x00, 0x00, 0x00, 0x04, 0x00,
        0x00, 0x00, 0x34, 0xCC, 0x7F, 0xDF, 0x07, 0x17, 0x18, 0x37, 0x8E, 0x12, 0x80}) {
    f.u8(byte);
  }
  return f;
}
inline raw::Record example_group() {
  return bits_back_group(3, example_record());
}

// The payload of a carried chunk.
struct Carried {
  unsigned codec = 1;
  unsigned reserved = 0;
  std::uint32_t length = 2;
  std::uint64_t offset = 0;
  raw::Buffer tail{};

  operator raw::Buffer() const {  // NOLINT: implicit
    return raw::Fields().u16(codec).u16(reserved).u32(length).u64(offset).bytes(tail);
  }
};

}  // namespace bbz::vectors
