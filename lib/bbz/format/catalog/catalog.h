// Catalog: what an archive holds, as its record heads tell it. No payload is needed to know it.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "bbz/format/catalog/metas.h"
#include "bbz/format/container/header.h"

namespace bbz::catalog {

struct File {
  std::string path;
  FileKind kind = FileKind::kRegular;
  std::uint64_t size = 0;
  std::optional<Digest> digest;
  // The tensors that tile it, by number, in the order of their offsets.
  std::vector<std::uint32_t> tensors;
};

struct Tensor {
  TensorMeta meta;
  std::uint64_t byte_size = 0;    // decoded, in the file
  std::uint64_t first_chunk = 0;  // its chunks are [first_chunk, first_chunk + chunk_count)
  std::uint64_t chunk_count = 0;
  std::uint64_t stored_bytes = 0;  // payloads of its chunks

  bool is_operand() const { return meta.file == kNone; }
};

// Where a payload lies in the archive and what it must hash to.
struct Payload {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  std::uint64_t checksum = 0;
};

struct Chunk {
  ChunkMeta meta;
  std::uint64_t decoded_bytes = 0;
  Payload payload;
};

struct Metadata {
  MetadataMeta meta;
  Payload payload;
};

struct Group {
  GroupMeta meta;
  Payload payload;
  std::uint32_t first_tensor = 0;    // the number of the tensor record that follows it
  std::uint32_t first_user = kNone;  // the first tensor that refers to it, if any
};

// The content in archive order. Built by CatalogBuilder, which has checked that it fits together.
struct Catalog {
  container::FileHeader header;
  std::vector<File> files;
  std::vector<Tensor> tensors;
  std::vector<Chunk> chunks;
  std::vector<Metadata> metadata;
  std::vector<Group> groups;
  std::uint64_t unpacked_bytes = 0;  // all files together
  std::uint64_t stored_bytes = 0;    // all payloads together

  std::span<const Chunk> chunks_of(const Tensor& tensor) const {
    return std::span(chunks).subspan(tensor.first_chunk, tensor.chunk_count);
  }
  // The file of this path, or nullptr.
  const File* find_file(std::string_view path) const;
  // Every tensor of this name: tensors of different files may share one.
  std::vector<std::uint32_t> find_tensors(std::string_view name) const;
};

}  // namespace bbz::catalog
