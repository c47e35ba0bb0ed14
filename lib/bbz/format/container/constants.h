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
inline constexpr std::array<std::uint8_t, 3> kSync = {0xC7, 0x62, 0x7A};

// The major version of the format that this library writes. Readers refuse any other.
inline constexpr std::uint8_t kMajor = 1;
// The minor version of the format that this library writes. Readers accept any.
inline constexpr std::uint8_t kMinor = 0;

inline constexpr std::size_t kFileHeaderSize = 32;  // the file header
inline constexpr std::size_t kSealSize = 7;         // sync bytes and head check
inline constexpr std::size_t kCheckSize = 4;        // a head check or a payload check
inline constexpr std::size_t kLeastRecord = 9;      // a record without meta and payload
inline constexpr std::size_t kMostMeta = 0xFFFF;    // the longest meta
// The size of the longest head: seal, first byte, four varints, the longest meta, payload check. A
// length that is too long for a pad is refused only after the check of the head.
inline constexpr std::size_t kLongestHead =
    kSealSize + 1 + 5 + 3 + 10 + 10 + kMostMeta + kCheckSize;
inline constexpr std::uint32_t kMostPad = (1u << 22) - 1;  // the longest pad
inline constexpr std::size_t kIndexMetaSize = 48;          // the meta of an index
inline constexpr std::size_t kTrailerMetaSize = 64;        // the meta of the trailer
inline constexpr std::size_t kTrailerSize = kLeastRecord + kTrailerMetaSize;  // the whole trailer

// The bit of FileHeader::required_features for an index at the front.
inline constexpr std::uint16_t kFeatureIndexFirst = 1u << 0;
// All bits of FileHeader::required_features that have a meaning. Readers refuse others.
inline constexpr std::uint16_t kKnownFeatures = kFeatureIndexFirst;

// The least alignment of payloads that an archive can have, in bytes.
inline constexpr std::uint64_t kLeastAlignment = 1u << 4;
// The largest one.
inline constexpr std::uint64_t kMostAlignment = 1u << 21;

// The bit of RecordHead::flags for a record that readers skip if they do not know its type.
inline constexpr std::uint8_t kFlagSkippable = 1u << 4;
// The bit of RecordHead::flags for a record with a payload.
inline constexpr std::uint8_t kFlagPayload = 1u << 5;
// The bit of RecordHead::flags for a record with zero bytes before its payload.
inline constexpr std::uint8_t kFlagPadded = 1u << 6;
// The bit of RecordHead::flags for a record whose meta ends with extensions.
inline constexpr std::uint8_t kFlagExtended = 1u << 7;

// The type of a record, as its head stores it.
enum class RecordType : std::uint32_t {
  kFile = 1,          // opens a file or directory
  kFileEnd = 2,       // closes it
  kTensor = 3,        // a tensor, or plain bytes of a file
  kChunk = 4,         // a part of the tensor before it
  kMetadata = 5,      // a value under a key
  kGroup = 6,         // from which the symmetry coder rebuilds tensors
  kIndex = 7,         // the entries of all records
  kTrailer = 8,       // the end of the archive, with its root digest
  kPrivateName = 10,  // the meaning of a private number
  kBlockType = 11,    // what the elements of tensors of blocks are
  kBase = 12,         // where the tensors are on which others lean
};

// The first private number of every registry.
inline constexpr std::uint64_t kFirstPrivate = 96;
// The number after the last private one.
inline constexpr std::uint64_t kEndPrivate = 128;

// The coding of the list in an index, as the meta of the index stores it.
enum class IndexCoding : std::uint8_t { kStored = 0, kZstd = 1 };

}  // namespace bbz::container
