// Reads the state dict of a file that torch.save wrote: its tensors, and the places of their bytes.
//
// Such a file is a zip archive (PyTorch 1.6 and later): "<prefix>/data.pkl" is a pickle of
// the dict, and each storage, the memory that tensors are views of, is an entry
// "<prefix>/data/<key>". A pickle is a program. The reader here understands only the opcodes and
// globals that tensors need, calls nothing, and refuses any other opcode or global by name.
#pragma once

#include <limits>
#include <string>
#include <vector>

#include "bbz/base/error.h"
#include "bbz/base/shape.h"
#include "bbz/io/source.h"

namespace bbz::torch {

// Limits on a file. All are far above what models have.
struct Limits {
  std::uint64_t entries = 1'000'000;                       // of the zip archive
  std::uint64_t directory_bytes = std::uint64_t{1} << 27;  // its central directory
  std::uint64_t pickle_bytes = std::uint64_t{1} << 26;     // read as a whole
  std::uint64_t values = 4'000'000;                       // that the pickle makes, extents included
  std::uint64_t depth = 16;                               // of nested dicts, lists and tuples
  std::uint64_t rank = 64;                                // of a tensor
  std::uint64_t name_bytes = 4096;                        // of a tensor's dotted path
  std::uint64_t all_name_bytes = std::uint64_t{1} << 26;  // of all of them
  std::uint64_t tensor_bytes = std::uint64_t{1}
                               << 44;  // of one tensor, which strides of 0 may expand
};

// A range of the file's bytes that tensors are views of.
struct Storage {
  std::string key;           // its name in the pickle: "17"
  std::uint64_t offset = 0;  // in the file
  std::uint64_t size = 0;    // in bytes

  // Returns whether all members are equal.
  friend bool operator==(const Storage&, const Storage&) = default;
};

// A view of a storage. The element at index (i, j, ...) is the storage's element
// storage_offset + i * strides[0] + j * strides[1] + ..., which lies within it.
struct Tensor {
  std::string name;  // the keys that lead to it, joined by '.': "model.layers.0.weight"
  DType dtype{};     // type of the elements
  Shape shape;       // extents in elements, outermost first; empty for a scalar
  std::vector<std::uint64_t> strides;  // in elements, one for each extent; 0 repeats
  std::size_t storage = 0;             // index in StateDict::storages
  std::uint64_t storage_offset = 0;    // in elements of dtype

  // Returns whether all members are equal.
  friend bool operator==(const Tensor&, const Tensor&) = default;
};

// The tensors and storages of a file.
struct StateDict {
  std::vector<Tensor> tensors;    // in the order of the dict; names are unique and UTF-8
  std::vector<Storage> storages;  // those that the pickle mentions, in that order
};

// Returns whether a name ends in .pt, .pth, .bin or .ckpt, as files of torch.save usually do. Other
// files have such names too.
bool has_usual_suffix(std::string_view name);

// Returns whether a file begins as a zip archive does, from its first 4 bytes.
bool looks_like_zip(Bytes start);

// Returns whether a file has the format of PyTorch before 1.6, from its first 14 bytes.
bool looks_like_legacy(Bytes start);

// Reads the state dict of a file. Finds tensors in nested dicts, lists and tuples, and names them
// by the keys and indices that lead to them; a tensor that is saved alone is called "tensor".
// Ignores numbers, strings and other values.
//
// Memory and time are bounded by the limits. Errors: kInvalidArgument if the source cannot seek or
// has no known size; kIo; kTruncated; kLimit; kMalformed if the zip archive or the pickle is
// broken, a tensor leaves its storage or two tensors have the same name; kUnsupported, with the
// name and the byte position in the pickle, if an opcode, a global or a dtype is unknown;
// kUnsupported for TorchScript, the format of PyTorch before 1.6, big-endian files, and compressed
// or encrypted entries.
Result<StateDict> read_state_dict(io::Source& file, const Limits& limits = {});

}  // namespace bbz::torch
