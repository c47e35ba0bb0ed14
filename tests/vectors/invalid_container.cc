#include "vectors/collector.h"

namespace bbz::vectors {
namespace {

std::function<void(Archive&)> record(std::size_t i, const std::function<void(Record&)>& change) {
  return [=](Archive& a) { change(a.records.at(i)); };
}

}  // namespace

void add_container_vectors(Collector& c) {
  const Buffer sample = raw::sample().bytes();
  const auto cut = [&](std::size_t size) { return Buffer(sample.begin(), sample.begin() + size); };
  c.add("empty", "an archive begins with the magic", {}, "not-an-archive");
  c.add("magic-cut", "the file header has 32 bytes", cut(5), "truncated");
  c.add("header-cut", "the file header has 32 bytes", cut(31), "truncated");
  c.add("header-only", "an index and a trailer end the archive", cut(32), "truncated");
  c.add("cut-in-payload", "an index and a trailer end the archive", cut(sample.size() / 2),
        "truncated");
  c.add("trailer-cut", "the trailer has 73 bytes", cut(sample.size() - 1), "truncated");
  Buffer flipped = sample;
  flipped[20] ^= std::byte{3};
  c.add("header-checksum", "the file header is under a checksum", flipped, "checksum");
  flipped = sample;
  flipped[35] ^= std::byte{1};
  c.add("head-checksum", "a head is under a checksum", flipped, "ok", "checksum");
  flipped = sample;
  flipped[flipped.size() - 70] ^= std::byte{1};
  c.add("trailer-checksum", "the trailer is under a checksum", flipped, "checksum");
  flipped = sample;
  flipped[flipped.size() - 73] ^= std::byte{1};
  c.add("trailer-sync", "a trailer begins 73 bytes before the end", flipped, "truncated",
        "malformed");
  const auto header = [&](const char* name, const char* rule,
                          const std::function<void(raw::FileHeaderFields&)>& change,
                          const char* code) {
    c.edit(
        name, rule, [&](Archive& a) { change(a.header); }, code);
  };
  header(
      "magic-text", "the magic is exact", [](auto& h) { h.magic = 0x0A1A0A5A424289; },
      "not-an-archive");
  header(
      "major-version", "the major version is 1", [](auto& h) { h.major = 2; }, "unsupported");
  header(
      "required-feature", "required features are known", [](auto& h) { h.required = 4; },
      "unsupported");
  header(
      "digest-kind", "the digest kind is known", [](auto& h) { h.digest_kind = 3; }, "unsupported");
  header(
      "header-alignment-small", "an alignment is 16 bytes or more",
      [](auto& h) { h.alignment = 3; }, "unsupported");
  header(
      "header-alignment-large", "an alignment is 2 MiB or less", [](auto& h) { h.alignment = 22; },
      "unsupported");

  c.edit("record-sync", "a record begins with the sync bytes",
         record(1, [](Record& r) { r.sync = 0; }), "ok", "malformed");
  c.edit("record-id", "a head's check covers the id of the archive",
         record(1, [](Record& r) { r.sealed_for = 32; }), "ok", "checksum");
  c.edit("record-wrong-flag", "a type has its flags",
         record(1, [](Record& r) { r.flags = raw::kSkippable; }), "malformed");
  c.edit("record-unknown-type", "an unknown type is skippable",
         record(8, [](Record& r) { r.flags = raw::kPayload; }), "unsupported");
  c.edit("record-payload-not-allowed", "a file record has no payload",
         record(1, [](Record& r) { r.flags = raw::kPayload, r.payload = raw::text("?"); }),
         "malformed");
  c.edit("record-end-beyond-64-bits", "a record ends within 64 bits",
         record(8, [](Record& r) { r.says_payload_length = kMax; }), "malformed");
  c.edit("record-longer-than-archive", "a payload ends within the archive",
         record(8, [](Record& r) { r.says_payload_length = kMax / 2; }), "malformed", "truncated");
  c.edit("chunk-payload-limit", "a chunk is within the limit",
         record(6, [](Record& r) { r.says_payload_length = (64u << 20) + 1; }), "limit");
  c.edit("tensor-payload-limit", "a first chunk is within the limit",
         record(5, [](Record& r) { r.says_payload_length = (64u << 20) + 1; }), "limit");
  c.edit("metadata-limit", "a metadata value is within the limit",
         record(0, [](Record& r) { r.says_payload_length = (16u << 20) + 1; }), "limit");
  c.edit("group-limit", "a group is within the limit",
         record(3, [](Record& r) { r.says_payload_length = (1u << 30) + 1; }), "limit");
  c.edit("trailer-among-records", "an index stands before the trailer",
         record(8,
                [](Record& r) {
                  r = {8, 0, raw::Fields().zeros(64), {}};
                }),
         "malformed");
  c.edit("index-among-records", "the index lists what stands before it",
         record(8,
                [](Record& r) {
                  r = {7, raw::kPayload, raw::IndexFields{}.encode(), {}};
                }),
         "malformed");

  const auto index = [&](const char* name, const char* rule,
                         const std::function<void(Record&)>& change, const char* code) {
    c.edit(
        name, rule, [&](Archive& a) { a.edit_index = change; }, code);
  };
  const auto fields = [&](const char* name, const char* rule,
                          const std::function<void(raw::IndexFields&)>& change, const char* code) {
    c.edit(
        name, rule, [&](Archive& a) { a.edit_index_fields = change; }, code);
  };
  fields(
      "index-count", "the index counts its records", [](auto& f) { --f.record_count; },
      "malformed");
  fields(
      "index-place", "the index at the end says so", [](auto& f) { f.place = 1; }, "malformed");
  fields(
      "index-coding", "the coding is known", [](auto& f) { f.coding = 2; }, "unsupported");
  fields(
      "index-reserved", "reserved bytes are zero", [](auto& f) { f.reserved = 1; }, "unsupported");
  fields(
      "index-id", "the index has the id of the file header", [](auto& f) { ++f.id; }, "malformed");
  fields(
      "index-tail", "the index says how long the tail is", [](auto& f) { ++f.tail_length; },
      "malformed");
  fields(
      "index-list-checksum", "the list is under a checksum", [](auto& f) { f.list_checksum ^= 1; },
      "checksum");
  fields(
      "index-list-limit", "the list is within the limit",
      [](auto& f) { f.list_length = (256u << 20) + 1; }, "limit");
  fields(
      "index-stored-longer", "a stored list is the payload", [](auto& f) { ++f.list_length; },
      "malformed");
  fields(
      "index-stored-shorter", "a stored list is the payload", [](auto& f) { --f.list_length; },
      "malformed");
  const auto coded = [&](const char* name, const char* rule,
                         const std::function<void(Archive&)>& change) {
    c.edit(
        name, rule,
        [&](Archive& a) {
          // A key that one block repeats, so that the frame is shorter than the list.
          a.records[0] = raw::metadata(kNone, std::string(255, 'k'), "tiny");
          a.zstd_list = [](const Buffer& list) { return raw::zstd_frame(list); };
          change(a);
        },
        "malformed");
  };
  coded("index-zstd-longer", "the list has its length",
        [](Archive& a) { a.edit_index_fields = [](auto& f) { ++f.list_length; }; });
  coded("index-zstd-shorter", "the list has its length",
        [](Archive& a) { a.edit_index_fields = [](auto& f) { --f.list_length; }; });
  coded("index-zstd-than-records", "the list is shorter than its records",
        [](Archive& a) { a.edit_index_fields = [](auto& f) { f.list_length = 1 << 20; }; });
  coded("index-zstd-than-payload", "a coded list is longer than the payload", [](Archive& a) {
    a.zstd_list = [](const Buffer& list) { return raw::zstd_frame(list, 1); };
  });
  coded("index-zstd-two-frames", "the payload is one frame", [](Archive& a) {
    a.zstd_list = [](const Buffer& list) {
      Buffer frame = raw::zstd_frame(list);
      raw::append(frame, raw::zstd_frame({}));
      return frame;
    };
  });
  coded("index-zstd-frame", "the payload is a frame", [](Archive& a) {
    a.zstd_list = [](const Buffer& list) {
      Buffer frame = raw::zstd_frame(list);
      frame[0] ^= std::byte{1};
      return frame;
    };
  });
  coded("index-zstd-cut", "the payload is a whole frame", [](Archive& a) {
    a.zstd_list = [](const Buffer& list) {
      Buffer frame = raw::zstd_frame(list);
      frame.pop_back();
      return frame;
    };
  });
  index(
      "index-meta-length", "the index meta has 48 bytes",
      [](Record& r) { r.meta.push_back(std::byte{0}); }, "malformed");
  index(
      "index-checksum", "the index is under a checksum",
      [](Record& r) { r.says_payload_check = 0; }, "checksum");
  index(
      "index-limit", "the index is within the limit",
      [](Record& r) { r.says_payload_length = (256u << 20) + 1; }, "limit");
  c.edit(
      "index-lists-less", "the index lists every record",
      [](Archive& a) {
        const std::size_t last = a.records.back().entry().size();
        const std::size_t count = a.records.size() - 1;
        a.edit_list = [=](Buffer& l) { l.resize(l.size() - last); };
        a.edit_index_fields = [=](auto& f) { f.record_count = count; };
        a.edit_trailer = [=](raw::TrailerFields& t) { t.record_count = count; };
      },
      "malformed");
  c.edit(
      "index-cut-entry", "the index holds whole entries",
      [](Archive& a) { a.edit_list = [](Buffer& l) { l.resize(l.size() - 1); }; }, "malformed");

  const auto trailer = [&](const char* name, const char* rule,
                           const std::function<void(raw::TrailerFields&)>& change,
                           const char* code) {
    c.edit(
        name, rule, [&](Archive& a) { a.edit_trailer = change; }, code);
  };
  trailer(
      "trailer-index-shorter", "the index ends where the trailer begins",
      [](auto& t) { --t.index_length; }, "malformed");
  trailer(
      "trailer-id", "the trailer has the id of the file header", [](auto& t) { ++t.id; },
      "malformed");
  trailer(
      "trailer-index-length", "the index ends where the trailer begins",
      [](auto& t) { ++t.index_length; }, "malformed");
  trailer(
      "trailer-count", "the trailer counts the records", [](auto& t) { ++t.record_count; },
      "malformed");
  trailer(
      "trailer-archive-length", "the trailer says how long the archive is",
      [](auto& t) { --t.archive_length; }, "malformed");
  trailer(
      "trailer-reserved", "16 zero bytes follow a digest of 16 bytes",
      [](auto& t) { t.root[16] = std::byte{1}; }, "unsupported");
  trailer(
      "root-digest", "the root digest is that of the records",
      [](auto& t) { t.root[0] ^= std::byte{1}; }, "checksum");
  c.edit(
      "trailing-byte", "nothing follows the trailer", [](Archive& a) { a.tail.resize(1); },
      "truncated", "malformed");

  c.with_front(true);
  const auto front = [&](const char* name, const char* rule,
                         const std::function<void(Record&)>& change, const char* code) {
    c.edit(
        name, rule, [&](Archive& a) { a.edit_front = change; }, code);
  };
  c.edit(
      "front-index-place", "the index at the front says so",
      [](Archive& a) { a.edit_front_fields = [](auto& f) { f.place = 0; }; }, "malformed");
  c.edit(
      "front-index-coding", "the index at the front is stored",
      [](Archive& a) { a.edit_front_fields = [](auto& f) { f.coding = 1, ++f.list_length; }; },
      "malformed");
  c.edit(
      "front-index-differs", "both indexes are equal",
      [](Archive& a) {
        // The last file end has no flag for its digest.
        a.edit_front_list = [](Buffer& l) { l[l.size() - 33] ^= std::byte{1}; };
      },
      "malformed");
  c.edit(
      "front-index-tail", "both indexes are equal",
      [](Archive& a) { a.edit_front_fields = [](auto& f) { ++f.tail_length; }; }, "malformed");
  front(
      "front-index-missing", "the first record is the index that the header promises",
      [](Record& r) { r.type = 6; }, "malformed");
  c.with_front(false);
}

}  // namespace bbz::vectors
