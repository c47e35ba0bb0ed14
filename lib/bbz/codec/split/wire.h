// The parts of a split-float payload before its coded elements: header, tables, rows, columns. Each
// has its put and its get side by side in wire.cc. See format-spec/codecs.md.
#pragma once

#include <vector>

#include "bbz/base/error.h"
#include "bbz/base/wire.h"
#include "bbz/codec/split/layout.h"
#include "bbz/codec/split/table.h"

namespace bbz::codec::split {

void put_header(const Header& header, WireWriter& out);
// Errors: kUnsupported for an unknown form or number of top bits, kMalformed for a field that is
// out of range by itself.
Result<Header> get_header(WireReader& in);
std::size_t header_size(const Header& header);

void put_table(const Frequencies& frequencies, WireWriter& out);
// Errors: kMalformed.
Result<Frequencies> get_table(WireReader& in);

// `bits` (0-16) of each value, packed from the lowest bit of the first byte up. The last byte's
// unused bits are zero.
void put_fields(const std::vector<std::uint16_t>& values, int bits, WireWriter& out);
// `values` is overwritten with `count` of them. Errors: kMalformed.
Status get_fields(WireReader& in, std::uint64_t count, int bits,
                  std::vector<std::uint16_t>& values);

}  // namespace bbz::codec::split
