// Info: reports what is in an archive and how well it was packed, from its catalog alone.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bbz/format/catalog/catalog.h"

namespace bbz::ops {

// The sizes of a part of the archive.
struct Tally {
  std::uint64_t tensors = 0;   // number of tensors; 0 in the tally of a codec
  std::uint64_t elements = 0;  // when decoded; in the tally of a codec, those that are stored
  std::uint64_t chunks = 0;    // number of chunks that are stored
  std::uint64_t bytes = 0;     // decoded
  std::uint64_t stored = 0;    // in payloads

  // Adds every field of `other`.
  Tally& operator+=(const Tally& other);
};

// The sizes of the tensors of a dtype, or of the chunks of a codec.
struct NamedTally : Tally {
  std::string name;  // as dtype_name() or codec_name() returns it; any UTF-8
};

// The sizes of the tensors of a layer.
struct LayerTally : Tally {
  std::optional<std::uint32_t> layer;  // nullopt: tensors of no layer
};

// How the tensors of a part of the archive lean on bases.
struct LeaningTally {
  std::uint64_t tensors = 0;    // that lean
  std::uint64_t bytes = 0;      // of these, decoded
  std::uint64_t stored = 0;     // of these, in payloads
  std::uint64_t unchanged = 0;  // bytes of chunks that are as in the base
  std::uint64_t own = 0;        // bytes of chunks that do not need the base

  // Adds every field of `other`.
  LeaningTally& operator+=(const LeaningTally& other);
};
// Returns how one tensor leans.
LeaningTally leaning_of(const catalog::Catalog& catalog, const catalog::Tensor& tensor);

// The content of an archive in numbers.
struct Info {
  std::uint64_t files = 0;          // without directories
  std::uint64_t directories = 0;    // that are empty
  std::uint64_t file_bytes = 0;     // sum of all files
  std::uint64_t archive_bytes = 0;  // length of the archive
  // The bytes that are stored besides the payloads of chunks: heads, indexes, metadata, groups.
  std::uint64_t overhead_bytes = 0;
  Tally tensors;   // tensors of files
  Tally other;     // ranges of files that are no tensors, each counted in `tensors`
  Tally operands;  // tensors that belong to groups
  // Views, which are tensors of the model that have bytes of others: they count nowhere else but in
  // `layers`.
  Tally views;
  Tally storages;  // tensors that are there for their views only, each counted in `tensors`
  // The bytes of these that no view has. A view of very many pieces counts as all between its first
  // and its last byte.
  std::uint64_t unseen_bytes = 0;
  // Of `tensors`, the largest first; "dtype-N" for an unknown one, and "block" for all blocks.
  std::vector<NamedTally> dtypes;
  std::vector<Tally> block_types;  // of the tensors of each block type, by its number
  std::vector<NamedTally> codecs;  // of all chunks, the largest first; "codec-N" for an unknown one
  // Of `tensors` and `views`, by layer, then those of no layer.
  std::vector<LayerTally> layers;
  // How tensors lean, by base.
  std::vector<LeaningTally> bases;
  // The same by layer, in the order of `layers`; empty if there are no bases.
  std::vector<LeaningTally> leaning_layers;
  std::vector<Tally> by_file;  // all tensors and ranges of each file, in the order of the catalog

  // Returns the sizes of one tensor.
  static Tally of(const catalog::Tensor& tensor);
};

// Counts what a catalog lists. `archive_bytes` is the length of the archive.
Info info(const catalog::Catalog& catalog, std::uint64_t archive_bytes);

// Returns the name of a dtype that the tools show: "dtype-N" if this build does not know it.
std::string dtype_name(DType dtype);
// Returns the name of a tensor's dtype or, if its elements are blocks, that of their type: any UTF-8.
std::string dtype_name(const catalog::Tensor& tensor);
// Returns the codec in the record of a chunk: same if the chunk repeats another.
codec::CodecId stored_codec(const catalog::Chunk& chunk);
// Returns the bytes of the payload in the record of a chunk: 0 if the chunk repeats another.
std::uint64_t stored_bytes(const catalog::Chunk& chunk);
// Returns the name of a codec that the tools show: "codec-N" if this build does not know it.
std::string codec_name(codec::CodecId codec);
// The same for a form: "form-N" if it is not known.
std::string form_name(catalog::Form form);

}  // namespace bbz::ops
