// The method that the symmetry coder is asked for, and the record of what it did.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "bbz/access/model/model.h"
#include "bbz/symmetry/gauge/floor.h"
#include "bbz/symmetry/junction/detect.h"

namespace bbz::rotation {

// How a caller asks for a model to be packed. kAuto: each junction polar if possible, else triangular,
// else exact, and each pair pivoted if possible. kPivot: pairs only. The others: junctions only.
enum class RequestedMethod { kAuto, kBitsBack, kTriangular, kPolar, kPivot };

// Returns "auto", "bits-back", "triangular", "polar" or "pivot".
std::string_view method_name(RequestedMethod method);

using model::Model;

// One junction as it was packed.
struct JunctionRecord {
  std::string name;
  std::uint64_t width = 0;
  std::string method;  // "polar", "triangular", "bits-back", "exact"
  std::uint64_t rank = 0;
  std::uint64_t entries_saved = 0;  // number of entries that are not stored, of any dtype
  std::int64_t bits_saved = 0;  // before the float codec: entries, or payload less correction code
  double largest_difference = 0;  // between stored members and their exact rotation
  double rms_difference = 0;
  double growth = 1;  // of the rms difference by the floor; 1 without one
  std::string note;   // why the method is not the one asked for
  std::vector<std::pair<std::string, junction::Role>> members;
};

// One low-rank pair as it was packed.
struct PairRecord {
  std::string name;    // its stem
  std::string family;  // of its names
  std::uint64_t rank = 0;
  std::string method;  // "pivot", "exact"
  int axis = 0;        // 0: rows of the left tensor are pivots; 1: columns of the right one
  std::uint64_t entries_saved = 0;
  std::int64_t bits_saved = 0;    // before the float codec
  double largest_difference = 0;  // between stored entries and exact ones
  double rms_difference = 0;
  double product_difference = 0;  // |A' B' - A B| / |A B|; 0 if the pair was pivoted before
  double growth = 1;              // of product_difference by the floor; 1 without one
  std::string note;               // why the method is not the one asked for
  std::string left, right;        // names of A and B
};

// The model as it was packed.
struct Record {
  std::string method;    // the method asked for
  std::string family;    // empty if none fits
  std::string refusal;   // why no junction was rotated
  gauge::Floor floor{};  // asked for
  bool rotated = false;  // whether any tensor differs from the source's
  std::vector<JunctionRecord> junctions;
  std::vector<PairRecord> pairs;

  // Returns the sum over all junctions and pairs.
  std::int64_t bits_saved() const;
};

// Returns the record as JSON, which is in the metadata `symmetry` and in the unpacked file. See
// format-spec/symmetry.md.
std::string to_json(const Record& record);

// Returns the record of a file of the model that is not the last: where the whole record is.
std::string reference_to(std::string_view path);

}  // namespace bbz::rotation
