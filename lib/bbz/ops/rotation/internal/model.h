// What is asked of the symmetry coder, and what came of it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "bbz/access/model/model.h"
#include "bbz/symmetry/junction/detect.h"

namespace bbz::rotation {

// kAuto: polar if possible, else triangular, else exact, junction by junction.
enum class Method { kAuto, kBitsBack, kTriangular, kPolar };

// "auto", "bits-back", "triangular", "polar".
std::string_view method_name(Method method);

using model::Model;

// One junction as it was packed.
struct JunctionRecord {
  std::string name;
  std::uint64_t width = 0;
  std::string method;  // "polar", "triangular", "bits-back", "exact"
  std::uint64_t rank = 0;
  std::uint64_t entries_saved = 0;  // that are not stored, of any dtype
  std::int64_t bits_saved = 0;  // before the float coder: entries, or payload less correction code
  double largest_difference = 0;  // of stored members from their exact rotation
  double rms_difference = 0;
  std::string note;  // why it is not what was asked for
  std::vector<std::pair<std::string, junction::Role>> members;
};

struct Record {
  std::string method;    // that was asked for
  std::string family;    // empty: none
  std::string refusal;   // why nothing was rotated
  bool rotated = false;  // whether any tensor differs from the source's
  std::vector<JunctionRecord> junctions;

  std::int64_t bits_saved() const;
};

// The record as JSON, as it stands in the metadata `symmetry` and in the unpacked file:
// format-spec/symmetry.md.
std::string to_json(const Record& record);

}  // namespace bbz::rotation
