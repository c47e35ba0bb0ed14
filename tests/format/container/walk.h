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
    BBZ_TRY(reader.read_pad());
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
  std::vector<RecordHead> heads;
  BBZ_TRY(for_each_record(opened.index, limits, [&](const RecordView& record) {
    heads.push_back(record.head);
    return visit(record);
  }));
  for (RecordHead& head : heads) {
    if (!head.has_payload()) continue;
    // The index does not have the check, which precedes the payload.
    std::vector<std::byte> check(kCheckSize);
    const std::uint64_t after = head.payload_offset() - head.pad_length;
    BBZ_TRY(io::read_exactly(source, after - kCheckSize, check));
    head.payload_check = load_le<std::uint32_t>(check.data());
    std::vector<std::byte> payload(head.payload_length);
    BBZ_TRY(io::read_exactly(source, head.payload_offset(), payload));
    BBZ_TRY(check_payload(head, payload));
  }
  return {};
}

}  // namespace bbz::container
