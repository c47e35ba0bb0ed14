// Recognises and lays out files of torch.save.
#pragma once

#include "bbz/files/internal/format.h"

namespace bbz::files {

// The number of first bytes that probe_pytorch() needs.
inline constexpr std::uint64_t kPytorchProbeSize = torch::kProbeBytes;

// Returns kMaybe for what begins as one of the formats of PyTorch, whatever its name, else kNo. Never
// returns kClaimed, because other files begin as zip archives too.
Format::Match probe_pytorch(std::string_view path, Bytes first);

// Lays a file out so that its storages are tensors, and everything else (the structures of the zip
// archive, the pickle) is plain bytes. A storage has the name, dtype and shape of the first tensor
// that is exactly the storage in row-major order. If there is none, because several tensors share
// the storage or they are transposed, the storage is a tensor of one axis called "data/<key>" if
// all its tensors have one dtype, and plain bytes otherwise. Errors: those of
// torch::read_state_dict; kInvalidArgument if the file cannot seek.
Result<Layout> layout_pytorch(Front& front, const Options& options);

}  // namespace bbz::files
