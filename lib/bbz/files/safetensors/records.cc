#include "bbz/files/safetensors/records.h"

#include <algorithm>
#include <unordered_map>

#include "bbz/base/format.h"
#include "bbz/base/names.h"

namespace bbz::safetensors {
namespace {

constexpr std::uint64_t kStartBytes = kLengthBytes + 1;

bool same_entries(Metadata a, Metadata b) {
  std::ranges::sort(a);
  std::ranges::sort(b);
  return a == b;
}

}  // namespace

void RecordsCheck::begin_file(std::string_view path) {
  path_ = path;
  format_.clear();
  metadata_.reset();
  tensors_.clear();
  has_tensors_ = at_header_ = false;
  start_.assign(kStartBytes, std::byte{0});
  header_.clear();
  header_size_.reset();
}

void RecordsCheck::metadata(std::string_view key, std::string_view value) {
  if (key == "format") format_ = value;
  if (key == "safetensors") metadata_ = value;
}

void RecordsCheck::tensor(const catalog::TensorMeta& tensor, std::uint64_t byte_size) {
  const bool bytes = tensor.kind == catalog::TensorKind::kBytes;
  has_tensors_ = has_tensors_ || !bytes;
  at_header_ = bytes && tensor.offset == 0 && byte_size != 0;
  if (at_header_) header_size_ = byte_size;
  tensors_.push_back({tensor, byte_size});
}

void RecordsCheck::data(std::uint64_t offset, Bytes bytes) {
  const std::uint64_t place = tensors_.back().meta.offset + offset;
  if (place < kStartBytes) {
    const auto size = std::min<std::uint64_t>(bytes.size(), kStartBytes - place);
    std::ranges::copy(bytes.first(size), start_.begin() + static_cast<std::ptrdiff_t>(place));
  }
  if (!at_header_) return;
  // Keeps what the bytes say that the header has, and of other bytes only the first.
  const auto stated = header_size(start_, limits_);
  const std::uint64_t most = looks_like_header(start_) && stated.ok() ? *stated : kStartBytes;
  if (header_.size() >= most) return;
  header_.reserve(std::min(*header_size_, most));
  const Bytes kept = bytes.first(std::min<std::uint64_t>(bytes.size(), most - header_.size()));
  header_.insert(header_.end(), kept.begin(), kept.end());
}

bool RecordsCheck::is_compared() const {
  if (format_ == "safetensors") return true;
  return has_tensors_ && (has_usual_suffix(path_) || looks_like_header(start_));
}

Status RecordsCheck::end_file(std::uint64_t size) {
  if (!is_compared()) return {};
  const auto fault = [&](const Error& error) {
    return make_error(error.code, "file {}: {}", bbz::quoted(path_), error.message);
  };
  if (!header_size_) {
    return fault({Code::kMalformed,
                  "the header of this safetensors file is not a record of bytes on its own"});
  }
  // A header that names more tensors differs from the records, and would take memory for which the
  // archive has no bytes.
  Limits limits = limits_;
  const auto named = std::ranges::count_if(tensors_, [](const Recorded& recorded) {
    return recorded.meta.kind == catalog::TensorKind::kTensor;
  });
  limits.tensors = std::min(limits.tensors, static_cast<std::uint64_t>(named));
  const auto header = parse(header_, size, limits);
  if (!header.ok() && header.code() == Code::kUnsupported) return fault(header.error());
  if (!header.ok()) return fault({Code::kMalformed, header.error().message});
  Status same = check_header(*header);
  if (same.ok()) same = check_metadata(*header);
  return same.ok() ? same : fault(same.error());
}

Status RecordsCheck::check_header(const Header& header) const {
  if (*header_size_ != header.header_size) {
    return make_error(Code::kMalformed,
                      "the bytes before the first tensor end at {}, expected {} by the header",
                      *header_size_, header.header_size);
  }
  std::unordered_map<std::string_view, const Tensor*> named;
  for (const Tensor& tensor : header.tensors) named.emplace(tensor.name, &tensor);
  std::size_t count = 0;
  for (const Recorded& recorded : tensors_) {
    const catalog::TensorMeta& meta = recorded.meta;
    if (meta.kind == catalog::TensorKind::kBytes) continue;
    if (meta.is_view()) {
      return make_error(Code::kMalformed, "tensor {} is a view, which none of this file may be",
                        bbz::quoted(meta.name));
    }
    ++count;
    const auto found = named.find(meta.name);
    if (found == named.end()) {
      return make_error(Code::kMalformed, "tensor {} is not in the file's header",
                        bbz::quoted(meta.name));
    }
    const Tensor& tensor = *found->second;
    if (tensor.dtype != meta.dtype || tensor.shape != meta.shape ||
        header.header_size + tensor.begin != meta.offset) {
      return make_error(Code::kMalformed,
                        "tensor {} has another dtype, shape or offset in the file's header",
                        bbz::quoted(meta.name));
    }
  }
  if (count == header.tensors.size()) return {};
  return make_error(Code::kMalformed, "{} tensors, expected {} by the file's header", count,
                    header.tensors.size());
}

Status RecordsCheck::check_metadata(const Header& header) const {
  if (!metadata_) return {};
  const auto recorded = metadata_from_json(*metadata_);
  if (recorded.ok() && same_entries(*recorded, header.metadata)) return {};
  return make_error(Code::kMalformed, "its metadata differs from that in its header");
}

}  // namespace bbz::safetensors
