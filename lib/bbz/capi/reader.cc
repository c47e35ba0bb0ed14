// Opens an archive and reads its content. The functions that describe the content are in
// contents.cc.
#include "bbz/capi/reader.h"

#include <cstddef>

#include "bbz/capi/internal/boundary.h"

namespace bbz::capi {

// It has grown by the base.
template <>
inline constexpr std::size_t kFirstSize<bbz_reader_options> = offsetof(bbz_reader_options, base);

namespace {

Status open_reader(const bbz_source* source, const bbz_reader_options* given, bbz_reader** reader) {
  BBZ_REQUIRE(reader);
  *reader = nullptr;
  BBZ_REQUIRE(source);
  BBZ_ASSIGN(const bbz_reader_options options, read_struct(given, "bbz_reader_options"));
  ReadOptions read;
  read.threads = options.threads;
  read.use_front_index = options.use_front_index != 0;
  BBZ_ASSIGN(read.limits, limits_of(options.limits));
  read.base = base_of(options.base);
  BBZ_ASSIGN(auto opened, Reader::open(source->source, read));
  *reader = new bbz_reader{std::make_shared<const Reader>(std::move(opened))};
  return {};
}

// Checks the handle and the buffer of a reading function, then reads.
template <class Read>
bbz_code read_into(const bbz_reader* reader, void* buffer, std::size_t size, bbz_error* error,
                   Read&& read) noexcept {
  return guarded(error, [&]() -> Status {
    BBZ_REQUIRE(reader);
    BBZ_ASSIGN(const MutableBytes out, buffer_of(buffer, size));
    return read(*reader->reader, out);
  });
}

}  // namespace
}  // namespace bbz::capi

bbz_code bbz_reader_open(const bbz_source* source, const bbz_reader_options* options,
                         bbz_reader** reader, bbz_error* error) noexcept {
  return bbz::capi::guarded(error, [&] { return bbz::capi::open_reader(source, options, reader); });
}

void bbz_reader_free(bbz_reader* reader) noexcept {
  delete reader;
}

bbz_code bbz_reader_read_tensor(const bbz_reader* reader, uint32_t tensor, void* buffer,
                                size_t size, bbz_error* error) noexcept {
  return bbz::capi::read_into(reader, buffer, size, error,
                              [&](const bbz::Reader& from, bbz::MutableBytes out) {
                                return from.read_tensor(tensor, out);
                              });
}

bbz_code bbz_reader_update_tensor(const bbz_reader* reader, uint32_t tensor, void* buffer,
                                  size_t size, bbz_error* error) noexcept {
  return bbz::capi::read_into(reader, buffer, size, error,
                              [&](const bbz::Reader& from, bbz::MutableBytes out) {
                                return from.update_tensor(tensor, out);
                              });
}

bbz_code bbz_reader_check_update(const bbz_reader* reader, uint32_t tensor, const void* bytes,
                                 size_t size, bbz_error* error) noexcept {
  return bbz::capi::guarded(error, [&]() -> bbz::Status {
    BBZ_REQUIRE(reader);
    if (size != 0) BBZ_REQUIRE(bytes);
    return reader->reader->check_support(tensor,
                                         bbz::Bytes(static_cast<const std::byte*>(bytes), size));
  });
}

bbz_code bbz_reader_read_rows(const bbz_reader* reader, uint32_t tensor, uint64_t first,
                              uint64_t count, void* buffer, size_t size,
                              bbz_error* error) noexcept {
  return bbz::capi::read_into(reader, buffer, size, error,
                              [&](const bbz::Reader& from, bbz::MutableBytes out) {
                                return from.read_rows(tensor, first, count, out);
                              });
}

bbz_code bbz_reader_read_elements(const bbz_reader* reader, uint32_t tensor, uint64_t first,
                                  uint64_t count, void* buffer, size_t size,
                                  bbz_error* error) noexcept {
  return bbz::capi::read_into(reader, buffer, size, error,
                              [&](const bbz::Reader& from, bbz::MutableBytes out) {
                                return from.read_elements(tensor, first, count, out);
                              });
}

bbz_code bbz_reader_read_bytes(const bbz_reader* reader, uint32_t tensor, uint64_t offset,
                               void* buffer, size_t size, bbz_error* error) noexcept {
  return bbz::capi::read_into(reader, buffer, size, error,
                              [&](const bbz::Reader& from, bbz::MutableBytes out) {
                                return from.read_bytes(tensor, offset, out);
                              });
}

bbz_code bbz_reader_read_file(const bbz_reader* reader, uint32_t file, uint64_t offset,
                              void* buffer, size_t size, bbz_error* error) noexcept {
  return bbz::capi::read_into(reader, buffer, size, error,
                              [&](const bbz::Reader& from, bbz::MutableBytes out) {
                                return from.read_file(file, offset, out);
                              });
}

bbz_code bbz_reader_read_metadata(const bbz_reader* reader, uint32_t number, char* buffer,
                                  size_t size, bbz_error* error) noexcept {
  return bbz::capi::read_into(
      reader, buffer, size, error,
      [&](const bbz::Reader& from, bbz::MutableBytes out) -> bbz::Status {
        const auto& all = from.catalog().metadata;
        if (number >= all.size() || out.size() != all[number].payload.length) {
          return bbz::make_error(bbz::Code::kInvalidArgument,
                                 "metadata {}: a buffer of {} bytes, expected {}", number,
                                 out.size(), number < all.size() ? all[number].payload.length : 0);
        }
        BBZ_ASSIGN(const std::string value, from.read_metadata(all[number]));
        std::ranges::copy(std::as_bytes(std::span(value)), out.begin());
        return {};
      });
}
