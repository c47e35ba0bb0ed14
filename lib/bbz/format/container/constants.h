// The frozen numbers of the container. Changing one changes the format: see
// format-spec/container.md.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace bbz::container {

inline constexpr std::array<std::uint8_t, 8> kMagic = {0x89, 0x42, 0x42, 0x5A,
                                                       0x0D, 0x0A, 0x1A, 0x0A};
inline constexpr std::array<std::uint8_t, 4> kSync = {0xC7, 0x62, 0x7A, 0x1E};

inline constexpr std::uint16_t kMajor = 1;
inline constexpr std::uint16_t kMinor = 0;

inline constexpr std::size_t kFileHeaderSize = 32;
inline constexpr std::size_t kSealSize = 12;       // sync bytes and head checksum
inline constexpr std::size_t kHeadSize = 16;       // seal, type, flags and meta length
inline constexpr std::size_t kPayloadFields = 16;  // that the head of a record with a payload adds
inline constexpr std::size_t kLongestHeadAndMeta = kHeadSize + kPayloadFields + 0xFFFF;
inline constexpr std::size_t kIndexMetaSize = 40;
inline constexpr std::size_t kIndexHeadAndMeta = kHeadSize + kPayloadFields + kIndexMetaSize;
inline constexpr std::size_t kTrailerMetaSize = 64;
inline constexpr std::size_t kTrailerSize = kHeadSize + kTrailerMetaSize;

// Bits of FileHeader::required_features.
inline constexpr std::uint32_t kFeatureIndexFirst = 1u << 0;
inline constexpr std::uint32_t kKnownFeatures = kFeatureIndexFirst;

// Bits of RecordHead::flags.
inline constexpr std::uint8_t kFlagSkippable = 1u << 0;
inline constexpr std::uint8_t kFlagPayload = 1u << 1;
inline constexpr std::uint8_t kKnownFlags = kFlagSkippable | kFlagPayload;

enum class RecordType : std::uint8_t {
  kFile = 1,
  kFileEnd = 2,
  kTensor = 3,
  kChunk = 4,
  kMetadata = 5,
  kGroup = 6,
  kIndex = 7,
  kTrailer = 8,
};

// How the list in an index is coded.
enum class IndexCoding : std::uint8_t { kStored = 0, kZstd = 1 };

}  // namespace bbz::container
