#include "bbz/ops/internal/file_assembler.h"

#include "bbz/base/format.h"
#include "bbz/base/names.h"

namespace bbz::ops {

Status FileAssembler::put(const catalog::Tensor& tensor, std::uint64_t offset, Bytes bytes) {
  const std::uint64_t at = begin_ + tensor.meta.offset + offset;
  const std::uint64_t written = sink_.written();
  if (at < written) return sink_.patch(at, bytes);
  if (at > written) BBZ_TRY(sink_.extend(at));
  return sink_.write(bytes);
}

Status FileAssembler::end(const catalog::File& file) {
  BBZ_TRY(catalog::check_file(file));
  if (sink_.written() - begin_ == file.size) return {};
  return make_error(Code::kMalformed, "file {}: {} bytes, expected {}", bbz::quoted(file.path),
                    sink_.written() - begin_, file.size);
}

}  // namespace bbz::ops
