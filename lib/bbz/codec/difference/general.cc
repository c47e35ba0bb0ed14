#include "bbz/codec/difference/general.h"

#include "bbz/base/format.h"
#include "bbz/base/wire.h"
#include "bbz/base/zstd_frame.h"
#include "bbz/codec/internal/general.h"

namespace bbz::codec::difference {
namespace {

constexpr std::size_t kHeader = 3;  // form, operation, width

// Calls `f` with an integer of `width` bytes. Precondition: width is 1, 2, 4 or 8.
template <class F>
void with_integer(std::size_t width, F f) {
  switch (width) {
    case 1:
      return f(std::uint8_t{});
    case 2:
      return f(std::uint16_t{});
    case 4:
      return f(std::uint32_t{});
    default:
      return f(std::uint64_t{});
  }
}

// Returns the width of the integers by which a chunk is coded, in bytes.
std::size_t width_of(const ChunkShape& shape, std::size_t bytes) {
  const unsigned bits = element_bits(shape);
  for (const std::size_t width : {8, 4, 2}) {
    if (bits == 8 * width && bytes % width == 0) return width;
  }
  return 1;
}

// Writes the differences in planes: all lowest bytes first.
void split(Operation operation, std::size_t width, Bytes plain, Bytes base,
           std::vector<std::byte>& planes) {
  planes.resize(plain.size());
  with_integer(width, [&](auto zero) {
    using T = decltype(zero);
    const std::size_t count = plain.size() / sizeof(T);
    for (std::size_t i = 0; i < count; ++i) {
      const T a = load_le<T>(base.data() + i * sizeof(T));
      const T b = load_le<T>(plain.data() + i * sizeof(T));
      const T d = operation == Operation::kXor ? static_cast<T>(a ^ b) : static_cast<T>(b - a);
      for (std::size_t k = 0; k < sizeof(T); ++k) {
        planes[k * count + i] = static_cast<std::byte>(d >> (8 * k));
      }
    }
  });
}

void merge(Operation operation, std::size_t width, const std::vector<std::byte>& planes,
           MutableBytes out) {
  with_integer(width, [&](auto zero) {
    using T = decltype(zero);
    const std::size_t count = out.size() / sizeof(T);
    for (std::size_t i = 0; i < count; ++i) {
      std::uint64_t d = 0;
      for (std::size_t k = 0; k < sizeof(T); ++k) {
        d |= std::to_integer<std::uint64_t>(planes[k * count + i]) << (8 * k);
      }
      std::byte* p = out.data() + i * sizeof(T);
      const T a = load_le<T>(p);
      store_le(p, operation == Operation::kXor ? static_cast<T>(a ^ d) : static_cast<T>(a + d));
    }
  });
}

}  // namespace

bool encode_general(const ChunkShape& shape, Bytes plain, Bytes base, Level level,
                    std::size_t limit, std::vector<std::byte>& payload) {
  thread_local std::vector<std::byte> planes;
  thread_local std::vector<std::byte> frame;
  const std::size_t width = width_of(shape, plain.size());
  bool found = false;
  for (const Operation operation : {Operation::kXor, Operation::kAdd}) {
    if (limit <= kHeader) break;
    split(operation, width, plain, base, planes);
    if (!encode_zstd(shape, planes, level, limit - kHeader, frame)) continue;
    found = true;
    limit = kHeader + frame.size();
    payload.clear();
    WireWriter out(payload);
    out.put(kGeneralForm);
    out.put(static_cast<std::uint8_t>(operation));
    out.put(static_cast<std::uint8_t>(width));
    out.put_bytes(frame);
  }
  return found;
}

Status decode_general(Bytes payload, MutableBytes out) {
  WireReader in(payload);
  in.get<std::uint8_t>();  // the form
  const auto operation = in.get<std::uint8_t>();
  const auto width = in.get<std::uint8_t>();
  if (!in.ok()) {
    return error_with_message(Code::kMalformed, "difference: payload ends in the header");
  }
  if (operation > static_cast<std::uint8_t>(Operation::kAdd)) {
    return make_error(Code::kMalformed, "difference: operation {}, expected 0 or 1", operation);
  }
  if ((width != 1 && width != 2 && width != 4 && width != 8) || out.size() % width != 0) {
    return make_error(Code::kMalformed, "difference: integers of {} bytes in a chunk of {}", width,
                      out.size());
  }
  thread_local std::vector<std::byte> planes;
  planes.resize(out.size());
  BBZ_TRY(decode_zstd({}, in.get_bytes(in.remaining()), planes, nullptr));
  merge(static_cast<Operation>(operation), width, planes, out);
  return {};
}

}  // namespace bbz::codec::difference
