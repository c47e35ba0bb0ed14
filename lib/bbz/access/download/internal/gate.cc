#include "bbz/access/download/internal/gate.h"

#include "bbz/archive/root.h"
#include "bbz/archive/supports.h"

namespace bbz::download {

Status Gate::structure(const catalog::Catalog&) {
  Status same = check_root(*decoder_->root(), expected_);
  refused_ = !same.ok();
  return same;
}

// Returns whether a chunk leans on a tensor that the base does not have.
bool Gate::lacks_support(const catalog::Tensor& tensor, const catalog::Chunk* chunk) const {
  if (chunk == nullptr || !catalog::leans(tensor.meta, chunk->meta)) return false;
  if (chunk->meta.extensions.unknown) return false;
  const auto& bases = decoder_->catalog()->bases;
  return !Supports(base_).check(tensor, bases[tensor.meta.support->base]).ok();
}

// Called once for a tensor that passes: its other chunks are only checked then.
Status Gate::failed(const catalog::Tensor& tensor, const catalog::Chunk* chunk,
                    const Error& error) {
  const bool lacks = lacks_support(tensor, chunk);
  if (lacks && skips_ && base_ == nullptr) {
    ++undecoded_;
    return {};
  }
  lacks_base_ = lacks;
  return error;
}

}  // namespace bbz::download
