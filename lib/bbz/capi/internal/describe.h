// Describes the catalog's entries as structs of the C interface, which point into the catalog.
#pragma once

#include "bbz/capi/internal/boundary.h"
#include "bbz/capi/reader.h"
#include "bbz/ops/selection.h"

namespace bbz::capi {

template <>
inline constexpr std::size_t kFirstSize<bbz_file_info> = offsetof(bbz_file_info, is_directory) +
                                                         sizeof(bbz_file_info::is_directory);

template <>
inline constexpr std::size_t kFirstSize<bbz_tensor_info> = offsetof(bbz_tensor_info, layer) +
                                                           sizeof(bbz_tensor_info::layer);

template <>
inline constexpr std::size_t kFirstSize<bbz_archive_info> = offsetof(bbz_archive_info, base_count);

// Describes an archive.
bbz_archive_info describe(const Reader& reader);
// Describes a file. Pointers in the struct live as long as `file`.
bbz_file_info describe(const catalog::File& file);
// Describes a tensor. Pointers in the struct live as long as `tensor`.
bbz_tensor_info describe(const catalog::Tensor& tensor);
// Describes a metadata entry. Pointers in the struct live as long as `metadata`.
bbz_metadata_info describe(const catalog::Metadata& metadata);

// Describes a base. Pointers in the struct live as long as `base`.
bbz_recorded_base describe(const catalog::BaseMeta& base);

// Appends the caller's list of texts. Errors: kInvalidArgument for null in it.
Status add_patterns(const char* const* patterns, std::size_t count, std::vector<std::string>& out);

// Returns the caller's selection; for null, one of everything. Errors: kInvalidArgument,
// kUnsupported.
Result<ops::Selection> selection_of(const bbz_selection* given);

}  // namespace bbz::capi
