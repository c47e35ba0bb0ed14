#include "bbz/archive/writer.h"

#include <algorithm>
#include <bit>
#include <optional>
#include <utility>

#include "bbz/archive/internal/block_types.h"
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

struct Writer::State {
  State(const WriteOptions& options, io::Sink* sink, std::optional<std::uint64_t> front_index_bytes)
      : queue(options, sink, front_index_bytes) {}

  const WriteOptions& options() const { return queue.options(); }

  internal::RecordQueue queue;
  internal::BlockTypes block_types;
  Status failure;

  std::uint32_t files = 0;
  std::uint32_t tensors = 0;
  std::uint32_t groups = 0;
  bool file_open = false;
  bool finished = false;
  std::uint32_t file_tensors = 0;
  std::uint64_t file_end = 0;   // end of the last tensor in the open file
  std::uint64_t file_size = 0;  // largest end of a tensor in the open file
  // Bytes of the open file since the last tensor whose record states its place.
  std::uint64_t unplaced = 0;
  bool ordered = true;              // its tensors with bytes are in the order of the file
  std::uint64_t last_offset = 0;    // of the last one of these
  std::optional<Hasher> file_hash;  // set as long as the open file may get a digest

  std::shared_ptr<const catalog::TensorMeta> tensor;  // the open tensor, or null
  bool placed = true;                                 // its record states its place
  bool moved = false;                                 // it does not follow the tensor before it
  std::uint64_t tensor_bytes = 0;                     // stored bytes that no complete chunk has
  internal::RecordQueue::Item* filling = nullptr;     // the incomplete chunk, or null
  std::size_t filled = 0;                             // bytes of the incomplete chunk
  std::uint32_t chunk_number = 0;
};

template <class Body>
std::invoke_result_t<Body> Writer::guarded(const Body& body) {
  BBZ_TRY(state_->failure);
  auto result = body();
  if (!result.ok()) state_->failure = result.error();
  return result;
}

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

Status Writer::write(Bytes bytes) {
  return guarded([&]() -> Status {
    Bytes rest = bytes;
    while (!rest.empty()) {
      BBZ_ASSIGN(const MutableBytes room, reserve());
      if (room.empty()) {
        return make_error(Code::kInvalidArgument, "write: {} bytes after the end of the tensor",
                          rest.size());
      }
      const std::size_t part = std::min(room.size(), rest.size());
      std::ranges::copy(rest.first(part), room.begin());
      BBZ_TRY(commit(part));
      rest = rest.subspan(part);
    }
    return {};
  });
}

Result<MutableBytes> Writer::reserve() {
  return guarded([&]() -> Result<MutableBytes> {
    State& s = *state_;
    if (!s.tensor) return make_error(Code::kInvalidArgument, "write: no tensor is open");
    if (s.tensor_bytes == 0) return MutableBytes();
    if (s.filling == nullptr) {
      const std::uint64_t size = s.tensor->chunk_elements * s.tensor->element_bits / 8;
      BBZ_ASSIGN(s.filling, s.queue.next_chunk({s.tensor, s.placed, s.moved, s.chunk_number++},
                                               std::min(size, s.tensor_bytes)));
    }
    return MutableBytes(s.filling->plain).subspan(s.filled);
  });
}

Status Writer::commit(std::size_t size) {
  return guarded([&]() -> Status {
    State& s = *state_;
    const std::size_t reserved = s.filling == nullptr ? 0 : s.filling->plain.size() - s.filled;
    if (s.filling == nullptr || size > reserved) {
      return make_error(Code::kInvalidArgument, "commit: {} bytes, {} were reserved", size,
                        reserved);
    }
    if (s.file_hash && !s.queue.measures()) {
      s.file_hash->update(Bytes(s.filling->plain).subspan(s.filled, size));
    }
    s.filled += size;
    if (s.filled < s.filling->plain.size()) return {};
    s.tensor_bytes -= s.filled;
    s.filling = nullptr;
    s.filled = 0;
    s.queue.submit_chunk();
    return {};
  });
}

Result<std::uint64_t> Writer::write_from(const std::shared_ptr<io::Source>& source,
                                         std::uint64_t offset) {
  return guarded([&]() -> Result<std::uint64_t> {
    State& s = *state_;
    BBZ_ASSIGN(const MutableBytes room, reserve());
    if (room.empty()) return std::uint64_t{0};
    if (!s.queue.measures()) {
      // The digest of a file is computed on this thread, which therefore needs the bytes now.
      if (s.filled == 0 && source->seekable() && !s.file_hash) {
        s.filling->chunk->unread = {source, offset};
      } else {
        BBZ_TRY(io::read_exactly(*source, offset, room));
      }
    }
    BBZ_TRY(commit(room.size()));
    return room.size();
  });
}

Status Writer::write_coded(Bytes plain, codec::CodecId codec, Bytes payload) {
  return guarded([&]() -> Status {
    State& s = *state_;
    BBZ_ASSIGN(const MutableBytes room, reserve());
    if (room.empty()) {
      return make_error(Code::kInvalidArgument, "write_coded: {} bytes after the end of the tensor",
                        plain.size());
    }
    if (s.filled != 0) {
      return make_error(Code::kInvalidArgument,
                        "write_coded: {} bytes of the chunk are already written", s.filled);
    }
    if (plain.size() != room.size()) {
      return make_error(Code::kInvalidArgument, "write_coded: {} bytes, expected a chunk of {}",
                        plain.size(), room.size());
    }
    if (payload.size() > plain.size()) {
      return make_error(Code::kInvalidArgument,
                        "write_coded: a payload of {} bytes for a chunk of {}", payload.size(),
                        plain.size());
    }
    std::ranges::copy(plain, room.begin());
    s.filling->chunk->coded_by = codec;
    s.filling->payload.assign(payload.begin(), payload.end());
    return commit(plain.size());
  });
}

Status Writer::end_tensor() {
  return guarded([&]() -> Status {
    State& s = *state_;
    if (!s.tensor) return make_error(Code::kInvalidArgument, "end_tensor: no tensor is open");
    if (s.tensor_bytes != 0) {
      return make_error(Code::kInvalidArgument, "end_tensor: tensor {}: {} bytes are missing",
                        quoted(s.tensor->name), s.tensor_bytes - s.filled);
    }
    s.tensor.reset();
    return {};
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
