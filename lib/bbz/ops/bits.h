// Bits: how much of an element is information, by the fields of its dtype, from a sample.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "bbz/archive/reader.h"

namespace bbz::ops {

// A part of every element of a dtype.
struct BitField {
  std::string
      name;  // "sign", "exponent", "mantissa", "value", "bits 63-32"; of C64 after "real " or "imaginary "
  int bits = 0;        // of an element
  double entropy = 0;  // in bits; at most `bits`
};

// What the elements of one dtype are, and how many bits of the archive they take.
struct DTypeBits {
  std::string dtype;           // as dtype_name() returns it
  std::uint64_t elements = 0;  // of all tensors of files that have it, without views
  std::uint64_t sampled = 0;   // of these, that were decoded and counted
  double stored_bits = 0;      // payloads of their chunks, in bits an element
  // From the top bit down. Empty if nothing was sampled: `note` says why.
  std::vector<BitField> fields;
  std::string note;         // what was left out of the sample, and why; else empty
  Code failed = Code::kOk;  // of the error that ended the sample, if there was one
};

// Options of bits_of().
struct BitsOptions {
  // The most bytes of a dtype that are sampled, and that are held in memory. About twice as many are decoded.
  std::uint64_t sample_bytes = std::uint64_t{64} << 20;
  // Whether tensors that lean on a base are sampled. The reader needs the base for that.
  bool with_base = false;
};

// Measures every dtype of an archive, in the order of Info::dtypes. Dtypes that have at most
// options.sample_bytes are read whole. Of others, the tensors are taken one after the other, and pieces of
// them that are equally far from each other are read: the same for the same archive. What cannot be
// decoded leaves its dtype without fields.
std::vector<DTypeBits> bits_of(const Reader& reader, const BitsOptions& options = {});

// Returns the entropy of a distribution in bits, from counts of independent observations: the plug-in
// estimate and the correction of Miller and Madow, (K - 1) / (2 N ln 2) for K values that occur among N
// observations, and at most the logarithm of the number of counters. Without the correction it is too
// small on average by about that; with it, it is still too small if values that occur have not been seen.
// 0 without observations.
double entropy_of(std::span<const std::uint64_t> counts);

// Returns the fields of a dtype and their entropies, from elements that are packed as in a tensor. A field
// of more than 16 bits is cut into parts of at most 13 bits, because a histogram of all its values needs
// more elements than there are, and its entropy is the sum of those of its parts: too large by what they
// tell of each other, which is little in the mantissas of weights. Empty for dtypes that have no such fields:
// blocks, elements of 6 bits, and dtypes that are not known.
std::vector<BitField> measure_fields(DType dtype, Bytes elements);

}  // namespace bbz::ops
