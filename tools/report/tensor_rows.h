// The rows of a report about tensors.
#pragma once

#include "bbz/format/catalog/catalog.h"
#include "common/json.h"

namespace bbz::tools {

// Returns "tensors" of the report: all tensors of a catalog but its plain bytes, those first that store the
// most bytes.
Json tensor_rows(const catalog::Catalog& catalog);

}  // namespace bbz::tools
