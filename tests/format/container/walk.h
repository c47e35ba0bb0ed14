// The two ways of reading an archive's records whole, as one verdict each.
#pragma once

#include "bbz/format/container/index.h"
#include "bbz/format/container/record_reader.h"
#include "bbz/io/source.h"

namespace bbz::container {

using Visit = std::function<Status(const RecordView&)>;

inline Status ignore(const RecordView&) {
  return {};
}

// Front to back, with every payload.
inline Status walk_stream(io::Source& source, const Limits& limits = {},
                          const Visit& visit = ignore, Trailer* trailer = nullptr) {
  BBZ_ASSIGN(RecordReader reader, RecordReader::open(source, limits));
  std::vector<std::byte> payload;
  while (true) {
    BBZ_ASSIGN(const auto record, reader.next());
    if (!record) break;
    BBZ_TRY(visit(*record));
    // Unknown records can be of any length, known ones are within limits.
    BBZ_TRY(is_known(record->head.type) ? reader.read_payload(payload) : reader.verify_payload());
  }
  if (trailer != nullptr) *trailer = reader.trailer();
  return {};
}

// By the index, and then every payload.
inline Status walk_index(io::Source& source, bool use_front = false, const Limits& limits = {},
                         const Visit& visit = ignore, Trailer* trailer = nullptr) {
  BBZ_ASSIGN(const Opened opened, open_by_index(source, limits, use_front));
  if (trailer != nullptr && opened.trailer) *trailer = *opened.trailer;
  return for_each_record(opened.index, limits, [&](const RecordView& record) -> Status {
    BBZ_TRY(visit(record));
    std::vector<std::byte> payload(record.head.payload_length);
    BBZ_TRY(io::read_exactly(source, record.head.payload_offset(), payload));
    return check_payload(record.head, payload);
  });
}

}  // namespace bbz::container
