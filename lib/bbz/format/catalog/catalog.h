// Catalog: the contents of an archive, as the heads and metas of its records list them. No payload
// is read for it.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "bbz/format/catalog/metas.h"
#include "bbz/format/container/header.h"
#include "bbz/io/byte_range.h"

namespace bbz::catalog {

// A file or directory in the archive. Its number is its index in Catalog::files.
struct File {
  std::string path;                    // relative and safe (check_safe_path)
  FileKind kind = FileKind::kRegular;  // a directory has no tensors
  std::uint64_t size = 0;              // bytes
  std::optional<Digest> digest;        // SHA-256 of the file's bytes, if the archive has it
  // Numbers of the tensors that cover the file without hole or overlap, in order of offset.
  std::vector<std::uint32_t> tensors;
};

// A tensor, or the plain bytes between tensors (TensorKind::kBytes). Its number is its index in
// Catalog::tensors.
struct Tensor {
  TensorMeta meta;                 // fields of its record
  std::uint64_t byte_size = 0;     // in the file, decoded
  std::uint64_t first_chunk = 0;   // its chunks are [first_chunk, first_chunk + chunk_count)
  std::uint64_t chunk_count = 0;   // 0 if it stores no elements
  std::uint64_t stored_bytes = 0;  // sum of the payloads of its chunks

  // Returns whether the tensor belongs to no file: it only serves to rebuild other tensors.
  bool is_operand() const { return meta.file == kNone; }
};

// The place of a payload in the archive, and its checksum.
struct Payload {
  std::uint64_t offset = 0;    // in the archive
  std::uint64_t length = 0;    // bytes
  std::uint64_t checksum = 0;  // XXH3-64 of the payload
};

// A chunk of a tensor's stored elements.
struct Chunk {
  ChunkMeta meta;                   // fields of its record
  std::uint64_t decoded_bytes = 0;  // size after decoding
  Payload payload;                  // the encoded bytes, at most decoded_bytes
};

// A metadata value, which is UTF-8 text, of a file or of the whole archive.
struct Metadata {
  MetadataMeta meta;  // fields of its record
  Payload payload;    // the value
};

// A group of tensors that are rebuilt together by the symmetry coder. Its number is its index in
// Catalog::groups.
struct Group {
  GroupMeta meta;                    // fields of its record
  Payload payload;                   // data of the group, laid out as its method defines
  std::uint32_t first_tensor = 0;    // number of the first tensor record after it
  std::uint32_t first_user = kNone;  // the first tensor that refers to it, if any
};

// The contents in archive order. CatalogBuilder builds it and checks that it is consistent.
struct Catalog {
  container::FileHeader header;      // fields of the file header
  std::vector<File> files;           // files and empty directories, by number
  std::vector<Tensor> tensors;       // tensors, plain bytes and operands, by number
  std::vector<Chunk> chunks;         // of all tensors, each tensor's in one run
  std::vector<Metadata> metadata;    // of all files and of the archive
  std::vector<Group> groups;         // by number
  std::uint64_t unpacked_bytes = 0;  // all files together
  std::uint64_t stored_bytes = 0;    // all payloads together

  // Returns the chunks of a tensor of this catalog; the span is valid while `chunks` is unchanged.
  std::span<const Chunk> chunks_of(const Tensor& tensor) const {
    return std::span(chunks).subspan(tensor.first_chunk, tensor.chunk_count);
  }
  // Returns the file with this path, or nullptr. Takes time linear in the number of files.
  const File* find_file(std::string_view path) const;
  // Returns the numbers of all tensors with this name, in ascending order: tensors of different
  // files may share a name. Plain bytes are left out. Takes time linear in the number of tensors.
  std::vector<std::uint32_t> find_tensors(std::string_view name) const;
};

// Makes the error about a name that tensors of several files have where one tensor is wanted.
Error ambiguous_tensor(std::string_view name);

// Returns the bytes of rows [first, last) of a tensor of a catalog, along its outermost axis; a
// tensor of rank 0 has one row. Rows of elements smaller than a byte are rounded outwards to whole
// bytes. Errors: kInvalidArgument for rows that do not exist.
Result<io::ByteRange> row_bytes(const Tensor& tensor, std::uint64_t first, std::uint64_t last);

}  // namespace bbz::catalog
