// The bytes as an archive: streaming and seeking must agree on what it is, and salvage must find
// what lies in it. The first byte says what is repaired first (repair.h).
#include <cstdint>
#include <cstdlib>
#include <map>

#include "archive_mutator.h"
#include "bbz/format/catalog/builder.h"
#include "bbz/format/container/header.h"
#include "bbz/format/container/index.h"
#include "bbz/format/container/record_reader.h"
#include "bbz/format/container/scan.h"

namespace {

using namespace bbz;
using namespace bbz::container;
using fuzz::Buffer;
using fuzz::require;

// What a way of reading made of the archive.
struct Outcome {
  Status status;
  catalog::Catalog catalog;
  Digest root;
};

Status stream(io::Source& source, const Limits& limits, Outcome& out) {
  BBZ_ASSIGN(RecordReader reader, RecordReader::open(source, limits));
  catalog::CatalogBuilder builder(reader.header(), limits);
  Buffer payload;
  while (true) {
    BBZ_ASSIGN(const auto record, reader.next());
    if (!record) break;
    BBZ_TRY(builder.add(*record));
    BBZ_TRY(reader.read_pad());
    BBZ_TRY(reader.read_payload(payload));
    require(payload.size() == record->head.payload_length);
  }
  BBZ_TRY(builder.finish());
  out.root = builder.root();
  out.catalog = builder.take();
  return {};
}

Status seek(io::Source& source, const Limits& limits, bool use_front, Outcome& out) {
  BBZ_ASSIGN(const Opened opened, open_by_index(source, limits, use_front));
  catalog::CatalogBuilder builder(opened.header, limits);
  const Status visited = for_each_record(opened.index, limits, [&](const RecordView& record) {
    require(record.head.end() <= *source.size());
    return builder.add(record);
  });
  if (!visited.ok()) return visited.error();
  BBZ_TRY(builder.finish());
  out.root = builder.root();
  out.catalog = builder.take();
  return {};
}

void check_catalog(const catalog::Catalog& catalog, std::uint64_t archive_bytes) {
  std::uint64_t unpacked = 0;
  for (const auto& file : catalog.files) {
    std::uint64_t cursor = 0;
    for (const std::uint32_t number : file.tensors) {
      const auto& tensor = catalog.tensors[number];
      require(tensor.meta.offset == cursor);
      cursor += tensor.byte_size;
    }
    require(cursor == file.size);
    unpacked += file.size;
  }
  require(unpacked == catalog.unpacked_bytes);
  for (const auto& tensor : catalog.tensors) {
    require(&catalog.tensors.at(tensor.meta.number) == &tensor);
    require(tensor.is_operand() || tensor.meta.file < catalog.files.size());
    std::uint64_t decoded = 0;
    for (const auto& chunk : catalog.chunks_of(tensor)) {
      decoded += chunk.decoded_bytes;
      require(chunk.payload.length <= chunk.decoded_bytes);
      require(chunk.payload.offset + chunk.payload.length <= archive_bytes);
    }
    require(tensor.meta.form != catalog::Form::kDense || decoded == tensor.byte_size);
  }
}

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t most, unsigned seed) {
  return fuzz::mutate_archive(data, size, most, seed, 1);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const Bytes input = std::as_bytes(std::span(data, size)).subspan(1);
  Buffer bytes(input.begin(), input.end());
  fuzz::repair(bytes, data[0]);
  const auto source = io::memory_source(Bytes(bytes));
  const Limits limits = fuzz::small_limits();

  Outcome streamed;
  streamed.status = stream(*source, limits, streamed);
  if (streamed.status.ok()) check_catalog(streamed.catalog, bytes.size());
  for (const bool front : {false, true}) {
    Outcome sought;
    sought.status = seek(*source, limits, front, sought);
    if (sought.status.ok()) check_catalog(sought.catalog, bytes.size());
    // What streams is found by seeking, and is the same.
    if (streamed.status.ok()) {
      require(sought.status.ok() && sought.root == streamed.root);
      require(sought.catalog.chunks.size() == streamed.catalog.chunks.size());
      require(sought.catalog.unpacked_bytes == streamed.catalog.unpacked_bytes);
    }
  }

  // Salvage covers the bytes in order, and misses no record of an archive that streams. The pad and the
  // payload of a record are a gap if no record follows it and its payload is not whole.
  const auto id = find_id(*source);
  require(id.ok());
  const auto header = decode_file_header(bytes);
  std::uint64_t cursor = header.ok() && *id && header->id == **id ? kFileHeaderSize : 0;
  std::uint64_t behind_head = cursor;
  std::uint64_t lost = 0;
  const Status scanned = scan_records(
      *source, id->value_or(0), limits,
      [&](const RecordView& record) -> Status {
        const RecordHead& head = record.head;
        require(head.offset == cursor || head.offset == behind_head);
        behind_head = head.offset + head.size();
        cursor = std::min<std::uint64_t>(head.end(), bytes.size());
        require(behind_head <= cursor);
        return {};
      },
      [&](const Gap& gap) {
        require((gap.begin == cursor || gap.begin == behind_head) && gap.end > gap.begin);
        behind_head = cursor = gap.end;
        lost += gap.end - gap.begin;
      });
  require(scanned.ok() && (cursor == bytes.size() || behind_head == bytes.size()));
  if (streamed.status.ok()) require(lost == 0);
  return 0;
}
