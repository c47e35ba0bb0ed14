// What the payloads of metadata and groups, and the bytes of files, are compared with.
#include "vectors/collector.h"

namespace bbz::vectors {
namespace {

Buffer archive_of(const std::vector<Record>& records, bool sha) {
  Archive archive;
  archive.header.digest_kind = sha ? 2 : 1;
  archive.records = raw::join(records);
  return archive.bytes();
}

}  // namespace

void add_payload_vectors(Collector& c) {
  const auto refused = [&](const char* name, const char* rule, const Record& record, bool sha,
                           const char* code) {
    c.add_payload(name, rule, archive_of({record}, sha), code, code);
  };
  Record metadata = raw::metadata(kNone, "k", "value");
  metadata.says_payload_check = 1;
  refused("metadata-payload-check", "a value is under a payload check", metadata, false,
          "checksum");
  metadata = raw::metadata(kNone, "k", "value");
  metadata.meta[0] ^= std::byte{1};
  refused("metadata-check", "a value has its check", metadata, false, "checksum");
  metadata = raw::metadata(kNone, "k", "value", true);
  metadata.meta[39] ^= std::byte{1};
  refused("metadata-digest", "a value has its SHA-256", metadata, true, "checksum");
  refused("metadata-not-utf8", "a value is UTF-8", raw::metadata(kNone, "k", "\xED\xA0\x80"), false,
          "malformed");

  Record later = raw::unknown(200, "later", "version");
  later.says_payload_check = 1;
  refused("unknown-payload-check", "a record of an unknown type is under a payload check", later,
          false, "checksum");
  later = raw::unknown(200, "later", "version");
  later.meta[7] ^= std::byte{1};
  refused("unknown-check", "a record of an unknown type has the check of its payload", later, false,
          "checksum");
  later = raw::unknown(200, "later", "version", true);
  later.meta[39] ^= std::byte{1};
  refused("unknown-digest", "a record of an unknown type has the SHA-256 of its payload", later,
          true, "checksum");
  const Buffer unknown = raw::text("a method of the future");
  Record group = raw::group(0, 255, unknown);
  group.says_payload_check = 1;
  refused("group-payload-check", "a group is under a payload check", group, false, "checksum");
  group = raw::group(0, 255, unknown);
  group.meta[0] ^= std::byte{1};
  refused("group-check", "a group has its check", group, false, "checksum");
  group = raw::group(0, 255, unknown, true);
  group.meta[39] ^= std::byte{1};
  refused("group-digest", "a group has its SHA-256", group, true, "checksum");

  const Buffer data = raw::text("01234567");
  Buffer digest = raw::sha256(data);
  digest.back() ^= std::byte{1};
  c.add_payload("file-digest", "a file has its SHA-256",
                archive_of({raw::file(0, "f"),
                            raw::tensor({.stored = 8, .chunk = 8, .shape = {8}, .name = "t"}),
                            raw::raw_chunk({}, data, true), raw::file_end(0, 1, 8, digest)},
                           true),
                "ok", "checksum");
  c.add_payload("directory-digest", "a directory's digest is that of no bytes",
                archive_of({raw::file(0, "d", 1), raw::file_end(0, 0, 0, digest)}, true), "ok",
                "checksum");
}

}  // namespace bbz::vectors
