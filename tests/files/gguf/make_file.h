// Makes GGUF files.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bbz/base/wire.h"
#include "support/bytes.h"

namespace bbz::gguf {

// A tensor of a file that is made; its bytes are noise.
struct Made {
  std::string name;
  std::vector<std::uint64_t> values;  // innermost axis first
  std::uint32_t type = 0;
  std::uint64_t size = 0;                 // bytes
  std::optional<std::uint64_t> offset{};  // after the header; by default the next aligned one
};

// Writes the parts of a header.
class Maker {
 public:
  Maker& text(std::string_view text) {
    w_.put(std::uint64_t{text.size()});
    w_.put_bytes(text);
    return *this;
  }
  template <class T>
  Maker& number(T value) {
    w_.put(value);
    return *this;
  }
  Maker& begin(std::uint32_t version, std::uint64_t tensors, std::uint64_t values) {
    w_.put_bytes(std::string_view("GGUF"));
    return number(version).number(tensors).number(values);
  }
  const std::vector<std::byte>& bytes() const { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
  WireWriter w_{bytes_};
};

// What a file says besides its tensors.
struct Options {
  std::uint32_t version = 3;
  std::optional<std::uint32_t> alignment{};
  std::size_t vocabulary = 3;  // texts of an array
  bool padded = true;          // the last tensor too
};

inline std::uint64_t aligned(std::uint64_t offset, std::uint64_t alignment) {
  return (offset + alignment - 1) / alignment * alignment;
}

// Returns a file with a value of every type and these tensors.
inline std::vector<std::byte> file_of(const std::vector<Made>& tensors, const Options& o = {}) {
  constexpr std::uint32_t kText = 8, kArray = 9;
  constexpr std::size_t kSizes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
  Maker m;
  m.begin(o.version, tensors.size(), 14 + (o.alignment ? 1 : 0));
  for (std::uint32_t type = 0; type < std::size(kSizes); ++type) {
    if (type == kText || type == kArray) continue;
    m.text("value " + std::to_string(type)).number(type);
    for (std::size_t i = 0; i < kSizes[type]; ++i) m.number(std::uint8_t{1});
  }
  m.text("general.architecture").number(kText).text("llama");
  m.text("tokens").number(kArray).number(kText).number(std::uint64_t{o.vocabulary});
  for (std::size_t i = 0; i < o.vocabulary; ++i) m.text("token " + std::to_string(i));
  if (o.alignment) m.text("general.alignment").number(std::uint32_t{4}).number(*o.alignment);
  m.text("nested").number(kArray).number(kArray).number(std::uint64_t{2});
  m.number(std::uint32_t{5}).number(std::uint64_t{1}).number(std::uint32_t{7});
  m.number(kText).number(std::uint64_t{0});
  const std::uint64_t alignment = o.alignment.value_or(32);
  std::uint64_t next = 0;
  std::vector<std::uint64_t> offsets;
  for (const Made& tensor : tensors) {
    const std::uint64_t offset = tensor.offset.value_or(next);
    offsets.push_back(offset);
    next = std::max(next, aligned(offset + tensor.size, alignment));
    m.text(tensor.name).number(static_cast<std::uint32_t>(tensor.values.size()));
    for (const std::uint64_t extent : tensor.values) m.number(extent);
    m.number(tensor.type).number(offset);
  }
  std::vector<std::byte> file = m.bytes();
  const std::uint64_t data = aligned(file.size(), alignment);
  std::uint64_t end = tensors.empty() ? file.size() : data;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    end = std::max(end, data + offsets[i] + tensors[i].size);
  }
  file.resize(o.padded ? aligned(end, alignment) : end);
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const auto bytes = noise(tensors[i].size, static_cast<unsigned>(i + 1));
    std::ranges::copy(bytes, file.begin() + static_cast<std::ptrdiff_t>(data + offsets[i]));
  }
  return file;
}

// One tensor of each known type, of two rows with the fewest values, and one of an unknown type.
inline std::vector<Made> every_type() {
  struct Row {
    const char* name;
    std::uint32_t type;
    std::uint64_t values, bytes;
  };
  constexpr Row kRows[] = {
      {"F32", 0, 1, 4},       {"F16", 1, 1, 2},       {"Q4_0", 2, 32, 18},
      {"Q4_1", 3, 32, 20},    {"Q5_0", 6, 32, 22},    {"Q5_1", 7, 32, 24},
      {"Q8_0", 8, 32, 34},    {"Q2_K", 10, 256, 84},  {"Q3_K", 11, 256, 110},
      {"Q4_K", 12, 256, 144}, {"Q5_K", 13, 256, 176}, {"Q6_K", 14, 256, 210},
      {"IQ4_NL", 20, 32, 18}, {"I8", 24, 1, 1},       {"I16", 25, 1, 2},
      {"I32", 26, 1, 4},      {"I64", 27, 1, 8},      {"F64", 28, 1, 8},
      {"BF16", 30, 1, 2},     {"MXFP4", 39, 32, 17},  {"unknown", 16, 256, 66},
  };
  std::vector<Made> all;
  for (const Row& row : kRows) {
    all.push_back({std::string("blk.0.") + row.name, {row.values * 3, 2}, row.type, row.bytes * 6});
  }
  return all;
}

}  // namespace bbz::gguf
