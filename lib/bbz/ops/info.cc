#include "bbz/ops/info.h"

#include <algorithm>
#include <map>

#include "bbz/base/format.h"
#include "bbz/codec/codec.h"
#include "bbz/symmetry/form.h"
#include "bbz/symmetry/view.h"

namespace bbz::ops {
namespace {

template <class Key, class Name>
std::vector<NamedTally> largest_first(const std::map<Key, Tally>& tallies, Name&& name) {
  std::vector<NamedTally> rows;
  rows.reserve(tallies.size());
  for (const auto& [key, tally] : tallies) rows.push_back({tally, name(key)});
  std::ranges::stable_sort(rows, std::greater{}, &NamedTally::bytes);
  return rows;
}

// Returns the bytes of storages that no view has.
std::uint64_t count_unseen(const catalog::Catalog& catalog) {
  constexpr std::size_t kMostRanges = 1'000'000;
  std::map<std::uint32_t, std::vector<io::ByteRange>> seen;  // by the number of the storage
  std::size_t left = kMostRanges;
  for (const catalog::Tensor& tensor : catalog.tensors) {
    if (tensor.meta.extensions.storage) seen.try_emplace(tensor.meta.number);
    if (!tensor.meta.is_view()) continue;
    const auto found = seen.find(tensor.meta.base());
    if (found == seen.end()) continue;
    for (const io::ByteRange& range : symmetry::ranges_of_view(tensor.meta, left)) {
      found->second.push_back(range);
      if (left > 1) --left;
    }
  }
  std::uint64_t unseen = 0;
  for (auto& [storage, ranges] : seen) {
    std::ranges::sort(ranges, {}, &io::ByteRange::offset);
    std::uint64_t end = 0;
    for (const io::ByteRange& range : ranges) {
      if (range.offset > end) unseen += range.offset - end;
      end = std::max(end, range.end());
    }
    unseen += catalog.tensors[storage].byte_size - end;
  }
  return unseen;
}

}  // namespace

Tally& Tally::operator+=(const Tally& other) {
  tensors += other.tensors;
  elements += other.elements;
  chunks += other.chunks;
  bytes += other.bytes;
  stored += other.stored;
  return *this;
}

LeaningTally& LeaningTally::operator+=(const LeaningTally& other) {
  tensors += other.tensors;
  bytes += other.bytes;
  stored += other.stored;
  unchanged += other.unchanged;
  own += other.own;
  return *this;
}

LeaningTally leaning_of(const catalog::Catalog& catalog, const catalog::Tensor& tensor) {
  LeaningTally tally;
  if (!tensor.meta.leans()) return tally;
  tally.tensors = 1;
  tally.bytes = tensor.byte_size;
  tally.stored = tensor.stored_bytes;
  for (const catalog::Chunk& chunk : catalog.chunks_of(tensor)) {
    if (!catalog::needs_base(chunk.meta.codec)) {
      tally.own += chunk.decoded_bytes;
    } else if (chunk.meta.codec == codec::CodecId::kUnchanged) {
      tally.unchanged += chunk.decoded_bytes;
    }
  }
  return tally;
}

Tally Info::of(const catalog::Tensor& tensor) {
  Tally tally;
  tally.tensors = 1;
  tally.elements = tensor.byte_size * 8 / tensor.meta.element_bits;
  tally.chunks = tensor.chunk_count;
  tally.bytes = tensor.byte_size;
  tally.stored = tensor.stored_bytes;
  return tally;
}

Info info(const catalog::Catalog& catalog, std::uint64_t archive_bytes) {
  Info info;
  info.archive_bytes = archive_bytes;
  info.file_bytes = catalog.unpacked_bytes;
  info.by_file.resize(catalog.files.size());
  for (const catalog::File& file : catalog.files) {
    ++(file.kind == catalog::FileKind::kDirectory ? info.directories : info.files);
  }
  info.block_types.resize(catalog.block_types.size());
  std::map<DType, Tally> dtypes;
  std::map<std::uint32_t, Tally> layers;  // kNone comes last, because it is the largest number
  std::map<std::uint32_t, LeaningTally> leaning;  // by layer
  info.bases.resize(catalog.bases.size());
  std::uint64_t in_chunks = 0;
  for (const catalog::Tensor& tensor : catalog.tensors) {
    const Tally tally = Info::of(tensor);
    in_chunks += tally.stored;
    if (tensor.is_operand()) {
      info.operands += tally;
      continue;
    }
    if (tensor.meta.is_view()) {
      info.views += tally;
      layers[tensor.meta.layer] += tally;
      continue;
    }
    if (tensor.meta.extensions.storage) info.storages += tally;
    info.by_file[tensor.meta.file] += tally;
    if (tensor.meta.kind == catalog::TensorKind::kBytes) {
      info.other += tally;
      continue;
    }
    info.tensors += tally;
    dtypes[tensor.meta.dtype] += tally;
    if (tensor.block != nullptr) info.block_types[tensor.meta.block_type] += tally;
    layers[tensor.meta.layer] += tally;
    if (!tensor.meta.leans()) continue;
    const LeaningTally leans = leaning_of(catalog, tensor);
    info.bases[tensor.meta.support->base] += leans;
    leaning[tensor.meta.layer] += leans;
  }
  info.unseen_bytes = count_unseen(catalog);
  info.overhead_bytes = archive_bytes - std::min(archive_bytes, in_chunks);

  std::map<codec::CodecId, Tally> codecs;
  for (const catalog::Chunk& chunk : catalog.chunks) {
    codecs[stored_codec(chunk)] +=
        {0, chunk.element_count, 1, chunk.decoded_bytes, stored_bytes(chunk)};
  }
  info.dtypes = largest_first(dtypes, [](DType dtype) { return dtype_name(dtype); });
  info.codecs = largest_first(codecs, codec_name);
  for (const auto& [layer, tally] : layers) {
    info.layers.push_back({tally, layer == catalog::kNone ? std::nullopt : std::optional(layer)});
    if (!info.bases.empty()) info.leaning_layers.push_back(leaning[layer]);
  }
  return info;
}

std::string dtype_name(const catalog::Tensor& tensor) {
  return tensor.block != nullptr ? tensor.block->name : dtype_name(tensor.meta.dtype);
}

std::string dtype_name(DType dtype) {
  if (dtype == DType::kBlock) return "block";
  const DTypeInfo* known = find_dtype(dtype);
  return known ? std::string(known->name) : fmt::format("dtype-{}", static_cast<int>(dtype));
}

codec::CodecId stored_codec(const catalog::Chunk& chunk) {
  return chunk.same_as ? codec::CodecId::kSame : chunk.meta.codec;
}

std::uint64_t stored_bytes(const catalog::Chunk& chunk) {
  return chunk.same_as ? 0 : chunk.payload.length;
}

std::string codec_name(codec::CodecId codec) {
  if (codec == codec::CodecId::kCarried) return "carried";
  if (codec == codec::CodecId::kSame) return "same";
  const codec::Codec* known = codec::find_codec(codec);
  return known ? std::string(known->name) : fmt::format("codec-{}", static_cast<int>(codec));
}

std::string form_name(catalog::Form form) {
  const std::string_view name = symmetry::form_name(form);
  return name.empty() ? fmt::format("form-{}", static_cast<int>(form)) : std::string(name);
}

}  // namespace bbz::ops
