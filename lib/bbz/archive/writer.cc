#include "bbz/archive/writer.h"

#include <algorithm>
#include <utility>

#include "bbz/archive/internal/writer_state.h"
#include "bbz/base/names.h"
#include "bbz/format/chunk/chunk.h"

namespace bbz {

using container::RecordType;

namespace {

container::FileHeader header_of(const WriteOptions& options) {
  container::FileHeader header;
  header.digest_kind = options.digest;
  if (options.front_index_bytes) header.required_features |= container::kFeatureIndexFirst;
  return header;
}

Error is_finished(std::string_view call) {
  return make_error(Code::kInvalidArgument, "{}: the archive is finished", call);
}

}  // namespace

TensorSpec TensorSpec::bytes(std::uint64_t size) {
  TensorSpec spec;
  spec.kind = catalog::TensorKind::kBytes;
  spec.shape = {size};
  return spec;
}

Result<catalog::TensorMeta> tensor_meta(const TensorSpec& spec, std::uint64_t chunk_bytes) {
  const DTypeInfo* dtype = find_dtype(spec.dtype);
  if (dtype == nullptr) {
    return make_error(Code::kInvalidArgument, "tensor {}: unknown dtype {}", quoted(spec.name),
                      static_cast<int>(spec.dtype));
  }
  BBZ_ASSIGN(const std::uint64_t elements, element_count(spec.shape));
  catalog::TensorMeta meta;
  meta.kind = spec.kind;
  meta.dtype = spec.dtype;
  meta.element_bits = static_cast<std::uint8_t>(dtype->bits);
  meta.form = spec.form;
  meta.layer = spec.layer.value_or(catalog::kNone);
  meta.group = spec.group.value_or(catalog::kNone);
  meta.stored_elements = spec.stored_elements.value_or(elements);
  meta.chunk_elements = chunk::choose_chunk_elements(
      meta.element_bits, meta.stored_elements == elements ? spec.shape : Shape{}, chunk_bytes);
  meta.shape = spec.shape;
  meta.name = spec.name;
  return meta;
}

Writer::State::State(io::Sink& sink, const WriteOptions& o)
    : options(o),
      records(sink, header_of(o), o.front_index_bytes.value_or(0)),
      builder(header_of(o), o.limits),
      pool(o.threads),
      queue(
          pool, 2 * pool.size() + 1, [this](Item& item) { return encode(item); },
          [this](Item& item) { return append(item); }) {}

Status Writer::State::encode(Item& item) const {
  if (item.type != RecordType::kChunk) return {};
  if (const auto source = std::exchange(item.source, nullptr)) {
    BBZ_TRY(io::read_exactly(*source, item.offset, item.plain));
  }
  if (item.coded_by) {
    chunk::describe(*item.tensor, item.number, item.plain, *item.coded_by, options.digest,
                    item.meta);
  } else {
    chunk::encode(*item.tensor, item.number, item.plain, {options.level}, options.digest, item.meta,
                  item.payload);
  }
  return {};
}

Status Writer::State::append(Item& item) {
  BBZ_ASSIGN(const container::RecordHead head, records.append(item.type, item.meta, item.payload));
  return builder.add({head, item.meta});
}

Status Writer::State::begin_file(std::string_view path, catalog::FileKind kind) {
  if (finished) return is_finished(fmt::format("begin_file {}", quoted(path)));
  if (file_open) {
    return make_error(Code::kInvalidArgument, "begin_file {}: another file is open", quoted(path));
  }
  if (path.size() > options.limits.name_bytes) {
    return make_error(Code::kLimit, "file {}: a path of {} bytes, the limit is {}", quoted(path),
                      path.size(), options.limits.name_bytes);
  }
  BBZ_TRY(check_safe_path(path));
  catalog::FileMeta meta;
  meta.number = files++;
  meta.kind = kind;
  meta.path = path;
  file_open = true;
  file_tensors = 0;
  file_end = file_size = 0;
  file_hash.reset();
  if (options.digest == DigestKind::kSha256 && kind == catalog::FileKind::kRegular) {
    file_hash.emplace(options.digest);
  }
  return send(RecordType::kFile, meta);
}

Status Writer::State::end_file() {
  if (!file_open) return make_error(Code::kInvalidArgument, "end_file: no file is open");
  if (tensor) {
    return make_error(Code::kInvalidArgument, "end_file: tensor {} is still open",
                      quoted(tensor->name));
  }
  catalog::FileEndMeta meta;
  meta.number = files - 1;
  meta.tensor_count = file_tensors;
  meta.size = file_size;
  if (file_hash) meta.digest = file_hash->finish();
  file_hash.reset();
  file_open = false;
  return send(RecordType::kFileEnd, meta);
}

// Checks that a tensor may begin now, and that the limits allow its name and its rank.
Status Writer::State::check_begin(const TensorSpec& spec) const {
  const std::string name = quoted(spec.name);
  if (finished) return is_finished(fmt::format("begin_tensor {}", name));
  if (tensor) {
    return make_error(Code::kInvalidArgument, "begin_tensor {}: tensor {} is still open", name,
                      quoted(tensor->name));
  }
  if (!file_open && !spec.operand) {
    return make_error(Code::kInvalidArgument, "begin_tensor {}: no file is open", name);
  }
  if (spec.name.size() > options.limits.name_bytes) {
    return make_error(Code::kInvalidArgument, "tensor {}: a name of {} bytes, the limit is {}",
                      name, spec.name.size(), options.limits.name_bytes);
  }
  if (!is_utf8(spec.name)) {
    return make_error(Code::kInvalidArgument, "tensor {}: the name is not UTF-8", name);
  }
  if (spec.shape.size() > options.limits.rank) {
    return make_error(Code::kInvalidArgument, "tensor {}: rank {}, the limit is {}", name,
                      spec.shape.size(), options.limits.rank);
  }
  return {};
}

Status Writer::State::begin_tensor(const TensorSpec& spec) {
  BBZ_TRY(check_begin(spec));
  BBZ_ASSIGN(catalog::TensorMeta meta, tensor_meta(spec, options.chunk_bytes));
  BBZ_ASSIGN(const std::uint64_t elements, element_count(meta.shape));
  BBZ_ASSIGN(const std::uint64_t size, byte_size(meta.dtype, elements));
  BBZ_ASSIGN(tensor_bytes, byte_size(meta.dtype, meta.stored_elements));
  meta.number = tensors++;
  if (!spec.operand) {
    meta.file = files - 1;
    meta.offset = spec.offset.value_or(file_end);
    const auto end = checked_add(meta.offset, size);
    if (!end) {
      return make_error(Code::kInvalidArgument, "tensor {}: it ends beyond 64 bits",
                        quoted(spec.name));
    }
    // The digest of a file is computed only if all of its bytes are written in order.
    if (meta.offset != file_end || meta.form != catalog::Form::kDense) file_hash.reset();
    file_end = *end;
    file_size = std::max(file_size, file_end);
    ++file_tensors;
  }
  chunk_number = 0;
  tensor = std::make_shared<catalog::TensorMeta>(std::move(meta));
  return send(RecordType::kTensor, *tensor);
}

Result<MutableBytes> Writer::State::reserve() {
  if (!tensor) return make_error(Code::kInvalidArgument, "write: no tensor is open");
  if (tensor_bytes == 0) return MutableBytes();
  if (filling == nullptr) {
    BBZ_ASSIGN(filling, queue.next());
    const std::uint64_t chunk = tensor->chunk_elements * tensor->element_bits / 8;
    filling->plain.resize(std::min(chunk, tensor_bytes));
    filling->coded_by.reset();
  }
  return MutableBytes(filling->plain).subspan(filled);
}

Status Writer::State::commit(std::size_t size) {
  const std::size_t reserved = filling == nullptr ? 0 : filling->plain.size() - filled;
  if (filling == nullptr || size > reserved) {
    return make_error(Code::kInvalidArgument, "commit: {} bytes, {} were reserved", size, reserved);
  }
  if (file_hash) file_hash->update(Bytes(filling->plain).subspan(filled, size));
  filled += size;
  if (filled < filling->plain.size()) return {};
  tensor_bytes -= filled;
  filling->type = RecordType::kChunk;
  filling->tensor = tensor;
  filling->number = chunk_number++;
  filling = nullptr;
  filled = 0;
  queue.submit();
  return {};
}

Result<std::uint64_t> Writer::State::write_from(const std::shared_ptr<io::Source>& source,
                                                std::uint64_t offset) {
  BBZ_ASSIGN(const MutableBytes room, reserve());
  if (room.empty()) return std::uint64_t{0};
  // The digest of a file is computed on this thread, which therefore needs the bytes now.
  if (filled == 0 && source->seekable() && !file_hash) {
    filling->source = source;
    filling->offset = offset;
  } else {
    BBZ_TRY(io::read_exactly(*source, offset, room));
  }
  BBZ_TRY(commit(room.size()));
  return room.size();
}

Status Writer::State::write_coded(Bytes plain, std::uint16_t codec, Bytes payload) {
  BBZ_ASSIGN(const MutableBytes room, reserve());
  if (room.empty()) {
    return make_error(Code::kInvalidArgument, "write_coded: {} bytes after the end of the tensor",
                      plain.size());
  }
  if (filled != 0) {
    return make_error(Code::kInvalidArgument,
                      "write_coded: {} bytes of the chunk are already written", filled);
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
  filling->coded_by = codec;
  filling->payload.assign(payload.begin(), payload.end());
  return commit(plain.size());
}

Status Writer::State::end_tensor() {
  if (!tensor) return make_error(Code::kInvalidArgument, "end_tensor: no tensor is open");
  if (tensor_bytes != 0) {
    return make_error(Code::kInvalidArgument, "end_tensor: tensor {}: {} bytes are missing",
                      quoted(tensor->name), tensor_bytes - filled);
  }
  tensor.reset();
  return {};
}

Result<Digest> Writer::State::finish() {
  if (finished) return is_finished("finish");
  if (tensor) {
    return make_error(Code::kInvalidArgument, "finish: tensor {} is still open",
                      quoted(tensor->name));
  }
  if (file_open) return make_error(Code::kInvalidArgument, "finish: a file is still open");
  finished = true;
  BBZ_TRY(queue.drain());
  BBZ_TRY(builder.finish());
  const Digest root = builder.root();
  BBZ_TRY(records.finish(root));
  return root;
}

Writer::Writer(std::unique_ptr<State> state) : state_(std::move(state)) {}
Writer::~Writer() = default;

Result<std::unique_ptr<Writer>> Writer::create(io::Sink& sink, const WriteOptions& options) {
  const std::uint64_t largest = std::min(options.limits.chunk_bytes, codec::kMaxChunkBytes);
  if (options.chunk_bytes == 0 || options.chunk_bytes > largest) {
    return make_error(Code::kInvalidArgument, "chunks of {} bytes, expected 1 to {}",
                      options.chunk_bytes, largest);
  }
  auto state = std::make_unique<State>(sink, options);
  BBZ_TRY(state->records.begin());
  return std::unique_ptr<Writer>(new Writer(std::move(state)));
}

// Returns an earlier error, or evaluates the expression and keeps its error.
#define BBZ_GUARDED(expression)                                \
  do {                                                         \
    if (!state_->failure.ok()) return state_->failure.error(); \
    return state_->keep(expression);                           \
  } while (false)

Status Writer::begin_file(std::string_view path, catalog::FileKind kind) {
  BBZ_GUARDED(state_->begin_file(path, kind));
}

Status Writer::end_file() {
  BBZ_GUARDED(state_->end_file());
}

Status Writer::add_metadata(std::string_view key, std::string_view value) {
  BBZ_TRY(state_->failure);
  if (state_->finished) {
    return state_->keep(is_finished(fmt::format("add_metadata {}", quoted(key))));
  }
  if (!is_utf8(value)) {
    return state_->keep(
        make_error(Code::kInvalidArgument, "metadata {}: its value is not UTF-8", quoted(key)));
  }
  catalog::MetadataMeta meta;
  if (state_->file_open) meta.file = state_->files - 1;
  meta.key = key;
  const Bytes payload = std::as_bytes(std::span(value));
  meta.payload_digest = state_->payload_digest(payload);
  return state_->keep(state_->send(RecordType::kMetadata, meta, payload));
}

Result<std::uint32_t> Writer::add_group(catalog::GroupMethod method, Bytes payload) {
  BBZ_TRY(state_->failure);
  if (state_->finished) return state_->keep(is_finished("add_group")).error();
  catalog::GroupMeta meta;
  meta.number = state_->groups++;
  meta.method = method;
  meta.payload_digest = state_->payload_digest(payload);
  BBZ_TRY(state_->keep(state_->send(RecordType::kGroup, meta, payload)));
  return meta.number;
}

Status Writer::begin_tensor(const TensorSpec& spec) {
  BBZ_GUARDED(state_->begin_tensor(spec));
}

Status Writer::write(Bytes bytes) {
  while (!bytes.empty()) {
    BBZ_ASSIGN(const MutableBytes room, reserve());
    if (room.empty()) {
      return state_->keep(make_error(Code::kInvalidArgument,
                                     "write: {} bytes after the end of the tensor", bytes.size()));
    }
    const std::size_t part = std::min(room.size(), bytes.size());
    std::ranges::copy(bytes.first(part), room.begin());
    BBZ_TRY(commit(part));
    bytes = bytes.subspan(part);
  }
  return {};
}

Result<MutableBytes> Writer::reserve() {
  BBZ_TRY(state_->failure);
  auto room = state_->reserve();
  if (!room.ok()) return state_->keep(room.error()).error();
  return room;
}

Status Writer::commit(std::size_t size) {
  BBZ_GUARDED(state_->commit(size));
}

Result<std::uint64_t> Writer::write_from(const std::shared_ptr<io::Source>& source,
                                         std::uint64_t offset) {
  BBZ_TRY(state_->failure);
  auto taken = state_->write_from(source, offset);
  if (!taken.ok()) return state_->keep(taken.error()).error();
  return taken;
}

Status Writer::write_coded(Bytes plain, std::uint16_t codec, Bytes payload) {
  BBZ_GUARDED(state_->write_coded(plain, codec, payload));
}

Status Writer::end_tensor() {
  BBZ_GUARDED(state_->end_tensor());
}

Status Writer::drain() {
  BBZ_GUARDED(state_->queue.drain());
}

Result<Digest> Writer::finish() {
  BBZ_TRY(state_->failure);
  auto root = state_->finish();
  if (!root.ok()) return state_->keep(root.error()).error();
  return root;
}

const catalog::Catalog& Writer::catalog() const {
  return state_->builder.catalog();
}

#undef BBZ_GUARDED

}  // namespace bbz
