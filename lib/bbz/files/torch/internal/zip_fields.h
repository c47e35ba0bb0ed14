// The numbers of the zip format (APPNOTE.TXT 6.3.10 of PKWARE) that reading and writing need.
#pragma once

#include <cstdint>

namespace bbz::torch {

inline constexpr std::uint32_t kLocalMagic = 0x04034b50;
inline constexpr std::uint32_t kDescriptorMagic = 0x08074b50;
inline constexpr std::uint32_t kCentralMagic = 0x02014b50;
inline constexpr std::uint32_t kEndMagic = 0x06054b50;
inline constexpr std::uint32_t kLocatorMagic = 0x07064b50;
inline constexpr std::uint32_t kEnd64Magic = 0x06064b50;

// The bytes of the structures without their names, extra fields and comments.
inline constexpr std::uint64_t kLocalSize = 30;
inline constexpr std::uint64_t kCentralSize = 46;
inline constexpr std::uint64_t kEndSize = 22;
inline constexpr std::uint64_t kLocatorSize = 20;
inline constexpr std::uint64_t kEnd64Size = 56;

// If all bits of a field are set, its value is in a zip64 structure instead.
inline constexpr std::uint16_t kElsewhere16 = 0xffff;
inline constexpr std::uint32_t kElsewhere32 = 0xffffffff;
inline constexpr std::uint16_t kZip64Extra = 1;

inline constexpr std::uint16_t kEncrypted = 1 << 0;
inline constexpr std::uint16_t kSizesFollow = 1 << 3;  // size and checksum follow the data
inline constexpr std::uint16_t kUtf8Names = 1 << 11;

}  // namespace bbz::torch
