// Keeps the data in a page of a report small enough for a browser.
#pragma once

#include <cstdint>
#include <string>

#include "common/json.h"

namespace bbz::tools {

// The most bytes of the lists of a page that grow with the archives, all archives together.
struct PageBudget {
  std::uint64_t tensors = std::uint64_t{6} << 20;   // rows of tensors, also those of "against"
  std::uint64_t files = std::uint64_t{1} << 20;     // of files and of bases
  std::uint64_t layers = std::uint64_t{256} << 10;  // of layers, dtypes and codecs
  std::uint64_t groups = std::uint64_t{512} << 10;  // of symmetry
  std::uint64_t history = std::uint64_t{512} << 10;
};

// Cuts the lists of a report until they keep the budget. Of each list, the rows of the largest (as
// they are stored, or saved) stay, in their order, and what is left out is summed up: in "rest" of the
// tensors, and in "files_rest", "layers_rest" and the like beside other lists, which are there only if
// something was left out. Names of more than 200 characters are shortened first.
void bound_for_page(Json& report, const PageBudget& budget = {});

// Returns JSON as text for a script element of a page: in ASCII, and without "<".
std::string script_text(const Json& report);

}  // namespace bbz::tools
