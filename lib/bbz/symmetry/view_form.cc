// Form view: no chunks, because the elements are bytes of another tensor of the file.
#include "bbz/symmetry/internal/forms.h"
#include "bbz/symmetry/internal/view_layout.h"
#include "bbz/symmetry/view.h"

namespace bbz::symmetry {
namespace {

// Checks that the view is nested, or spans so few bytes that all of them are held in memory.
Status check_view_span(const catalog::Tensor& view) {
  if (is_readable_view(view.meta)) return {};
  return about(Code::kLimit, view.meta,
               "a view whose axes overlap, of a span of {} bytes, the limit is {}",
               ViewLayout(view.meta).span(), kMaxViewSpan);
}

}  // namespace

Status check_view(const catalog::Tensor& tensor) {
  return check_stored(tensor.meta, 0);
}

Status check_view_of(const catalog::Tensor& view, const catalog::Tensor& base) {
  BBZ_TRY(check_view(view));
  if (base.meta.form != Form::kDense) {
    return about(Code::kMalformed, view.meta, "a view of tensor {} {} of form {}", base.meta.number,
                 quoted(base.meta.name), static_cast<int>(base.meta.form));
  }
  BBZ_TRY(check_view_span(view));
  const auto product = checked_mul(base.byte_size, kMaxViewFactor);
  const auto most = product ? checked_add(*product, kFreeViewBytes) : std::nullopt;
  if (!most || view.byte_size <= *most) return {};
  return about(Code::kLimit, view.meta, "a view of {} bytes, the limit is {} for a base of {}",
               view.byte_size, *most, base.byte_size);
}

}  // namespace bbz::symmetry
