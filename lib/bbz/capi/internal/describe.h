// Describes the catalog's entries as structs of the C interface, which point into the catalog.
#pragma once

#include "bbz/capi/internal/boundary.h"
#include "bbz/capi/reader.h"
#include "bbz/ops/selection.h"

namespace bbz::capi {

bbz_archive_info describe(const Reader& reader);
bbz_file_info describe(const catalog::File& file);
bbz_tensor_info describe(const catalog::Tensor& tensor);
bbz_metadata_info describe(const catalog::Metadata& metadata);

// Returns the caller's selection; for null, one of everything. Errors: kInvalidArgument,
// kUnsupported.
Result<ops::Selection> selection_of(const bbz_selection* given);

}  // namespace bbz::capi
