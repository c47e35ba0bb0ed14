#include "bbz/files/torch/state_writer.h"

#include <algorithm>

#include "bbz/base/format.h"
#include "bbz/base/wire.h"
#include "bbz/files/torch/internal/crc32.h"
#include "bbz/files/torch/internal/pickling.h"
#include "bbz/files/torch/internal/zip_fields.h"

namespace bbz::torch {
namespace {

constexpr std::string_view kFolder = "archive/";
constexpr std::string_view kFormVersion = "3\n";
constexpr std::string_view kByteOrder = "little";

constexpr std::uint16_t kZip64Version = 45;  // 4.5, the first that knows zip64
constexpr std::uint16_t kFlags = kSizesFollow | kUtf8Names;
constexpr std::uint16_t kStored = 0;
constexpr std::uint16_t kPaddingExtra = 0x4246;  // "FB", as PyTorch writes it
constexpr std::uint64_t kExtraHead = 4;
constexpr std::uint64_t kDataAlignment = 64;

std::uint32_t field32(std::uint64_t value) {
  return value >= kElsewhere32 ? kElsewhere32 : static_cast<std::uint32_t>(value);
}

std::uint16_t size16(std::size_t size) {
  return static_cast<std::uint16_t>(size);
}

// The strides of a contiguous tensor, as torch counts them.
std::vector<std::uint64_t> contiguous_strides(const Shape& shape) {
  std::vector<std::uint64_t> strides(shape.size());
  std::uint64_t stride = 1;
  for (std::size_t i = shape.size(); i-- > 0;) {
    strides[i] = stride;
    stride *= std::max<std::uint64_t>(shape[i], 1);
  }
  return strides;
}

void put_tuple(std::string& out, const std::vector<std::uint64_t>& numbers) {
  if (numbers.empty()) return put_op(out, Op::kEmptyTuple);
  put_op(out, Op::kMark);
  for (const std::uint64_t number : numbers) put_int(out, static_cast<std::int64_t>(number));
  put_op(out, Op::kTuple);
}

// Appends the call that makes a tensor of the whole of the storage `key`.
void put_tensor(std::string& out, const StateWriter::Item& item, std::uint64_t elements,
                std::string_view key) {
  put_global(out, "torch._utils", "_rebuild_tensor_v2");
  put_op(out, Op::kMark);
  put_op(out, Op::kMark);
  put_text(out, "storage");
  put_global(out, "torch", storage_type_of(item.dtype)->name);
  put_text(out, key);
  put_text(out, "cpu");
  put_int(out, static_cast<std::int64_t>(elements));
  put_op(out, Op::kTuple);
  put_op(out, Op::kBinPersId);
  put_int(out, 0);  // where it begins in the storage
  put_tuple(out, item.shape);
  put_tuple(out, contiguous_strides(item.shape));
  put_op(out, Op::kNewFalse);                     // needs no gradient
  put_global(out, "collections", "OrderedDict");  // of hooks
  put_op(out, Op::kEmptyTuple);
  put_op(out, Op::kReduce);
  put_op(out, Op::kTuple);
  put_op(out, Op::kReduce);
}

}  // namespace

// Places an entry after what ends at `header`.
StateWriter::Entry StateWriter::place(std::string name, std::uint64_t size, std::uint64_t header) {
  Entry entry{std::move(name), header, 0, size, 0};
  const std::uint64_t zip64 = entry.is_large() ? kExtraHead + 2 * sizeof(std::uint64_t) : 0;
  const std::uint64_t least = header + kLocalSize + entry.name.size() + zip64 + kExtraHead;
  entry.offset = divide_up(least, kDataAlignment) * kDataAlignment;
  return entry;
}

// Appends a local header, up to the data. The descriptor has the checksum and, unless the entry is large,
// the sizes.
void StateWriter::put_header(const Entry& entry, std::vector<std::byte>& out) {
  const std::uint64_t extra = entry.offset - entry.header - kLocalSize - entry.name.size();
  WireWriter wire(out);
  wire.put(kLocalMagic);
  wire.put(kZip64Version);
  wire.put(kFlags);
  wire.put(kStored);
  wire.put(std::uint32_t{0});  // time and date
  wire.put(std::uint32_t{0});  // checksum
  wire.put(entry.is_large() ? kElsewhere32 : std::uint32_t{0});
  wire.put(entry.is_large() ? kElsewhere32 : std::uint32_t{0});
  wire.put(size16(entry.name.size()));
  wire.put(size16(extra));
  wire.put_bytes(entry.name);
  std::uint64_t padding = extra - kExtraHead;
  if (entry.is_large()) {
    wire.put(kZip64Extra);
    wire.put(size16(2 * sizeof(std::uint64_t)));
    wire.put(entry.size);
    wire.put(entry.size);
    padding -= kExtraHead + 2 * sizeof(std::uint64_t);
  }
  wire.put(kPaddingExtra);
  wire.put(size16(padding));
  out.resize(out.size() + padding, std::byte{'Z'});
}

void StateWriter::put_descriptor(const Entry& entry, std::vector<std::byte>& out) {
  WireWriter wire(out);
  wire.put(kDescriptorMagic);
  wire.put(entry.checksum);
  for (int i = 0; i < 2; ++i) {  // stored and plain
    if (entry.is_large()) {
      wire.put(entry.size);
    } else {
      wire.put(static_cast<std::uint32_t>(entry.size));
    }
  }
}

// Appends an entry with its data to `out`, which begins at byte `begin` of the file.
void StateWriter::put_whole(std::string_view name, Bytes data, std::uint64_t begin,
                            std::vector<Entry>& entries, std::vector<std::byte>& out) {
  Entry entry = place(fmt::format("{}{}", kFolder, name), data.size(), begin + out.size());
  entry.checksum = crc32(data);
  put_header(entry, out);
  WireWriter(out).put_bytes(data);
  put_descriptor(entry, out);
  entries.push_back(std::move(entry));
}

// Appends the central directory to `out`, which begins at byte `begin` of the file, and what ends the file.
void StateWriter::put_directory(const std::vector<Entry>& entries, std::uint64_t begin,
                                std::vector<std::byte>& out) {
  WireWriter wire(out);
  const std::uint64_t offset = begin + out.size();
  for (const Entry& entry : entries) {
    std::vector<std::byte> extra;  // the fields that are too large, in the order of the format
    WireWriter large(extra);
    if (entry.is_large()) large.put(entry.size);
    if (entry.is_large()) large.put(entry.size);
    if (entry.header >= kElsewhere32) large.put(entry.header);
    wire.put(kCentralMagic);
    wire.put(kZip64Version);
    wire.put(kZip64Version);
    wire.put(kFlags);
    wire.put(kStored);
    wire.put(std::uint32_t{0});  // time and date
    wire.put(entry.checksum);
    wire.put(field32(entry.size));
    wire.put(field32(entry.size));
    wire.put(size16(entry.name.size()));
    wire.put(size16(extra.empty() ? 0 : kExtraHead + extra.size()));
    wire.put(std::uint16_t{0});  // comment
    wire.put(std::uint16_t{0});  // disk
    wire.put(std::uint16_t{0});  // attributes
    wire.put(std::uint32_t{0});
    wire.put(field32(entry.header));
    wire.put_bytes(entry.name);
    if (extra.empty()) continue;
    wire.put(kZip64Extra);
    wire.put(size16(extra.size()));
    wire.put_bytes(extra);
  }
  const std::uint64_t end = begin + out.size();
  wire.put(kEnd64Magic);
  constexpr std::uint64_t kBefore = 12;  // the magic number and the size
  wire.put(kEnd64Size - kBefore);
  wire.put(kZip64Version);
  wire.put(kZip64Version);
  wire.put(std::uint32_t{0});  // this disk
  wire.put(std::uint32_t{0});  // that of the directory
  wire.put(std::uint64_t{entries.size()});
  wire.put(std::uint64_t{entries.size()});
  wire.put(end - offset);
  wire.put(offset);
  wire.put(kLocatorMagic);
  wire.put(std::uint32_t{0});  // disk
  wire.put(end);
  wire.put(std::uint32_t{1});  // disks
  const auto count =
      static_cast<std::uint16_t>(std::min<std::size_t>(entries.size(), kElsewhere16));
  wire.put(kEndMagic);
  wire.put(std::uint32_t{0});  // this disk, and that of the directory
  wire.put(count);
  wire.put(count);
  wire.put(field32(end - offset));
  wire.put(field32(offset));
  wire.put(std::uint16_t{0});  // comment
}

Result<StateWriter> StateWriter::create(Frame frame, const std::vector<Item>& items) {
  StateWriter writer;
  std::string pickle;
  std::vector<std::uint64_t> sizes;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const Item& item = items[i];
    if (storage_type_of(item.dtype) == nullptr) {
      return make_error(Code::kUnsupported, "tensor {}: torch has no storages of {}", i,
                        dtype_info(item.dtype).name);
    }
    BBZ_ASSIGN(const std::uint64_t elements, element_count(item.shape));
    BBZ_ASSIGN(const std::uint64_t size, byte_size(item.dtype, elements));
    sizes.push_back(size);
    pickle += frame.before[i];
    put_tensor(pickle, item, elements, std::to_string(i));
  }
  pickle += frame.after;
  put_whole("data.pkl", std::as_bytes(std::span(pickle)), 0, writer.first_, writer.front_);
  put_whole("byteorder", std::as_bytes(std::span(kByteOrder)), 0, writer.first_, writer.front_);
  std::uint64_t end = writer.front_.size();
  for (std::size_t i = 0; i < items.size(); ++i) {
    Entry entry = place(fmt::format("{}data/{}", kFolder, i), sizes[i], end);
    std::vector<std::byte> descriptor;
    put_descriptor(entry, descriptor);
    const auto after = checked_add(entry.offset, entry.size);
    // The rest of the file takes less than this.
    constexpr std::uint64_t kMostRest = std::uint64_t{1} << 40;
    if (!after || *after > ~kMostRest) {
      return make_error(Code::kMalformed, "the size of the file exceeds 64 bits");
    }
    end = *after + descriptor.size();
    writer.storages_.push_back(std::move(entry));
  }
  return writer;
}

void StateWriter::note_bytes(std::size_t item, Bytes bytes) {
  storages_[item].checksum = crc32(bytes);
}

std::vector<StateWriter::Piece> StateWriter::pieces(std::string_view note) const {
  std::vector<Piece> pieces;
  Piece piece{0, front_};
  for (const Entry& entry : storages_) {
    put_header(entry, piece.bytes);
    pieces.push_back(std::move(piece));
    piece = {entry.offset + entry.size, {}};
    put_descriptor(entry, piece.bytes);
  }
  std::vector<Entry> entries = first_;
  entries.insert(entries.end(), storages_.begin(), storages_.end());
  put_whole(kNoteEntry, std::as_bytes(std::span(note)), piece.offset, entries, piece.bytes);
  put_whole("version", std::as_bytes(std::span(kFormVersion)), piece.offset, entries, piece.bytes);
  put_directory(entries, piece.offset, piece.bytes);
  pieces.push_back(std::move(piece));
  return pieces;
}

}  // namespace bbz::torch
