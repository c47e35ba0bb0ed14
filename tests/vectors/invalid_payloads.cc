// What the payloads of metadata and groups, and the bytes of files, are compared with.
#include "vectors/collector.h"

namespace bbz::vectors {
namespace {

Buffer archive_of(std::vector<Record> records, bool sha) {
  Archive archive;
  archive.header.digest_kind = sha ? 2 : 1;
  archive.records = std::move(records);
  return archive.bytes();
}

}  // namespace

void add_payload_vectors(Collector& c) {
  const auto refused = [&](const char* name, const char* rule, const Record& record, bool sha,
                           const char* code) {
    c.add_payload(name, rule, archive_of({record}, sha), code, code);
  };
  Record metadata = raw::metadata(kNone, "k", "value");
  metadata.says_payload_checksum = 1;
  refused("metadata-payload-checksum", "a value is under a checksum", metadata, false, "checksum");
  metadata = raw::metadata(kNone, "k", "value", true);
  metadata.meta.back() ^= std::byte{1};
  refused("metadata-digest", "a value has its SHA-256", metadata, true, "checksum");
  refused("metadata-not-utf8", "a value is UTF-8", raw::metadata(kNone, "k", "\xED\xA0\x80"), false,
          "malformed");

  Record later{200, 3, raw::text("later"), raw::text("version")};
  later.says_payload_checksum = 1;
  refused("unknown-payload-checksum", "a record of an unknown type is under a checksum", later,
          false, "checksum");
  const Buffer unknown = raw::text("a method of the future");
  Record group = raw::group(0, 255, unknown);
  group.says_payload_checksum = 1;
  refused("group-payload-checksum", "a group is under a checksum", group, false, "checksum");
  group = raw::group(0, 255, unknown, true);
  group.meta.back() ^= std::byte{1};
  refused("group-digest", "a group has its SHA-256", group, true, "checksum");

  const Buffer data = raw::text("01234567");
  Buffer digest = raw::sha256(data);
  digest.back() ^= std::byte{1};
  c.add_payload(
      "file-digest", "a file has its SHA-256",
      archive_of(
          {raw::file(0, "f"), raw::tensor({.stored = 8, .chunk = 8, .shape = {8}, .name = "t"}),
           raw::raw_chunk({.count = 8}, data, true), raw::file_end(0, 1, 8, digest)},
          true),
      "ok", "checksum");
  c.add_payload("directory-digest", "a directory's digest is that of no bytes",
                archive_of({raw::file(0, "d", 1), raw::file_end(0, 0, 0, digest)}, true), "ok",
                "checksum");
}

}  // namespace bbz::vectors
