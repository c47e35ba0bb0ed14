#include "bbz/ops/verify.h"

#include <algorithm>
#include <map>
#include <utility>

#include "bbz/archive/reader.h"
#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/files/safetensors/records.h"

namespace bbz::ops {
namespace {

class DamageCollector final : public Visitor {
 public:
  // If `hash_all` is true, every file is hashed as it arrives, even if the archive's kind of digest
  // does not suggest that files have digests.
  DamageCollector(VerifyReport& report, const VerifyOptions& options, bool hash_all)
      : report_(report), options_(options), hash_all_(hash_all) {}

  Status begin_archive(const container::FileHeader& header) override {
    hash_files_ = (hash_all_ || header.digest_kind == DigestKind::kSha256) && !options_.fast;
    return {};
  }

  Status begin_file(const catalog::File& file) override {
    path_ = file.path;
    position_ = 0;
    whole_ = true;
    passed_ = passed_front_ = false;
    hash_.reset();
    if (hash_files_) hash_.emplace(DigestKind::kSha256);
    records_.begin_file(path_);
    return {};
  }

  Status metadata(const catalog::Metadata& metadata, std::string_view value) override {
    if (metadata.meta.file == catalog::kNone) return {};
    if (metadata.meta.file == report_.files) {
      records_.metadata(metadata.meta.key, value);
    } else if (metadata.meta.key == "format" || metadata.meta.key == "safetensors") {
      add({"", "", std::nullopt, 0,
           make_error(Code::kMalformed,
                      "metadata {} of file {} is not between the records of the file",
                      bbz::quoted(metadata.meta.key), metadata.meta.file)});
    }
    return {};
  }

  Status metadata_unknown(const catalog::Metadata& metadata, const Error& error) override {
    const bool here = metadata.meta.file == report_.files;
    add({here ? path_ : "", "", std::nullopt, metadata.payload.offset, error});
    return {};
  }

  Status begin_tensor(const catalog::Tensor& tensor) override {
    report_.chunks += tensor.chunk_count;
    if (tensor.meta.kind == catalog::TensorKind::kTensor) ++report_.tensors;
    if (!options_.fast && !tensor.is_operand()) records_.tensor(tensor.meta, tensor.byte_size);
    at_front_ = tensor.meta.kind == catalog::TensorKind::kBytes && tensor.meta.offset == 0;
    return {};
  }

  // Hashes a file as long as its bytes arrive in order.
  Status data(const catalog::Tensor& tensor, std::uint64_t offset, Bytes bytes) override {
    if (tensor.is_operand()) return {};
    records_.data(offset, bytes);
    if (at_front_ && hash_all_) keep(tensor, offset, bytes);
    if (!hash_) return {};
    if (tensor.meta.offset + offset != position_) {
      hash_.reset();
      return {};
    }
    hash_->update(bytes);
    position_ += bytes.size();
    return {};
  }

  // The chunk that is repeated was checked. Only what compares the bytes of the file misses it.
  Result<bool> recall(const catalog::Tensor& tensor, std::uint64_t offset,
                      MutableBytes bytes) override {
    const auto kept = kept_.find(tensor.meta.number);
    if (kept != kept_.end() && offset + bytes.size() <= kept->second.size()) {
      std::ranges::copy(Bytes(kept->second).subspan(offset, bytes.size()), bytes.begin());
      return true;
    }
    passed_ = true;
    passed_front_ = passed_front_ || at_front_;
    return false;
  }

  Status damaged(const catalog::Tensor& tensor, const catalog::Chunk& chunk,
                 const Error& error) override {
    whole_ = whole_ && tensor.is_operand();
    if (catalog::leans(tensor.meta, chunk.meta) && !chunk.meta.extensions.unknown &&
        !tensor.meta.extensions.unknown) {
      if (error.code == (options_.base == nullptr ? Code::kUnsupported : Code::kBase)) {
        add_not_decoded(tensor, error);
        return {};
      }
      if (is_of_opening(error.code)) {
        is_base_unreadable_ = true;
        return error;
      }
    }
    add({tensor.is_operand() ? "" : path_, tensor.meta.name, chunk.meta.number,
         chunk.payload.offset, error});
    return {};
  }

  Status not_derived(const catalog::Tensor& tensor, const Error& error) override {
    whole_ = whole_ && tensor.is_operand();
    if (error.code == Code::kBase) {  // a view of what leans
      add_not_decoded(tensor, error);
      return {};
    }
    add({path_, tensor.meta.name, std::nullopt, 0, error});
    return {};
  }

  Status end_file(const catalog::File& file) override {
    const std::uint32_t number = static_cast<std::uint32_t>(report_.files++);
    report_.file_bytes += file.size;
    if (options_.fast || !whole_) return {};
    if (const Status known = catalog::check_file(file); !known.ok()) {
      add({path_, "", std::nullopt, 0, known.error()});
      return {};
    }
    if (passed_front_ && records_.needs_front()) {
      add({path_, "", std::nullopt, 0, passed("its tensors", "with its header")});
    } else if (file.kind == catalog::FileKind::kRegular && !passed_front_) {
      if (const Status same = records_.end_file(file.size); !same.ok()) {
        add({path_, "", std::nullopt, 0, same.error()});
      }
    }
    if (!file.digest) return {};
    if (passed_) {
      add({path_, "", std::nullopt, 0, passed("its digest", "with that of its bytes")});
    } else if (hash_ && position_ == file.size) {
      compare(path_, *file.digest, hash_->finish());
    } else {
      not_hashed_.push_back({number, ++steps_});
    }
    return {};
  }

  // A file whose digest is not compared yet, and which step its end was.
  struct NotHashed {
    std::uint32_t file = 0;
    std::uint64_t step = 0;
  };
  const std::vector<NotHashed>& not_hashed() const { return not_hashed_; }

  // Returns whether the reading ended because a base could not be opened or read, which says nothing of the
  // archive.
  bool is_base_unreadable() const { return is_base_unreadable_; }

  void compare(const std::string& path, const Digest& digest, const Digest& computed) {
    compare(path, digest, computed, ++steps_);
  }
  void compare(const std::string& path, const Digest& digest, const Digest& computed,
               std::uint64_t step) {
    if (computed == digest) return;
    add({path, "", std::nullopt, 0,
         make_error(Code::kChecksum, "file {}: digest {}, computed {}", bbz::quoted(path),
                    digest.to_string(), computed.to_string())},
        step);
  }

  // Counts something of a tensor that was not decoded because of its base.
  void add_not_decoded(const catalog::Tensor& tensor, const Error& error) {
    ++report_.without_base;
    if (std::exchange(last_not_decoded_, tensor.meta.number) == tensor.meta.number) return;
    if (report_.not_decoded.size() < std::max<std::size_t>(options_.max_damages, 1)) {
      report_.not_decoded.push_back(error);
    }
  }

  void add(Damage damage) { add(std::move(damage), ++steps_); }

  // Adds damage that belongs to a step of reading the archive: the first is that of the first step.
  void add(Damage damage, std::uint64_t step) {
    ++report_.damaged;
    const auto order = [](const Error& error, std::uint64_t at) {
      return std::pair(error.code == Code::kUnsupported, at);
    };
    if (!report_.first || order(damage.error, step) < order(*report_.first, first_step_)) {
      report_.first = damage.error;
      first_step_ = step;
    }
    if (report_.damages.size() < options_.max_damages) report_.damages.push_back(std::move(damage));
  }

 private:
  // The bytes at the beginning of files that are kept for files that repeat them.
  static constexpr std::size_t kMostKept = std::size_t{16} << 20;

  // Returns whether an error is that of a base which could not be opened or read.
  static bool is_of_opening(Code code) {
    return code == Code::kIo || code == Code::kNotFound || code == Code::kInvalidArgument ||
           code == Code::kCancelled;
  }
  // Keeps the bytes of a tensor up to the first that are missing or find no room.
  void keep(const catalog::Tensor& tensor, std::uint64_t offset, Bytes bytes) {
    auto& kept = kept_[tensor.meta.number];
    if (offset != kept.size() || bytes.size() > kept_left_) return;
    kept_left_ -= bytes.size();
    kept.insert(kept.end(), bytes.begin(), bytes.end());
  }
  Error passed(std::string_view what, std::string_view with) const {
    return make_error(
        Code::kUnsupported,
        "file {}: {} cannot be compared {}, because it repeats bytes that a stream has "
        "passed: verify the archive as a file",
        bbz::quoted(path_), what, with);
  }

  VerifyReport& report_;
  const VerifyOptions& options_;
  const bool hash_all_;
  bool hash_files_ = false;
  std::string path_;
  bool at_front_ = false;      // the tensor is of kind bytes, at the beginning of the file
  bool passed_ = false;        // some of the file's bytes are not known: they repeat others
  bool passed_front_ = false;  // they are those of a tensor that was at_front_
  std::map<std::uint32_t, std::vector<std::byte>> kept_;  // by tensor
  std::size_t kept_left_ = kMostKept;
  std::optional<std::uint32_t> last_not_decoded_;  // the tensor that was added last
  bool is_base_unreadable_ = false;
  bool whole_ = true;           // nothing of the file is damaged so far
  std::uint64_t position_ = 0;  // offset in the file up to which hash_ has gone
  std::optional<Hasher> hash_;
  safetensors::RecordsCheck records_;
  std::vector<NotHashed> not_hashed_;
  std::uint64_t steps_ = 0;       // of reading the archive, as far as their order matters
  std::uint64_t first_step_ = 0;  // of report_.first
};

// Hashes all bytes that it visits.
class HashingVisitor final : public Visitor {
 public:
  Status data(const catalog::Tensor&, std::uint64_t, Bytes bytes) override {
    hash_.update(bytes);
    return {};
  }
  Digest finish() { return hash_.finish(); }

 private:
  Hasher hash_{DigestKind::kSha256};
};

// Compares the digests of files that were not hashed as they arrived, and reads these files again.
// From a pipe, all are hashed: a file with a digest is stored in the order of its bytes.
Status compare_apart(io::Source& source, const VerifyOptions& options, DamageCollector& collector) {
  ReadOptions reading;
  reading.threads = options.threads;
  reading.limits = options.limits;
  reading.base = options.base;
  // The caller owns the source, which outlives the reader.
  const std::shared_ptr<io::Source> borrowed(std::shared_ptr<io::Source>(), &source);
  BBZ_ASSIGN(const Reader reader, Reader::open(borrowed, reading));
  for (const auto& [number, step] : collector.not_hashed()) {
    const catalog::File& file = reader.catalog().files[number];
    HashingVisitor hash;
    BBZ_TRY(reader.visit_tensors(file.tensors, hash));
    collector.compare(file.path, *file.digest, hash.finish(), step);
  }
  return {};
}

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
  if (root) BBZ_TRY(check_root(*root, expected));
  return without_base == 0 ? Status() : Status(not_decoded.front());
}

Result<VerifyReport> verify(io::Source& source, const VerifyOptions& options) {
  VerifyReport report;
  report.expected = options.expected;
  StreamOptions stream;
  stream.threads = options.threads;
  stream.decode = !options.fast;
  stream.limits = options.limits;
  stream.base = options.base;
  stream.progress = [&](std::uint64_t bytes) {
    report.archive_bytes = bytes;
    if (options.progress) options.progress(bytes);
  };
  // From a pipe, every file is hashed, which takes about as long as all else: any archive may have
  // digests of files, and nothing says so before the bytes of the file are gone.
  DamageCollector collector(report, options, !source.seekable());
  const auto read = read_stream(source, stream, collector);
  if (read.ok()) {
    report.root = read->root;
    if (!collector.not_hashed().empty()) {
      const Status compared = compare_apart(source, options, collector);
      if (compared.code() == Code::kIo) return compared.error();
      if (!compared.ok()) collector.add({"", "", std::nullopt, 0, compared.error()});
    }
  } else if (read.code() == Code::kIo || collector.is_base_unreadable()) {
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
                    "digest: expected \"sha256:\" and 64 hexadecimal digits, or \"xxh3-128:\" "
                    "and 32, found {}",
                    bbz::quoted(text));
}

}  // namespace bbz::ops
