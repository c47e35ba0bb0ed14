// Encodes and decodes one frame of zstd (RFC 8878), which compresses chunks and the index.
#pragma once

#include <vector>

#include "bbz/base/checked.h"
#include "bbz/base/error.h"

namespace bbz {

// Compresses `plain` at zstd's `level` and replaces the content of `frame` by the result. Returns
// false, with any content in `frame`, if the result takes `limit` bytes or more, if `plain` is
// empty, or if libzstd refuses the level. For the same arguments, the result depends only on the
// version of libzstd. Throws std::bad_alloc if memory runs out.
bool encode_zstd_frame(Bytes plain, int level, std::size_t limit, std::vector<std::byte>& frame);

// Decodes `frame` into `out`. `frame` must be exactly one frame that declares out.size() bytes of
// content, and that needs neither a dictionary nor a window of more than `max_window` bytes. The
// only allocation is a zstd context, which the thread keeps. Throws std::bad_alloc if there is no
// memory for it. Errors: kMalformed.
Status decode_zstd_frame(Bytes frame, std::uint64_t max_window, MutableBytes out);

}  // namespace bbz
