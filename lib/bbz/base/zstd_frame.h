// One frame of zstd (RFC 8878), the general compression of chunks and of the index.
#pragma once

#include <vector>

#include "bbz/base/checked.h"
#include "bbz/base/error.h"

namespace bbz {

// Replaces `frame` by `plain` compressed at zstd's `level`; false where that takes `limit` bytes or
// more, or `plain` is empty. What it writes depends on the version of libzstd, and on nothing else.
bool encode_zstd_frame(Bytes plain, int level, std::size_t limit, std::vector<std::byte>& frame);

// Decodes `frame`, which must be exactly one frame that declares out.size() bytes of content, needs
// no dictionary and no window of more than `max_window` bytes. Allocates no more than a context.
// Errors: kMalformed.
Status decode_zstd_frame(Bytes frame, std::uint64_t max_window, MutableBytes out);

}  // namespace bbz
