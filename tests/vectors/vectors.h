// The archives in format-spec/vectors: what they hold, and what is wrong with the invalid ones.
#pragma once

#include <string>
#include <vector>

#include "format/container/raw_archive.h"

namespace bbz::vectors {

// Numbers of dtypes, as format-spec/records.md has them.
inline constexpr std::uint8_t kU8 = 2;
inline constexpr std::uint8_t kU16 = 4;
inline constexpr std::uint8_t kU32 = 6;
inline constexpr std::uint8_t kF16 = 16;
inline constexpr std::uint8_t kBF16 = 17;
inline constexpr std::uint8_t kBlock = 64;

// An archive that must be read, and its content as the text of a JSON file.
struct Valid {
  std::string name;  // without extension
  raw::Buffer bytes;
  std::string expected;
  // Holds what an encoder chose, which a later encoder may choose differently: the committed
  // archive stays as it is, for decoders to go on reading it.
  bool frozen = false;
};
std::vector<Valid> valid_vectors();
// Those with numbers that no version knows.
std::vector<Valid> valid_unknown_vectors();
// Those of what the records of tensors state, and of what follows from others.
std::vector<Valid> valid_place_vectors();
// Those of chunks that repeat earlier ones.
std::vector<Valid> valid_repeat_vectors();
// Those of block types.
std::vector<Valid> valid_block_vectors();
// Those at the edge of a rule.
std::vector<Valid> valid_edge_vectors();
// Those of extensions, private names and aligned payloads.
std::vector<Valid> valid_extension_vectors();
// Those of format-spec/symmetry.md and bits-back.md.
std::vector<Valid> valid_symmetry_vectors();
std::vector<Valid> valid_polar_vectors();
std::vector<Valid> valid_pivot_vectors();
std::vector<Valid> valid_rider_vectors();
std::vector<Valid> valid_view_vectors();
// Those of tensors that lean on a base.
std::vector<Valid> valid_base_vectors();
// Those of the codecs, and of split-float.
std::vector<Valid> valid_codec_vectors();
std::vector<Valid> valid_split_vectors();
// Those of split-number: of numbers that are drawn, of numbers that it is for, and at the edges.
std::vector<Valid> valid_number_vectors();
std::vector<Valid> valid_number_value_vectors();
std::vector<Valid> valid_number_edge_vectors();
// Those of fields.
std::vector<Valid> valid_field_vectors();

// An archive that must be refused, with the names of the codes (limits.md).
struct Invalid {
  std::string name;
  std::string rule;  // that it breaks
  raw::Buffer bytes;
  std::string open;    // opened by the index at its end; "ok" where that does not show the defect
  std::string stream;  // read front to back, payloads not decoded
  std::string verify;  // read front to back, payloads decoded
};
std::vector<Invalid> invalid_vectors();

// The text of invalid/manifest.json.
std::string manifest(const std::vector<Invalid>& vectors);

}  // namespace bbz::vectors
