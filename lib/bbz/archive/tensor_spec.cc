#include "bbz/archive/tensor_spec.h"

#include "bbz/base/format.h"
#include "bbz/base/layer_name.h"
#include "bbz/base/names.h"
#include "bbz/format/catalog/catalog.h"
#include "bbz/format/chunk/chunk.h"

namespace bbz {
namespace {

// Returns the bits of an element.
Result<std::uint32_t> bits_of(const TensorSpec& spec) {
  const DTypeInfo* const dtype = find_dtype(spec.dtype);
  if ((dtype == nullptr && spec.dtype != DType::kBlock) ||
      (spec.dtype == DType::kBlock) != (spec.block != nullptr)) {
    return make_error(Code::kInvalidArgument, "tensor {}: {} dtype {} {} a block type",
                      quoted(spec.name), dtype == nullptr ? "unknown" : "known",
                      static_cast<int>(spec.dtype), spec.block != nullptr ? "with" : "without");
  }
  if (dtype != nullptr) return static_cast<std::uint32_t>(dtype->bits);
  const Status valid = check_block_type(*spec.block);
  if (!valid.ok()) {
    return make_error(valid.code(), "tensor {}: {}", quoted(spec.name), valid.error().message);
  }
  return static_cast<std::uint32_t>(spec.block->bits());
}

}  // namespace

TensorSpec TensorSpec::bytes(std::uint64_t size) {
  TensorSpec spec;
  spec.kind = catalog::TensorKind::kBytes;
  spec.shape = {size};
  return spec;
}

Result<catalog::TensorMeta> tensor_meta(const TensorSpec& spec, std::uint64_t chunk_bytes) {
  BBZ_ASSIGN(const std::uint32_t element_bits, bits_of(spec));
  BBZ_ASSIGN(const std::uint64_t elements, element_count(spec.shape));
  const StoredForm stored = spec.stored.value_or(StoredForm());
  catalog::TensorMeta meta;
  meta.kind = spec.kind;
  meta.dtype = spec.dtype;
  meta.element_bits = element_bits;
  meta.form = stored.form;
  const auto named = spec.kind == catalog::TensorKind::kTensor ? layer_of(spec.name) : std::nullopt;
  meta.layer = spec.layer.value_or(named.value_or(catalog::kNone));
  if (spec.layer != named) meta.extensions.layer = spec.layer;
  meta.extensions.storage = spec.storage;
  meta.group = stored.group.value_or(catalog::kNone);
  meta.stored_elements = stored.elements.value_or(elements);
  if (const auto* const view = std::get_if<TensorSpec::ViewOf>(&spec.place)) {
    meta.form = catalog::Form::kView;
    meta.stored_elements = 0;
    meta.view = std::make_shared<const catalog::View>(*view);
  }
  meta.pivots = stored.pivots;
  if ((meta.form == catalog::Form::kPivot) != (meta.pivots != nullptr)) {
    return make_error(Code::kInvalidArgument, "tensor {}: form {} {} pivots", quoted(spec.name),
                      static_cast<int>(meta.form), meta.pivots != nullptr ? "with" : "without");
  }
  if (meta.form == catalog::Form::kDense && (meta.stored_elements != elements || stored.group)) {
    return make_error(Code::kMalformed,
                      "tensor {}: dense, but it has a group, or {} elements of {}",
                      quoted(spec.name), meta.stored_elements, elements);
  }
  meta.shape = spec.shape;
  meta.chunk_elements = chunk::choose_chunk_elements(
      meta.element_bits, catalog::stored_shape(meta).value_or(Shape{}), chunk_bytes);
  meta.name = spec.name;
  if (spec.leans) {
    catalog::Support support;
    support.base = spec.leans->base;
    support.name = spec.leans->name;
    if (spec.leans->bytes) support.digest = spec.leans->bytes->digest();
    meta.support = std::make_shared<const catalog::Support>(std::move(support));
  }
  return meta;
}

}  // namespace bbz
