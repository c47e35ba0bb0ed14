// The 32 bytes that an archive begins with.
#pragma once

#include <array>

#include "bbz/base/error.h"
#include "bbz/base/hash.h"
#include "bbz/format/container/constants.h"

namespace bbz::container {

struct FileHeader {
  std::uint16_t major = kMajor;
  std::uint16_t minor = kMinor;
  std::uint32_t required_features = 0;
  std::uint32_t optional_features = 0;
  DigestKind digest_kind = DigestKind::kXxh3_128;

  bool index_first() const { return (required_features & kFeatureIndexFirst) != 0; }
};

std::array<std::byte, kFileHeaderSize> encode_file_header(const FileHeader& header);

// Takes the start of an archive: `bytes` holds kFileHeaderSize bytes, or fewer where there are no
// more. Errors: kNotAnArchive, kTruncated, kChecksum, kUnsupported, in that order of checking.
Result<FileHeader> decode_file_header(Bytes bytes);

}  // namespace bbz::container
