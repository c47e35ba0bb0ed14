// Views: the elements of a tensor of form view, which are bytes of another tensor of its file.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "bbz/format/catalog/catalog.h"

namespace bbz::symmetry {

// The most bytes from the first to the last of a view whose axes overlap: such a view is read with
// all of them in memory.
inline constexpr std::uint64_t kMaxViewSpan = std::uint64_t{64} << 20;

// The most bytes of a view: so many, and kMaxViewFactor for each byte of its base.
inline constexpr std::uint64_t kFreeViewBytes = std::uint64_t{64} << 20;
inline constexpr std::uint64_t kMaxViewFactor = 4;

// Checks that a view can be read from this base. Errors: those of check_form().
Status check_view_of(const catalog::Tensor& view, const catalog::Tensor& base);

// Returns whether a view is nested, or spans so few bytes that it is read with all of them in memory.
// Others cannot be read. Precondition: the view lies in a base.
bool is_readable_view(const catalog::TensorMeta& view);

// Returns whether the elements of a view are consecutive bytes of its base, in its order. Precondition:
// the view lies in a base.
bool is_run_of_view(const catalog::TensorMeta& view);

// Reads bytes of the base of a view, from `offset` of it on, into all of `out`.
using ReadBase = std::function<Status(std::uint64_t offset, MutableBytes out)>;

// Decodes a chunk of the base of a view, by its number in the base. Its bytes are valid until the next
// call.
using DecodeBase = std::function<Result<Bytes>(std::uint64_t chunk)>;

// Reads bytes of a dense base, from `offset` of it on, out of the chunks that have them. Precondition:
// the bytes are within the base. Errors: those of `decode`.
Status read_base(const catalog::Tensor& base, std::uint64_t offset, MutableBytes out,
                 const DecodeBase& decode);

// Reads bytes [offset, offset + out.size()) of a view: calls `read` for ascending parts of the base,
// each of which is read once, and gathers the elements. Holds one part, of some MiB or of one chunk
// of the base, or kMaxViewSpan. Preconditions: check_form() succeeds for the view; `base` is its
// base; the bytes are within the view. Errors: those of `read`.
Status read_view(const catalog::TensorMeta& view, const catalog::Tensor& base, std::uint64_t offset,
                 MutableBytes out, const ReadBase& read);

// Receives a part of a view, which begins at byte `offset` of it and is valid during the call.
using TakeView = std::function<Status(std::uint64_t offset, Bytes part)>;

// Calls `take` for one part of a view after the other, from its first byte to its last. Parts have
// at most 64 MiB. If the elements ascend in the base, parts have two chunks of the base, so few chunks
// are read for more than one or two parts; parts of 4 MiB at least. Otherwise, all that a part of 64
// MiB needs is read again for each part, which may be the whole base: the time grows with the product
// of both sizes. Preconditions and errors: those of read_view(); also errors of `take`.
Status read_view(const catalog::TensorMeta& view, const catalog::Tensor& base, const ReadBase& read,
                 const TakeView& take);

// Returns the bytes of the base that are read for all such parts of a view, whole chunks, or more.
// Preconditions: those of read_view().
std::uint64_t bytes_read_for_view(const catalog::TensorMeta& view, const catalog::Tensor& base);

// Returns the bytes of such parts but the last: whole elements.
std::uint64_t part_bytes_of_view(const catalog::TensorMeta& view, const catalog::Tensor& base);

// Returns the numbers of the chunks of the base that the bytes `part` of a view need, in ascending
// order. Preconditions: those of read_view().
std::vector<std::uint64_t> chunks_of_view(const catalog::TensorMeta& view,
                                          const catalog::Tensor& base, const io::ByteRange& part);

// Returns the first chunk of the base from number `from` on that the view needs and for which
// `sought` returns true, or nullopt. Takes no memory for the chunks. Preconditions: those of
// read_view().
std::optional<std::uint64_t> find_chunk_of_view(const catalog::TensorMeta& view,
                                                const catalog::Tensor& base, std::uint64_t from,
                                                const std::function<bool(std::uint64_t)>& sought);

// Returns the bytes of the base that are in the view, as ranges in no order, which may overlap. If
// they are more than `most`, returns one from the first to the last. Precondition: the view was
// added to a catalog.
std::vector<io::ByteRange> ranges_of_view(const catalog::TensorMeta& view, std::size_t most);

}  // namespace bbz::symmetry
