// The junctions and pairs that pack --symmetry changed, from the record that it left in the archive.
#pragma once

#include "bbz/archive/reader.h"
#include "common/json.h"
#include "report/figures.h"

namespace bbz::tools {

// What the records of an archive say.
// NOLINTNEXTLINE(bugprone-exception-escape): moving Json throws nothing.
struct SymmetryGroups {
  Json data;      // "symmetry" of the report: null if there is no record
  Figure error;   // the largest of all groups
  Figure growth;  // likewise
};

// Reads the records, of at most 1 MiB each and 16 MiB together, as the metadata `symmetry` of the files.
// Lists the first 10,000 groups, and sums up the others in "groups_rest"; the figures are of all of them.
// They are text that whoever packed the archive wrote: what is missing in one, or has another type, is
// null. Errors: those of reading.
Result<SymmetryGroups> symmetry_groups(const Reader& reader);

}  // namespace bbz::tools
