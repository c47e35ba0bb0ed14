#include "bbz/archive/supports.h"

#include <algorithm>

#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/base/shape.h"
#include "bbz/format/chunk/chunk.h"

namespace bbz {
namespace {

// Says on what a tensor leans.
std::string subject(const catalog::Tensor& tensor, const catalog::BaseMeta& base) {
  const catalog::TensorMeta& meta = tensor.meta;
  std::string text = fmt::format("tensor {} leans on ", quoted(meta.name));
  text += meta.support->name == meta.name ? "the tensor of that name"
                                          : fmt::format("tensor {}", quoted(meta.support->name));
  text += base.hint.empty() ? " of a base" : fmt::format(" of base {}", quoted(base.hint));
  if (base.root) text += fmt::format(" ({})", base.root->to_string());
  return text;
}

std::string described(const TensorInfo& info) {
  const DTypeInfo* const dtype = find_dtype(info.dtype);
  std::string name =
      dtype != nullptr ? std::string(dtype->name) : fmt::format("{}", static_cast<int>(info.dtype));
  if (info.block != nullptr) name = quoted(info.block->name);
  std::string shape;
  for (const std::uint64_t extent : info.shape) {
    shape += fmt::format("{}{}", shape.empty() ? "" : ", ", extent);
  }
  return fmt::format("dtype {} and shape [{}]", name, shape);
}

// Returns whether an error says that the base does not serve. Others may pass, or are the caller's.
bool is_of_base(Code code) {
  switch (code) {
    case Code::kNotAnArchive:
    case Code::kTruncated:
    case Code::kChecksum:
    case Code::kMalformed:
    case Code::kUnsupported:
    case Code::kLimit:
    case Code::kDigestMismatch:
    case Code::kBase:
      return true;
    default:
      return false;
  }
}

// Returns the error of a base that cannot be read.
Error unreadable(const catalog::Tensor& tensor, const catalog::BaseMeta& base, Code code,
                 const std::string& message) {
  if (!is_of_base(code)) return error_with_message(code, message);
  return make_error(Code::kBase, "{}, which cannot be read: {}", subject(tensor, base), message);
}

}  // namespace

Result<Supports::Bytes> Supports::look_for(const catalog::Tensor& tensor,
                                           const catalog::BaseMeta& base, Entry& entry) {
  if (base_ == nullptr) {
    return make_error(Code::kUnsupported, "{}, and no base is given", subject(tensor, base));
  }
  const catalog::Support& support = *tensor.meta.support;
  const Result<std::vector<BaseTensor>> found = base_->find(support.name, &base);
  if (!found.ok()) return unreadable(tensor, base, found.code(), found.error().message);
  if (found->empty()) {
    return make_error(Code::kBase, "{}, which {} does not have", subject(tensor, base),
                      base_->shown());
  }
  std::string others;
  std::optional<Error> failed;  // of the first candidate that could not be read
  for (const BaseTensor& candidate : *found) {
    if (!others.empty()) others += "; ";
    if (!is_alike(tensor.meta, candidate)) {
      const TensorInfo own{tensor.meta.name, tensor.meta.dtype, tensor.meta.shape, tensor.block};
      others += fmt::format("that of {} has {}, expected {}", candidate.origin,
                            described(candidate.info), described(own));
      continue;
    }
    std::optional<Digest> digest;
    if (candidate.known != nullptr) {
      digest = candidate.known->digest(support.digest.kind);
      if (!digest && candidate.known->has_failed_often()) {
        others += fmt::format("that of {} could not be read", candidate.origin);
        if (!failed) failed = error_with_message(Code::kBase, others);
        continue;
      }
    }
    if (!digest || digest == support.digest) {
      const Room room(*this, tensor.byte_size);
      Result<Bytes> bytes = SupportBytes::load(candidate, tensor.byte_size, support.digest.kind);
      if (!bytes.ok()) {
        if (bytes.code() == Code::kCancelled || bytes.code() == Code::kOutOfMemory) return bytes;
        // Another candidate may be whole.
        if (candidate.known != nullptr && bytes.code() != Code::kIo) candidate.known->add_failure();
        others += bytes.error().message;
        if (!failed) failed = bytes.error();
        continue;
      }
      if ((*bytes)->digest() == support.digest) {
        entry.tensor = candidate;
        return bytes;
      }
      digest = (*bytes)->digest();
    }
    others += fmt::format("that of {} has the digest {}, expected {}", candidate.origin,
                          digest->to_string(), support.digest.to_string());
  }
  if (failed) {
    const bool passes = !is_of_base(failed->code);
    return unreadable(tensor, base, failed->code, passes ? failed->message : others);
  }
  return make_error(Code::kBase, "{}, and this is another base: {}", subject(tensor, base), others);
}

// Drops what was used least recently, until at most so much is kept. Precondition: mutex_ is held.
void Supports::drop_more_than(std::uint64_t most) {
  std::uint64_t sum = 0;
  const auto over = std::ranges::find_if(kept_, [&](const Bytes& one) {
    sum += one->kept();
    return sum > most;
  });
  kept_.erase(over, kept_.end());
}

Supports::Room::Room(Supports& supports, std::uint64_t size)
    : supports_(supports), size_(size > SupportBytes::kMostKept ? 0 : size) {
  const std::lock_guard lock(supports_.mutex_);
  supports_.loading_ += size_;
  const std::uint64_t most = supports_.most_kept_;
  supports_.drop_more_than(most - std::min(most, supports_.loading_));
}

Supports::Room::~Room() {
  const std::lock_guard lock(supports_.mutex_);
  supports_.loading_ -= size_;
}

void Supports::keep(Bytes bytes) {
  const std::lock_guard lock(mutex_);
  const auto known = std::ranges::find(kept_, bytes);
  if (known != kept_.end()) {
    std::rotate(kept_.begin(), known, std::next(known));
    return;
  }
  const std::uint64_t used = bytes->kept() + loading_;
  drop_more_than(most_kept_ - std::min(most_kept_, used));
  kept_.insert(kept_.begin(), std::move(bytes));
}

Result<std::shared_ptr<Supports::Entry>> Supports::find(const catalog::Tensor& tensor,
                                                        const catalog::BaseMeta& base) {
  std::shared_ptr<Entry> entry;
  {
    const std::lock_guard lock(mutex_);
    auto& known = entries_[tensor.meta.number];
    if (known == nullptr) known = std::make_shared<Entry>();
    entry = known;
  }
  // Other chunks of the tensor wait here.
  const std::lock_guard lock(entry->mutex);
  if (!entry->done) {
    Result<Bytes> bytes = look_for(tensor, base, *entry);
    const bool passing = bytes.code() == Code::kIo || bytes.code() == Code::kCancelled ||
                         bytes.code() == Code::kOutOfMemory;
    if (passing) return bytes.error();
    entry->done = true;
    if (bytes.ok()) {
      entry->bytes = *bytes;
      keep(std::move(bytes).value());
    } else {
      entry->outcome = bytes.error();
    }
  }
  BBZ_TRY(entry->outcome);
  return entry;
}

Status Supports::check(const catalog::Tensor& tensor, const catalog::BaseMeta& base) {
  const auto found = find(tensor, base);
  if (found.ok()) return {};
  Error error = found.error();
  error.place = std::make_shared<const ErrorPlace>(
      ErrorPlace{tensor.meta.name, tensor.meta.number, std::nullopt, std::nullopt});
  return error;
}

Status Supports::fill(const catalog::Tensor& tensor, const catalog::BaseMeta& base,
                      const catalog::Chunk& chunk, MutableBytes out) {
  const auto entry = find(tensor, base);
  if (!entry.ok()) return chunk::placed(tensor.meta, chunk, entry.error());
  const std::uint64_t offset = chunk.first_element * tensor.meta.element_bits / 8;
  Status read;
  if (Bytes bytes = (*entry)->bytes.lock()) {
    read = bytes->read(offset, out);
    keep(std::move(bytes));
  } else {
    read = (*entry)->tensor.read(offset, out);
  }
  if (read.ok()) return {};
  return chunk::placed(tensor.meta, chunk,
                       unreadable(tensor, base, read.code(), read.error().message));
}

}  // namespace bbz
