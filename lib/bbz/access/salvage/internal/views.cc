#include "bbz/access/salvage/internal/views.h"

namespace bbz::salvage {

void place_views(Survey& survey) {
  for (auto& [number, tensor] : survey.tensors) {
    catalog::TensorMeta& meta = tensor.meta;
    // The distance to the base says nothing if the number is made up.
    if (!meta.is_view() || number > kUnknownFile || meta.view->back > number) continue;
    const auto found = survey.tensors.find(meta.base());
    if (found == survey.tensors.end() || meta.stored_elements != 0) continue;
    const FoundTensor& base = found->second;
    if (base.meta.is_view() || base.meta.is_operand() || meta.element_bits % 8 != 0) continue;
    const auto end = catalog::end_in_base(meta, tensor.byte_size);
    if (!end || *end > base.byte_size) continue;
    meta.file = base.meta.file;
    survey.files[meta.file].views.push_back(number);
  }
}

}  // namespace bbz::salvage
