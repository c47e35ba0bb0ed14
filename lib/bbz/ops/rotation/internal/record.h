// The method that the symmetry coder is asked for, and the record of what it did.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "bbz/access/model/model.h"
#include "bbz/symmetry/junction/detect.h"

namespace bbz::rotation {

// How a caller asks for junctions to be packed. kAuto: polar if possible, else triangular, else exact, junction by
// junction.
enum class RequestedMethod { kAuto, kBitsBack, kTriangular, kPolar };

// Returns "auto", "bits-back", "triangular" or "polar".
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
  std::string note;  // why the method is not the one asked for
  std::vector<std::pair<std::string, junction::Role>> members;
};

// The model as it was packed.
struct Record {
  std::string method;    // the method asked for
  std::string family;    // empty if none fits
  std::string refusal;   // why nothing was rotated
  bool rotated = false;  // whether any tensor differs from the source's
  std::vector<JunctionRecord> junctions;

  // Returns the sum over all junctions.
  std::int64_t bits_saved() const;
};

// Returns the record as JSON, which is in the metadata `symmetry` and in the unpacked file. See
// format-spec/symmetry.md.
std::string to_json(const Record& record);

// Returns the record of a file of the model that is not the last: where the whole record is.
std::string reference_to(std::string_view path);

}  // namespace bbz::rotation
