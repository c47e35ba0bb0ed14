// The header of a safetensors file: parses, checks and builds it.
//
// A file is an 8-byte little-endian length n, n bytes of JSON, and the tensors' bytes. The rules
// are those of the format's description and its reference implementation (huggingface/safetensors,
// README.md and safetensors/src/tensor.rs); if the two differ, the stricter one holds.
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

// The size of the length field before the JSON, in bytes.
inline constexpr std::uint64_t kLengthBytes = 8;

// Limits on a header. `json_bytes` is the format's own; the others bound what a reader allocates,
// and are far above what models have. The comments name what each limit stops.
struct Limits {
  std::uint64_t json_bytes = 100'000'000;  // a length that exhausts memory
  std::uint64_t tensors = 1'000'000;  // many tiny records, which take more memory than their JSON
  std::uint64_t metadata = 100'000;   // many tiny entries of "__metadata__"
  std::uint64_t rank = 64;            // shapes that take more memory than the tensors
  std::uint64_t name_bytes = 4096;    // names that flood messages and indexes
  std::uint64_t depth = 16;           // deeply nested JSON
};

// A tensor as the header lists it.
struct Tensor {
  std::string name;         // UTF-8; no two tensors of a header have the same
  DType dtype{};            // type of its elements; find_dtype() knows it
  Shape shape;              // extents in elements, outermost first; empty for a scalar
  std::uint64_t begin = 0;  // offset of its first byte, from the end of the header
  std::uint64_t end = 0;    // offset after its last byte, from the end of the header

  // Returns the size in bytes.
  std::uint64_t size() const { return end - begin; }
  // Returns whether all members are equal.
  friend bool operator==(const Tensor&, const Tensor&) = default;
};

// The entries of "__metadata__", in the order of the header.
using Metadata = std::vector<std::pair<std::string, std::string>>;

// The contents of a header.
struct Header {
  std::vector<Tensor> tensors;    // in order of offset; they cover the data without hole or overlap
  Metadata metadata;              // empty if the header has no "__metadata__"
  std::uint64_t header_size = 0;  // bytes of length field and JSON; the data follows
  std::uint64_t data_size = 0;    // bytes of all tensors

  // Returns the size of the whole file in bytes.
  std::uint64_t file_size() const { return header_size + data_size; }
  // Returns whether all members are equal.
  friend bool operator==(const Header&, const Header&) = default;
};

// Returns the size of the whole header, length field and JSON, from the first 8 bytes of a file.
// Errors: kTruncated if `start` is shorter; kLimit.
Result<std::uint64_t> header_size(Bytes start, const Limits& limits = {});

// Returns whether a name ends in .safetensors.
bool has_usual_suffix(std::string_view name);

// Returns whether a file can be a safetensors file, from its first 9 bytes: a length within the
// format's limit and a '{'.
bool looks_like_header(Bytes start);

// Parses a header. `file` begins with the header and may be longer; `file_size` is the size of the
// whole file if that is known, and must then agree with the header.
//
// Errors: kTruncated if `file` does not hold the whole header, or the file is shorter than its
// header says; kLimit; kUnsupported if a dtype is unknown; kMalformed if the JSON is not
// well-formed or not of the format's form, a name occurs twice, a shape does not have the size of
// its offsets or exceeds 64 bits, offsets leave a hole or overlap, or the file is longer than its
// header says.
Result<Header> parse(Bytes file, std::optional<std::uint64_t> file_size, const Limits& limits = {});

// Builds the header of a file that holds `tensors` in this order, without gaps. Sets `begin` and
// `end` of each tensor, and returns length field and JSON, padded with spaces to a multiple of 8
// bytes.
// Errors: kInvalidArgument if find_dtype() does not know a dtype, if a name occurs twice, is
// "__metadata__" or is not UTF-8, or if metadata is not UTF-8 or has a key twice; kMalformed if a size overflows or has part bytes;
// kLimit if the JSON exceeds the format's limit.
Result<std::vector<std::byte>> build(std::span<Tensor> tensors, const Metadata& metadata);

// Returns metadata as a JSON object of strings. Errors: kInvalidArgument if a string is not UTF-8
// or a key occurs twice.
Result<std::string> metadata_to_json(const Metadata& metadata);
// Parses metadata from a JSON object of strings. Errors: kMalformed; kLimit (the default limits).
Result<Metadata> metadata_from_json(std::string_view json);
// Adds the entries of a JSON object of strings whose keys `metadata` does not have: of several files,
// the first file's value counts. Errors: those of metadata_from_json().
Status add_metadata(Metadata& metadata, std::string_view json);

}  // namespace bbz::safetensors
