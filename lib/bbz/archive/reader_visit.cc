// The methods of Reader that call a visitor, and write_tensors(), which may.
#include <numeric>

#include "bbz/archive/delivery.h"
#include "bbz/archive/internal/reader_state.h"
#include "bbz/base/checked.h"
#include "bbz/base/format.h"

namespace bbz {
namespace {

using internal::Step;

// Returns a pointer into the catalog, which outlives every step.
template <class T>
std::shared_ptr<const T> borrow(const T& value) {
  return {std::shared_ptr<const T>(), &value};
}

}  // namespace

// Calls the visitor for all steps. `plan` fills one step after the other, and returns false if
// there are no more.
template <class Plan>
Status Reader::State::visit(Plan&& plan, Visitor& visitor) {
  BBZ_TRY(visitor.begin_archive(catalog.header));
  internal::Delivery delivery(
      catalog, visitor, pool, [this](std::uint32_t group) { return find_group(group); },
      [this](const catalog::Tensor& tensor, std::uint64_t offset, MutableBytes out) {
        return read_bytes(tensor, offset, out);
      });
  return parallel::ordered_map<Step>(
      pool, parallel::queue_depth(pool), plan,
      [&](Step& step) -> Status {
        auto* const call = std::get_if<Step::Chunk>(&step.call);
        if (call == nullptr) return {};
        step.payload.resize(call->chunk.payload.length);
        call->outcome = symmetry::check_form(catalog, *call->tensor);
        if (call->outcome.ok()) {
          call->outcome = io::read_exactly(*source, call->chunk.payload.offset, step.payload);
        }
        return internal::decode_step(step, *source,
                                     [this](const Step::Chunk& chunk, MutableBytes out) {
                                       return fill(*chunk.tensor, chunk.chunk, out);
                                     });
      },
      [&](Step& step) { return delivery.deliver(step); });
}

namespace {

// Makes the steps of a list of tensors: for each, its begin, its chunks and its end.
class TensorPlan {
 public:
  TensorPlan(const catalog::Catalog& catalog, std::span<const std::uint32_t> tensors)
      : catalog_(catalog), tensors_(tensors) {}

  bool next(Step& step) {
    if (tensors_.empty()) return false;
    const catalog::Tensor& tensor = catalog_.tensors[tensors_.front()];
    if (!begun_) {
      begun_ = true;
      step.call = Step::BeginTensor{borrow(tensor)};
    } else if (chunk_ < tensor.chunk_count) {
      step.call = Step::Chunk{borrow(tensor), catalog_.chunks[tensor.first_chunk + chunk_++]};
    } else {
      step.call = Step::EndTensor{borrow(tensor)};
      tensors_ = tensors_.subspan(1);
      begun_ = false;
      chunk_ = 0;
    }
    return true;
  }

 private:
  const catalog::Catalog& catalog_;
  std::span<const std::uint32_t> tensors_;
  bool begun_ = false;
  std::uint64_t chunk_ = 0;
};

}  // namespace

Status Reader::visit_tensors(std::span<const std::uint32_t> tensors, Visitor& visitor) const {
  for (const std::uint32_t tensor : tensors) BBZ_TRY(state_->check_tensor(tensor));
  const auto hint = state_->prefetch(tensors);
  TensorPlan plan(catalog(), tensors);
  return state_->visit([&](Step& step) -> Result<bool> { return plan.next(step); }, visitor);
}

Status Reader::visit_files(std::span<const std::uint32_t> files, Visitor& visitor) const {
  for (const std::uint32_t file : files) {
    BBZ_TRY(state_->check_file(file));
    BBZ_TRY(catalog::check_file(catalog().files[file]));
  }
  std::vector<std::uint32_t> tensors;
  for (const std::uint32_t file : files) {
    const auto& numbers = catalog().files[file].tensors;
    tensors.insert(tensors.end(), numbers.begin(), numbers.end());
  }
  const auto hint = state_->prefetch(tensors);
  std::optional<TensorPlan> plan;
  return state_->visit(
      [&](Step& step) -> Result<bool> {
        if (files.empty()) return false;
        const catalog::File& file = catalog().files[files.front()];
        if (!plan) {
          plan.emplace(catalog(), file.tensors);
          step.call = Step::BeginFile{borrow(file)};
        } else if (!plan->next(step)) {
          plan.reset();
          files = files.subspan(1);
          step.call = Step::EndFile{borrow(file)};
        }
        return true;
      },
      visitor);
}

Status Reader::visit_all(Visitor& visitor) const {
  std::vector<std::uint32_t> files(catalog().files.size());
  std::iota(files.begin(), files.end(), 0u);
  return visit_files(files, visitor);
}

namespace {

// Writes the bytes of tensors to a sink, in order.
class OrderedWriter final : public Visitor {
 public:
  OrderedWriter(io::Sink& sink, const std::function<void(std::uint64_t)>& written)
      : sink_(sink), progress_(written) {}

  Status data(const catalog::Tensor&, std::uint64_t, Bytes bytes) override {
    BBZ_TRY(sink_.write(bytes));
    written_ += bytes.size();
    if (progress_) progress_(written_);
    return {};
  }

 private:
  io::Sink& sink_;
  const std::function<void(std::uint64_t)>& progress_;
  std::uint64_t written_ = 0;
};

}  // namespace

Status Reader::write_tensors(std::span<const std::uint32_t> tensors, io::Sink& sink,
                             const std::function<void(std::uint64_t)>& written) const {
  if (!sink.can_place()) {
    OrderedWriter writer(sink, written);
    return visit_tensors(tensors, writer);
  }
  std::vector<Placement> placements;
  placements.reserve(tensors.size());
  std::uint64_t offset = sink.written();
  for (const std::uint32_t number : tensors) {
    BBZ_TRY(state_->check_tensor(number));
    placements.push_back({number, offset});
    const auto end = checked_add(offset, catalog().tensors[number].byte_size);
    if (!end) return make_error(Code::kLimit, "{}: its size exceeds 64 bits", sink.name());
    offset = *end;
  }
  BBZ_TRY(sink.reserve(offset));
  return place_tensors(placements, sink, written);
}

}  // namespace bbz
