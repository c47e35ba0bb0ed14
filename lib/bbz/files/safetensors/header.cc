#include "bbz/files/safetensors/header.h"

#include <fmt/format.h>
#include <algorithm>

#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/base/wire.h"
#include "bbz/files/safetensors/internal/json_events.h"

namespace bbz::safetensors {
namespace {

constexpr std::string_view kMetadataKey = "__metadata__";

// Prefixes a message with what it is about.
Error header_error(Error error) {
  error.message.insert(0, "safetensors header: ");
  return error;
}

// Returns a key that occurs twice, if any. Sorts, so that no choice of keys makes it slow.
std::optional<std::string_view> find_duplicate(std::vector<std::string_view> keys) {
  std::ranges::sort(keys);
  const auto twice = std::ranges::adjacent_find(keys);
  if (twice == keys.end()) return std::nullopt;
  return *twice;
}

Status check_unique(std::span<const Tensor> tensors, const Metadata& metadata, Code code) {
  std::vector<std::string_view> keys;
  keys.reserve(tensors.size());
  for (const Tensor& tensor : tensors) keys.push_back(tensor.name);
  if (const auto name = find_duplicate(std::move(keys))) {
    return make_error(code, "tensor {} occurs twice", bbz::quoted(*name));
  }
  keys = {};
  for (const auto& [key, value] : metadata) keys.push_back(key);
  if (const auto key = find_duplicate(std::move(keys))) {
    return make_error(code, "{}: key {} occurs twice", kMetadataKey, bbz::quoted(*key));
  }
  return {};
}

Result<std::uint64_t> size_of(const Tensor& tensor) {
  const auto named = [&](const Error& error) {
    return make_error(error.code, "tensor {}: {}", bbz::quoted(tensor.name), error.message);
  };
  if (find_dtype(tensor.dtype) == nullptr) {
    return named(make_error(Code::kInvalidArgument, "safetensors has no name for dtype {}",
                            static_cast<int>(tensor.dtype)));
  }
  const auto elements = element_count(tensor.shape);
  if (!elements.ok()) return named(elements.error());
  auto size = byte_size(tensor.dtype, *elements);
  if (!size.ok()) return named(size.error());
  return size;
}

// Sorts the tensors by offset (empty ones keep the order of the header among themselves) and checks
// that they cover the data without hole or overlap. Returns the size of the data in bytes.
Result<std::uint64_t> check_tiling(std::vector<Tensor>& tensors) {
  std::ranges::stable_sort(tensors, {}, [](const Tensor& t) { return std::pair(t.begin, t.end); });
  std::uint64_t position = 0;
  for (const Tensor& tensor : tensors) {
    const auto refuse = [&](std::string_view rule) {
      return make_error(Code::kMalformed, "tensor {}: data_offsets [{}, {}]: {}",
                        bbz::quoted(tensor.name), tensor.begin, tensor.end, rule);
    };
    if (tensor.end < tensor.begin) return refuse("the end is before the beginning");
    if (tensor.begin > position) {
      return refuse(fmt::format("bytes {} to {} belong to no tensor", position, tensor.begin));
    }
    if (tensor.begin < position) {
      return refuse(fmt::format("overlaps the tensor before it, which ends at {}", position));
    }
    BBZ_ASSIGN(const std::uint64_t size, size_of(tensor));
    if (tensor.size() != size) {
      return refuse(fmt::format("{} bytes, but {} [{}] takes {}", tensor.size(),
                                dtype_info(tensor.dtype).name, fmt::join(tensor.shape, ", "),
                                size));
    }
    position = tensor.end;
  }
  return position;
}

Status check_file_size(const Header& header, std::optional<std::uint64_t> file_size) {
  const auto expected = checked_add(header.header_size, header.data_size);
  if (!expected) return make_error(Code::kMalformed, "the size of the file exceeds 64 bits");
  if (!file_size || *file_size == *expected) return {};
  return make_error(*file_size < *expected ? Code::kTruncated : Code::kMalformed,
                    "expected a file of {} bytes ({} of header, {} of tensors), found {}",
                    *expected, header.header_size, header.data_size, *file_size);
}

Status read_json(std::string_view json, JsonEvents& events) {
  // Refuses a NUL, at which the library would end the text.
  if (const std::size_t nul = json.find('\0'); nul != std::string_view::npos) {
    return make_error(Code::kMalformed, "not well-formed JSON: a NUL at byte {}", nul);
  }
  if (!nlohmann::json::sax_parse(json.begin(), json.end(), &events)) {
    return events.error().value_or(Error{Code::kMalformed, "not well-formed JSON"});
  }
  return {};
}

Result<Header> parse_checked(Bytes file, std::optional<std::uint64_t> file_size,
                             const Limits& limits) {
  Header header;
  BBZ_ASSIGN(header.header_size, header_size(file, limits));
  const std::uint64_t available = std::min<std::uint64_t>(file.size(), file_size.value_or(~0ull));
  if (available < header.header_size) {
    return make_error(Code::kTruncated, "expected {} bytes, found {}", header.header_size,
                      available);
  }
  const Bytes text = file.subspan(kLengthBytes, header.header_size - kLengthBytes);
  if (text.empty() || text.front() != std::byte{'{'}) {
    return make_error(Code::kMalformed, "the JSON does not begin with {{");
  }
  JsonEvents events(JsonEvents::Root::kHeader, limits);
  BBZ_TRY(read_json(as_text(text), events));
  header.tensors = std::move(events.tensors());
  header.metadata = std::move(events.metadata());
  BBZ_TRY(check_unique(header.tensors, header.metadata, Code::kMalformed));
  BBZ_ASSIGN(header.data_size, check_tiling(header.tensors));
  BBZ_TRY(check_file_size(header, file_size));
  return header;
}

// Returns `text` as a JSON string.
Result<std::string> json_string(std::string_view text) {
  if (!is_utf8(text)) return make_error(Code::kInvalidArgument, "{}: not UTF-8", bbz::quoted(text));
  return nlohmann::json(text).dump();
}

Result<std::string> header_json(std::span<const Tensor> tensors, const Metadata& metadata) {
  std::string json = "{";
  if (!metadata.empty()) {
    BBZ_ASSIGN(const std::string object, metadata_to_json(metadata));
    json += fmt::format("\"{}\":{}", kMetadataKey, object);
  }
  for (const Tensor& tensor : tensors) {
    BBZ_ASSIGN(const std::string name, json_string(tensor.name));
    json += fmt::format(R"({}{}:{{"dtype":"{}","shape":[{}],"data_offsets":[{},{}]}})",
                        json.size() > 1 ? "," : "", name, dtype_info(tensor.dtype).name,
                        fmt::join(tensor.shape, ","), tensor.begin, tensor.end);
  }
  json += '}';
  json.resize(divide_up(json.size(), kLengthBytes) * kLengthBytes, ' ');
  return json;
}

}  // namespace

Result<std::uint64_t> header_size(Bytes start, const Limits& limits) {
  if (start.size() < kLengthBytes) {
    return make_error(Code::kTruncated, "the length field has {} of 8 bytes", start.size());
  }
  const auto length = load_le<std::uint64_t>(start.data());
  if (length > limits.json_bytes) {
    return make_error(Code::kLimit, "its length is {} bytes, the limit is {}", length,
                      limits.json_bytes);
  }
  return kLengthBytes + length;
}

bool has_usual_suffix(std::string_view name) {
  return name.ends_with(".safetensors");
}

bool looks_like_header(Bytes start) {
  return start.size() > kLengthBytes && header_size(start).ok() &&
         start[kLengthBytes] == std::byte{'{'};
}

Result<Header> parse(Bytes file, std::optional<std::uint64_t> file_size, const Limits& limits) {
  auto header = parse_checked(file, file_size, limits);
  if (!header.ok()) return header_error(std::move(header).error());
  return header;
}

Result<std::vector<std::byte>> build(std::span<Tensor> tensors, const Metadata& metadata) {
  std::uint64_t position = 0;
  for (Tensor& tensor : tensors) {
    if (tensor.name == kMetadataKey) {
      return make_error(Code::kInvalidArgument, "a tensor cannot be named {}", kMetadataKey);
    }
    BBZ_ASSIGN(const std::uint64_t size, size_of(tensor));
    const auto end = checked_add(position, size);
    if (!end) return make_error(Code::kMalformed, "the size of the tensors exceeds 64 bits");
    tensor.begin = std::exchange(position, *end);
    tensor.end = *end;
  }
  BBZ_TRY(check_unique(tensors, metadata, Code::kInvalidArgument));
  BBZ_ASSIGN(const std::string json, header_json(tensors, metadata));
  if (json.size() > Limits{}.json_bytes) {
    return make_error(Code::kLimit, "safetensors header: {} bytes, the limit is {}", json.size(),
                      Limits{}.json_bytes);
  }
  std::vector<std::byte> header;
  WireWriter writer(header);
  writer.put(static_cast<std::uint64_t>(json.size()));
  writer.put_bytes(json);
  return header;
}

Result<std::string> metadata_to_json(const Metadata& metadata) {
  BBZ_TRY(check_unique({}, metadata, Code::kInvalidArgument));
  std::string json = "{";
  for (const auto& [key, value] : metadata) {
    BBZ_ASSIGN(const std::string name, json_string(key));
    BBZ_ASSIGN(const std::string text, json_string(value));
    json += fmt::format("{}{}:{}", json.size() > 1 ? "," : "", name, text);
  }
  return json + '}';
}

Result<Metadata> metadata_from_json(std::string_view json) {
  JsonEvents events(JsonEvents::Root::kMetadata, {});
  BBZ_TRY(read_json(json, events));
  BBZ_TRY(check_unique({}, events.metadata(), Code::kMalformed));
  return std::move(events.metadata());
}

Status add_metadata(Metadata& metadata, std::string_view json) {
  BBZ_ASSIGN(Metadata entries, metadata_from_json(json));
  for (auto& entry : entries) {
    const auto same_key = [&](const auto& other) { return other.first == entry.first; };
    if (std::ranges::none_of(metadata, same_key)) metadata.push_back(std::move(entry));
  }
  return {};
}

}  // namespace bbz::safetensors
