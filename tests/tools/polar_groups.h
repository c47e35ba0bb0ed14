// Archives of tensors that are derived from operands of zeros.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "bbz/symmetry/form.h"
#include "bbz/symmetry/gauge/polar.h"
#include "bbz/symmetry/group.h"
#include "tools/hostile.h"

namespace bbz::tools {

inline constexpr std::uint64_t kLargestChunk = std::uint64_t{64} << 20;

// A group from which a square matrix can be derived, with an operand of zeros of which so many
// elements are stored as they are.
inline std::uint32_t add_polar(Forgery& archive, DType dtype, std::uint64_t rows,
                               std::uint64_t rank, std::uint64_t stored,
                               std::uint64_t checksum = 0) {
  symmetry::PolarGroup group;
  for (std::uint32_t i = 0; i < rank; ++i) group.pivots.push_back(i);
  group.decoded_checksum = checksum;
  const std::uint32_t number =
      archive.group(catalog::GroupMethod::kPolar, symmetry::encode_group(group));
  const std::uint64_t width = dtype_info(dtype).bits / 8;
  const std::uint64_t elements = gauge::factor_count(rows, rank);
  archive.operand(dtype, elements,
                  stored == 0 ? std::min(elements, kLargestChunk / width) : stored);
  if (stored != 0) archive.chunk(std::vector<std::byte>(stored * width), false);
  archive.constant_chunks();
  return number;
}

// Returns the checksum of the tensor that is derived from an operand of zeros.
inline std::uint64_t checksum_of_polar(DType dtype, std::uint64_t rows, std::uint64_t rank) {
  gauge::PolarForm form{rows, rows, dtype, {}, {}};
  for (std::uint32_t i = 0; i < rank; ++i) form.pivots.push_back(i);
  const std::uint64_t width = dtype_info(dtype).bits / 8;
  form.factor.resize(gauge::factor_count(rows, rank) * width);
  std::vector<std::byte> derived(rows * rows * width);
  return gauge::decode_polar(form, derived).ok() ? xxh3_64(derived) : 0;
}

// The tensors "w0", "w1", ... of one file, each of a group of its own.
inline void add_polar_tensors(Forgery& archive, int count, DType dtype, std::uint64_t rows,
                              std::uint64_t rank, std::uint64_t stored) {
  archive.file("m");
  // One that is refused is not derived here either.
  const std::uint64_t checksum = rows < 10'000 ? checksum_of_polar(dtype, rows, rank) : 0;
  for (int i = 0; i < count; ++i) {
    const std::uint32_t group = add_polar(archive, dtype, rows, rank, stored, checksum);
    archive.tensor_of_form("w" + std::to_string(i), dtype, {rows, rows}, catalog::Form::kPolar, 0,
                           1, group);
  }
  archive.end_file();
}

}  // namespace bbz::tools
