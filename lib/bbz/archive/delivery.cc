#include "bbz/archive/delivery.h"

#include "bbz/format/chunk/chunk.h"

namespace bbz::internal {

Status decode_step(Step& step, io::Source& source) {
  if (step.kind != Step::Kind::kChunk) return {};
  if (step.left) {
    step.payload.resize(step.chunk.payload.length);
    BBZ_TRY(io::read_exactly(source, step.chunk.payload.offset, step.payload));
  }
  const catalog::TensorMeta& tensor = step.tensor->meta;
  if (!step.decode) step.outcome = chunk::check_payload(tensor, step.chunk, step.payload);
  if (!step.decode || !step.outcome.ok() || symmetry::needs_group(tensor, step.chunk)) return {};
  step.plain.resize(step.chunk.decoded_bytes);
  step.outcome =
      symmetry::decode_chunk(tensor, step.chunk, step.payload, {}, step.check, step.plain);
  return {};
}

Status Delivery::begin_tensor(const Step& step) {
  const catalog::Tensor& tensor = *step.tensor;
  BBZ_TRY(visitor_.begin_tensor(tensor));
  if (!step.decode) return {};
  group_.reset();
  form_ = symmetry::check_form(catalog_, tensor);
  if (form_.ok() && symmetry::is_derived(tensor.meta)) form_ = find_group(tensor);
  if (tensor.chunk_count != 0) return {};  // chunk() reports errors
  Status derived = form_;
  if (derived.ok() && symmetry::is_derived(tensor.meta)) {
    derived_.resize(tensor.byte_size);
    derived = group_->derive(catalog_, tensor, pool_, derived_);
    if (derived.ok()) return visitor_.data(tensor, 0, derived_);
  }
  return derived.ok() ? derived : visitor_.not_derived(tensor, derived.error());
}

// A group that is wrong fails what needs it, and no other chunk of the same tensor.
Status Delivery::find_group(const catalog::Tensor& tensor) {
  BBZ_ASSIGN(group_, find_group_(tensor.meta.group));
  return {};
}

Status Delivery::decode_carried(Step& step) {
  const catalog::Tensor& tensor = *step.tensor;
  if (!group_) BBZ_TRY(find_group(tensor));
  step.plain.resize(step.chunk.decoded_bytes);
  return symmetry::decode_chunk(tensor.meta, step.chunk, step.payload, {group_.get(), &catalog_},
                                step.check, step.plain);
}

Status Delivery::chunk(Step& step) {
  const catalog::Tensor& tensor = *step.tensor;
  if (step.outcome.ok() && step.decode) step.outcome = form_;
  if (step.outcome.ok() && step.decode && symmetry::needs_group(tensor.meta, step.chunk)) {
    step.outcome = decode_carried(step);
  }
  if (!step.outcome.ok()) return visitor_.damaged(tensor, step.chunk, step.outcome.error());
  if (!step.decode) return {};
  return symmetry::place_chunk(
      tensor.meta, step.chunk, step.plain, slice_,
      [&](std::uint64_t offset, Bytes part) { return visitor_.data(tensor, offset, part); });
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
