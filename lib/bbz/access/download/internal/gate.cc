#include "bbz/access/download/internal/gate.h"

#include "bbz/archive/root.h"

namespace bbz::download {

Status Gate::structure(const catalog::Catalog&) {
  Status same = check_root(*decoder_->root(), expected_);
  refused_ = !same.ok();
  return same;
}

// Called once for a tensor that passes: its other chunks are only checked then.
Status Gate::failed(const catalog::Tensor& tensor, const catalog::Chunk* chunk,
                    const Error& error) {
  const bool leans = chunk != nullptr && catalog::leans(tensor.meta, chunk->meta) &&
                     !chunk->meta.extensions.unknown;
  const bool not_given = leans && base_ == nullptr;
  if (not_given && skips_) {
    ++undecoded_;
    return {};
  }
  lacks_base_ = not_given || error.code == Code::kBase;
  return error;
}

}  // namespace bbz::download
