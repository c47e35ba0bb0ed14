#include "bbz/archive/visitor.h"

#include "bbz/base/format.h"
#include "bbz/base/names.h"

namespace bbz {

Result<bool> Visitor::recall(const catalog::Tensor& tensor, std::uint64_t offset,
                             MutableBytes bytes) {
  return make_error(
      Code::kUnsupported,
      "it repeats or is a view of {} bytes at {} of tensor {} {}, which a stream has passed: read "
      "the archive from a file",
      bytes.size(), offset, tensor.meta.number, quoted(tensor.meta.name));
}

}  // namespace bbz
