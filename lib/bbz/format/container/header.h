// The 32 bytes that an archive begins with.
#pragma once

#include <array>

#include "bbz/base/error.h"
#include "bbz/base/hash.h"
#include "bbz/format/container/constants.h"

namespace bbz::container {

// The fields of the file header.
struct FileHeader {
  std::uint8_t major = kMajor;  // decode_file_header() refuses any other
  std::uint8_t minor = kMinor;  // any is accepted
  // Bits of the features that a reader must know. decode_file_header() refuses an archive with bits
  // beyond kKnownFeatures.
  std::uint16_t required_features = 0;
  std::uint16_t optional_features = 0;  // bits that readers may ignore; none is defined
  // The kind of the root digest. With kSha256, the metas of chunks, metadata and groups have a
  // digest too.
  DigestKind digest_kind = DigestKind::kXxh3_128;
  // The payloads of chunks of so many bytes and more begin at multiples of it in the archive: a
  // power of two from kLeastAlignment to kMostAlignment, or 0 for none.
  std::uint64_t alignment = 0;
  std::uint64_t id = 0;  // under the checks of all record heads

  // Returns whether the archive has an index at the front as well.
  bool index_first() const { return (required_features & kFeatureIndexFirst) != 0; }
};

// Returns the header's bytes, checksum included.
std::array<std::byte, kFileHeaderSize> encode_file_header(const FileHeader& header);

// Returns whether a file begins as an archive does, from its first 8 bytes.
bool begins_with_magic(Bytes start);

// Decodes the start of an archive. `bytes` holds at least kFileHeaderSize bytes, or the whole
// archive if that is shorter. Errors, in the order of the checks: kNotAnArchive, kTruncated,
// kChecksum, kUnsupported.
Result<FileHeader> decode_file_header(Bytes bytes);

}  // namespace bbz::container
