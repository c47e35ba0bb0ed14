#include "bbz/archive/delivery.h"

#include "bbz/base/checked.h"
#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/format/chunk/chunk.h"
#include "bbz/format/chunk/payload.h"
#include "bbz/symmetry/view.h"

namespace bbz::internal {

Status decode_step(Step& step, io::Source& source, const FillSupport& fill) {
  auto* const call = std::get_if<Step::Chunk>(&step.call);
  if (call == nullptr) return {};
  const catalog::TensorMeta& tensor = call->tensor->meta;
  catalog::Chunk& chunk = call->chunk;
  // Its payload is that of another chunk, and is checked there.
  if (call->passed || (chunk.same_as && call->use == Step::Use::kCheck)) return {};
  if (call->left) {
    step.payload.resize(chunk.payload.length);
    BBZ_TRY(io::read_exactly(source, chunk.payload.offset, step.payload));
  }
  if (call->use == Step::Use::kCheck) {
    call->outcome = chunk::check_payload(tensor, chunk, step.payload);
    return {};
  }
  if (!call->outcome.ok() && call->check == chunk::Check::kPayload) {
    // A tensor that cannot be decoded may be damaged too, which is worse.
    const Status intact = chunk::check_payload(tensor, chunk, step.payload);
    if (!intact.ok()) call->outcome = intact;
  }
  if (!call->outcome.ok()) return {};
  if (symmetry::needs_group(tensor, chunk)) {
    call->outcome = chunk::check_known(tensor, chunk);
    if (!call->outcome.ok()) return {};
    BBZ_ASSIGN(chunk.payload.check, chunk::read_check(source, chunk.payload));
    return {};
  }
  step.plain.resize(chunk.decoded_bytes);
  chunk::Before before = chunk::Before::kNothing;
  if (catalog::leans(tensor, chunk.meta)) {
    call->outcome = fill(*call, step.plain);
    if (!call->outcome.ok()) {
      // Its payload can be checked all the same.
      const Status intact = call->check == chunk::Check::kPayload
                                ? chunk::check_payload(tensor, chunk, step.payload)
                                : Status();
      if (!intact.ok()) call->outcome = intact;
      return {};
    }
    before = chunk::Before::kSupport;
  }
  call->outcome =
      symmetry::decode_chunk(tensor, chunk, step.payload, {}, call->check, step.plain, before);
  if (!call->outcome.ok() && !chunk.payload.check) {
    call->outcome = chunk::explain(source, tensor, chunk, step.payload, call->outcome.error());
  }
  return {};
}

Status Delivery::begin_tensor(const Step::BeginTensor& begin) {
  const catalog::Tensor& tensor = *begin.tensor;
  BBZ_TRY(visitor_.begin_tensor(tensor));
  if (begin.use == Step::Use::kCheck) return {};
  group_.reset();
  form_ = symmetry::check_form(catalog_, tensor);
  if (form_.ok() && symmetry::is_derived(tensor.meta)) form_ = find_group(tensor);
  if (tensor.chunk_count != 0) return {};  // deliver_chunk() reports errors
  if (tensor.meta.is_view()) {
    if (!form_.ok()) return visitor_.not_derived(tensor, form_.error());
    return begin.use == Step::Use::kDeliver ? deliver_view(tensor) : Status();
  }
  // The tensors that groups decode are dense, so nothing follows from one without chunks.
  if (begin.use == Step::Use::kDecode) return {};
  Status derived = form_;
  if (derived.ok() && symmetry::is_derived(tensor.meta)) {
    derived_.resize(tensor.byte_size);
    derived = group_->derive(catalog_, tensor, pool_, derived_);
    if (derived.ok()) return visitor_.data(tensor, 0, derived_);
  }
  return derived.ok() ? derived : visitor_.not_derived(tensor, derived.error());
}

// Passes the bytes of a view, which has no checksum: those of its base were checked.
Status Delivery::deliver_view(const catalog::Tensor& view) {
  const catalog::Tensor& base = catalog_.tensors[view.meta.base()];
  Status taken;        // what the visitor said, which ends the visit
  bool wanted = true;  // by the visitor
  Status read = symmetry::read_view(
      view.meta, base,
      [&](std::uint64_t offset, MutableBytes out) {
        return read_base_ ? read_base_(base, offset, out) : recall_base(base, offset, out, wanted);
      },
      [&](std::uint64_t offset, Bytes part) {
        taken = visitor_.data(view, offset, part);
        return taken;
      });
  if (!wanted) return {};
  if (read.ok() || !taken.ok()) return read;
  const Error& error = read.error();
  return visitor_.not_derived(view, make_error(error.code, "tensor {} {}: {}", view.meta.number,
                                               quoted(view.meta.name), error.message));
}

// Gets bytes of a tensor of a stream back from the visitor. If nobody wants the view, sets `wanted`
// to false, and returns an error that ends reading it.
Status Delivery::recall_base(const catalog::Tensor& base, std::uint64_t offset, MutableBytes out,
                             bool& wanted) {
  const std::uint64_t chunk_bytes = base.meta.chunk_elements * base.meta.element_bits / 8;
  const std::uint64_t first = base.first_chunk + offset / chunk_bytes;
  const std::uint64_t last = base.first_chunk + divide_up(offset + out.size(), chunk_bytes);
  const auto failed = failed_.lower_bound(first);
  if (failed != failed_.end() && failed->first < last) {
    return make_error(failed->second, "chunk {} of its base, tensor {} {}, failed",
                      failed->first - base.first_chunk, base.meta.number, quoted(base.meta.name));
  }
  BBZ_ASSIGN(wanted, visitor_.recall(base, offset, out));
  if (wanted) return {};
  return make_error(Code::kCancelled, "nobody wants this view");
}

// A group that is wrong fails what needs it, and no other chunk of the same tensor.
Status Delivery::find_group(const catalog::Tensor& tensor) {
  BBZ_ASSIGN(group_, find_group_(tensor.meta.group));
  return {};
}

Status Delivery::decode_carried(Step& step, const Step::Chunk& chunk) {
  const catalog::Tensor& tensor = *chunk.tensor;
  if (!group_) BBZ_TRY(find_group(tensor));
  step.plain.resize(chunk.chunk.decoded_bytes);
  return symmetry::decode_chunk(tensor.meta, chunk.chunk, step.payload, {group_.get(), &catalog_},
                                chunk.check, step.plain);
}

// Gets the bytes of a chunk whose payload is gone back from the visitor. Returns false if nobody wants
// them.
Result<bool> Delivery::recall(Step& step, const Step::Chunk& chunk) {
  if (chunk.use != Step::Use::kDeliver) return false;
  BBZ_TRY(chunk::check_known(chunk.tensor->meta, chunk.chunk));
  const catalog::Chunk& repeated = catalog_.chunks[*chunk.chunk.same_as];
  const catalog::Tensor& tensor = catalog_.tensors[repeated.meta.tensor];
  if (const auto failed = failed_.find(*chunk.chunk.same_as); failed != failed_.end()) {
    return make_error(failed->second, "it repeats chunk {} of tensor {} {}, which failed",
                      repeated.meta.number, tensor.meta.number, quoted(tensor.meta.name));
  }
  step.plain.resize(chunk.chunk.decoded_bytes);
  const std::uint64_t offset = symmetry::chunk_range(tensor.meta, repeated).offset;
  BBZ_ASSIGN(const bool wanted, visitor_.recall(tensor, offset, step.plain));
  if (wanted) BBZ_TRY(chunk::check_decoded(chunk.tensor->meta, chunk.chunk, step.plain));
  return wanted;
}

Status Delivery::deliver_chunk(Step& step, Step::Chunk& chunk) {
  const catalog::Tensor& tensor = *chunk.tensor;
  const bool decode = chunk.use != Step::Use::kCheck;
  if (chunk.outcome.ok() && decode) chunk.outcome = form_;
  if (chunk.outcome.ok() && decode && symmetry::needs_group(tensor.meta, chunk.chunk)) {
    chunk.outcome = decode_carried(step, chunk);
  }
  if (chunk.outcome.ok() && decode && chunk.passed) {
    const auto wanted = recall(step, chunk);
    if (wanted.ok() && !*wanted) return {};
    if (!wanted.ok()) chunk.outcome = wanted.error();
  }
  if (!chunk.outcome.ok()) {
    if (decode) {
      failed_.emplace(tensor.first_chunk + chunk.chunk.meta.number, chunk.outcome.code());
    }
    return visitor_.damaged(tensor, chunk.chunk, chunk.outcome.error());
  }
  if (chunk.use != Step::Use::kDeliver) return {};
  return symmetry::place_chunk(
      tensor.meta, chunk.chunk, step.plain, slice_,
      [&](std::uint64_t offset, Bytes part) { return visitor_.data(tensor, offset, part); });
}

Status Delivery::deliver(Step& step) {
  struct Caller {
    Delivery& delivery;
    Step& step;

    Status operator()(const Step::Metadata& call) const {
      if (!call.known.ok()) {
        return delivery.visitor_.metadata_unknown(call.metadata, call.known.error());
      }
      return delivery.visitor_.metadata(call.metadata, as_text(step.payload));
    }
    Status operator()(const Step::BeginFile& call) const {
      return delivery.visitor_.begin_file(*call.file);
    }
    Status operator()(const Step::Group&) const { return {}; }
    Status operator()(const Step::BeginTensor& call) const { return delivery.begin_tensor(call); }
    Status operator()(Step::Chunk& call) const { return delivery.deliver_chunk(step, call); }
    Status operator()(const Step::EndTensor& call) const {
      return delivery.visitor_.end_tensor(*call.tensor);
    }
    Status operator()(const Step::EndFile& call) const {
      return delivery.visitor_.end_file(*call.file);
    }
  };
  return std::visit(Caller{*this, step}, step.call);
}

}  // namespace bbz::internal
