// The numbers of the container format. They are frozen: format-spec/container.md defines them.
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

// The version of the format that this library writes.
inline constexpr std::uint16_t kMajor = 1;  // readers refuse any other
inline constexpr std::uint16_t kMinor = 0;  // readers accept any

// Sizes in bytes of the parts of the container.
inline constexpr std::size_t kFileHeaderSize = 32;  // the file header
inline constexpr std::size_t kSealSize = 12;        // sync bytes and head checksum
inline constexpr std::size_t kHeadSize = 16;        // seal, type, flags and meta length
inline constexpr std::size_t kPayloadFields = 16;   // in a head only if the record has a payload
// The longest head with the longest meta.
inline constexpr std::size_t kLongestHeadAndMeta = kHeadSize + kPayloadFields + 0xFFFF;
inline constexpr std::size_t kIndexMetaSize = 40;  // the meta of an index
// An index without its payload.
inline constexpr std::size_t kIndexHeadAndMeta = kHeadSize + kPayloadFields + kIndexMetaSize;
inline constexpr std::size_t kTrailerMetaSize = 64;  // the meta of the trailer
inline constexpr std::size_t kTrailerSize = kHeadSize + kTrailerMetaSize;  // the whole trailer

// Bits of FileHeader::required_features.
inline constexpr std::uint32_t kFeatureIndexFirst = 1u << 0;         // an index at the front
inline constexpr std::uint32_t kKnownFeatures = kFeatureIndexFirst;  // readers refuse others

// Bits of RecordHead::flags, which say of a record:
inline constexpr std::uint8_t kFlagSkippable = 1u << 0;  // readers skip it if its type is unknown
inline constexpr std::uint8_t kFlagPayload = 1u << 1;    // it has a payload
inline constexpr std::uint8_t kKnownFlags = kFlagSkippable | kFlagPayload;  // readers refuse others

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
