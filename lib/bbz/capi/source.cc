#include "bbz/capi/source.h"

#include "bbz/capi/internal/boundary.h"
#include "bbz/http/source.h"

namespace bbz::capi {

template <>
inline constexpr std::size_t kFirstSize<bbz_url_options> = offsetof(bbz_url_options, reserved) +
                                                           sizeof(bbz_url_options::reserved);

namespace {

class CallbackSource final : public io::Source {
 public:
  CallbackSource(const bbz_callbacks& callbacks, std::string name,
                 std::optional<std::uint64_t> size)
      : callbacks_(callbacks), name_(std::move(name)), size_(size) {}
  ~CallbackSource() override {
    if (closes_ && callbacks_.close != nullptr) callbacks_.close(callbacks_.user);
  }
  CallbackSource(const CallbackSource&) = delete;
  CallbackSource& operator=(const CallbackSource&) = delete;

  // Makes this source responsible for calling `close`.
  void take() { closes_ = true; }

  Result<std::size_t> read_at(std::uint64_t offset, MutableBytes out) override {
    if (out.empty()) return std::size_t{0};
    const std::int64_t n = callbacks_.read(callbacks_.user, offset, out.data(), out.size());
    if (n < 0) return callback_error(name_, fmt::format("cannot read at {}", offset), n);
    if (static_cast<std::uint64_t>(n) > out.size()) {
      return make_error(Code::kIo,
                        "{}: the read callback returned {}, expected at most {} bytes at {}", name_,
                        n, out.size(), offset);
    }
    return static_cast<std::size_t>(n);
  }
  std::optional<std::uint64_t> size() const override { return size_; }
  bool seekable() const override { return size_.has_value(); }
  std::string_view name() const override { return name_; }

 private:
  bbz_callbacks callbacks_;
  std::string name_;
  std::optional<std::uint64_t> size_;
  bool closes_ = false;
};

Status open_callbacks(const bbz_callbacks* given, bbz_source** source) {
  BBZ_REQUIRE(source);
  *source = nullptr;
  BBZ_REQUIRE(given);
  BBZ_ASSIGN(const bbz_callbacks callbacks, read_struct(given, "bbz_callbacks"));
  if (callbacks.read == nullptr) {
    return make_error(Code::kInvalidArgument, "bbz_callbacks: read is null");
  }
  std::string name = callbacks.name == nullptr ? "callback" : callbacks.name;
  std::optional<std::uint64_t> size;
  if (callbacks.size != nullptr) {
    size = 0;
    const int result = callbacks.size(callbacks.user, &*size);
    if (result != 0) return callback_error(name, "cannot get the size", result);
  }
  const auto made = std::make_shared<CallbackSource>(callbacks, std::move(name), size);
  *source = new bbz_source{made};
  made->take();
  return {};
}

Result<http::Options> options_of(const bbz_url_options* given) {
  BBZ_ASSIGN(const bbz_url_options from, read_struct(given, "bbz_url_options"));
  if (from.reserved != 0) {
    return make_error(Code::kUnsupported, "bbz_url_options: reserved is {}, expected 0",
                      from.reserved);
  }
  http::Options options;
  if (from.header_count != 0) BBZ_REQUIRE(from.headers);
  for (const char* header : std::span(from.headers, from.header_count)) {
    BBZ_REQUIRE(header);
    options.headers.emplace_back(header);
  }
  if (from.ca_file != nullptr) options.ca_file = from.ca_file;
  options.netrc = from.use_environment != 0;
  if (from.proxy != nullptr) {
    options.proxy = from.proxy;
  } else if (from.use_environment == 0) {
    options.proxy = "";
  }
  const auto set = [](auto& to, auto number) {
    if (number != 0) to = std::decay_t<decltype(to)>(number);
  };
  set(options.connections, from.connections);
  if (from.retries != 0) options.retries = static_cast<unsigned>(std::max(from.retries, 0));
  set(options.connect_timeout, from.connect_timeout);
  set(options.stall_timeout, from.stall_timeout);
  options.private_redirects = from.refuse_private_redirects == 0;
  return options;
}

}  // namespace
}  // namespace bbz::capi

bbz_code bbz_source_open_file(const char* path, bbz_source** source, bbz_error* error) noexcept {
  return bbz::capi::guarded(error, [&]() -> bbz::Status {
    BBZ_REQUIRE(source);
    *source = nullptr;
    BBZ_REQUIRE(path);
    BBZ_ASSIGN(auto opened, bbz::io::open_file(path));
    *source = new bbz_source{std::move(opened)};
    return {};
  });
}

bbz_code bbz_source_open_memory(const void* bytes, size_t size, bbz_source** source,
                                bbz_error* error) noexcept {
  return bbz::capi::guarded(error, [&]() -> bbz::Status {
    BBZ_REQUIRE(source);
    *source = nullptr;
    if (size != 0) BBZ_REQUIRE(bytes);
    *source = new bbz_source{
        bbz::io::memory_source(bbz::Bytes(static_cast<const std::byte*>(bytes), size))};
    return {};
  });
}

bbz_code bbz_source_open_callbacks(const bbz_callbacks* callbacks, bbz_source** source,
                                   bbz_error* error) noexcept {
  return bbz::capi::guarded(error, [&] { return bbz::capi::open_callbacks(callbacks, source); });
}

bbz_code bbz_source_open_url(const char* url, const bbz_url_options* options, bbz_source** source,
                             bbz_error* error) noexcept {
  return bbz::capi::guarded(error, [&]() -> bbz::Status {
    BBZ_REQUIRE(source);
    *source = nullptr;
    BBZ_REQUIRE(url);
    BBZ_ASSIGN(const bbz::http::Options opening, bbz::capi::options_of(options));
    BBZ_ASSIGN(auto opened, bbz::http::open(url, opening));
    *source = new bbz_source{std::move(opened)};
    return {};
  });
}

bbz_code bbz_source_size(const bbz_source* source, uint64_t* size, bbz_error* error) noexcept {
  return bbz::capi::guarded(error, [&]() -> bbz::Status {
    BBZ_REQUIRE(source);
    BBZ_REQUIRE(size);
    *size = source->source->size().value_or(BBZ_UNKNOWN);
    return {};
  });
}

bbz_code bbz_source_read(const bbz_source* source, uint64_t offset, void* buffer, size_t size,
                         size_t* read, bbz_error* error) noexcept {
  return bbz::capi::guarded(error, [&]() -> bbz::Status {
    BBZ_REQUIRE(read);
    *read = 0;
    BBZ_REQUIRE(source);
    BBZ_ASSIGN(const bbz::MutableBytes out, bbz::capi::buffer_of(buffer, size));
    BBZ_ASSIGN(*read, bbz::io::read_up_to(*source->source, offset, out));
    return {};
  });
}

void bbz_source_free(bbz_source* source) noexcept {
  delete source;
}
