// An archive with views: tensors whose elements are bytes of others. Shared by the tests of the rooms
// that read them.
#pragma once

#include "archive/sample.h"
#include "bbz/base/layer_name.h"

namespace bbz {

// A view of a tensor of the file, and its bytes.
struct SampleView {
  std::string name;
  DType dtype{};
  Shape shape;
  std::string base;
  std::uint64_t offset = 0;  // in the base, bytes
  std::vector<std::uint64_t> strides;
  std::vector<std::byte> bytes{};
};

// Three tensors of a file "m.pt": one with a name, a storage and plain bytes; with the views of them.
// Of the storage, 600 of 1200 bytes are in no view.
inline std::vector<SampleView> sample_views() {
  std::vector<SampleView> views = {
      {"tied", DType::kBF16, {60, 100}, "w", 0, {100, 1}},
      {"turned", DType::kBF16, {100, 60}, "w", 0, {1, 100}},
      {"layers.3.rows", DType::kBF16, {2, 100}, "w", 40 * 200, {100, 1}},
      {"column", DType::kBF16, {60}, "w", 6, {100}},
      {"layers.3.a", DType::kF32, {10, 10}, "data/0", 0, {10, 1}},
      {"layers.4.b", DType::kF32, {50}, "data/0", 600, {1}},
      {"scalar", DType::kI64, {}, "", 3, {}},
      {"none", DType::kI64, {0, 5}, "", 40, {1, 1}},
  };
  return views;
}

inline std::vector<SampleFile> viewed_files() {
  SampleFile file{"m.pt", catalog::FileKind::kRegular, {}};
  file.tensors.push_back({TensorSpec::bytes(40), noise(40, 3)});
  file.tensors.push_back(sample_tensor("w", DType::kBF16, {60, 100}, 1));
  file.tensors.push_back(sample_tensor("data/0", DType::kF32, {300}, 2));
  file.tensors.back().spec.storage = true;
  file.tensors.push_back({TensorSpec::bytes(40), noise(40, 4)});
  return {file};
}

// Returns the bytes of a view of these bytes.
inline std::vector<std::byte> gathered(const SampleView& view, Bytes base) {
  const std::uint64_t width = element_bytes(view.dtype);
  std::vector<std::byte> out;
  const std::uint64_t count = element_count(view.shape).value();
  for (std::uint64_t i = 0; i < count; ++i) {
    std::uint64_t place = view.offset;
    std::uint64_t rest = i;
    for (std::size_t axis = view.shape.size(); axis-- > 0; rest /= view.shape[axis]) {
      place += rest % view.shape[axis] * view.strides[axis] * width;
    }
    const Bytes element = base.subspan(place, width);
    out.insert(out.end(), element.begin(), element.end());
  }
  return out;
}

// Returns the views with their bytes.
inline std::vector<SampleView> expected_views() {
  std::vector<SampleView> views = sample_views();
  const std::vector<SampleTensor> tensors = viewed_files()[0].tensors;
  for (SampleView& view : views) {
    const auto base =
        std::ranges::find(tensors, view.base, [](const SampleTensor& t) { return t.spec.name; });
    view.bytes = gathered(view, base->bytes);
  }
  return views;
}

inline Status write_views(Writer& writer) {
  const SampleFile file = viewed_files()[0];
  BBZ_TRY(writer.begin_file(file.path));
  std::map<std::string, std::uint32_t> numbers;
  std::uint32_t next = 0;
  for (const SampleTensor& t : file.tensors) {
    numbers.emplace(t.spec.name, next++);
    BBZ_TRY(writer.begin_tensor(t.spec));
    BBZ_TRY(writer.write(t.bytes));
    BBZ_TRY(writer.end_tensor());
  }
  for (const SampleView& view : sample_views()) {
    TensorSpec spec;
    spec.name = view.name;
    spec.dtype = view.dtype;
    spec.shape = view.shape;
    spec.layer = layer_of(view.name);
    spec.place = TensorSpec::ViewOf{next++ - numbers.at(view.base), view.offset, view.strides};
    BBZ_TRY(writer.begin_tensor(spec));
    BBZ_TRY(writer.end_tensor());
  }
  return writer.end_file();
}

// Returns the archive, whose chunks have about 4096 bytes.
inline std::vector<std::byte> write_viewed(DigestKind digest = DigestKind::kXxh3_128,
                                           bool front = false) {
  WriteOptions options;
  options.digest = digest;
  options.chunk_bytes = 4096;
  options.threads = 2;
  std::vector<std::byte> archive;
  const auto sink = io::memory_sink(archive);
  auto writer = Writer::create(*sink, options);
  if (front) {
    Writer measuring = *Writer::measure(options);
    if (!write_views(measuring).ok()) return {};
    writer = Writer::create_index_first(*sink, std::move(measuring));
  }
  if (!writer.ok() || !write_views(*writer).ok() || !writer->finish().ok()) return {};
  return archive;
}

}  // namespace bbz
