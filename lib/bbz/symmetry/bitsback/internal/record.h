// The correction record of a junction: everything a decoder needs beside the stored carriers.
// Internal; format-spec/bits-back.md section 2 and 5.
#pragma once

#include <vector>

#include "bbz/symmetry/bitsback/internal/frame.h"
#include "bbz/symmetry/bitsback/internal/rotation.h"

namespace bbz::bitsback {

struct Record {
  std::uint8_t seed = 0;
  Grid grid;
  std::uint64_t width = 0;
  std::uint64_t columns = 0;
  std::uint64_t payload_size = 0;          // bytes
  std::uint64_t payload_checksum = 0;      // XXH3-64
  std::vector<std::int8_t> row_exponents;  // width
  std::vector<Listed> listed;              // by ascending index
  std::vector<std::int32_t> corrections;   // one for each degree of freedom
};

std::vector<std::byte> encode_record(const Record& record);

// Errors: kTruncated; kUnsupported for another version; kMalformed for a reserved bit, a field out
// of its range, sizes other than the carriers' or bytes left over.
Result<Record> decode_record(Bytes bytes, std::uint64_t width, std::uint64_t columns);

// The payload that this record and the carriers' frame give. Errors: kMalformed where the frame is
// not the one that was recorded; kChecksum.
Result<std::vector<std::byte>> read_payload(const Record& record, const Matrix& frame);

}  // namespace bbz::bitsback
