// The state dict in a file that torch.save wrote: which tensors it has and where their bytes lie.
//
// Such a file is a zip archive (PyTorch 1.6 and later): "<prefix>/data.pkl" is a pickle of
// the dict, and each storage, the memory that tensors are views of, is an entry
// "<prefix>/data/<key>". The pickle is a program; it is read here by a machine that knows only what
// tensors need and runs nothing: any other opcode or global is refused by name.
#pragma once

#include <limits>
#include <string>
#include <vector>

#include "bbz/base/error.h"
#include "bbz/base/shape.h"
#include "bbz/io/source.h"

namespace bbz::torch {

// What a file may ask for. All are far above what models have.
struct Limits {
  std::uint64_t entries = 1'000'000;                       // of the zip archive
  std::uint64_t directory_bytes = std::uint64_t{1} << 27;  // its list of entries
  std::uint64_t pickle_bytes = std::uint64_t{1} << 26;     // read as a whole
  std::uint64_t values = 4'000'000;                        // that the pickle makes, and extents
  std::uint64_t depth = 16;                                // dicts within dicts
  std::uint64_t rank = 64;                                 // of a tensor
  std::uint64_t name_bytes = 4096;                         // of a tensor's dotted path
  std::uint64_t all_name_bytes = std::uint64_t{1} << 26;   // of all of them
  std::uint64_t tensor_bytes = std::uint64_t{1} << 44;     // of one, expanded by strides of 0
};

// A run of bytes in the file that tensors are views of.
struct Storage {
  std::string key;           // as the pickle calls it: "17"
  std::uint64_t offset = 0;  // in the file
  std::uint64_t size = 0;    // in bytes

  friend bool operator==(const Storage&, const Storage&) = default;
};

// A view of a storage. The element at index (i, j, ...) is the storage's element
// storage_offset + i * strides[0] + j * strides[1] + ..., which lies within it.
struct Tensor {
  std::string name;  // the keys that lead to it, joined by '.': "model.layers.0.weight"
  DType dtype{};
  Shape shape;
  std::vector<std::uint64_t> strides;  // in elements, one for each extent; 0 repeats
  std::size_t storage = 0;             // its place in StateDict::storages
  std::uint64_t storage_offset = 0;    // in elements of dtype

  friend bool operator==(const Tensor&, const Tensor&) = default;
};

struct StateDict {
  std::vector<Tensor> tensors;    // in the order of the dict; names are unique and UTF-8
  std::vector<Storage> storages;  // those that the pickle speaks of, in the order of their mention
};

// Whether a name ends as those of files of torch.save do: in .pt, .pth, .bin or .ckpt. Such names
// are given to files of any kind.
bool has_usual_suffix(std::string_view name);

// Whether a file may be one of torch.save, from its first 4 bytes: a zip archive's first entry.
bool looks_like_zip(Bytes start);

// Reports whether a file is one of PyTorch before 1.6, from its first 14 bytes.
bool looks_like_legacy(Bytes start);

// Reads the state dict of a file. Tensors are found in dicts, lists and tuples nested in each
// other, whose keys and indices make the name (a file that holds one tensor alone calls it
// "tensor"); numbers, strings and the like beside them are passed over. `file` must be able to
// seek.
//
// Memory and time are bounded by the limits. Errors: kInvalidArgument for a source that cannot
// seek; kIo; kTruncated; kLimit; kMalformed for a broken zip archive or pickle, for a tensor that
// leaves its storage and for two tensors of one name; kUnsupported, by name and with the byte
// position in the pickle, for an opcode, global or dtype that is not known, and for TorchScript,
// the format of PyTorch before 1.6, big-endian files, compressed or encrypted entries.
Result<StateDict> read_state_dict(io::Source& file, const Limits& limits = {});

}  // namespace bbz::torch
