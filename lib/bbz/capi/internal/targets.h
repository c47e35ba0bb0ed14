// Reads the bbz_targets of readers and models.
#pragma once

#include <span>

#include "bbz/capi/internal/boundary.h"
#include "bbz/capi/internal/job.h"
#include "bbz/capi/reader.h"

namespace bbz::capi {

// Returns the bytes of all targets together. Errors: kInvalidArgument for a null buffer and for a
// reserved field that is not 0.
Result<std::uint64_t> check_targets(std::span<const bbz_target> targets);

// Returns the caller's callback. Errors: kInvalidArgument, kUnsupported.
Result<Watcher> watcher_of(const bbz_many_options* given);

// Reads targets of `total` bytes from an archive. Errors: those of Reader::read_parts(); kCancelled.
Status read_targets(const Reader& reader, std::span<const bbz_target> targets, std::uint64_t total,
                    const Watcher& watcher);

}  // namespace bbz::capi
