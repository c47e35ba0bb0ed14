// Files of torch.save as sources. Internal to the room.
#pragma once

#include "bbz/files/internal/format.h"

namespace bbz::files {

inline constexpr std::uint64_t kPytorchProbeSize = 4;

// A zip archive called .pt, .pth, .bin or .ckpt might be one: such names are given to files of any
// kind, so that none is an error.
Format::Match probe_pytorch(std::string_view path, Bytes first);

// Lays a file out so that the bytes of its storages are tensors, and all else - the structures of
// the zip archive, the pickle - bytes. A storage goes by the first tensor that is exactly the
// storage in row-major order. Where there is none (it holds several, or they are transposed), the
// storage as a whole is a tensor of one axis called "data/<key>", if its tensors have one dtype,
// and bytes otherwise. The file must be able to seek. Errors: those of torch::read_state_dict.
Result<Layout> layout_pytorch(Front& front, const Options& options);

}  // namespace bbz::files
