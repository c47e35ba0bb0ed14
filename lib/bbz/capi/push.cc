#include "bbz/capi/push.h"

#include <cstddef>

#include "bbz/base/names.h"
#include "bbz/capi/internal/describe.h"
#include "bbz/capi/internal/push_adapters.h"

static_assert(BBZ_UNKNOWN == bbz::push::Decoder::kUnknown);

struct bbz_push {
  std::unique_ptr<bbz::push::Receiver> receiver;
  std::unique_ptr<bbz::push::Store> store;
  std::unique_ptr<bbz::push::Decoder> decoder;  // destroyed before the two that it uses
  std::vector<bbz::push::Damage> faults;
};

namespace bbz::capi {

// It has grown by the base.
template <>
inline constexpr std::size_t kFirstSize<bbz_push_options> = offsetof(bbz_push_options, base);

namespace {

Result<std::unique_ptr<push::Store>> store_of(const bbz_push_options& options) {
  if (options.store_path != nullptr && options.store != nullptr) {
    return make_error(Code::kInvalidArgument,
                      "bbz_push_options: both store_path and store are set");
  }
  if (options.store_path != nullptr) return push::open_file_store(options.store_path);
  if (options.store == nullptr) return std::unique_ptr<push::Store>();
  BBZ_ASSIGN(const bbz_store callbacks, read_struct(options.store, "bbz_store"));
  if (callbacks.write == nullptr || callbacks.read == nullptr) {
    return make_error(Code::kInvalidArgument, "bbz_store: write or read is null");
  }
  return std::unique_ptr<push::Store>(std::make_unique<CallbackStore>(callbacks));
}

Result<push::Options> options_of(const bbz_push_options& known) {
  push::Options options;
  if (known.total != 0) options.total = known.total;
  if (known.memory != 0) options.memory = known.memory;
  if (known.most_ranges != 0) {
    options.most_ranges =
        static_cast<std::size_t>(std::min<std::uint64_t>(known.most_ranges, SIZE_MAX));
  }
  options.threads = known.threads;
  options.decode = known.check_only == 0;
  options.structure_first = known.structure_first != 0;
  options.only_wanted = known.only_selected != 0;
  if (known.selection != nullptr) {
    BBZ_ASSIGN(auto selection, selection_of(known.selection));
    options.wants = [selection = std::move(selection)](const catalog::File& file,
                                                       const catalog::Tensor& tensor) {
      return selection.selects(file.path, tensor);
    };
  }
  options.base = base_of(known.base);
  BBZ_ASSIGN(options.limits, limits_of(known.limits));
  return options;
}

Status make_push(const bbz_push_options* given, const bbz_receiver* receiver, bbz_push** out) {
  BBZ_REQUIRE(out);
  *out = nullptr;
  BBZ_ASSIGN(const bbz_push_options known, read_struct(given, "bbz_push_options"));
  BBZ_ASSIGN(const bbz_receiver callbacks, read_struct(receiver, "bbz_receiver"));
  BBZ_ASSIGN(push::Options options, options_of(known));
  auto made = std::make_unique<bbz_push>();
  BBZ_ASSIGN(made->store, store_of(known));
  options.store = made->store.get();
  auto adapter = std::make_unique<CallbackReceiver>(callbacks);
  BBZ_ASSIGN(made->decoder, push::Decoder::create(options, *adapter));
  adapter->set_decoder(*made->decoder);
  made->receiver = std::move(adapter);
  *out = made.release();
  return {};
}

bbz_push_info state_of(const push::Decoder& decoder) {
  bbz_push_info info{};
  info.total = decoder.total().value_or(0);
  info.verified_bytes = decoder.verified().bytes();
  info.there_bytes = decoder.there().bytes();
  info.complete = decoder.complete() ? 1 : 0;
  if (const catalog::Catalog* catalog = decoder.catalog()) {
    info.file_count = static_cast<std::uint32_t>(catalog->files.size());
    info.tensor_count = static_cast<std::uint32_t>(catalog->tensors.size());
  }
  if (const auto root = decoder.root()) {
    info.has_structure = 1;
    copy_text(root->to_string(), info.root);
  }
  return info;
}

bbz_push_fault fault_of(const push::Damage& damage) {
  bbz_push_fault fault{};
  fault.begin = damage.range.begin;
  fault.end = damage.range.end;
  fault.message = damage.error.message.c_str();
  fault.code = static_cast<bbz_code>(damage.error.code);
  fault.times = damage.times;
  return fault;
}

Status needs(const push::Decoder& decoder, std::uint64_t gap, std::span<bbz_byte_range> out,
             std::size_t& count) {
  count = 0;
  for (const push::Interval& range : decoder.needs(out.size(), gap)) {
    out[count++] = {range.begin, range.end};
  }
  return {};
}

Status save(bbz_push& push, const char* path, const char* identity) {
  if (push.store) BBZ_TRY(push.store->sync());
  BBZ_ASSIGN(const push::State state, push.decoder->state(identity == nullptr ? "" : identity));
  return push::save_state(path, state);
}

Status restore(bbz_push& push, const char* path, const char* identity) {
  BBZ_ASSIGN(const push::State state, push::load_state(path));
  if (identity != nullptr && state.identity != identity) {
    return make_error(Code::kDigestMismatch, "{}: the state belongs to {}, expected {}", path,
                      quoted(state.identity), quoted(identity));
  }
  return push.decoder->restore(state);
}

// Runs the body of a function that takes a decoder.
template <class Push, class Body>
bbz_code with_push(Push* push, bbz_error* error, Body&& body) noexcept {
  return guarded(error, [&]() -> Status {
    BBZ_REQUIRE(push);
    return body(*push);
  });
}

// Describes an entry of a list of the catalog, as far as the catalog is known.
template <class T, class Info>
Status known_entry(const bbz_push& push, std::vector<T> catalog::Catalog::*list, const char* what,
                   std::uint32_t number, Info* info) {
  BBZ_REQUIRE(info);
  const catalog::Catalog* catalog = push.decoder->catalog();
  const std::vector<T> none;
  const std::vector<T>& known = catalog == nullptr ? none : catalog->*list;
  BBZ_TRY(check_number(what, number, known.size()));
  return write_struct(capi::describe(known[number]), info, what);
}

}  // namespace
}  // namespace bbz::capi

bbz_code bbz_push_new(const bbz_push_options* options, const bbz_receiver* receiver,
                      bbz_push** push, bbz_error* error) noexcept {
  return bbz::capi::guarded(error, [&] { return bbz::capi::make_push(options, receiver, push); });
}

void bbz_push_free(bbz_push* push) noexcept {
  delete push;
}

bbz_code bbz_push_feed(bbz_push* push, uint64_t offset, const void* bytes, size_t size,
                       bbz_error* error) noexcept {
  return bbz::capi::with_push(push, error, [&](bbz_push& p) -> bbz::Status {
    if (size != 0) BBZ_REQUIRE(bytes);
    return p.decoder->feed(offset, bbz::Bytes(static_cast<const std::byte*>(bytes), size));
  });
}

bbz_code bbz_push_adopt(bbz_push* push, uint64_t begin, uint64_t end, bbz_error* error) noexcept {
  return bbz::capi::with_push(push, error, [&](bbz_push& p) {
    return p.decoder->adopt({begin, end});
  });
}

bbz_code bbz_push_set_total(bbz_push* push, uint64_t total, bbz_error* error) noexcept {
  return bbz::capi::with_push(push, error,
                              [&](bbz_push& p) { return p.decoder->set_total(total); });
}

bbz_code bbz_push_finish(bbz_push* push, bbz_error* error) noexcept {
  return bbz::capi::with_push(push, error, [](bbz_push& p) { return p.decoder->finish(); });
}

bbz_code bbz_push_needs(const bbz_push* push, uint64_t gap, bbz_byte_range* ranges, size_t capacity,
                        size_t* count, bbz_error* error) noexcept {
  return bbz::capi::with_push(push, error, [&](const bbz_push& p) -> bbz::Status {
    BBZ_REQUIRE(count);
    if (capacity != 0) BBZ_REQUIRE(ranges);
    return bbz::capi::needs(*p.decoder, gap, std::span(ranges, capacity), *count);
  });
}

bbz_code bbz_push_get(const bbz_push* push, bbz_push_info* info, bbz_error* error) noexcept {
  return bbz::capi::with_push(push, error, [&](const bbz_push& p) -> bbz::Status {
    BBZ_REQUIRE(info);
    return bbz::capi::write_struct(bbz::capi::state_of(*p.decoder), info, "bbz_push_info");
  });
}

bbz_code bbz_push_file(const bbz_push* push, uint32_t file, bbz_file_info* info,
                       bbz_error* error) noexcept {
  return bbz::capi::with_push(push, error, [&](const bbz_push& p) {
    return bbz::capi::known_entry(p, &bbz::catalog::Catalog::files, "file", file, info);
  });
}

bbz_code bbz_push_tensor(const bbz_push* push, uint32_t tensor, bbz_tensor_info* info,
                         bbz_error* error) noexcept {
  return bbz::capi::with_push(push, error, [&](const bbz_push& p) {
    return bbz::capi::known_entry(p, &bbz::catalog::Catalog::tensors, "tensor", tensor, info);
  });
}

bbz_code bbz_push_faults(bbz_push* push, size_t* count, bbz_error* error) noexcept {
  return bbz::capi::with_push(push, error, [&](bbz_push& p) -> bbz::Status {
    BBZ_REQUIRE(count);
    p.faults = p.decoder->damages();
    *count = p.faults.size();
    return {};
  });
}

bbz_code bbz_push_get_fault(const bbz_push* push, size_t number, bbz_push_fault* fault,
                            bbz_error* error) noexcept {
  return bbz::capi::with_push(push, error, [&](const bbz_push& p) -> bbz::Status {
    BBZ_REQUIRE(fault);
    BBZ_TRY(bbz::capi::check_number("fault", number, p.faults.size()));
    return bbz::capi::write_struct(bbz::capi::fault_of(p.faults[number]), fault, "bbz_push_fault");
  });
}

bbz_code bbz_push_save(bbz_push* push, const char* path, const char* identity,
                       bbz_error* error) noexcept {
  return bbz::capi::with_push(push, error, [&](bbz_push& p) -> bbz::Status {
    BBZ_REQUIRE(path);
    return bbz::capi::save(p, path, identity);
  });
}

bbz_code bbz_push_restore(bbz_push* push, const char* path, const char* identity,
                          bbz_error* error) noexcept {
  return bbz::capi::with_push(push, error, [&](bbz_push& p) -> bbz::Status {
    BBZ_REQUIRE(path);
    return bbz::capi::restore(p, path, identity);
  });
}
