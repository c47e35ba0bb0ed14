// The header of a GGUF file: where its tensors are.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "bbz/base/block_type.h"
#include "bbz/base/checked.h"

namespace bbz::gguf {

// The bytes that looks_like_header() needs.
inline constexpr std::size_t kMagicBytes = 4;

// Limits against headers that exhaust memory.
struct Limits {
  std::uint64_t header_bytes = std::uint64_t{256} << 20;  // all before the tensors
  std::uint64_t tensors = 1'000'000;
  std::uint64_t name_bytes = 4096;  // of a tensor
  std::uint64_t rank = 64;          // axes of a tensor
};

// A tensor of a known type.
struct Tensor {
  std::string name;         // UTF-8, unique in the file
  DType dtype{};            // of its elements; kBlock for blocks
  SharedBlockType block{};  // what an element is, if dtype is kBlock
  Shape shape;              // extents in elements, outermost first
  std::uint64_t begin = 0;  // offset in the file, bytes
  std::uint64_t size = 0;   // bytes
};

// A tensor of a type that is not known.
struct UnknownTensor {
  std::string name;        // UTF-8
  std::uint32_t type = 0;  // its number in the file
};

// What a header says.
struct Header {
  std::uint64_t size = 0;  // bytes, without the padding that follows it
  // The tensors whose type is known, by offset; none overlap. Those of other types are in the gaps
  // between them.
  std::vector<Tensor> tensors;
  // The first tensor in the header whose type is not known, if there is one.
  std::optional<UnknownTensor> unknown{};
};

// Returns whether a file with these first bytes may be a GGUF file.
bool looks_like_header(Bytes first);

// Parses the header, which `start` begins with. `file_size` is that of the file, if it is known.
// Errors: kTruncated if `start` ends before the header does; kUnsupported for a version other than 2
// and 3, as one in big-endian is; kLimit; kMalformed if the header breaks a rule, or if tensors overlap or end after the file does.
Result<Header> parse(Bytes start, std::optional<std::uint64_t> file_size,
                     const Limits& limits = {});

// Returns the first bytes of a file: as many as it is given, or all if there are fewer.
using TakeFirst = std::function<Result<Bytes>(std::uint64_t size)>;

// Parses the header of a file that begins with what `first` returns. Its size is known only when it
// is parsed, so `first` is asked for more and more. Errors: those of `first` and of parse(), but
// kTruncated only if the file ends within the header.
Result<Header> read(const TakeFirst& first, std::optional<std::uint64_t> file_size,
                    const Limits& limits = {});

}  // namespace bbz::gguf
