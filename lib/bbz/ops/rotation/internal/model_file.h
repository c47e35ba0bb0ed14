// ModelFile: writes the files of a rotated model into an archive, tensor by tensor.
#pragma once

#include <deque>
#include <unordered_map>

#include "bbz/archive/writer.h"
#include "bbz/io/spool.h"
#include "bbz/ops/rotation/internal/output_file.h"

namespace bbz::rotation {

// Tensors may come in any order. In the archive, the files come one after another: what comes before its
// file is open waits in a temporary file. A file is complete when all of its tensors are written; then
// what lies between them follows, and the next file begins. The last one waits for the record.
class ModelFile {
 public:
  // Begins the first file. `longest` is a record whose JSON is at least as long as that of finish().
  // `rotated` says which tensors will come by add(), add_dense() or add_polar() before add_the_rest(); if
  // there are several files, the others are written when their file begins. The other arguments must
  // outlive the object. Errors: those of lay_out() and of the writer.
  static Result<ModelFile> begin(const Model& model, const Record& longest,
                                 std::vector<bool> rotated, Writer& writer,
                                 const PackOptions& options);

  // Returns the writer that begin() was given.
  Writer& writer() { return *writer_; }
  // Returns the spec of a dense tensor of the model at its place in its file.
  TensorSpec spec(std::size_t tensor) const;

  // Marks a tensor as written, with the bytes that it has when it is unpacked.
  void mark(std::size_t tensor, Bytes bytes);
  // Writes a tensor of the model as dense and marks it. Errors: those of the writer.
  Status add_dense(std::size_t tensor, Bytes bytes);
  // Returns the number of bytes that the payloads of a dense tensor will take, or a number of at
  // least `enough` as soon as they are known to take that many: then no more chunks are encoded.
  Result<std::uint64_t> coded_bytes(const TensorSpec& spec, Bytes plain,
                                    std::uint64_t enough) const;
  // Writes a tensor of the model with its stored elements, and counts its bytes. `spec` comes from spec()
  // and has a form without a group. Errors: those of the writer.
  Status add(const TensorSpec& spec, Bytes stored);
  // Writes a polar group, its operand unless that has no elements, and the tensor that is derived from
  // them. `spec` comes from spec(). Errors: those of the writer.
  Status add_polar(const TensorSpec& spec, Bytes group, const TensorSpec& operand, Bytes factor);
  // Reports as progress that `bytes` more bytes of the files are written.
  void count(std::uint64_t bytes);
  // Loads all tensors that are not marked, and writes them unchanged. Errors: those of model.load
  // and of the writer.
  Status add_the_rest();

  // Writes what is left of the last file, with its metadata, and ends it. If nothing was rotated and the
  // file had a record that can be kept, the record is kept. Precondition: all tensors are written. Errors:
  // those of the writer.
  Status finish(const Record& record);

 private:
  // A tensor that waits for its file, with the place of its bytes in the spool.
  struct Waiting {
    TensorSpec spec;
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
    std::vector<std::byte> group;       // of a polar tensor; empty: it is none
    std::optional<TensorSpec> operand;  // whose bytes those in the spool are
  };
  struct File {
    std::unique_ptr<OutputFile> layout;
    std::size_t left = 0;         // tensors that were not written
    std::deque<Waiting> waiting;  // in the order in which they came
  };
  struct Place {
    std::size_t file = 0;
    std::size_t place = 0;  // in the file's Output::tensors
  };

  ModelFile(const Model& model, Writer& writer, const PackOptions& options)
      : model_(&model), writer_(&writer), options_(&options), written_(model.tensors.size()) {}
  Status lay_out_files(const Record& longest);
  Status open();
  Status advance();
  Status close(const std::string& record);
  Status write(const TensorSpec& spec, Bytes stored);
  Status write(const Waiting& tensor, Bytes bytes);
  Status put(Waiting tensor, Bytes bytes);
  Result<std::size_t> file_of(const TensorSpec& spec) const;

  const Model* model_;
  Writer* writer_;
  const PackOptions* options_;
  std::vector<Output> own_;          // the only output if the options have none
  std::span<const Output> outputs_;  // those of the options, or own_
  std::vector<File> files_;          // as the outputs
  std::vector<Place> places_;        // of each tensor
  std::unordered_map<std::string_view, std::size_t>
      numbers_;  // of tensors, if there are several files
  std::vector<bool> rotated_;
  std::vector<bool> written_;
  std::size_t open_ = 0;      // the file that is being written
  std::string short_record_;  // of all files but the last
  std::unique_ptr<io::Spool> spool_;
  std::uint64_t done_ = 0;  // bytes of the files that have been written
};

}  // namespace bbz::rotation
