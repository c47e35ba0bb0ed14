// The numbers of the container format. They are frozen: format-spec/container.md defines them.
// Sizes are in bytes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace bbz::container {

// The bytes that every archive begins with.
inline constexpr std::array<std::uint8_t, 8> kMagic = {0x89, 0x42, 0x42, 0x5A,
                                                       0x0D, 0x0A, 0x1A, 0x0A};
// The bytes that every record begins with.
inline constexpr std::array<std::uint8_t, 4> kSync = {0xC7, 0x62, 0x7A, 0x1E};

// The major version of the format that this library writes. Readers refuse any other.
inline constexpr std::uint16_t kMajor = 1;
// The minor version of the format that this library writes. Readers accept any.
inline constexpr std::uint16_t kMinor = 0;

inline constexpr std::size_t kFileHeaderSize = 32;  // the file header
inline constexpr std::size_t kSealSize = 12;        // sync bytes and head checksum
inline constexpr std::size_t kHeadSize = 16;        // seal, type, flags and meta length
inline constexpr std::size_t kPayloadFields = 16;   // in a head only if the record has a payload
// The size of the longest head with the longest meta.
inline constexpr std::size_t kLongestHeadAndMeta = kHeadSize + kPayloadFields + 0xFFFF;
inline constexpr std::size_t kIndexMetaSize = 40;  // the meta of an index
// The size of an index without its payload.
inline constexpr std::size_t kIndexHeadAndMeta = kHeadSize + kPayloadFields + kIndexMetaSize;
inline constexpr std::size_t kTrailerMetaSize = 64;  // the meta of the trailer
inline constexpr std::size_t kTrailerSize = kHeadSize + kTrailerMetaSize;  // the whole trailer

// The bit of FileHeader::required_features for an index at the front.
inline constexpr std::uint32_t kFeatureIndexFirst = 1u << 0;
// All bits of FileHeader::required_features that have a meaning. Readers refuse others.
inline constexpr std::uint32_t kKnownFeatures = kFeatureIndexFirst;

// The bit of RecordHead::flags for a record that readers skip if they do not know its type.
inline constexpr std::uint8_t kFlagSkippable = 1u << 0;
// The bit of RecordHead::flags for a record with a payload.
inline constexpr std::uint8_t kFlagPayload = 1u << 1;
// All bits of RecordHead::flags that have a meaning. Readers refuse others.
inline constexpr std::uint8_t kKnownFlags = kFlagSkippable | kFlagPayload;

// The type of a record, as its head stores it.
enum class RecordType : std::uint8_t {
  kFile = 1,      // opens a file or directory
  kFileEnd = 2,   // closes it
  kTensor = 3,    // a tensor, or plain bytes of a file
  kChunk = 4,     // a part of the tensor before it
  kMetadata = 5,  // a value under a key
  kGroup = 6,     // from which the symmetry coder rebuilds tensors
  kIndex = 7,     // the entries of all records
  kTrailer = 8,   // the end of the archive, with its root digest
};

// The coding of the list in an index, as the meta of the index stores it.
enum class IndexCoding : std::uint8_t { kStored = 0, kZstd = 1 };

}  // namespace bbz::container
