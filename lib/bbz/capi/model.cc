#include "bbz/capi/model.h"

#include "bbz/base/names.h"
#include "bbz/base/wire.h"
#include "bbz/capi/internal/describe.h"
#include "bbz/capi/internal/models.h"
#include "bbz/capi/internal/targets.h"
#include "bbz/parallel/ordered_map.h"

bbz_model::bbz_model(bbz::model::Model opened, unsigned threads)
    : model(std::move(opened)), pool(threads) {
  for (const bbz::TensorInfo& info : model.tensors) {
    // The sizes were checked when the model was opened.
    const std::uint64_t elements = bbz::element_count(info.shape).value();
    sizes.push_back(bbz::divide_up(elements * bbz::element_bits(info), 8));
    places.emplace(info.name, static_cast<std::uint32_t>(sizes.size() - 1));
  }
}

bbz::Result<const bbz::safetensors::Metadata*> bbz_model::metadata() const {
  if (!model.archive) return &model.metadata;
  const std::lock_guard lock(mutex_);
  if (metadata_) return &*metadata_;
  bbz::safetensors::Metadata all;
  for (const bbz::catalog::Metadata& entry : model.archive->catalog().metadata) {
    if (entry.meta.key != "safetensors" || entry.meta.file == BBZ_NONE) continue;
    BBZ_ASSIGN(const std::string json, model.archive->read_metadata(entry));
    BBZ_TRY(bbz::safetensors::add_metadata(all, json));
  }
  metadata_ = std::move(all);
  return &*metadata_;
}

namespace bbz::capi {

// It has grown by the base.
template <>
inline constexpr std::size_t kFirstSize<bbz_model_options> = offsetof(bbz_model_options, base);

namespace {

Result<bbz_model_options> options_of(const bbz_model_options* given) {
  BBZ_ASSIGN(const bbz_model_options known, read_struct(given, "bbz_model_options"));
  if (known.reserved == 0) return known;
  return make_error(Code::kInvalidArgument, "bbz_model_options: reserved is not zero");
}

// Opens a model by `open`, a function of threads, limits and base.
template <class Open>
Status open_model(const bbz_model_options* given, bbz_model** model, Open&& open) {
  BBZ_ASSIGN(const bbz_model_options options, options_of(given));
  BBZ_ASSIGN(const Limits limits, limits_of(options.limits));
  BBZ_ASSIGN(model::Model opened, open(options.threads, limits, base_of(options.base)));
  *model = new bbz_model(std::move(opened), options.threads);
  return {};
}

Status describe_model(const bbz_model& model, bbz_model_info* out) {
  BBZ_ASSIGN(const safetensors::Metadata* const metadata, model.metadata());
  bbz_model_info info{};
  info.tensor_count = static_cast<std::uint32_t>(model.sizes.size());
  info.metadata_count = static_cast<std::uint32_t>(metadata->size());
  info.is_archive = model.model.archive ? 1 : 0;
  for (const std::uint64_t size : model.sizes) info.tensor_bytes += size;
  info.stored_bytes = model.model.stored_bytes;
  if (model.model.root) copy_text(model.model.root->to_string(), info.root);
  return write_struct(info, out, "bbz_model_info");
}

bbz_tensor_info describe_tensor(const bbz_model& model, std::uint32_t number) {
  if (model.model.archive) {
    return describe(model.model.archive->catalog().tensors[model.model.numbers[number]]);
  }
  const TensorInfo& tensor = model.model.tensors[number];
  bbz_tensor_info info{};
  info.name = tensor.name.c_str();
  info.name_length = tensor.name.size();
  info.kind = BBZ_KIND_TENSOR;
  info.dtype = static_cast<std::uint32_t>(tensor.dtype);
  info.element_bits = static_cast<std::uint32_t>(element_bits(tensor));
  info.rank = static_cast<std::uint32_t>(tensor.shape.size());
  info.shape = tensor.shape.data();
  info.element_count = 1;
  for (const std::uint64_t extent : tensor.shape) info.element_count *= extent;
  info.byte_size = model.sizes[number];
  info.file = BBZ_NONE;
  info.layer = BBZ_NONE;
  info.base = BBZ_NONE;
  info.leans_on = BBZ_NONE;
  if (tensor.block != nullptr) {
    info.block_type = tensor.block->name.c_str();
    info.block_type_length = tensor.block->name.size();
    info.block_values = tensor.block->values;
  }
  return info;
}

Status find(const bbz_model& model, std::string_view name, std::uint32_t* tensor) {
  const auto [first, last] = model.places.equal_range(name);
  if (first == last) {
    return make_error(Code::kNotFound, "no tensor is called {}", quoted(name));
  }
  if (std::next(first) != last) {
    return make_error(Code::kInvalidArgument, "several files have a tensor called {}",
                      quoted(name));
  }
  *tensor = first->second;
  return {};
}

Status check_range(const bbz_model& model, std::uint32_t tensor, std::uint64_t offset,
                   std::uint64_t size) {
  BBZ_TRY(check_number("tensor", tensor, model.sizes.size()));
  const std::uint64_t has = model.sizes[tensor];
  if (offset <= has && size <= has - offset) return {};
  return make_error(Code::kInvalidArgument, "tensor {}: no {} bytes at {}, its size is {}",
                    quoted(model.model.tensors[tensor].name), size, offset, has);
}

Status read_rows(const bbz_model& model, std::uint32_t tensor, std::uint64_t first,
                 std::uint64_t count, MutableBytes out) {
  BBZ_TRY(check_number("tensor", tensor, model.sizes.size()));
  if (model.model.archive) {
    return model.model.archive->read_rows(model.model.numbers[tensor], first, count, out);
  }
  // row_bytes() needs no more of a tensor.
  catalog::Tensor entry;
  entry.meta.name = model.model.tensors[tensor].name;
  entry.meta.shape = model.model.tensors[tensor].shape;
  entry.meta.element_bits = static_cast<std::uint32_t>(element_bits(model.model.tensors[tensor]));
  entry.byte_size = model.sizes[tensor];
  const std::uint64_t last = checked_add(first, count).value_or(UINT64_MAX);
  BBZ_ASSIGN(const io::ByteRange rows, catalog::row_bytes(entry, first, last));
  if (out.size() != rows.size) {
    return make_error(Code::kInvalidArgument,
                      "tensor {}: a buffer of {} bytes for {} rows, expected {}",
                      quoted(entry.meta.name), out.size(), count, rows.size);
  }
  return model.model.read(tensor, rows.offset, out);
}

// Reads targets that are in no archive, in pieces.
Status read_pieces(const bbz_model& model, std::span<const bbz_target> targets, std::uint64_t total,
                   const Watcher& watcher) {
  constexpr std::uint64_t kPiece = std::uint64_t{8} << 20;
  struct Piece {
    std::uint32_t tensor = 0;
    std::uint64_t offset = 0;
    MutableBytes out;
  };
  for (const bbz_target& target : targets) {
    BBZ_TRY(check_range(model, target.tensor, target.offset, target.size));
  }
  return Job::run(watcher, [&](Job& job) -> Status {
    BBZ_TRY(job.begin(BBZ_PHASE_WORK, total));
    std::uint64_t done = 0;
    std::uint64_t within = 0;  // bytes of the first target that are in a piece
    return parallel::ordered_map<Piece>(
        model.pool, parallel::queue_depth(model.pool),
        [&](Piece& piece) -> Result<bool> {
          while (!targets.empty() && within == targets.front().size) {
            targets = targets.subspan(1);
            within = 0;
          }
          if (targets.empty()) return false;
          const bbz_target& target = targets.front();
          const std::uint64_t size = std::min(kPiece, target.size - within);
          piece.tensor = target.tensor;
          piece.offset = target.offset + within;
          piece.out = {static_cast<std::byte*>(target.buffer) + within, size};
          within += size;
          return true;
        },
        [&](Piece& piece) { return model.model.read(piece.tensor, piece.offset, piece.out); },
        [&](Piece& piece) {
          done += piece.out.size();
          return job.advance(done);
        });
  });
}

Status read_many(const bbz_model& model, std::span<const bbz_target> given,
                 const bbz_many_options* options) {
  BBZ_ASSIGN(const Watcher watcher, watcher_of(options));
  BBZ_ASSIGN(const std::uint64_t total, check_targets(given));
  if (!model.model.archive) return read_pieces(model, given, total, watcher);
  std::vector<bbz_target> targets(given.begin(), given.end());
  for (bbz_target& target : targets) {
    BBZ_TRY(check_number("tensor", target.tensor, model.sizes.size()));
    target.tensor = model.model.numbers[target.tensor];
  }
  return read_targets(*model.model.archive, targets, total, watcher);
}

}  // namespace
}  // namespace bbz::capi

bbz_code bbz_model_open(const char* path, const bbz_model_options* options, bbz_model** model,
                        bbz_error* error) noexcept {
  return bbz::capi::guarded(error, [&]() -> bbz::Status {
    BBZ_REQUIRE(model);
    *model = nullptr;
    BBZ_REQUIRE(path);
    return bbz::capi::open_model(
        options, model, [&](unsigned threads, const bbz::Limits& limits, const auto& base) {
          return bbz::model::open(path, threads, limits, base);
        });
  });
}

bbz_code bbz_model_open_source(const bbz_source* source, const char* name,
                               const bbz_model_options* options, bbz_model** model,
                               bbz_error* error) noexcept {
  return bbz::capi::guarded(error, [&]() -> bbz::Status {
    BBZ_REQUIRE(model);
    *model = nullptr;
    BBZ_REQUIRE(source);
    return bbz::capi::open_model(
        options, model, [&](unsigned threads, const bbz::Limits& limits, const auto& base) {
          return bbz::model::open(source->source, name == nullptr ? "" : name, threads, limits,
                                  base);
        });
  });
}

void bbz_model_free(bbz_model* model) noexcept {
  delete model;
}

bbz_code bbz_model_get(const bbz_model* model, bbz_model_info* info, bbz_error* error) noexcept {
  return bbz::capi::guarded(error, [&]() -> bbz::Status {
    BBZ_REQUIRE(model);
    BBZ_REQUIRE(info);
    return bbz::capi::describe_model(*model, info);
  });
}

bbz_code bbz_model_tensor(const bbz_model* model, uint32_t tensor, bbz_tensor_info* info,
                          bbz_error* error) noexcept {
  return bbz::capi::guarded(error, [&]() -> bbz::Status {
    BBZ_REQUIRE(model);
    BBZ_REQUIRE(info);
    BBZ_TRY(bbz::capi::check_number("tensor", tensor, model->sizes.size()));
    return bbz::capi::write_struct(bbz::capi::describe_tensor(*model, tensor), info,
                                   "bbz_tensor_info");
  });
}

bbz_code bbz_model_find(const bbz_model* model, const char* name, size_t length, uint32_t* tensor,
                        bbz_error* error) noexcept {
  return bbz::capi::guarded(error, [&]() -> bbz::Status {
    BBZ_REQUIRE(model);
    BBZ_REQUIRE(name);
    BBZ_REQUIRE(tensor);
    return bbz::capi::find(*model, std::string_view(name, length), tensor);
  });
}

bbz_code bbz_model_reader(const bbz_model* model, bbz_reader** reader, bbz_error* error) noexcept {
  return bbz::capi::guarded(error, [&]() -> bbz::Status {
    BBZ_REQUIRE(reader);
    *reader = nullptr;
    BBZ_REQUIRE(model);
    if (!model->model.archive) {
      return bbz::make_error(bbz::Code::kUnsupported, "the model is in no archive");
    }
    *reader = new bbz_reader{model->model.archive};
    return {};
  });
}

bbz_code bbz_model_metadata(const bbz_model* model, uint32_t number, bbz_model_text* text,
                            bbz_error* error) noexcept {
  return bbz::capi::guarded(error, [&]() -> bbz::Status {
    BBZ_REQUIRE(model);
    BBZ_REQUIRE(text);
    BBZ_ASSIGN(const auto* const metadata, model->metadata());
    BBZ_TRY(bbz::capi::check_number("metadata", number, metadata->size()));
    const auto& [key, value] = (*metadata)[number];
    bbz_model_text found{};
    found.key = key.c_str();
    found.key_length = key.size();
    found.value = value.c_str();
    found.value_length = value.size();
    return bbz::capi::write_struct(found, text, "bbz_model_text");
  });
}

bbz_code bbz_model_read_bytes(const bbz_model* model, uint32_t tensor, uint64_t offset,
                              void* buffer, size_t size, bbz_error* error) noexcept {
  return bbz::capi::guarded(error, [&]() -> bbz::Status {
    BBZ_REQUIRE(model);
    BBZ_ASSIGN(const bbz::MutableBytes out, bbz::capi::buffer_of(buffer, size));
    BBZ_TRY(bbz::capi::check_range(*model, tensor, offset, size));
    return model->model.read(tensor, offset, out);
  });
}

bbz_code bbz_model_read_rows(const bbz_model* model, uint32_t tensor, uint64_t first,
                             uint64_t count, void* buffer, size_t size, bbz_error* error) noexcept {
  return bbz::capi::guarded(error, [&]() -> bbz::Status {
    BBZ_REQUIRE(model);
    BBZ_ASSIGN(const bbz::MutableBytes out, bbz::capi::buffer_of(buffer, size));
    return bbz::capi::read_rows(*model, tensor, first, count, out);
  });
}

bbz_code bbz_model_read_many(const bbz_model* model, const bbz_target* targets, size_t count,
                             const bbz_many_options* options, bbz_error* error) noexcept {
  return bbz::capi::guarded(error, [&]() -> bbz::Status {
    BBZ_REQUIRE(model);
    if (count != 0) BBZ_REQUIRE(targets);
    return bbz::capi::read_many(*model, std::span(targets, count), options);
  });
}
