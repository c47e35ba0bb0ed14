#include "bbz/ops/pack.h"

#include "bbz/base/layer_name.h"
#include "bbz/ops/internal/packer.h"

namespace bbz::ops {

TensorSpec tensor_spec(const files::Extent& extent) {
  if (extent.kind == files::Extent::Kind::kBytes) return TensorSpec::bytes(*extent.length);
  TensorSpec spec;
  spec.name = extent.name;
  spec.dtype = extent.dtype;
  spec.block = extent.block;
  spec.shape = extent.shape;
  spec.layer = layer_of(extent.name);
  spec.storage = extent.storage;
  return spec;
}

Result<PackSummary> pack(files::FileSequence& files, io::Sink& sink, const PackOptions& options) {
  return pack_with(
      files, sink, options,
      [](Packer& packer, const files::SourceFile& file, std::shared_ptr<io::Source> source) {
        return packer.add(file, std::move(source));
      });
}

}  // namespace bbz::ops
