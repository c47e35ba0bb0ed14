// The checksum of zip archives.
#pragma once

#include "bbz/base/checked.h"

namespace bbz::torch {

// Returns the CRC-32 of a range (APPNOTE.TXT 6.3.10 of PKWARE, 4.4.7; that of ISO 3309).
std::uint32_t crc32(Bytes bytes);

}  // namespace bbz::torch
