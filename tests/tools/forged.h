// An archive whose payload was exchanged by somebody who knows the format.
#pragma once

#include <gtest/gtest.h>

#include "bbz/archive/reader.h"
#include "bbz/format/container/record_writer.h"
#include "bbz/format/container/scan.h"
#include "bbz/io/sink.h"

namespace bbz::tools {

// The archive with one byte of a chunk's payload exchanged, and checksums of what is stored that
// fit: the root digest, which is of the content, is the same. `leaning`: the first chunk that needs a base
// and has a payload; otherwise the first one of all.
inline std::string forged(const std::string& archive, bool leaning = false) {
  const auto source = io::memory_source(std::as_bytes(std::span(archive)));
  const auto reader = Reader::open(io::memory_source(std::as_bytes(std::span(archive))));
  std::vector<std::byte> out;
  const auto sink = io::memory_sink(out);
  container::FileHeader header = reader->catalog().header;
  header.required_features = 0;
  container::RecordWriter writer(*sink, header);
  EXPECT_TRUE(writer.begin().ok());
  const auto is_meant = [&](const catalog::Chunk& chunk) {
    return !leaning || (catalog::needs_base(chunk.meta.codec) && chunk.payload.length > 0);
  };
  const auto& chunks = reader->catalog().chunks;
  const auto meant = std::ranges::find_if(chunks, is_meant);
  EXPECT_NE(meant, chunks.end());
  bool done = false;
  const Status scanned = container::scan_records(
      *source, header.id, Limits(),
      [&](const container::RecordView& record) -> Status {
        using enum container::RecordType;
        if (record.head.type == kIndex || record.head.type == kTrailer) return {};
        std::vector<std::byte> payload(record.head.payload_length);
        BBZ_TRY(io::read_exactly(*source, record.head.payload_offset(), payload));
        if (record.head.payload_offset() == meant->payload.offset && !payload.empty()) {
          done = true;
          payload[payload.size() / 2] ^= std::byte{1};
        }
        const std::vector<std::byte> meta(record.meta.begin(), record.meta.end());
        const auto written = writer.append(record.head.type, meta, payload, record.head.flags);
        return written.ok() ? Status() : Status(written.error());
      },
      [](const container::Gap&) {});
  EXPECT_TRUE(scanned.ok() && done);
  EXPECT_TRUE(writer.finish(reader->root()).ok());
  return {reinterpret_cast<const char*>(out.data()), out.size()};
}

}  // namespace bbz::tools
