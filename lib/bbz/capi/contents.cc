// Describes the content of an archive: the catalog's entries as C structs.
#include <optional>

#include "bbz/capi/internal/describe.h"
#include "bbz/ops/unpack.h"

static_assert(BBZ_NONE == bbz::catalog::kNone);

namespace bbz::capi {
namespace {

std::uint32_t kind_of(const catalog::Tensor& tensor) {
  if (tensor.is_operand()) return BBZ_KIND_OPERAND;
  if (tensor.meta.extensions.storage) return BBZ_KIND_STORAGE;
  return tensor.meta.kind == catalog::TensorKind::kTensor ? BBZ_KIND_TENSOR : BBZ_KIND_BYTES;
}

}  // namespace

Status add_patterns(const char* const* patterns, std::size_t count, std::vector<std::string>& out) {
  if (count != 0) BBZ_REQUIRE(patterns);
  for (const char* pattern : std::span(patterns, count)) {
    BBZ_REQUIRE(pattern);
    out.emplace_back(pattern);
  }
  return {};
}

bbz_archive_info describe(const Reader& reader) {
  const catalog::Catalog& catalog = reader.catalog();
  bbz_archive_info info{};
  info.struct_size = sizeof info;
  info.format_major = catalog.header.major;
  info.format_minor = catalog.header.minor;
  info.file_count = static_cast<std::uint32_t>(catalog.files.size());
  info.tensor_count = static_cast<std::uint32_t>(catalog.tensors.size());
  info.metadata_count = static_cast<std::uint32_t>(catalog.metadata.size());
  info.exact = ops::is_exact(catalog) ? 1 : 0;
  info.chunk_count = catalog.chunks.size();
  info.archive_bytes = reader.archive_bytes();
  info.unpacked_bytes = catalog.unpacked_bytes;
  info.stored_bytes = catalog.stored_bytes;
  copy_text(reader.root().to_string(), info.root);
  info.base_count = static_cast<std::uint32_t>(catalog.bases.size());
  return info;
}

bbz_file_info describe(const catalog::File& file) {
  bbz_file_info info{};
  info.struct_size = sizeof info;
  info.path = file.path.c_str();
  info.path_length = file.path.size();
  info.size = file.size;
  info.tensors = file.tensors.data();
  info.tensor_count = file.tensors.size();
  if (file.digest) {
    info.sha256 = reinterpret_cast<const unsigned char*>(file.digest->bytes.data());
  }
  info.is_directory = file.kind == catalog::FileKind::kDirectory ? 1 : 0;
  const auto& [mode, time] = file.attributes();
  if (mode) {
    info.recorded |= BBZ_RECORDED_MODE;
    info.mode = *mode;
  }
  if (time) {
    info.recorded |= BBZ_RECORDED_TIME;
    info.modified_seconds = time->seconds;
    info.modified_nanoseconds = time->nanoseconds;
  }
  return info;
}

bbz_tensor_info describe(const catalog::Tensor& tensor) {
  const catalog::TensorMeta& meta = tensor.meta;
  bbz_tensor_info info{};
  info.struct_size = sizeof info;
  info.name = meta.name.c_str();
  info.name_length = meta.name.size();
  info.kind = kind_of(tensor);
  info.dtype = static_cast<std::uint32_t>(meta.dtype);
  info.element_bits = meta.element_bits;
  info.rank = static_cast<std::uint32_t>(meta.shape.size());
  info.shape = meta.shape.data();
  info.element_count = 1;  // does not overflow, because the size was checked
  for (const std::uint64_t extent : meta.shape) info.element_count *= extent;
  info.byte_size = tensor.byte_size;
  info.stored_bytes = tensor.stored_bytes;
  info.chunk_count = tensor.chunk_count;
  info.file_offset = meta.offset;
  info.file = meta.file;
  info.layer = meta.layer;
  if (tensor.block != nullptr) {
    info.block_type = tensor.block->name.c_str();
    info.block_type_length = tensor.block->name.size();
    info.block_values = tensor.block->values;
  }
  info.base = BBZ_NONE;
  if (meta.is_view()) {
    info.strides = meta.view->strides.data();
    info.base_offset = meta.view->offset;
    info.base = meta.base();
  }
  info.leans_on = meta.leans() ? meta.support->base : BBZ_NONE;
  return info;
}

bbz_recorded_base describe(const catalog::BaseMeta& base) {
  bbz_recorded_base info{};
  info.name = base.hint.c_str();
  info.name_length = base.hint.size();
  if (base.root) copy_text(base.root->to_string(), info.root);
  return info;
}

bbz_metadata_info describe(const catalog::Metadata& metadata) {
  bbz_metadata_info info{};
  info.struct_size = sizeof info;
  info.key = metadata.meta.key.c_str();
  info.key_length = metadata.meta.key.size();
  info.value_length = metadata.payload.length;
  info.file = metadata.meta.file;
  return info;
}

Result<ops::Selection> selection_of(const bbz_selection* given) {
  BBZ_ASSIGN(const bbz_selection known, read_struct(given, "bbz_selection"));
  ops::Selection selection;
  const bbz_layers* const layers = known.layers;
  if (known.layer_count != 0) BBZ_REQUIRE(layers);
  for (const bbz_layers& range : std::span(layers, known.layer_count)) {
    selection.layers.push_back({range.first, range.last});
  }
  BBZ_TRY(add_patterns(known.tensors, known.tensor_count, selection.tensors));
  BBZ_TRY(add_patterns(known.excluded, known.excluded_count, selection.excluded));
  BBZ_TRY(add_patterns(known.files, known.file_count, selection.files.patterns));
  return selection;
}

namespace {

// Describes an entry of the catalog's list that `list` returns.
template <class List, class Info>
bbz_code entry(const bbz_reader* reader, List&& list, const char* what, std::uint32_t number,
               Info* info, bbz_error* error) noexcept {
  return guarded(error, [&]() -> Status {
    BBZ_REQUIRE(reader);
    BBZ_REQUIRE(info);
    const auto& entries = list(reader->reader->catalog());
    BBZ_TRY(check_number(what, number, entries.size()));
    return write_struct(describe(entries[number]), info, "info");
  });
}

Status select(const bbz_reader* reader, const bbz_selection* given, std::uint32_t* tensors,
              std::size_t capacity, std::size_t* count) {
  BBZ_REQUIRE(count);
  *count = 0;
  BBZ_REQUIRE(reader);
  if (capacity != 0) BBZ_REQUIRE(tensors);
  BBZ_ASSIGN(const ops::Selection selection, selection_of(given));
  BBZ_ASSIGN(const auto numbers, ops::select(reader->reader->catalog(), selection));
  *count = numbers.size();
  if (capacity == 0) return {};
  if (capacity < numbers.size()) {
    return make_error(Code::kInvalidArgument,
                      "an array of {} numbers, expected {} for the selected tensors", capacity,
                      numbers.size());
  }
  std::ranges::copy(numbers, tensors);
  return {};
}

}  // namespace
}  // namespace bbz::capi

bbz_code bbz_reader_info(const bbz_reader* reader, bbz_archive_info* info,
                         bbz_error* error) noexcept {
  return bbz::capi::guarded(error, [&]() -> bbz::Status {
    BBZ_REQUIRE(reader);
    BBZ_REQUIRE(info);
    return bbz::capi::write_struct(bbz::capi::describe(*reader->reader), info, "bbz_archive_info");
  });
}

bbz_code bbz_reader_file(const bbz_reader* reader, uint32_t file, bbz_file_info* info,
                         bbz_error* error) noexcept {
  const auto list = [](const bbz::catalog::Catalog& c) -> const auto& {
    return c.files;
  };
  return bbz::capi::entry(reader, list, "file", file, info, error);
}

bbz_code bbz_reader_find_file(const bbz_reader* reader, const char* path, size_t length,
                              uint32_t* file, bbz_error* error) noexcept {
  return bbz::capi::guarded(error, [&]() -> bbz::Status {
    BBZ_REQUIRE(reader);
    BBZ_REQUIRE(path);
    BBZ_REQUIRE(file);
    BBZ_ASSIGN(*file, reader->reader->find_file(std::string_view(path, length)));
    return {};
  });
}

bbz_code bbz_reader_tensor(const bbz_reader* reader, uint32_t tensor, bbz_tensor_info* info,
                           bbz_error* error) noexcept {
  const auto list = [](const bbz::catalog::Catalog& c) -> const auto& {
    return c.tensors;
  };
  return bbz::capi::entry(reader, list, "tensor", tensor, info, error);
}

bbz_code bbz_reader_base(const bbz_reader* reader, uint32_t base, bbz_recorded_base* info,
                         bbz_error* error) noexcept {
  const auto list = [](const bbz::catalog::Catalog& c) -> const auto& {
    return c.bases;
  };
  return bbz::capi::entry(reader, list, "base", base, info, error);
}

bbz_code bbz_reader_find_tensor(const bbz_reader* reader, const char* name, size_t length,
                                uint32_t file, uint32_t* tensor, bbz_error* error) noexcept {
  return bbz::capi::guarded(error, [&]() -> bbz::Status {
    BBZ_REQUIRE(reader);
    BBZ_REQUIRE(name);
    BBZ_REQUIRE(tensor);
    const auto in = file == BBZ_NONE ? std::nullopt : std::optional(file);
    BBZ_ASSIGN(*tensor, reader->reader->find_tensor(std::string_view(name, length), in));
    return {};
  });
}

bbz_code bbz_reader_select(const bbz_reader* reader, const bbz_selection* selection,
                           uint32_t* tensors, size_t capacity, size_t* count,
                           bbz_error* error) noexcept {
  return bbz::capi::guarded(
      error, [&] { return bbz::capi::select(reader, selection, tensors, capacity, count); });
}

bbz_code bbz_reader_metadata(const bbz_reader* reader, uint32_t number, bbz_metadata_info* info,
                             bbz_error* error) noexcept {
  const auto list = [](const bbz::catalog::Catalog& c) -> const auto& {
    return c.metadata;
  };
  return bbz::capi::entry(reader, list, "metadata", number, info, error);
}
