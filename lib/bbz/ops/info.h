// Info: what is in an archive and how well it packed, from its catalog alone.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bbz/format/catalog/catalog.h"

namespace bbz::ops {

// A share of the archive.
struct Tally {
  std::uint64_t tensors = 0;
  std::uint64_t elements = 0;
  std::uint64_t chunks = 0;
  std::uint64_t bytes = 0;   // decoded
  std::uint64_t stored = 0;  // of payloads

  Tally& operator+=(const Tally& other);
};

struct NamedTally : Tally {
  std::string name;
};

struct LayerTally : Tally {
  std::optional<std::uint32_t> layer;  // nothing: tensors of no layer
};

struct Info {
  std::uint64_t files = 0;
  std::uint64_t directories = 0;    // empty ones
  std::uint64_t file_bytes = 0;     // of all files
  std::uint64_t archive_bytes = 0;  // as it is stored
  // What is stored besides the chunks: heads, indexes, metadata, groups.
  std::uint64_t overhead_bytes = 0;
  Tally tensors;                   // of kind tensor, those of files
  Tally other;                     // bytes of files that are no tensor; `tensors` counts ranges
  Tally operands;                  // of groups
  std::vector<NamedTally> dtypes;  // of `tensors`, the largest first; "dtype-N" where unknown
  std::vector<NamedTally> codecs;  // of all chunks, the largest first; "codec-N" where unknown
  std::vector<LayerTally> layers;  // of `tensors`, by number, then those of none
  std::vector<Tally> by_file;      // all that tiles a file, in the order of the catalog

  // The chunks of a file or tensor: decoded and stored.
  static Tally of(const catalog::Tensor& tensor);
};

Info info(const catalog::Catalog& catalog, std::uint64_t archive_bytes);

// Names as the tools show them; those that this build does not know with their number.
std::string dtype_name(DType dtype);
std::string codec_name(std::uint16_t codec);

}  // namespace bbz::ops
