#include "symmetry/pivot.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <random>

#include "bbz/symmetry/form.h"
#include "bbz/symmetry/gauge/pivot.h"
#include "symmetry/measure.h"

namespace bbz::bench {
namespace {

template <class Work>
double least_seconds(unsigned repeat, const Work& work) {
  double least = 1e9;
  for (unsigned i = 0; i < repeat; ++i) {
    const Timer timer;
    work();
    least = std::min(least, timer.seconds());
  }
  return least;
}

bool print_row(DType dtype, unsigned axis, const PivotOptions& options) {
  std::mt19937 random(1);
  std::vector<std::uint32_t> lines(options.extent);
  for (std::uint32_t line = 0; line < options.extent; ++line) lines[line] = line;
  std::ranges::shuffle(lines, random);
  lines.resize(std::min(options.rank, options.extent));
  std::ranges::sort(lines);
  catalog::Tensor tensor;
  catalog::TensorMeta& meta = tensor.meta;
  meta.dtype = dtype;
  meta.element_bits = static_cast<std::uint32_t>(dtype_info(dtype).bits);
  meta.form = catalog::Form::kPivot;
  meta.shape =
      axis == 0 ? Shape{options.extent, options.rank} : Shape{options.rank, options.extent};
  meta.stored_elements = (options.extent - options.rank) * options.rank;
  meta.pivots = std::make_shared<const catalog::Pivots>(axis, options.extent, lines);
  if (const Status valid = symmetry::check_record(tensor); !valid.ok()) {
    std::fprintf(stderr, "%s\n", valid.error().message.c_str());
    return false;
  }
  const std::size_t size = meta.element_bits / 8;
  const std::vector<std::byte> stored(meta.stored_elements * size, std::byte{0x35});
  std::vector<std::byte> dense(options.extent * options.rank * size), copy(dense.size()), slice;
  catalog::Chunk chunk;
  chunk.element_count = meta.stored_elements;
  symmetry::expand_chunk(meta, chunk, stored, 0, dense);

  const double copied =
      least_seconds(options.repeat, [&] { std::memcpy(copy.data(), dense.data(), dense.size()); });
  const double expanded = least_seconds(options.repeat, [&] {
    const auto take = [&](std::uint64_t offset, Bytes part) -> Status {
      copy[offset] = part[0];
      return {};
    };
    (void)symmetry::expand_chunk(meta, chunk, stored, slice, take);
  });
  bool found = true;
  const double searched = least_seconds(options.repeat, [&] {
    found = gauge::find_pivots(dense, dtype, meta.shape[0], meta.shape[1], axis) && found;
  });
  const double packed = least_seconds(options.repeat, [&] {
    copy[0] = gauge::pack_pivot(dense, dtype, meta.shape[0], meta.shape[1], *meta.pivots)[0];
  });
  std::printf("%-4s %-7s %9.1f %9.2f %9.2f %9.2f\n", std::string(dtype_info(dtype).name).c_str(),
              axis == 0 ? "rows" : "columns", static_cast<double>(dense.size()) / 1e6,
              copied / expanded, copied / searched, copied / packed);
  return found;
}

}  // namespace

bool print_pivot(const PivotOptions& options) {
  std::printf("%-4s %-7s %9s %9s %9s %9s\n", "", "pivots", "MB", "expand", "find", "pack");
  for (const DType dtype : {DType::kF16, DType::kF32}) {
    for (const unsigned axis : {0u, 1u}) {
      if (!print_row(dtype, axis, options)) return false;
    }
  }
  std::printf("speed as a ratio to memcpy of the matrix\n");
  return true;
}

}  // namespace bbz::bench
