// A model in memory, packed up to its symmetry and read back.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <initializer_list>
#include <mutex>
#include <thread>

#include "bbz/archive/reader.h"
#include "bbz/archive/stream.h"
#include "bbz/files/safetensors/header.h"
#include "bbz/ops/rotation/pack.h"
#include "bbz/symmetry/junction/family.h"
#include "models/models.h"
#include "support/faulty.h"

namespace bbz::rotation {

// Returns the families over which the tests run.
inline std::vector<std::string_view> family_names() {
  std::vector<std::string_view> names;
  for (const junction::Family& family : junction::families()) names.push_back(family.name);
  return names;
}

// Returns parts of a test's name joined by '_', without the characters that such a name cannot have.
inline std::string test_name(std::initializer_list<std::string_view> parts) {
  std::string name;
  for (const std::string_view part : parts) {
    if (!name.empty()) name += '_';
    name += part;
  }
  std::erase(name, '-');
  return name;
}

// How many threads the linear algebra may have.
inline unsigned processors() {
  return std::max(1u, std::thread::hardware_concurrency());
}

// The model in the bytes of a safetensors file, which must stay alive.
inline Result<Model> model_of(Bytes file) {
  BBZ_ASSIGN(const safetensors::Header header, safetensors::parse(file, file.size()));
  Model model;
  model.path = "model.safetensors";
  model.stored_bytes = model.file_bytes = file.size();
  model.metadata = header.metadata;
  model.header.assign(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(header.header_size));
  for (const safetensors::Tensor& t : header.tensors)
    model.tensors.push_back({t.name, t.dtype, t.shape});
  model.load = [file, header](std::size_t i) -> Result<std::vector<std::byte>> {
    const safetensors::Tensor& t = header.tensors[i];
    const Bytes bytes = file.subspan(header.header_size + t.begin, t.size());
    return std::vector<std::byte>(bytes.begin(), bytes.end());
  };
  return model;
}

struct Packed {
  std::vector<std::byte> archive;
  Record record;
};

inline Result<Packed> pack_file(Bytes file, RequestedMethod method,
                                DigestKind digest = DigestKind::kXxh3_128,
                                std::uint64_t chunk_bytes = 1 << 20,
                                gauge::Floor floor = gauge::Floor::kNone, unsigned threads = 0) {
  BBZ_ASSIGN(const Model model, model_of(file));
  WriteOptions write;
  write.digest = digest;
  write.chunk_bytes = chunk_bytes;
  write.threads = threads;
  Packed packed;
  const auto sink = io::memory_sink(packed.archive);
  BBZ_ASSIGN(Writer writer, Writer::create(*sink, write));
  PackOptions options;
  options.method = method;
  options.floor = floor;
  BBZ_ASSIGN(packed.record, pack(model, detect(model), writer, options));
  BBZ_TRY(writer.finish());
  BBZ_TRY(sink->finish());
  return packed;
}

// A generated model as the bytes of a safetensors file.
inline std::vector<std::byte> file_of(const test_models::Model& model) {
  std::vector<safetensors::Tensor> tensors;
  for (const TensorInfo& info : model.infos) {
    tensors.push_back({info.name, info.dtype, info.shape, 0, 0});
  }
  std::vector<std::byte> file = *safetensors::build(tensors, {{"format", "pt"}});
  for (const auto& bytes : model.bytes) file.insert(file.end(), bytes.begin(), bytes.end());
  return file;
}

// Small sliced models of every family, with a width of its own for each junction.
inline test_models::Spec small_spec(const std::string& family, DType dtype) {
  test_models::Spec spec;
  spec.family = family;
  spec.dtype = dtype;
  spec.layers = 2;
  spec.hidden = 32;
  spec.widths = {26, 24, 27, 25, 24};
  spec.inner = 64;
  spec.vocabulary = 48;
  return spec;
}

// Every byte of the archive's only file, read through Visitor calls.
class OneFile : public Visitor {
 public:
  Status data(const catalog::Tensor& tensor, std::uint64_t offset, Bytes bytes) override {
    if (tensor.is_operand()) return {};
    const std::uint64_t at = tensor.meta.offset + offset;
    if (file.size() < at + bytes.size()) file.resize(at + bytes.size());
    std::ranges::copy(bytes, file.begin() + static_cast<std::ptrdiff_t>(at));
    return {};
  }
  std::vector<std::byte> file;
};

inline Result<std::vector<std::byte>> unpack_by_index(Bytes archive) {
  BBZ_ASSIGN(const Reader reader, Reader::open(io::memory_source(archive)));
  OneFile visitor;
  BBZ_TRY(reader.visit_all(visitor));
  return visitor.file;
}

// Takes bytes wherever they belong, from several threads at once.
class Places final : public io::Sink {
 public:
  Status write(Bytes bytes) override { return place(file.size(), bytes); }
  Status finish() override { return {}; }
  bool can_place() const override { return true; }
  Status reserve(std::uint64_t size) override {
    file.resize(size);
    return {};
  }
  Status place(std::uint64_t offset, Bytes bytes) override {
    const std::lock_guard lock(mutex_);
    if (file.size() < offset + bytes.size()) file.resize(offset + bytes.size());
    std::ranges::copy(bytes, file.begin() + static_cast<std::ptrdiff_t>(offset));
    return {};
  }
  std::uint64_t written() const override { return file.size(); }

  std::vector<std::byte> file;

 private:
  std::mutex mutex_;
};

// Unpacks an archive as files that can be written out of order are written.
inline Result<std::vector<std::byte>> unpack_in_places(Bytes archive, unsigned threads) {
  ReadOptions options;
  options.threads = threads;
  BBZ_ASSIGN(const Reader reader, Reader::open(io::memory_source(archive), options));
  std::vector<Placement> placements;
  for (const std::uint32_t number : reader.catalog().files.front().tensors) {
    placements.push_back({number, reader.catalog().tensors[number].meta.offset});
  }
  Places sink;
  BBZ_TRY(reader.place_tensors(placements, sink, {}));
  return std::move(sink.file);
}

inline Result<std::vector<std::byte>> unpack_stream(Bytes archive) {
  const auto memory = io::memory_source(archive);
  io::SequentialSource pipe(*memory);
  OneFile visitor;
  BBZ_TRY(read_stream(pipe, {}, visitor));
  return visitor.file;
}

}  // namespace bbz::rotation
