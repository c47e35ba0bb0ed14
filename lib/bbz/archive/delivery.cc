#include "bbz/archive/delivery.h"

namespace bbz::internal {
namespace {

bool is_carried(const Step& step) {
  return step.tensor->meta.form == symmetry::kFormRider && symmetry::is_carried(step.chunk);
}

}  // namespace

Status decode_step(Step& step, io::Source& source) {
  if (step.kind != Step::Kind::kChunk) return {};
  if (step.left) {
    step.payload.resize(step.chunk.payload.length);
    BBZ_TRY(io::read_exactly(source, step.chunk.payload.offset, step.payload));
  }
  const catalog::TensorMeta& tensor = step.tensor->meta;
  if (!step.decode) step.outcome = chunk::check_payload(tensor, step.chunk, step.payload);
  if (!step.decode || !step.outcome.ok() || is_carried(step)) return {};
  step.plain.resize(step.chunk.decoded_bytes);
  const auto decode = step.verify ? chunk::verify : chunk::decode;
  step.outcome = decode(tensor, step.chunk, step.payload, step.plain);
  return {};
}

Status Delivery::begin_tensor(const Step& step) {
  const catalog::Tensor& tensor = *step.tensor;
  BBZ_TRY(visitor_.begin_tensor(tensor));
  if (!step.decode) return {};
  group_.reset();
  form_ = symmetry::check_form(catalog_, tensor);
  if (form_.ok() && tensor.meta.group != catalog::kNone) {
    auto found = find_group_(tensor.meta.group);
    if (found.ok()) {
      group_ = std::move(found).value();
    } else {
      form_ = found.error();
    }
  }
  if (tensor.chunk_count != 0) return {};  // whatever is wrong is said of its chunks
  Status derived = form_;
  if (derived.ok() && tensor.meta.form == symmetry::kFormPolar) {
    derived_.resize(tensor.byte_size);
    derived = group_->derive(catalog_, tensor, pool_, derived_);
    if (derived.ok()) return visitor_.data(tensor, 0, derived_);
  }
  return derived.ok() ? derived : visitor_.not_derived(tensor, derived.error());
}

Status Delivery::chunk(Step& step) {
  const catalog::Tensor& tensor = *step.tensor;
  if (step.outcome.ok() && step.decode) step.outcome = form_;
  if (step.outcome.ok() && step.decode && is_carried(step)) {
    step.plain.resize(step.chunk.decoded_bytes);
    step.outcome =
        group_->decode_carried(catalog_, tensor.meta, step.chunk, step.payload, step.plain);
  }
  if (!step.outcome.ok()) return visitor_.damaged(tensor, step.chunk, step.outcome.error());
  if (!step.decode) return {};
  const std::size_t bits = tensor.meta.element_bits;
  if (tensor.meta.form == symmetry::kFormLower) {
    return symmetry::expand_lower(
        tensor.meta, step.chunk, step.plain, slice_,
        [&](std::uint64_t offset, Bytes part) { return visitor_.data(tensor, offset, part); });
  }
  return visitor_.data(tensor, step.chunk.meta.first_element * bits / 8, step.plain);
}

Status Delivery::deliver(Step& step) {
  switch (step.kind) {
    case Step::Kind::kMetadata:
      return visitor_.metadata(step.metadata, as_text(step.payload));
    case Step::Kind::kBeginFile:
      return visitor_.begin_file(*step.file);
    case Step::Kind::kGroup:
      return {};
    case Step::Kind::kBeginTensor:
      return begin_tensor(step);
    case Step::Kind::kChunk:
      return chunk(step);
    case Step::Kind::kEndTensor:
      return visitor_.end_tensor(*step.tensor);
    case Step::Kind::kEndFile:
      return visitor_.end_file(*step.file);
  }
  return {};
}

}  // namespace bbz::internal
