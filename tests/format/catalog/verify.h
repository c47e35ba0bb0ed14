// An archive read whole in each of the two ways: every record, payload and rule, and the root
// digest.
#pragma once

#include "bbz/format/catalog/builder.h"
#include "format/container/walk.h"

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
  const Status visited = container::for_each_record(
      opened.index, limits, [&](const container::RecordView& record) -> Status {
        BBZ_TRY(builder.add(record));
        std::vector<std::byte> payload(record.head.payload_length);
        BBZ_TRY(io::read_exactly(source, record.head.payload_offset(), payload));
        return container::check_payload(record.head, payload);
      });
  if (!visited.ok()) return visited.error();
  Catalog catalog;
  BBZ_TRY(finish(builder, opened.trailer ? &opened.trailer->root : nullptr, catalog));
  return catalog;
}

}  // namespace bbz::catalog
