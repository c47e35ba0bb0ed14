// The header of a safetensors file: read and checked against the format's own rules, and built.
//
// A file is an 8-byte little-endian length n, n bytes of JSON, and the tensors' bytes. The rules
// are those of the format's description and its reference implementation (huggingface/safetensors,
// README.md and safetensors/src/tensor.rs); where the two differ, the stricter one holds.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bbz/base/checked.h"
#include "bbz/base/error.h"
#include "bbz/base/shape.h"

namespace bbz::safetensors {

// The size of the length field before the JSON.
inline constexpr std::uint64_t kLengthBytes = 8;

// What a header may ask for. The first is the format's own; the others bound what a reader
// allocates and are far above what models have.
struct Limits {
  std::uint64_t json_bytes = 100'000'000;  // a length that makes the reader allocate all memory
  std::uint64_t tensors = 1'000'000;       // a list of tiny records that take more memory than JSON
  std::uint64_t metadata = 100'000;        // the same with entries of "__metadata__"
  std::uint64_t rank = 64;                 // shapes that take more memory than the tensors
  std::uint64_t name_bytes = 4096;         // names that flood messages and indexes
  std::uint64_t depth = 16;                // JSON nested without end
};

struct Tensor {
  std::string name;
  DType dtype{};
  Shape shape;
  std::uint64_t begin = 0;  // offsets in bytes from the end of the header
  std::uint64_t end = 0;

  std::uint64_t size() const { return end - begin; }
  friend bool operator==(const Tensor&, const Tensor&) = default;
};

// The entries of "__metadata__", in the order of the header.
using Metadata = std::vector<std::pair<std::string, std::string>>;

struct Header {
  std::vector<Tensor> tensors;  // in the order of their data; together they tile it
  Metadata metadata;
  std::uint64_t header_size = 0;  // of length field and JSON: where the data begins
  std::uint64_t data_size = 0;    // of all tensors

  std::uint64_t file_size() const { return header_size + data_size; }
  friend bool operator==(const Header&, const Header&) = default;
};

// The size of the whole header, length field and JSON, from the first 8 bytes of a file.
// Errors: kTruncated; kLimit.
Result<std::uint64_t> header_size(Bytes start, const Limits& limits = {});

// Whether the file could be one of safetensors, from its first 9 bytes: a length within the
// format's limit and a '{'.
bool looks_like_header(Bytes start);

// Reads a header. `file` begins with it and may go on; `file_size` is the size of the whole file
// where that is known, and must then be what the header says.
//
// Errors: kTruncated where `file` or the file ends too early; kLimit; kUnsupported for a dtype that
// is not known; kMalformed for JSON that is not well-formed or not of the format's form, for a name
// that stands twice, for a shape whose size is not that of its offsets or is over 64 bits, and for
// offsets that leave a hole or overlap.
Result<Header> parse(Bytes file, std::optional<std::uint64_t> file_size, const Limits& limits = {});

// Builds the header of a file that holds `tensors` in this order, without gaps: sets begin and end
// of each and returns length field and JSON, padded with spaces to a multiple of 8 bytes. Errors:
// kInvalidArgument for a name that stands twice, is "__metadata__" or is not UTF-8, and for
// metadata that is not UTF-8 or has a key twice; kMalformed for a shape whose size overflows;
// kLimit.
Result<std::vector<std::byte>> build(std::span<Tensor> tensors, const Metadata& metadata);

// Metadata as a JSON object of strings and back. Errors: as build; kMalformed.
Result<std::string> metadata_to_json(const Metadata& metadata);
Result<Metadata> metadata_from_json(std::string_view json);

}  // namespace bbz::safetensors
