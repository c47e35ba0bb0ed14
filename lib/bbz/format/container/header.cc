#include "bbz/format/container/header.h"

#include <algorithm>
#include <bit>
#include <vector>

#include "bbz/base/format.h"
#include "bbz/base/stand_in.h"
#include "bbz/base/wire.h"

namespace bbz::container {

std::array<std::byte, kFileHeaderSize> encode_file_header(const FileHeader& header) {
  std::vector<std::byte> out;
  out.reserve(kFileHeaderSize);
  WireWriter w(out);
  w.put_bytes(std::as_bytes(std::span(kMagic)));
  w.put(header.major);
  w.put(header.minor);
  w.put(header.required_features);
  w.put(header.optional_features);
  w.put(static_cast<std::uint8_t>(header.digest_kind));
  const int exponent = header.alignment == 0 ? 0 : std::countr_zero(header.alignment);
  w.put(static_cast<std::uint8_t>(exponent));
  w.put(header.id);
  w.put(xxh3_64(out));
  std::array<std::byte, kFileHeaderSize> bytes;
  std::ranges::copy(out, bytes.begin());
  return bytes;
}

bool begins_with_magic(Bytes start) {
  return start.size() >= kMagic.size() &&
         std::ranges::equal(start.first(kMagic.size()), std::as_bytes(std::span(kMagic)));
}

Result<FileHeader> decode_file_header(Bytes bytes) {
  const Bytes magic = bytes.first(std::min(bytes.size(), kMagic.size()));
  if (magic.empty() ||
      !std::ranges::equal(magic, std::as_bytes(std::span(kMagic)).first(magic.size()))) {
    if (const std::string other = stand_in(bytes); !other.empty()) {
      return make_error(Code::kNotAnArchive, "not a bbz archive: it is {}", other);
    }
    return make_error(Code::kNotAnArchive, "not a bbz archive: it begins with {}, expected {}",
                      magic.empty() ? "nothing" : to_hex(magic),
                      to_hex(std::as_bytes(std::span(kMagic))));
  }
  if (bytes.size() < kFileHeaderSize) {
    return make_error(Code::kTruncated, "file header: {} bytes, expected {}", bytes.size(),
                      kFileHeaderSize);
  }
  WireReader r(bytes.first(kFileHeaderSize));
  r.get_bytes(kMagic.size());
  FileHeader header;
  header.major = r.get<std::uint8_t>();
  header.minor = r.get<std::uint8_t>();
  header.required_features = r.get<std::uint16_t>();
  header.optional_features = r.get<std::uint16_t>();
  header.digest_kind = static_cast<DigestKind>(r.get<std::uint8_t>());
  const unsigned exponent = r.get<std::uint8_t>();
  header.id = r.get<std::uint64_t>();
  const auto found = r.get<std::uint64_t>();
  const std::uint64_t expected = xxh3_64(bytes.first(kFileHeaderSize - sizeof(found)));
  if (found != expected) {
    return make_error(Code::kChecksum,
                      "file header at offset 0: checksum {:016x}, computed {:016x}", found,
                      expected);
  }
  if (header.major != kMajor) {
    return make_error(Code::kUnsupported,
                      "format version {}.{}: this reader supports major version {}", header.major,
                      header.minor, kMajor);
  }
  if ((header.required_features & ~kKnownFeatures) != 0) {
    return make_error(Code::kUnsupported, "file header: required features {:#x}, known are {:#x}",
                      header.required_features, kKnownFeatures);
  }
  if (header.digest_kind != DigestKind::kXxh3_128 && header.digest_kind != DigestKind::kSha256) {
    return make_error(Code::kUnsupported, "file header: digest kind {}, known are 1 and 2",
                      static_cast<int>(header.digest_kind));
  }
  constexpr unsigned kLeast = std::countr_zero(kLeastAlignment);
  constexpr unsigned kMost = std::countr_zero(kMostAlignment);
  if (exponent != 0 && (exponent < kLeast || exponent > kMost)) {
    return make_error(Code::kUnsupported,
                      "file header: alignment to 2^{} bytes, expected 2^{} to 2^{}", exponent,
                      kLeast, kMost);
  }
  if (exponent != 0) header.alignment = std::uint64_t{1} << exponent;
  return header;
}

}  // namespace bbz::container
