#include "bbz/archive/reader.h"

#include <algorithm>
#include <unordered_map>

#include "bbz/archive/delivery.h"
#include "bbz/archive/internal/reader_state.h"
#include "bbz/base/format.h"
#include "bbz/base/large_buffer.h"
#include "bbz/format/catalog/builder.h"
#include "bbz/format/chunk/payload.h"
#include "bbz/format/container/index.h"

namespace bbz {

Reader::Reader(std::unique_ptr<State> state) : state_(std::move(state)) {}
Reader::Reader(Reader&& other) noexcept = default;
Reader& Reader::operator=(Reader&& other) noexcept = default;
Reader::~Reader() = default;

Result<Reader> Reader::open(std::shared_ptr<io::Source> source, const ReadOptions& options) {
  BBZ_ASSIGN(const container::Opened opened,
             container::open_by_index(*source, options.limits, options.use_front_index));
  catalog::CatalogBuilder builder(opened.header, options.limits);
  BBZ_TRY(container::for_each_record(
      opened.index, options.limits,
      [&](const container::RecordView& record) { return builder.add(record); }));
  BBZ_TRY(builder.finish());
  auto state = std::make_unique<State>(std::move(source), options);
  state->root = builder.root();
  state->archive_bytes = *state->source->size();
  if (opened.trailer && opened.trailer->root != state->root) {
    return make_error(Code::kChecksum, "trailer: root digest {}, computed {}",
                      opened.trailer->root.to_string(), state->root.to_string());
  }
  state->catalog = builder.take();
  return Reader(std::move(state));
}

Result<Reader> Reader::open(const std::string& path, const ReadOptions& options) {
  BBZ_ASSIGN(auto source, io::open_file(path));
  return open(std::move(source), options);
}

const catalog::Catalog& Reader::catalog() const {
  return state_->catalog;
}
const Digest& Reader::root() const {
  return state_->root;
}
const io::Source& Reader::source() const {
  return *state_->source;
}
std::uint64_t Reader::archive_bytes() const {
  return state_->archive_bytes;
}

Status Reader::State::check_tensor(std::uint32_t number) const {
  if (number < catalog.tensors.size()) return {};
  return make_error(Code::kInvalidArgument, "tensor {}: expected a number below {}", number,
                    catalog.tensors.size());
}

Status Reader::State::check_file(std::uint32_t number) const {
  if (number < catalog.files.size()) return {};
  return make_error(Code::kInvalidArgument, "file {}: expected a number below {}", number,
                    catalog.files.size());
}

Result<std::shared_ptr<symmetry::GroupState>> Reader::State::find_group(std::uint32_t number) {
  const std::lock_guard lock(groups_mutex);
  const auto known = std::ranges::find(groups, number, [](const auto& g) { return g->number(); });
  if (known != groups.end()) {
    std::rotate(groups.begin(), known, std::next(known));
    return groups.front();
  }
  if (const auto wrong = wrong_groups.find(number); wrong != wrong_groups.end()) {
    return wrong->second;
  }
  auto state = read_group(catalog.groups[number]);
  if (!state.ok()) {
    const Code code = state.code();
    if (code == Code::kChecksum || code == Code::kMalformed || code == Code::kTruncated ||
        code == Code::kLimit) {
      wrong_groups.emplace(number, state.error());
    }
    return state;
  }
  groups.insert(groups.begin(), *state);
  symmetry::keep_newest(groups);
  return state;
}

Result<std::shared_ptr<symmetry::GroupState>> Reader::State::read_group(
    const catalog::Group& group) {
  BBZ_ASSIGN(const std::vector<std::byte> payload,
             chunk::read_payload(*source, group.meta.check, group.payload));
  BBZ_ASSIGN(auto state, symmetry::GroupState::make(group, payload, catalog.header.digest_kind));
  BBZ_ASSIGN(const auto tensors,
             state->tensors(catalog, symmetry::derived_bytes(catalog, group.meta.number)));
  for (const catalog::Tensor& tensor : tensors) {
    std::vector<std::byte> bytes(tensor.byte_size);
    BBZ_TRY(read_dense(tensor, 0, bytes));
    state->add(tensor, std::move(bytes));
  }
  return state;
}

namespace {

// Returns what is read of a chunk: its payload, and before it the check of one that is carried.
io::ByteRange range_of(const catalog::Tensor& tensor, const catalog::Chunk& chunk) {
  const catalog::Payload& payload = chunk.payload;
  if (!symmetry::needs_group(tensor.meta, chunk)) return {payload.offset, payload.length};
  return {payload.check_offset(), payload.offset + payload.length - payload.check_offset()};
}

}  // namespace

std::unique_ptr<io::Prefetch> Reader::State::prefetch(
    std::span<const catalog::Chunk> chunks) const {
  std::vector<io::ByteRange> ranges;
  ranges.reserve(chunks.size());
  for (const catalog::Chunk& chunk : chunks) {
    ranges.push_back(range_of(catalog.tensors[chunk.meta.tensor], chunk));
  }
  return source->prefetch(ranges);
}

std::unique_ptr<io::Prefetch> Reader::State::prefetch(
    std::span<const std::uint32_t> tensors) const {
  std::vector<io::ByteRange> ranges;
  // The chunks of bases that are among the ranges, because many views may need the same ones.
  std::unordered_map<std::uint32_t, std::vector<bool>> needed;
  for (const std::uint32_t number : tensors) {
    const catalog::Tensor& tensor = catalog.tensors[number];
    for (const catalog::Chunk& chunk : catalog.chunks_of(tensor)) {
      ranges.push_back(range_of(tensor, chunk));
    }
    if (!tensor.meta.is_view()) continue;
    const catalog::Tensor& base = catalog.tensors[tensor.meta.base()];
    if (!symmetry::check_form(catalog, tensor).ok()) continue;
    std::vector<bool>& known = needed[base.meta.number];
    known.resize(base.chunk_count);
    symmetry::find_chunk_of_view(tensor.meta, base, 0, [&](std::uint64_t chunk) {
      if (!known[chunk]) {
        ranges.push_back(range_of(base, catalog.chunks[base.first_chunk + chunk]));
      }
      known[chunk] = true;
      return false;
    });
  }
  return source->prefetch(ranges);
}

Status Reader::State::decode(const catalog::Tensor& tensor, const catalog::Chunk& chunk,
                             Bytes payload, const symmetry::GroupAccess& group, MutableBytes out,
                             chunk::Before before) {
  Status decoded;
  if (before == chunk::Before::kNothing && catalog::leans(tensor.meta, chunk.meta)) {
    BBZ_TRY(fill(tensor, chunk, out));
    before = chunk::Before::kSupport;
  }
  if (symmetry::needs_group(tensor.meta, chunk)) {
    catalog::Chunk checked = chunk;
    BBZ_ASSIGN(checked.payload.check, chunk::read_check(*source, chunk.payload));
    decoded =
        symmetry::decode_chunk(tensor.meta, checked, payload, group, chunk::Check::kDecoded, out);
  } else {
    decoded = symmetry::decode_chunk(tensor.meta, chunk, payload, group, chunk::Check::kDecoded,
                                     out, before);
  }
  if (decoded.ok()) return decoded;
  return chunk::explain(*source, tensor.meta, chunk, payload, decoded.error());
}

Status Reader::State::read_chunk(const catalog::Tensor& tensor, const catalog::Chunk& chunk,
                                 std::vector<std::byte>& payload, MutableBytes out,
                                 chunk::Before before) {
  payload.resize(chunk.payload.length);
  BBZ_TRY(io::read_exactly(*source, chunk.payload.offset, payload));
  std::shared_ptr<symmetry::GroupState> group;
  if (symmetry::needs_group(tensor.meta, chunk)) {
    BBZ_TRY(chunk::check_known(tensor.meta, chunk));
    BBZ_ASSIGN(group, find_group(tensor.meta.group));
  }
  return decode(tensor, chunk, payload, {group.get(), &catalog}, out, before);
}

symmetry::ReadBase Reader::State::reader_of_base(const catalog::Tensor& view) {
  const catalog::Tensor& base = catalog.tensors[view.meta.base()];
  return [this, &base](std::uint64_t offset, MutableBytes out) {
    return read_bytes(base, offset, out);
  };
}

Status Reader::State::read_bytes(const catalog::Tensor& tensor, std::uint64_t offset,
                                 MutableBytes out) {
  BBZ_TRY(symmetry::check_form(catalog, tensor));
  if (tensor.meta.is_view()) {
    return symmetry::read_view(tensor.meta, catalog.tensors[tensor.meta.base()], offset, out,
                               reader_of_base(tensor));
  }
  if (symmetry::is_expanded(tensor.meta)) return read_expanded(tensor, offset, out);
  if (!symmetry::is_derived(tensor.meta)) return read_dense(tensor, offset, out);
  // The tensor is derived as a whole, because each entry is a sum over the operand.
  BBZ_ASSIGN(const auto group, find_group(tensor.meta.group));
  if (out.size() == tensor.byte_size) return group->derive(catalog, tensor, pool, out);
  if (out.empty()) return {};  // only checks that it can be derived
  LargeBuffer dense(tensor.byte_size);
  BBZ_TRY(group->derive(catalog, tensor, pool, dense));
  std::ranges::copy(Bytes(dense).subspan(offset, out.size()), out.begin());
  return {};
}

// Decodes the chunks whose dense ranges overlap [offset, offset + out.size()), one by one.
Status Reader::State::read_expanded(const catalog::Tensor& tensor, std::uint64_t offset,
                                    MutableBytes out) {
  const std::uint64_t size = tensor.meta.element_bits / 8;
  const std::uint64_t end = offset + out.size();
  const bool all = out.size() == tensor.byte_size;
  const auto hint = all ? prefetch(catalog.chunks_of(tensor)) : nullptr;
  std::vector<std::byte> payload;
  std::vector<std::byte> stored;
  std::vector<std::byte> slice;
  for (const catalog::Chunk& chunk : catalog.chunks_of(tensor)) {
    const symmetry::DenseRange range = symmetry::dense_range(tensor.meta, chunk);
    const std::uint64_t from = std::max(range.begin * size, offset);
    const std::uint64_t to = std::min(range.end * size, end);
    if (from >= to) continue;
    stored.resize(chunk.decoded_bytes);
    BBZ_TRY(read_chunk(tensor, chunk, payload, stored));
    // Expands whole elements to a slice, because the range may begin and end within elements.
    for (std::uint64_t at = from; at < to;) {
      const std::uint64_t element = at / size;
      const std::uint64_t most = divide_up(to, size) - element;
      slice.resize(std::min<std::uint64_t>(most, symmetry::kExpandSlice / size) * size);
      symmetry::expand_chunk(tensor.meta, chunk, stored, element, slice);
      const std::uint64_t skipped = at - element * size;
      const std::uint64_t part = std::min(slice.size() - skipped, to - at);
      std::ranges::copy(Bytes(slice).subspan(skipped, part),
                        out.begin() + static_cast<std::ptrdiff_t>(at - offset));
      at += part;
    }
  }
  return {};
}

Status Reader::read_tensor(std::uint32_t tensor, MutableBytes out) const {
  BBZ_TRY(state_->check_tensor(tensor));
  if (out.size() != catalog().tensors[tensor].byte_size) {
    return make_error(Code::kInvalidArgument, "tensor {}: a buffer of {} bytes, expected {}",
                      tensor, out.size(), catalog().tensors[tensor].byte_size);
  }
  return read_bytes(tensor, 0, out);
}

namespace {

// Adds the tensor to an error that names no place in one.
Status placed(const catalog::Tensor& tensor, Status status) {
  if (status.ok() || status.error().place) return status;
  Error error = std::move(status).error();
  error.place = std::make_shared<const ErrorPlace>(
      ErrorPlace{tensor.meta.name, tensor.meta.number, std::nullopt, std::nullopt});
  return error;
}

}  // namespace

Status Reader::check_range(std::uint32_t tensor, std::uint64_t offset, std::uint64_t size) const {
  BBZ_TRY(state_->check_tensor(tensor));
  const std::uint64_t has = catalog().tensors[tensor].byte_size;
  if (offset <= has && size <= has - offset) return {};
  return make_error(Code::kInvalidArgument, "tensor {}: no {} bytes at {}, its size is {}", tensor,
                    size, offset, has);
}

Status Reader::read_bytes(std::uint32_t tensor, std::uint64_t offset, MutableBytes out) const {
  BBZ_TRY(check_range(tensor, offset, out.size()));
  const catalog::Tensor& entry = catalog().tensors[tensor];
  return placed(entry, state_->read_bytes(entry, offset, out));
}

Status Reader::read_rows(std::uint32_t tensor, std::uint64_t first, std::uint64_t count,
                         MutableBytes out) const {
  BBZ_TRY(state_->check_tensor(tensor));
  const std::uint64_t last = checked_add(first, count).value_or(UINT64_MAX);
  BBZ_ASSIGN(const io::ByteRange rows, catalog::row_bytes(catalog().tensors[tensor], first, last));
  if (out.size() != rows.size) {
    return make_error(Code::kInvalidArgument,
                      "tensor {}: a buffer of {} bytes for {} rows, expected {}", tensor,
                      out.size(), count, rows.size);
  }
  return read_bytes(tensor, rows.offset, out);
}

Status Reader::read_elements(std::uint32_t tensor, std::uint64_t first, std::uint64_t count,
                             MutableBytes out) const {
  BBZ_TRY(state_->check_tensor(tensor));
  const std::uint64_t bits = catalog().tensors[tensor].meta.element_bits;
  const auto from = checked_mul(first, bits);
  const auto size = checked_mul(count, bits);
  if (!from || !size || *from % 8 != 0 || *size % 8 != 0 || *size / 8 != out.size()) {
    return make_error(Code::kInvalidArgument,
                      "tensor {}: {} elements from {} are not the {} whole bytes of the buffer",
                      tensor, count, first, out.size());
  }
  return read_bytes(tensor, *from / 8, out);
}

Status Reader::read_file(std::uint32_t file, std::uint64_t offset, MutableBytes out) const {
  if (file >= catalog().files.size() || offset > catalog().files[file].size ||
      out.size() > catalog().files[file].size - offset) {
    return make_error(Code::kInvalidArgument, "file {}: no {} bytes at {}", file, out.size(),
                      offset);
  }
  BBZ_TRY(catalog::check_file(catalog().files[file]));
  const auto& numbers = catalog().files[file].tensors;
  const auto end_of = [&](std::uint32_t number) {
    return catalog().tensors[number].meta.offset + catalog().tensors[number].byte_size;
  };
  auto at = std::ranges::upper_bound(numbers, offset, {}, end_of);
  while (!out.empty()) {
    const catalog::Tensor& tensor = catalog().tensors[*at++];
    const std::uint64_t from = offset - tensor.meta.offset;
    const std::uint64_t part = std::min<std::uint64_t>(out.size(), tensor.byte_size - from);
    BBZ_TRY(state_->read_bytes(tensor, from, out.first(part)));
    offset += part;
    out = out.subspan(part);
  }
  return {};
}

std::unique_ptr<io::Prefetch> Reader::prefetch(std::span<const catalog::Chunk> chunks) const {
  return state_->prefetch(chunks);
}

std::unique_ptr<io::Prefetch> Reader::prefetch(std::span<const catalog::Metadata> metadata) const {
  std::vector<io::ByteRange> ranges;
  for (const catalog::Metadata& entry : metadata) {
    ranges.push_back({entry.payload.offset, entry.payload.length});
  }
  return state_->source->prefetch(ranges);
}

Result<std::vector<std::byte>> Reader::read_payload(const catalog::Group& group) const {
  return chunk::read_payload(*state_->source, group.meta.check, group.payload);
}

Result<std::string> Reader::read_metadata(const catalog::Metadata& metadata) const {
  BBZ_ASSIGN(const std::vector<std::byte> bytes,
             chunk::read_payload(*state_->source, metadata.meta.check, metadata.payload));
  BBZ_TRY(chunk::check_known(metadata));
  BBZ_TRY(chunk::check_metadata(metadata, bytes));
  return std::string(as_text(bytes));
}

}  // namespace bbz
