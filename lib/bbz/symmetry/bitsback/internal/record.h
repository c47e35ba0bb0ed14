// The record of a junction: everything that a decoder needs beside the stored carriers. See
// sections 2 and 5 of format-spec/bits-back.md.
#pragma once

#include <vector>

#include "bbz/symmetry/bitsback/internal/frame.h"
#include "bbz/symmetry/bitsback/internal/rotation.h"

namespace bbz::bitsback {

// The fields of a record.
struct Record {
  std::uint8_t seed = 0;
  Grid grid;
  std::uint64_t width = 0;
  std::uint64_t columns = 0;
  std::uint64_t payload_size = 0;          // bytes
  std::uint64_t payload_checksum = 0;      // XXH3-64
  std::vector<std::int8_t> row_exponents;  // width
  std::vector<Listed> listed;              // in ascending order of index
  std::vector<std::int32_t> corrections;   // one for each degree of freedom
};

// Returns the record's bytes.
std::vector<std::byte> encode_record(const Record& record);

// Decodes a record for carriers with `columns` rows of `width` elements. Errors: kTruncated;
// kUnsupported if the version is unknown or the reserved byte is not 0; kMalformed if a field is
// out of its range, if the record is for another width or number of rows, or if bytes are left
// over.
Result<Record> decode_record(Bytes bytes, std::uint64_t width, std::uint64_t columns);

// Recovers the payload from a record and the frame of the carriers. Errors: kMalformed if the frame
// does not fit the record; kChecksum.
Result<std::vector<std::byte>> read_payload(const Record& record, const Matrix& frame);

}  // namespace bbz::bitsback
