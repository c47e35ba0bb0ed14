// Reads the tensors of one model, stored in safetensors, GGUF, a PyTorch state dict, a directory or
// an archive.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bbz/archive/base.h"
#include "bbz/archive/reader.h"
#include "bbz/base/hash.h"
#include "bbz/base/tensor_info.h"
#include "bbz/base/threads.h"
#include "bbz/files/safetensors/header.h"
#include "bbz/files/torch/state_dict.h"
#include "bbz/format/container/limits.h"
#include "bbz/io/source.h"

namespace bbz::model {

// The tensors of a model, and how to read them.
struct Model {
  std::string path;  // name that it has as a safetensors file; empty if it lies in several files
  std::vector<TensorInfo> tensors;  // in the order of their data; their dtypes are known, or kBlock
  // The metadata of the file; empty if the model lies in several files or in an archive.
  safetensors::Metadata metadata;
  std::vector<std::byte> header;  // of the file, if it is one of safetensors; else empty
  // What the file says of its tensors, if it is one of torch.save; else null.
  std::shared_ptr<const torch::StateDict> state;
  // Bytes that are stored: of its files, or of the archive's payloads.
  std::uint64_t stored_bytes = 0;
  std::uint64_t file_bytes = 0;  // of its files, those of an archive unpacked
  // For each tensor, the first one that is the same elements of the same memory, with the same type
  // and shape: tied weights have one. Its own index, if there is none before it.
  std::vector<std::size_t> firsts;
  // For each tensor, the bytes that are read or decoded to load all of its parts, or more. They are
  // many times its own if it is a view whose elements do not ascend.
  std::vector<std::uint64_t> reads;
  // Reads a tensor of `tensors`. Keeps open what it reads from, also after the Model is destroyed.
  // Errors: those of the source and of the format that it was opened as; kIo if the file has
  // changed since.
  LoadTensor load;
  // Reads a part of a tensor: whole elements from byte `offset` on, of which about 32 MiB, one
  // chunk, or 64 MiB of a view, are held at a time; all of a tensor that is derived. `offset` is 0 or that after a part;
  // at the end of the tensor there is nothing. Errors: as for `load`.
  std::function<Result<std::vector<std::byte>>(std::size_t tensor, std::uint64_t offset)> load_part;
  // Reads bytes of a tensor from byte `offset` on into memory; the tensor has them. Thread-safe, and no
  // more memory is needed than for the chunks in work, except for tensors with strides. Errors: as for
  // `load`.
  std::function<Status(std::size_t tensor, std::uint64_t offset, MutableBytes out)> read;
  // Of an archive: whether each tensor leans on one of a base. Otherwise empty.
  std::vector<bool> leans;
  std::optional<Digest> root;  // root digest of the archive that holds it
  // The archive that holds it, and the number of each tensor in it; null and empty if there is none.
  std::shared_ptr<const Reader> archive;
  std::vector<std::uint32_t> numbers;
  // Text of the config.json in the archive or beside the file; empty if there is none or it has
  // more than 16 MiB.
  std::string config;
  // The sources that `load` reads from.
  std::vector<std::shared_ptr<io::Source>> sources;
};

// Opens a model. `path` names one of:
// - a safetensors file, recognised by its name or its first bytes; a GGUF file; a file of torch.save;
//   a bbz archive;
// - a directory with one file of safetensors or torch.save (.pt, .pth, .bin, .ckpt, .pth.tar), or with
//   several whose tensors have different names. Files with the latter suffixes that hold no tensors
//   are skipped.
//
// `threads`, `limits` and `base` are those of the Reader if it is an archive. Tensors of several files come
// in the order of the files' names. Errors: kNotFound; kInvalidArgument if no model is found or if
// two files have a tensor of the same name; kUnsupported if an archive has a tensor of a dtype that
// is not known, or if a GGUF file, also in an archive, has one of a type that is not known; kLimit if
// the tensors take more than four times the bytes of the files and 4 MiB, which strides of 0 make
// possible, where a tensor with several names counts once; those of the formats.
Result<Model> open(const std::string& path, unsigned threads = kAllCores, const Limits& limits = {},
                   const std::shared_ptr<Base>& base = {});
// Opens a model from a file that the caller has opened; `path` is its name. Directories are not
// accepted, and a config.json beside the file is not read.
Result<Model> open(std::shared_ptr<io::Source> source, const std::string& path,
                   unsigned threads = kAllCores, const Limits& limits = {},
                   const std::shared_ptr<Base>& base = {});

// Makes one model of several files' models, whose tensors come one after the other. `shown` names it in
// messages. What belongs to one file is that of the only model, if there is one. Errors: kInvalidArgument if
// two have a tensor of the same name.
Result<Model> join(std::vector<Model> models, const std::string& shown);

// Checks that all tensors take at most four times the bytes of the model's files and 4 MiB, where each
// name counts: for a caller that loads every tensor by its name, or holds several. Errors: kLimit.
Status check_expansion(const Model& model);

// Returns kIo, naming the file, if one of the model's files has changed since it was opened. To be
// called when the work with the model is done.
Status check_unchanged(const Model& model);

}  // namespace bbz::model
