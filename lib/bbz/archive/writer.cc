#include "bbz/archive/writer.h"

#include <algorithm>
#include <bit>
#include <optional>
#include <utility>

#include "bbz/archive/internal/writer_state.h"
#include "bbz/base/format.h"
#include "bbz/base/names.h"

namespace bbz {

using container::RecordType;

namespace {

// Salvage finds the place of a tensor without an index if its record, or one near it, states it. So
// records state it at least once in so many bytes of a file, and those of tensors of so many bytes
// always do. It does not depend on how chunks are coded, because the root digest covers it.
constexpr std::uint64_t kMostUnplaced = 64 * 1024;
constexpr std::uint64_t kAlwaysPlaced = 16 * 1024;

}  // namespace

Writer::Writer(std::unique_ptr<State> state) : state_(std::move(state)) {}
Writer::Writer(Writer&& other) noexcept = default;
Writer& Writer::operator=(Writer&& other) noexcept = default;
Writer::~Writer() = default;

Result<Writer> Writer::begin(const WriteOptions& options, io::Sink* sink,
                             std::optional<std::uint64_t> front_index_bytes) {
  const std::uint64_t largest = std::min(options.limits.chunk_bytes, codec::kMaxChunkBytes);
  if (options.chunk_bytes == 0 || options.chunk_bytes > largest) {
    return make_error(Code::kInvalidArgument, "chunks of {} bytes, expected 1 to {}",
                      options.chunk_bytes, largest);
  }
  if (options.alignment != 0 &&
      (!std::has_single_bit(options.alignment) || options.alignment < container::kLeastAlignment ||
       options.alignment > container::kMostAlignment)) {
    return make_error(Code::kInvalidArgument,
                      "an alignment of {} bytes, expected a power of two from {} to {}",
                      options.alignment, container::kLeastAlignment, container::kMostAlignment);
  }
  auto state = std::make_unique<State>(options, sink, front_index_bytes);
  BBZ_TRY(state->queue.begin());
  return Writer(std::move(state));
}

Result<Writer> Writer::create(io::Sink& sink, const WriteOptions& options) {
  return begin(options, &sink, std::nullopt);
}

Result<Writer> Writer::measure(const WriteOptions& options) {
  return begin(options, nullptr, std::nullopt);
}

Result<Writer> Writer::create_index_first(io::Sink& sink, Writer measuring) {
  BBZ_TRY(measuring.drain());
  const State& measured = *measuring.state_;
  if (!measured.queue.measures() || measured.file_open || measured.tensor) {
    return error_with_message(Code::kInvalidArgument,
                              "create_index_first: the calls that measure are not complete");
  }
  return begin(measured.options(), &sink, measured.queue.most_index_bytes());
}

const WriteOptions& Writer::options() const {
  return state_->options();
}

bool Writer::measures() const {
  return state_->queue.measures();
}

const catalog::Catalog& Writer::catalog() const {
  return state_->queue.catalog();
}

Status Writer::begin_file(std::string_view path, catalog::FileKind kind,
                          const io::FileAttributes& attributes) {
  return guarded([&]() -> Status {
    State& s = *state_;
    if (s.finished) return internal::is_finished(fmt::format("begin_file {}", quoted(path)));
    if (s.file_open) {
      return make_error(Code::kInvalidArgument, "begin_file {}: another file is open",
                        quoted(path));
    }
    if (path.size() > s.options().limits.name_bytes) {
      return make_error(Code::kLimit, "file {}: a path of {} bytes, the limit is {}", quoted(path),
                        path.size(), s.options().limits.name_bytes);
    }
    BBZ_TRY(check_safe_path(path));
    BBZ_TRY(io::check_attributes(attributes, path));
    catalog::FileMeta meta{s.files++, kind, std::string(path)};
    meta.extensions.attributes = attributes;
    s.file_open = true;
    s.file_tensors = 0;
    s.file_end = s.file_size = 0;
    s.unplaced = kMostUnplaced;
    s.ordered = true;
    s.last_offset = 0;
    s.file_hash.reset();
    if (s.options().digest == DigestKind::kSha256 && kind == catalog::FileKind::kRegular) {
      s.file_hash.emplace(s.options().digest);
    }
    return s.queue.send(RecordType::kFile, meta);
  });
}

Status Writer::end_file() {
  return guarded([&]() -> Status {
    State& s = *state_;
    if (!s.file_open) return make_error(Code::kInvalidArgument, "end_file: no file is open");
    if (s.tensor) {
      return make_error(Code::kInvalidArgument, "end_file: tensor {} is still open",
                        quoted(s.tensor->name));
    }
    catalog::FileEndMeta meta;
    meta.number = s.files - 1;
    meta.tensor_count = s.file_tensors;
    meta.size = s.file_size;
    meta.ordered = s.ordered;
    if (s.file_hash) meta.digest = s.file_hash->finish();
    s.file_hash.reset();
    s.file_open = false;
    return s.queue.send(RecordType::kFileEnd, meta);
  });
}

Status Writer::add_metadata(std::string_view key, std::string_view value) {
  return guarded([&]() -> Status {
    State& s = *state_;
    if (s.finished) return internal::is_finished(fmt::format("add_metadata {}", quoted(key)));
    if (!is_utf8(value)) {
      return make_error(Code::kInvalidArgument, "metadata {}: its value is not UTF-8", quoted(key));
    }
    catalog::MetadataMeta meta;
    if (s.file_open) meta.file = s.files - 1;
    meta.key = key;
    const Bytes payload = std::as_bytes(std::span(value));
    meta.check = catalog::check_of(s.options().digest, payload);
    return s.queue.send(RecordType::kMetadata, meta, payload);
  });
}

Result<std::uint32_t> Writer::add_group(catalog::GroupMethod method, Bytes payload) {
  return guarded([&]() -> Result<std::uint32_t> {
    State& s = *state_;
    if (s.finished) return internal::is_finished("add_group");
    catalog::GroupMeta meta;
    meta.number = s.groups++;
    meta.method = method;
    meta.check = catalog::check_of(s.options().digest, payload);
    BBZ_TRY(s.queue.send(RecordType::kGroup, meta, payload));
    return meta.number;
  });
}

Result<std::uint32_t> Writer::add_base(const catalog::BaseMeta& base) {
  return guarded([&]() -> Result<std::uint32_t> {
    State& s = *state_;
    if (s.finished) return internal::is_finished("add_base");
    if (!is_utf8(base.hint)) {
      return make_error(Code::kInvalidArgument, "add_base: the hint {} is not UTF-8",
                        quoted(base.hint));
    }
    catalog::BaseMeta meta = base;
    meta.number = s.bases++;
    BBZ_TRY(s.queue.send(RecordType::kBase, meta));
    return meta.number;
  });
}

// Checks that a tensor may begin now, and that the limits allow its name and its rank.
Status Writer::check_begin(const TensorSpec& spec) const {
  const State& s = *state_;
  const Limits& limits = s.options().limits;
  const std::string name = quoted(spec.name);
  if (s.finished) return internal::is_finished(fmt::format("begin_tensor {}", name));
  if (s.tensor) {
    return make_error(Code::kInvalidArgument, "begin_tensor {}: tensor {} is still open", name,
                      quoted(s.tensor->name));
  }
  if (!s.file_open && !spec.is_operand()) {
    return make_error(Code::kInvalidArgument, "begin_tensor {}: no file is open", name);
  }
  if (spec.name.size() > limits.name_bytes) {
    return make_error(Code::kLimit, "tensor {}: a name of {} bytes, the limit is {}", name,
                      spec.name.size(), limits.name_bytes);
  }
  if (!is_utf8(spec.name)) {
    return make_error(Code::kInvalidArgument, "tensor {}: the name is not UTF-8", name);
  }
  if (spec.shape.size() > limits.rank) {
    return make_error(Code::kLimit, "tensor {}: rank {}, the limit is {}", name, spec.shape.size(),
                      limits.rank);
  }
  if (spec.leans && !s.queue.measures() &&
      (spec.leans->bytes == nullptr || spec.leans->bytes->digest().kind != s.options().digest)) {
    return make_error(Code::kInvalidArgument,
                      "tensor {}: it leans, and its support has no digest of the archive's kind",
                      name);
  }
  return {};
}

Status Writer::begin_tensor(const TensorSpec& spec) {
  return guarded([&]() -> Status {
    State& s = *state_;
    BBZ_TRY(check_begin(spec));
    BBZ_ASSIGN(catalog::TensorMeta meta, tensor_meta(spec, s.options().chunk_bytes));
    BBZ_ASSIGN(const std::uint64_t elements, element_count(meta.shape));
    BBZ_ASSIGN(const std::uint64_t size, internal::size_of(meta, elements));
    BBZ_ASSIGN(s.tensor_bytes, internal::size_of(meta, meta.stored_elements));
    if (spec.leans && spec.leans->bytes != nullptr && spec.leans->bytes->size() != size) {
      return make_error(Code::kInvalidArgument, "tensor {}: {} bytes, and its support has {}",
                        quoted(spec.name), size, spec.leans->bytes->size());
    }
    if (meta.leans() && s.queue.measures()) {
      // The digest has the same length whatever it is.
      auto support = std::make_shared<catalog::Support>(*meta.support);
      support->digest.kind = s.options().digest;
      meta.support = std::move(support);
    }
    s.support = spec.leans ? spec.leans->bytes : nullptr;
    BBZ_ASSIGN(meta.block_type, s.block_types.number_of(spec.block, s.queue));
    meta.number = s.tensors++;
    s.placed = true;
    s.moved = false;
    if (spec.is_view()) {
      meta.file = s.files - 1;
    } else if (!spec.is_operand()) {
      const auto* const at = std::get_if<TensorSpec::At>(&spec.place);
      meta.file = s.files - 1;
      meta.offset = at == nullptr ? s.file_end : at->offset;
      const auto end = checked_add(meta.offset, size);
      if (!end) {
        return make_error(Code::kInvalidArgument, "tensor {}: it ends beyond 64 bits",
                          quoted(spec.name));
      }
      // The digest of a file is computed only if all of its bytes are written in order.
      if (meta.offset != s.file_end || meta.form != catalog::Form::kDense) s.file_hash.reset();
      s.moved = meta.offset != s.file_end;
      if (size != 0)
        s.ordered = s.ordered && std::exchange(s.last_offset, meta.offset) <= meta.offset;
      s.placed = s.moved || size >= kAlwaysPlaced || s.unplaced >= kMostUnplaced ||
                 meta.stored_elements > meta.chunk_elements;
      s.unplaced = s.placed ? 0 : s.unplaced + size;
      s.file_end = *end;
      s.file_size = std::max(s.file_size, s.file_end);
      ++s.file_tensors;
    }
    s.chunk_number = 0;
    s.tensor = std::make_shared<const catalog::TensorMeta>(std::move(meta));
    if (s.tensor_bytes != 0) return {};  // its record has its first chunk
    return s.queue.send(RecordType::kTensor,
                        catalog::TensorRecord{*s.tensor, s.placed, s.moved, {}});
  });
}

Status Writer::drain() {
  return guarded([&] { return state_->queue.drain(); });
}

Result<Digest> Writer::finish() {
  return guarded([&]() -> Result<Digest> {
    State& s = *state_;
    if (s.finished) return internal::is_finished("finish");
    if (s.tensor) {
      return make_error(Code::kInvalidArgument, "finish: tensor {} is still open",
                        quoted(s.tensor->name));
    }
    if (s.file_open) return make_error(Code::kInvalidArgument, "finish: a file is still open");
    s.finished = true;
    return s.queue.finish();
  });
}

}  // namespace bbz
