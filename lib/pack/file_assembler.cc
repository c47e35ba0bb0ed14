#include "bbz/pack/file_assembler.h"

#include "bbz/base/format.h"
#include "bbz/base/names.h"

namespace bbz::pack {

FileAssembler::FileAssembler(io::Sink& sink, DigestKind archive_digest)
    : sink_(sink), begin_(sink.written()) {
  if (archive_digest == DigestKind::kSha256) hash_.emplace(archive_digest);
}

Status FileAssembler::put(const catalog::Tensor& tensor, std::uint64_t offset, Bytes bytes) {
  const std::uint64_t at = begin_ + tensor.meta.offset + offset;
  const std::uint64_t written = sink_.written();
  if (at == written) {
    if (hash_) hash_->update(bytes);
    return sink_.write(bytes);
  }
  // Stored in another order than that of the file.
  hash_.reset();
  if (at > written) {
    BBZ_TRY(sink_.extend(at));
    return sink_.write(bytes);
  }
  return sink_.patch(at, bytes);
}

Status FileAssembler::end(const catalog::File& file) {
  if (sink_.written() - begin_ != file.size) {
    return make_error(Code::kMalformed, "file {}: {} bytes came, its size is {}", quoted(file.path),
                      sink_.written() - begin_, file.size);
  }
  if (!hash_ || !file.digest) return {};
  const Digest computed = hash_->finish();
  if (computed == *file.digest) return {};
  return make_error(Code::kChecksum, "file {}: digest {}, computed {}", quoted(file.path),
                    file.digest->to_string(), computed.to_string());
}

}  // namespace bbz::pack
