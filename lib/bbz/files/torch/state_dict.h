// Reads what a file that torch.save wrote holds: its tensors, and the places of their bytes.
//
// Such a file is a zip archive (PyTorch 1.6 and later): "<prefix>/data.pkl" is a pickle of the
// object, and each storage, the memory that tensors are views of, is an entry "<prefix>/data/<key>".
// TorchScript writes the same, with code beside it, and torch.distributed.checkpoint several such
// archives in a row. Before PyTorch 1.6, a file was a sequence of pickles and storages, and at first
// a tar of them.
//
// A pickle is a program. The reader here calls nothing: it understands what tensors consist of, and
// of everything else keeps what the pickle puts into it, so that tensors are found wherever they
// hang.
#pragma once

#include <limits>
#include <optional>
#include <string>
#include <string_view>
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
  std::uint64_t depth = 1000;                             // of nested values that are looked into
  std::uint64_t rank = 64;                                // of a tensor
  std::uint64_t name_bytes = 4096;                        // of a tensor's dotted path
  std::uint64_t all_name_bytes = std::uint64_t{1} << 26;  // of all of them
  // What the named tensors take: 8 for each name, and 2 for each axis. A tensor takes more of
  // `values`, so that only those with many names come near.
  std::uint64_t named_values = 4'000'000;
  // Of the keys of dicts, each time one is looked at, and 64 more if it is put into a path.
  std::uint64_t key_bytes = std::uint64_t{1} << 27;
  std::uint64_t tensor_bytes = std::uint64_t{1}
                               << 44;  // of one tensor, which strides of 0 may expand
};

// A range of the file's bytes that tensors are views of.
struct Storage {
  std::string key;           // its name in the pickle: "17"
  std::uint64_t offset = 0;  // in the file
  std::uint64_t size = 0;    // in bytes
  // Of its elements, if the pickle says one and only one that a DType expresses.
  std::optional<DType> dtype{};

  // Returns whether all members are equal.
  friend bool operator==(const Storage&, const Storage&) = default;
};

// A view of a storage. The element at index (i, j, ...) is the storage's element
// storage_offset + i * strides[0] + j * strides[1] + ..., which lies within it.
struct Tensor {
  std::string name;                    // the path that leads to it: "model.layers.0.weight"
  DType dtype{};                       // type of the elements
  Shape shape;                         // extents in elements, outermost first; empty for a scalar
  std::vector<std::uint64_t> strides;  // in elements, one for each extent; 0 repeats
  std::size_t storage = 0;             // index in StateDict::storages
  std::uint64_t storage_offset = 0;    // in elements of dtype

  // Returns whether all members are equal.
  friend bool operator==(const Tensor&, const Tensor&) = default;
};

// The tensors and storages of a file.
struct StateDict {
  std::vector<Tensor> tensors;    // in the order of the pickle; names are unique and UTF-8
  std::vector<Storage> storages;  // those that the pickle mentions, in that order
};

// Returns whether a name ends in .pt, .pth, .bin, .ckpt, .pth.tar or .distcp, whatever the case, as
// files of torch.save usually do. Other files have such names too.
bool has_usual_suffix(std::string_view name);

// The number of a file's first bytes that the functions below need.
inline constexpr std::size_t kProbeBytes = 1536;

// Returns whether a file begins as a zip archive does.
bool looks_like_zip(Bytes start);

// Returns whether a file begins as a zip archive of PyTorch usually does: with the pickle, a storage
// or code in one directory.
bool looks_like_torch_zip(Bytes start);

// The message of read_state_dict() for a zip archive without the pickle of an object, after the name
// of the file. torch.save did not write it.
inline constexpr std::string_view kNoPickle = "zip archive: no entry \"<name>/data.pkl\"";

// Returns whether a file has the format of PyTorch before 1.6.
bool looks_like_legacy(Bytes start);

// Returns whether a file begins as a tar that PyTorch wrote at first: with a member "sys_info". Other
// tars may have one too.
bool looks_like_old_tar(Bytes start);

// Returns whether a file begins in one of these ways.
bool looks_like_torch(Bytes start);

// Reads the state dict of a file. Finds tensors wherever they hang in the object, and names them by
// the path that leads to them:
//   - keys, indices and attributes are joined by '.': "model.layers.0.weight",
//     "optimizer.state.3.exp_avg". A tuple as a key is written (a,1), and any other thing that is
//     neither text nor a number is replaced by its place in the dict;
//   - a module is named as its own state dict would name it: "layers.0.weight", not
//     "_modules.layers._modules.0._parameters.weight";
//   - a tensor that is saved alone is called "tensor"; of several archives in a row, each puts its
//     number before the names;
//   - if a name occurs again, "~2" follows it, then "~3". Python's order decides which is first;
//   - a sparse tensor is several: .indices and .values (.compressed_indices, .plain_indices). A
//     quantised tensor is one of integers, and .scales and .zero_points if it has some for each
//     channel. An element of complex128 or complex32 is two of F64 or F16, on one more axis. If the
//     elements are those of the storage conjugated or negated, ":conj" or ":neg" follows;
//   - a storage that is saved itself is a tensor of one axis.
// A tensor that several paths lead to has several names: one for each place in a container that holds
// it, and a container is entered up to 16 times. Tensors whose names are longer than the limit, or
// whose paths are deeper, have no name; their storages are listed all the same. A tensor may be far larger than its storage, if strides are 0.
//
// Memory and time are bounded by the size of the file and by the limits. Errors: kInvalidArgument if
// the source cannot seek or has no known size; kIo; kTruncated; kLimit; kMalformed if the file or the
// pickle is broken, or a tensor leaves its storage; kUnsupported for big-endian files, and for
// compressed or encrypted entries that are needed.
Result<StateDict> read_state_dict(io::Source& file, const Limits& limits = {});

}  // namespace bbz::torch
