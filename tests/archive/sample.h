// A small archive with a bit of everything, and what must come back from it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "bbz/archive/reader.h"
#include "bbz/archive/stream.h"
#include "bbz/archive/writer.h"
#include "support/bytes.h"

namespace bbz {

struct SampleTensor {
  TensorSpec spec;
  std::vector<std::byte> bytes;
};

struct SampleFile {
  std::string path;
  catalog::FileKind kind = catalog::FileKind::kRegular;
  std::vector<SampleTensor> tensors;

  std::vector<std::byte> bytes() const {
    std::vector<std::byte> all;
    for (const SampleTensor& t : tensors) all.insert(all.end(), t.bytes.begin(), t.bytes.end());
    return all;
  }
};

inline SampleTensor sample_tensor(std::string name, DType dtype, Shape shape, unsigned seed,
                                  std::optional<std::uint32_t> layer = {}) {
  SampleTensor t;
  t.spec.name = std::move(name);
  t.spec.dtype = dtype;
  t.spec.shape = std::move(shape);
  t.spec.layer = layer;
  t.bytes = noise(*byte_size(dtype, *element_count(t.spec.shape)), seed);
  return t;
}

inline SampleTensor sample_bytes(std::string_view text) {
  SampleTensor t;
  t.spec = TensorSpec::bytes(text.size());
  const Bytes bytes = std::as_bytes(std::span(text));
  t.bytes.assign(bytes.begin(), bytes.end());
  return t;
}

inline std::vector<SampleFile> sample_files() {
  std::vector<SampleFile> files;
  files.push_back(
      {"config.json", catalog::FileKind::kRegular, {sample_bytes("{\"layers\": 2}\n")}});
  files.push_back({"empty", catalog::FileKind::kRegular, {}});
  files.push_back({"folder/below", catalog::FileKind::kDirectory, {}});
  SampleFile model{"model", catalog::FileKind::kRegular, {}};
  model.tensors.push_back(sample_bytes("header of the model"));
  model.tensors.push_back(sample_tensor("embed", DType::kF32, {7, 9}, 1));
  model.tensors.push_back(sample_tensor("layers.0.w", DType::kBF16, {16, 20}, 2, 0));
  model.tensors.push_back(sample_tensor("layers.0.none", DType::kBF16, {0, 20}, 3, 0));
  model.tensors.push_back(sample_tensor("layers.1.w", DType::kF16, {5, 33}, 4, 1));
  model.tensors.push_back(sample_tensor("layers.1.scale", DType::kF64, {}, 5, 1));
  model.tensors.push_back(sample_tensor("packed", DType::kF4, {4, 6}, 6));
  files.push_back(std::move(model));
  return files;
}

// The block types Q4_0 and Q8_0 of GGUF: 32 values in 18 and in 34 bytes.
inline SharedBlockType q4_0() {
  return std::make_shared<const BlockType>(
      BlockType{"Q4_0", 32, {BlockField::of("d", DType::kF16, 1), BlockField::of("qs", {}, 16)}});
}
inline SharedBlockType q8_0() {
  return std::make_shared<const BlockType>(BlockType{
      "Q8_0", 32, {BlockField::of("d", DType::kF16, 1), BlockField::of("qs", DType::kI8, 32)}});
}

// A tensor of blocks; `shape` counts blocks.
inline SampleTensor block_tensor(std::string name, const SharedBlockType& type, Shape shape,
                                 unsigned seed) {
  SampleTensor t;
  t.spec.name = std::move(name);
  t.spec.dtype = DType::kBlock;
  t.spec.block = type;
  t.spec.shape = std::move(shape);
  t.bytes = noise(*element_count(t.spec.shape) * type->bytes(), seed);
  return t;
}

// A file with tensors of blocks of two types: rows and chunks, a tensor that is tied to another one,
// an empty one, and one of numbers.
inline std::vector<SampleFile> block_files() {
  SampleFile model{"model.gguf", catalog::FileKind::kRegular, {}};
  model.tensors.push_back(sample_bytes("header of the model"));
  model.tensors.push_back(block_tensor("layers.0.q", q4_0(), {5, 4}, 1));
  model.tensors.push_back(block_tensor("layers.1.k", q8_0(), {3, 2}, 2));
  model.tensors.push_back(block_tensor("tied", q4_0(), {5, 4}, 1));
  model.tensors.push_back(block_tensor("none", q8_0(), {0, 4}, 3));
  model.tensors.push_back(sample_tensor("norm", DType::kF32, {9}, 4));
  return {std::move(model)};
}

inline Status write_sample(const std::vector<SampleFile>& files, Writer& writer) {
  BBZ_TRY(writer.add_metadata("made-for", "tests"));
  for (const SampleFile& file : files) {
    BBZ_TRY(writer.begin_file(file.path, file.kind));
    for (const SampleTensor& t : file.tensors) {
      BBZ_TRY(writer.begin_tensor(t.spec));
      const std::size_t half = t.bytes.size() / 2;
      BBZ_TRY(writer.write(Bytes(t.bytes).first(half)));
      BBZ_TRY(writer.write(Bytes(t.bytes).subspan(half)));
      BBZ_TRY(writer.end_tensor());
    }
    BBZ_TRY(writer.end_file());
  }
  return {};
}

inline Result<Writer> sample_writer(const std::vector<SampleFile>& files, io::Sink& sink,
                                    const WriteOptions& options, bool front_index) {
  if (!front_index) return Writer::create(sink, options);
  BBZ_ASSIGN(Writer measuring, Writer::measure(options));
  BBZ_TRY(write_sample(files, measuring));
  return Writer::create_index_first(sink, std::move(measuring));
}

inline Result<std::vector<std::byte>> write_sample(const std::vector<SampleFile>& files,
                                                   const WriteOptions& options,
                                                   bool front_index = false) {
  std::vector<std::byte> archive;
  const auto sink = io::memory_sink(archive);
  BBZ_ASSIGN(Writer writer, sample_writer(files, *sink, options, front_index));
  BBZ_TRY(write_sample(files, writer));
  BBZ_TRY(writer.finish());
  BBZ_TRY(sink->finish());
  return archive;
}

// Puts files together from what a visit delivers.
class Collector : public Visitor {
 public:
  Status begin_file(const catalog::File& file) override {
    open_ = &files[file.path];
    return {};
  }
  Status data(const catalog::Tensor& tensor, std::uint64_t offset, Bytes bytes) override {
    const std::uint64_t at = tensor.meta.offset + offset;
    if (open_->size() < at + bytes.size()) open_->resize(at + bytes.size());
    std::ranges::copy(bytes, open_->begin() + static_cast<std::ptrdiff_t>(at));
    return {};
  }

  std::map<std::string, std::vector<std::byte>> files;

 private:
  std::vector<std::byte>* open_ = nullptr;
};

inline std::map<std::string, std::vector<std::byte>> contents(
    const std::vector<SampleFile>& files) {
  std::map<std::string, std::vector<std::byte>> all;
  for (const SampleFile& file : files) all[file.path] = file.bytes();
  return all;
}

}  // namespace bbz
