// An archive read whole in each of the two ways: every record, payload and rule, and the root
// digest.
#pragma once

#include <gtest/gtest.h>

#include "bbz/format/catalog/builder.h"
#include "format/container/raw_archive.h"
#include "format/container/walk.h"
#include "support/faulty.h"

namespace bbz::catalog {

inline Status finish(CatalogBuilder& builder, const Digest* root, Catalog& catalog) {
  BBZ_TRY(builder.finish());
  if (root != nullptr && builder.root() != *root) {
    return error_with_message(Code::kChecksum, "root digest");
  }
  catalog = builder.take();
  return {};
}

inline Result<Catalog> verify_stream(io::Source& source, const Limits& limits = {}) {
  std::optional<CatalogBuilder> builder;
  BBZ_ASSIGN(container::RecordReader reader, container::RecordReader::open(source, limits));
  builder.emplace(reader.header(), limits);
  std::vector<std::byte> payload;
  while (true) {
    BBZ_ASSIGN(const auto record, reader.next());
    if (!record) break;
    BBZ_TRY(builder->add(*record));
    BBZ_TRY(reader.read_pad());
    BBZ_TRY(reader.read_payload(payload));
  }
  Catalog catalog;
  BBZ_TRY(finish(*builder, &reader.trailer().root, catalog));
  return catalog;
}

inline Result<Catalog> verify_index(io::Source& source, bool use_front = false,
                                    const Limits& limits = {}) {
  BBZ_ASSIGN(const auto opened, container::open_by_index(source, limits, use_front));
  CatalogBuilder builder(opened.header, limits);
  BBZ_TRY(container::walk_index(
      source, use_front, limits,
      [&](const container::RecordView& record) { return builder.add(record); }));
  Catalog catalog;
  BBZ_TRY(finish(builder, opened.trailer ? &opened.trailer->root : nullptr, catalog));
  return catalog;
}

// Reads an archive in both ways, which must agree.
inline Result<Catalog> verify(const raw::Archive& archive, const Limits& limits = {}) {
  const raw::Buffer bytes = archive.bytes();
  const auto memory = io::memory_source(bytes);
  io::SequentialSource pipe(*memory);
  auto stream = verify_stream(pipe, limits);
  const auto seek = verify_index(*memory, false, limits);
  EXPECT_EQ(stream.code(), seek.code());
  if (!stream.ok() && !seek.ok()) {
    EXPECT_EQ(stream.error().message, seek.error().message);
  }
  return stream;
}

}  // namespace bbz::catalog
