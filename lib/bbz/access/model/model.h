// The tensors of one model, wherever they are stored: safetensors, a PyTorch state dict, a folder,
// an archive.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bbz/base/hash.h"
#include "bbz/files/safetensors/header.h"
#include "bbz/format/container/limits.h"
#include "bbz/io/source.h"
#include "bbz/symmetry/junction/detect.h"

namespace bbz::model {

struct Model {
  std::string path;                 // of the safetensors file that holds it, or would
  std::vector<TensorInfo> tensors;  // in the order of their data
  safetensors::Metadata metadata;   // of the file
  std::vector<std::byte> header;    // of the file where it is safetensors, else empty
  // What is stored of it: the bytes of its file, or of the archive's payloads; of all its files.
  std::uint64_t stored_bytes = 0;
  // Reads a tensor, by its index in `tensors`. It keeps open what it reads from, also after the
  // Model is gone. Errors: those of the source and of the format that it was opened as;
  // kIo if the file has changed since.
  junction::Load load;
  std::optional<Digest> root;  // of the archive that holds it
  // Text of the config.json beside it; empty where there is none, or one of more than 16 MiB.
  std::string config;
  std::vector<std::shared_ptr<io::Source>> sources;  // what `load` reads from
};

// Opens a model:
//   - a safetensors file, by its name or its front; a file of torch.save; a bbz archive;
//   - a folder with one file of safetensors or torch.save (.pt, .pth, .bin, .ckpt), or several
//   whose tensors have different names; files of those suffixes that hold no tensors are passed
//   over.
// `threads` decode, and the limits hold, where it is an archive; 0: all cores. Tensors of several files come in the
// order of the files' names, and `header` is empty then. Errors: kNotFound; kInvalidArgument where
// no model is found or two tensors have one name; those of the formats.
Result<Model> open(const std::string& path, unsigned threads = 0, const Limits& limits = {});
// The same of a file that the caller has opened, whose name is `path`.
Result<Model> open(std::shared_ptr<io::Source> source, const std::string& path,
                   unsigned threads = 0, const Limits& limits = {});

// Reports kIo, naming the file, if one of the model's has changed since it was opened; for the end
// of what is done with the model as a whole.
Status check_unchanged(const Model& model);

}  // namespace bbz::model
