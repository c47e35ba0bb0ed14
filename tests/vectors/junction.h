// The junction of the example in format-spec/bits-back.md, for archives that change one thing of it.
#pragma once

#include "vectors/codec_payloads.h"
#include "vectors/collector.h"

namespace bbz::vectors {

struct Junction {
  struct Carrier {
    std::uint8_t dtype = kF16;
    std::vector<std::uint64_t> shape;
    Buffer bytes;
    bool operand = false;
  };
  std::uint32_t width = 3;
  std::uint16_t carrier_count = 1;
  std::uint16_t reserved = 0;
  Buffer record = example_record();
  std::vector<Carrier> carriers = {{.shape = {6, 3}, .bytes = example_carrier()}};

  // The group, its carriers, and a tensor that rides on them.
  Buffer archive() const {
    std::vector<Record> list;
    list.push_back(bits_back_group(width, record, carrier_count, reserved));
    std::uint32_t number = 0;
    std::uint64_t size = 0;
    const std::string names = "wxyz";
    for (const Carrier& carrier : carriers) {
      const std::uint64_t count = carrier.bytes.size() / 2;
      list.push_back(raw::tensor({.number = number,
                                  .file = carrier.operand ? kNone : 0,
                                  .offset = carrier.operand ? 0 : size,
                                  .dtype = carrier.dtype,
                                  .bits = 16,
                                  .stored = count,
                                  .chunk = count,
                                  .shape = carrier.shape,
                                  .name = std::string_view(names).substr(number, 1)}));
      list.push_back(raw::raw_chunk({.tensor = number}, carrier.bytes));
      ++number;
      if (!carrier.operand) size += carrier.bytes.size();
    }
    // Four elements of U32, which a constant codec repeats from the four bytes of riders.
    const Buffer elements = raw::text("bbz!bbz!bbz!bbz!");
    list.push_back(raw::tensor({.number = number,
                                .offset = size,
                                .dtype = kU32,
                                .bits = 32,
                                .form = 3,
                                .group = 0,
                                .stored = 4,
                                .chunk = 4,
                                .shape = {4},
                                .name = "v"}));
    list.push_back(
        raw::chunk({.tensor = number, .codec = 4}, elements, Buffer(Carried{.length = 4})));
    std::uint32_t in_it = 1;
    for (const Carrier& carrier : carriers) in_it += carrier.operand ? 0 : 1;
    Archive archive;
    archive.records = in_file(std::move(list), in_it, size + elements.size());
    return archive.bytes();
  }
};

}  // namespace bbz::vectors
