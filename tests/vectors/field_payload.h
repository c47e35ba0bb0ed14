// Payloads of codec fields put together by hand from format-spec/codecs.md.
#pragma once

#include "format/container/raw_archive.h"

namespace bbz::vectors {

struct FieldPart {
  unsigned size = 1;
  unsigned codec = 0;
  raw::Buffer payload;
  std::optional<std::uint32_t> says_length{};  // if it is to differ from the truth
};

struct FieldParts {
  unsigned form = 1;
  std::optional<unsigned> count{};  // if these are to differ from the truth
  std::optional<unsigned> block{};
  std::vector<FieldPart> fields;

  raw::Buffer payload() const {
    unsigned sum = 0;
    for (const FieldPart& field : fields) sum += field.size;
    raw::Fields f;
    f.u8(form).u8(count.value_or(static_cast<unsigned>(fields.size()))).u16(block.value_or(sum));
    for (const FieldPart& field : fields) {
      f.u16(field.size).u16(field.codec).u32(field.says_length.value_or(field.payload.size()));
    }
    for (const FieldPart& field : fields) f.bytes(field.payload);
    return f;
  }
};

// The chunk whose fields, of these sizes, have these contents.
inline raw::Buffer interleave(const std::vector<std::pair<unsigned, raw::Buffer>>& fields) {
  raw::Fields chunk;
  const std::size_t blocks = fields[0].second.size() / fields[0].first;
  for (std::size_t i = 0; i < blocks; ++i) {
    for (const auto& [size, content] : fields) {
      chunk.bytes(Bytes(content).subspan(i * size, size));
    }
  }
  return chunk;
}

}  // namespace bbz::vectors
