// Checks the root digest of an archive.
#pragma once

#include <optional>

#include "bbz/base/error.h"
#include "bbz/base/hash.h"

namespace bbz {

// Compares a root digest with the one that is expected, if there is one. Errors: kDigestMismatch.
Status check_root(const Digest& found, const std::optional<Digest>& expected);

}  // namespace bbz
