#include "bbz/access/salvage/internal/placer.h"

#include <utility>

#include "bbz/base/checked.h"

namespace bbz::salvage {
namespace {

using Known = std::optional<std::uint64_t>;

Known advanced(Known value, std::uint64_t by) {
  return value ? checked_add(*value, by) : std::nullopt;
}

// Returns what is known of the first of some things that take `size` together, from what is known
// before them and behind them. Clears `fits` if the two contradict each other.
Known first_of(Known before, Known behind, std::uint64_t size, bool& fits) {
  if (!behind) return before;
  if (*behind < size || (before && *before != *behind - size)) {
    fits = false;
    return std::nullopt;
  }
  return *behind - size;
}

}  // namespace

// Places the pending tensors between what is known before them and what is known behind them, and
// goes on with what is known behind them.
void Placer::settle(const Next& behind) {
  bool fits = true;
  Next next{first_of(before_.number, behind.number, pending_.size(), fits),
            first_of(before_.file, behind.file, 0, fits),
            first_of(before_.offset, behind.offset, pending_bytes_, fits)};
  if (!fits) {
    next = {};
    no_file_ = false;
    tensors_of_file_.reset();
  }
  for (SeenTensor& seen : pending_) {
    catalog::TensorMeta& meta = seen.record.tensor;
    const bool operand = meta.is_operand();
    seen.has_number = next.number && *next.number < catalog::kNone;
    seen.has_place = operand || (next.file && *next.file < catalog::kNone && next.offset);
    if (seen.has_number) meta.number = static_cast<std::uint32_t>(*next.number);
    next.number = advanced(next.number, 1);
    if (!operand && seen.has_place) {
      meta.file = static_cast<std::uint32_t>(*next.file);
      meta.offset = *next.offset;
    }
    if (!operand) next.offset = advanced(next.offset, seen.byte_size);
    take_(std::move(seen));
  }
  pending_.clear();
  pending_bytes_ = 0;
  before_ = fits ? next : behind;
}

void Placer::begin() {
  gap();
  before_.number = 0;
  no_file_ = true;
}

void Placer::gap() {
  settle({});
  before_ = {};
  no_file_ = false;
  tensors_of_file_.reset();
}

void Placer::file(std::uint32_t number) {
  if (before_.file) gap();  // the end of the file before is missing
  settle({});
  before_.file = number;
  before_.offset = 0;
  no_file_ = false;
  tensors_of_file_ = 0;
}

void Placer::file_end(const catalog::FileEndMeta& end) {
  if (no_file_) gap();
  Next behind{std::nullopt, end.number, std::nullopt};
  if (tensors_of_file_ && *tensors_of_file_ != end.tensor_count) {
    // Nobody knows before which of the pending ones.
    before_ = behind = {};
  } else if (end.ordered && (pending_bytes_ != 0 || !before_.offset)) {
    // Tensors without bytes may lie anywhere in an ordered file. If nothing says where, its end does
    // them no harm.
    behind.offset = end.size;
  }
  settle(behind);
  before_.file.reset();
  before_.offset.reset();
  no_file_ = true;
  tensors_of_file_.reset();
}

void Placer::tensor(SeenTensor tensor) {
  const catalog::TensorRecord& record = tensor.record;
  const catalog::TensorMeta& meta = record.tensor;
  const bool operand = meta.is_operand();
  if (!operand && no_file_) gap();  // the record of its file is missing
  if (record.placed) {
    Next behind{meta.number, std::nullopt, std::nullopt};
    if (!operand) behind.file = meta.file;
    if (!operand && !record.moved) behind.offset = meta.offset;
    settle(behind);
    before_.number = std::uint64_t{meta.number} + 1;
    if (!operand) before_.offset = checked_add(meta.offset, tensor.byte_size);
  }
  if (!operand && tensors_of_file_) ++*tensors_of_file_;
  if (record.placed) {
    take_(std::move(tensor));
    return;
  }
  if (!operand) {
    const Known bytes = checked_add(pending_bytes_, tensor.byte_size);
    if (!bytes) gap();
    pending_bytes_ = bytes.value_or(tensor.byte_size);
  }
  pending_.push_back(std::move(tensor));
}

void Placer::chunk(const catalog::ChunkMeta& chunk) {
  const auto is_its = [&](const catalog::TensorMeta& tensor) {
    return chunk.number < divide_up(tensor.stored_elements, tensor.chunk_elements);
  };
  // Nothing but its tensor, and other chunks of that, is directly before a chunk.
  if (pending_.empty() ? !before_.number : !is_its(pending_.back().record.tensor)) gap();
  settle({std::uint64_t{chunk.tensor} + 1, std::nullopt, std::nullopt});
}

}  // namespace bbz::salvage
