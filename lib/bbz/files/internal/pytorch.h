// Recognises and lays out files of torch.save.
#pragma once

#include "bbz/files/internal/format.h"

namespace bbz::files {

// The number of first bytes that probe_pytorch() needs.
inline constexpr std::uint64_t kPytorchProbeSize = torch::kProbeBytes;

// Returns kMaybe for what begins as one of the formats of PyTorch, whatever its name, else kNo. Never
// returns kClaimed, because other files begin as zip archives too.
Format::Match probe_pytorch(std::string_view path, Bytes first);

// Lays a file out so that its tensors are extents, and everything else (the structures of the zip
// archive, the pickle) is plain bytes. Bytes of a storage that tensors share are one extent. It has
// the name, dtype and shape of the first tensor that is exactly these bytes in row-major order. If
// there is none, because the tensors overlap otherwise or are transposed, and for bytes that no tensor
// has, the extent is a storage of one axis, called "data/<key>", or "data/#<number>" if the key is long
// or not UTF-8, with its offset in the storage behind that if it is not 0, and "~2" or another number
// if a tensor has that name; it is plain bytes if its tensors have several dtypes. All other tensors are
// views of the extent that has their bytes, also those that are too large for a reader, which pack()
// leaves out and counts. Errors: those of torch::read_state_dict; kInvalidArgument if the file cannot
// seek.
Result<Layout> layout_pytorch(Front& front, const Options& options);

}  // namespace bbz::files
