#include "bbz/files/gguf/header.h"

#include <fmt/format.h>
#include <algorithm>
#include <bit>
#include <set>
#include <string_view>

#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/base/wire.h"
#include "bbz/files/gguf/types.h"

namespace bbz::gguf {
namespace {

constexpr std::string_view kMagic = "GGUF";
constexpr std::string_view kAlignmentKey = "general.alignment";
constexpr std::uint64_t kDefaultAlignment = 32;
constexpr std::uint64_t kMostAlignment = std::uint64_t{1} << 30;
constexpr int kMostNesting = 4;  // of arrays in arrays

// The types of metadata values.
enum class ValueType : std::uint32_t { kU32 = 4, kString = 8, kArray = 9 };

// Returns the bytes of a value of a type that has a fixed size, or 0.
std::uint64_t fixed_size(std::uint32_t type) {
  constexpr std::uint64_t kSizes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
  return type < std::size(kSizes) ? kSizes[type] : 0;
}

Error header_ends(std::uint64_t size) {
  return make_error(Code::kTruncated, "the header is not complete after {} bytes", size);
}

class Parser {
 public:
  Parser(Bytes start, std::optional<std::uint64_t> file_size, const Limits& limits)
      : start_(start), file_size_(file_size), limits_(limits), reader_(start) {}

  Result<Header> parse() {
    const Bytes magic = reader_.get_bytes(kMagicBytes);
    const auto version = reader_.get<std::uint32_t>();
    const auto tensor_count = reader_.get<std::uint64_t>();
    const auto value_count = reader_.get<std::uint64_t>();
    if (!reader_.ok()) return header_ends(start_.size());
    if (!looks_like_header(magic)) {
      return error_with_message(Code::kMalformed, "it does not begin with GGUF");
    }
    if (version != 2 && version != 3) {
      return make_error(Code::kUnsupported, "version {}, expected 2 or 3", version);
    }
    if (tensor_count > limits_.tensors) {
      return make_error(Code::kLimit, "{} tensors, the limit is {}", tensor_count, limits_.tensors);
    }
    for (std::uint64_t i = 0; i < value_count; ++i) BBZ_TRY(take_value());
    for (std::uint64_t i = 0; i < tensor_count; ++i) BBZ_TRY(take_tensor());
    header_.size = start_.size() - reader_.remaining();
    BBZ_TRY(place_tensors());
    return std::move(header_);
  }

 private:
  // Takes a key and its value, of which only the alignment counts.
  Status take_value() {
    const std::string_view key = take_text();
    const auto type = reader_.get<std::uint32_t>();
    if (key == kAlignmentKey && type == static_cast<std::uint32_t>(ValueType::kU32)) {
      alignment_ = reader_.get<std::uint32_t>();
      if (!reader_.ok()) return header_ends(start_.size());
      if (std::has_single_bit(alignment_) && alignment_ <= kMostAlignment) return {};
      return make_error(Code::kMalformed, "an alignment of {}, expected a power of two up to {}",
                        alignment_, kMostAlignment);
    }
    return skip(type, 1, 0);
  }

  // Skips so many values of a type.
  Status skip(std::uint32_t type, std::uint64_t count, int depth) {
    if (!reader_.ok()) return header_ends(start_.size());
    if (const std::uint64_t size = fixed_size(type); size != 0) {
      const auto bytes = checked_mul(count, size);
      if (!bytes || *bytes > reader_.remaining()) return header_ends(start_.size());
      reader_.get_bytes(*bytes);
      return {};
    }
    if (type != static_cast<std::uint32_t>(ValueType::kString) &&
        type != static_cast<std::uint32_t>(ValueType::kArray)) {
      return make_error(Code::kMalformed, "a metadata value of type {}", type);
    }
    for (std::uint64_t i = 0; i < count && reader_.ok(); ++i) {
      if (type == static_cast<std::uint32_t>(ValueType::kString)) {
        take_text();
        continue;
      }
      const auto inner = reader_.get<std::uint32_t>();
      const auto length = reader_.get<std::uint64_t>();
      if (depth == kMostNesting) {
        return make_error(Code::kLimit, "arrays within arrays, the limit is {}", kMostNesting);
      }
      BBZ_TRY(skip(inner, length, depth + 1));
    }
    return reader_.ok() ? Status() : header_ends(start_.size());
  }

  // Takes a text of the header, which stays in its bytes.
  std::string_view take_text() { return as_text(reader_.get_bytes(reader_.get<std::uint64_t>())); }

  Status take_tensor() {
    Tensor tensor;
    const std::string_view name = take_text();
    const auto rank = reader_.get<std::uint32_t>();
    if (!reader_.ok()) return header_ends(start_.size());
    if (name.size() > limits_.name_bytes || rank > limits_.rank) {
      return make_error(Code::kLimit,
                        "a tensor of {} axes with a name of {} bytes, the limits are {} and {}",
                        rank, name.size(), limits_.rank, limits_.name_bytes);
    }
    for (std::uint32_t axis = 0; axis < rank; ++axis) {
      tensor.shape.push_back(reader_.get<std::uint64_t>());
    }
    const auto number = reader_.get<std::uint32_t>();
    tensor.begin = reader_.get<std::uint64_t>();
    if (!reader_.ok()) return header_ends(start_.size());
    if (!is_utf8(name) || !names_.insert(name).second) {
      return make_error(Code::kMalformed, "the name {} of a tensor {}", quoted(name),
                        is_utf8(name) ? "occurs twice" : "is not UTF-8");
    }
    tensor.name = name;
    const Type* const type = find_type(number);
    if (type == nullptr) {
      if (!header_.unknown) header_.unknown = UnknownTensor{std::move(tensor.name), number};
      return {};
    }
    tensor.dtype = type->dtype;
    tensor.block = type->block;
    std::ranges::reverse(tensor.shape);  // it has the innermost axis first
    BBZ_TRY(measure(tensor));
    header_.tensors.push_back(std::move(tensor));
    return {};
  }

  // Turns the shape of a tensor of blocks from values to blocks, and finds the size.
  static Status measure(Tensor& tensor) {
    const auto malformed = [&](std::string_view what) {
      return make_error(Code::kMalformed, "tensor {} of shape [{}]: {}", quoted(tensor.name),
                        fmt::join(tensor.shape, ", "), what);
    };
    std::uint64_t bits = 0;
    if (tensor.block != nullptr) {
      if (tensor.shape.empty() || tensor.shape.back() % tensor.block->values != 0) {
        return malformed(fmt::format("its rows are no whole blocks of {}", tensor.block->name));
      }
      if (!element_count(tensor.shape).ok()) return malformed("more than 64 bits of elements");
      tensor.shape.back() /= tensor.block->values;
      bits = tensor.block->bits();
    } else {
      bits = static_cast<std::uint64_t>(dtype_info(tensor.dtype).bits);
    }
    const auto elements = element_count(tensor.shape);
    const auto size = elements.ok() ? packed_bytes(*elements, bits) : std::nullopt;
    if (!size) return malformed("its size exceeds 64 bits");
    tensor.size = *size;
    return {};
  }

  // Counts the offsets of tensors from the beginning of the file, and sorts them.
  Status place_tensors() {
    const std::uint64_t data = divide_up(header_.size, alignment_) * alignment_;
    for (Tensor& tensor : header_.tensors) {
      const auto begin = checked_add(data, tensor.begin);
      const auto end = begin ? checked_add(*begin, tensor.size) : std::nullopt;
      if (!end || *end > file_size_.value_or(*end)) {
        return make_error(Code::kMalformed,
                          "tensor {}: {} bytes at {} after byte {} of a file of {}",
                          quoted(tensor.name), tensor.size, tensor.begin, data,
                          file_size_ ? std::to_string(*file_size_) : "unknown size");
      }
      tensor.begin = *begin;
    }
    std::ranges::stable_sort(header_.tensors, {}, [](const Tensor& tensor) {
      return std::pair(tensor.begin, tensor.size);
    });
    std::uint64_t end = 0;
    for (const Tensor& tensor : header_.tensors) {
      if (tensor.begin < end) {
        return make_error(Code::kMalformed,
                          "tensor {} begins at byte {}, before the end {} of another",
                          quoted(tensor.name), tensor.begin, end);
      }
      end = tensor.begin + tensor.size;
    }
    return {};
  }

  Bytes start_;
  std::optional<std::uint64_t> file_size_;
  const Limits& limits_;
  WireReader reader_;
  std::uint64_t alignment_ = kDefaultAlignment;
  std::set<std::string_view> names_;  // in `start_`
  Header header_;
};

}  // namespace

bool looks_like_header(Bytes first) {
  return as_text(first).starts_with(kMagic);
}

Result<Header> parse(Bytes start, std::optional<std::uint64_t> file_size, const Limits& limits) {
  if (start.size() > limits.header_bytes) start = start.first(limits.header_bytes);
  return Parser(start, file_size, limits).parse();
}

Result<Header> read(const TakeFirst& first, std::optional<std::uint64_t> file_size,
                    const Limits& limits) {
  constexpr std::uint64_t kFirst = std::uint64_t{64} << 10;
  constexpr std::uint64_t kFactor = 4;
  for (std::uint64_t size = kFirst;; size *= kFactor) {
    size = std::min(size, limits.header_bytes);
    BBZ_ASSIGN(const Bytes start, first(size));
    auto header = parse(start, file_size, limits);
    if (header.code() != Code::kTruncated || start.size() < size) return header;
    if (size == limits.header_bytes) {
      return make_error(Code::kLimit, "the header has more than {} bytes", size);
    }
  }
}

}  // namespace bbz::gguf
