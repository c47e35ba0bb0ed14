#include "bbz/pack/verify.h"

#include "bbz/base/format.h"
#include "bbz/base/names.h"

namespace bbz::pack {
namespace {

class DamageCollector final : public Visitor {
 public:
  DamageCollector(VerifyReport& report, const VerifyOptions& options)
      : report_(report), options_(options) {}

  Status begin_archive(const container::FileHeader& header) override {
    hash_files_ = header.digest_kind == DigestKind::kSha256 && !options_.fast;
    return {};
  }

  Status begin_file(const catalog::File& file) override {
    path_ = file.path;
    position_ = 0;
    hash_.reset();
    if (hash_files_) hash_.emplace(DigestKind::kSha256);
    return {};
  }

  Status begin_tensor(const catalog::Tensor& tensor) override {
    report_.chunks += tensor.chunk_count;
    if (tensor.meta.kind == catalog::TensorKind::kTensor) ++report_.tensors;
    return {};
  }

  // A file is hashed as far as its bytes come in order.
  Status data(const catalog::Tensor& tensor, std::uint64_t offset, Bytes bytes) override {
    if (!hash_ || tensor.is_operand()) return {};
    if (tensor.meta.offset + offset != position_) {
      hash_.reset();
      return {};
    }
    hash_->update(bytes);
    position_ += bytes.size();
    return {};
  }

  Status damaged(const catalog::Tensor& tensor, const catalog::Chunk& chunk,
                 const Error& error) override {
    hash_.reset();
    add({tensor.is_operand() ? "" : path_, tensor.meta.name, chunk.meta.number,
         chunk.payload.offset, error});
    return {};
  }

  Status not_derived(const catalog::Tensor& tensor, const Error& error) override {
    hash_.reset();
    add({path_, tensor.meta.name, std::nullopt, 0, error});
    return {};
  }

  Status end_file(const catalog::File& file) override {
    ++report_.files;
    if (!hash_ || !file.digest || position_ != file.size) return {};
    const Digest computed = hash_->finish();
    hash_.reset();
    if (computed != *file.digest) {
      add({path_, "", std::nullopt, 0,
           make_error(Code::kChecksum, "file {}: digest {}, computed {}", bbz::quoted(path_),
                      file.digest->to_string(), computed.to_string())});
    }
    return {};
  }

 private:
  void add(Damage damage) {
    ++report_.damaged;
    if (!report_.first ||
        (report_.first->code == Code::kUnsupported && damage.error.code != Code::kUnsupported)) {
      report_.first = damage.error;
    }
    if (report_.damages.size() < options_.max_damages) report_.damages.push_back(std::move(damage));
  }

  VerifyReport& report_;
  const VerifyOptions& options_;
  bool hash_files_ = false;
  std::string path_;
  std::uint64_t position_ = 0;  // in the file, up to which hash_ has gone
  std::optional<Hasher> hash_;
};

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

Status VerifyReport::outcome() const {
  if (broken) return *broken;
  if (first) return *first;
  if (expected && root && *expected != *root) {
    return make_error(Code::kDigestMismatch, "the root digest is {}, expected {}{}",
                      root->to_string(), expected->to_string(),
                      root->kind == expected->kind ? "" : " (of another kind: see --digest)");
  }
  return {};
}

Result<VerifyReport> verify(io::Source& source, const VerifyOptions& options) {
  VerifyReport report;
  report.expected = options.expected;
  StreamOptions stream;
  stream.threads = options.threads;
  stream.decode = !options.fast;
  stream.limits = options.limits;
  stream.progress = [&](std::uint64_t bytes) {
    report.archive_bytes = bytes;
    if (options.progress) options.progress(bytes);
  };
  DamageCollector collector(report, options);
  const auto read = read_stream(source, stream, collector);
  if (read.ok()) {
    report.root = read->root;
  } else if (read.code() == Code::kIo) {
    return read.error();
  } else {
    report.broken = read.error();
  }
  return report;
}

Result<Digest> parse_digest(std::string_view text) {
  const std::size_t colon = text.find(':');
  const std::string_view kind = colon == std::string_view::npos ? "" : text.substr(0, colon);
  const std::string_view hex = colon == std::string_view::npos ? text : text.substr(colon + 1);
  Digest digest;
  digest.kind = hex.size() == 64 ? DigestKind::kSha256 : DigestKind::kXxh3_128;
  const std::string_view expected_kind = digest.kind == DigestKind::kSha256 ? "sha256" : "xxh3-128";
  bool valid = hex.size() == 2 * digest.size() && (kind.empty() || kind == expected_kind);
  for (std::size_t i = 0; valid && i < digest.size(); ++i) {
    const int high = hex_value(hex[2 * i]);
    const int low = hex_value(hex[2 * i + 1]);
    valid = high >= 0 && low >= 0;
    digest.bytes[i] = static_cast<std::byte>(high * 16 + low);
  }
  if (valid) return digest;
  return make_error(Code::kInvalidArgument,
                    "{}: no digest: expected sha256: and 64 hexadecimal digits, or xxh3-128: and "
                    "32",
                    bbz::quoted(text));
}

}  // namespace bbz::pack
