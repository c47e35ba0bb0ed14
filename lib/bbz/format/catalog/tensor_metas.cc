// The metas of tensor and chunk records.
#include "bbz/base/layer_name.h"
#include "bbz/format/catalog/internal/meta_fields.h"
#include "bbz/format/catalog/pivots.h"

namespace bbz::catalog {
namespace {

using container::RecordView;
using internal::check_name;
using internal::get_check;
using internal::get_string;
using internal::put_check;
using internal::put_string;
using internal::wrong_length;

// The bits of the first byte of a tensor's meta.
constexpr std::uint8_t kCodecBits = 0x07;
constexpr std::uint8_t kIsBytes = 0x08;
constexpr std::uint8_t kMore = 0x10;
constexpr unsigned kRankShift = 5;
// In the place of a codec or a rank that has a field of its own.
constexpr std::uint8_t kFollows = 7;

// The bits of the second byte, which is there with kMore.
constexpr std::uint8_t kPlaced = 0x01;
constexpr std::uint8_t kChunks = 0x02;
constexpr std::uint8_t kForm = 0x04;
constexpr std::uint8_t kOperand = 0x08;
constexpr std::uint8_t kElementBits = 0x10;
constexpr std::uint8_t kMoved = 0x20;
constexpr std::uint8_t kMoreKnown = kPlaced | kChunks | kForm | kOperand | kElementBits | kMoved;

bool is_recorded_as_operand(const TensorMeta& tensor) {
  return tensor.is_operand() || tensor.is_view();
}

std::uint8_t more_of(const TensorRecord& record) {
  const TensorMeta& tensor = record.tensor;
  unsigned more = 0;
  if (record.placed) more |= kPlaced;
  if (tensor.stored_elements > tensor.chunk_elements) more |= kChunks;
  if (tensor.form != Form::kDense) more |= kForm;
  if (is_recorded_as_operand(tensor)) more |= kOperand;
  if (find_dtype(tensor.dtype) == nullptr) more |= kElementBits;
  if (record.moved) more |= kMoved;
  return static_cast<std::uint8_t>(more);
}

// Whether the fields of a form are the number of its group.
bool has_group(Form form) {
  return form == Form::kPolar || form == Form::kRider;
}

PayloadCheck decoded_check(const ChunkMeta& chunk) {
  return {chunk.decoded_checksum, chunk.decoded_digest};
}
void get_decoded(WireReader& r, DigestKind kind, ChunkMeta& chunk) {
  const PayloadCheck check = get_check(r, kind);
  chunk.decoded_checksum = check.checksum;
  chunk.decoded_digest = check.digest;
}

// Reads the fields of a view, up to their end: how many axes there are follows them in the meta.
std::shared_ptr<const View> get_view(WireReader& r) {
  auto view = std::make_shared<View>();
  view->back = r.get_varint<std::uint32_t>();
  view->offset = r.get_varint<std::uint64_t>();
  while (r.ok() && r.remaining() != 0) view->strides.push_back(r.get_varint<std::uint64_t>());
  return view;
}

std::shared_ptr<const Pivots> get_pivots(WireReader& r) {
  const auto axis = r.get<std::uint8_t>();
  return std::make_shared<const Pivots>(axis, r.get_bytes(r.remaining()));
}

// Reads the form of a tensor. Its fields have a length, so that those of an unknown form can be
// skipped. Returns whether those of a known one are valid.
bool get_form(WireReader& r, TensorMeta& tensor) {
  tensor.form = static_cast<Form>(r.get<std::uint8_t>());
  tensor.stored_elements = r.get_varint<std::uint64_t>();
  WireReader fields(r.get_bytes(r.get_varint<std::uint64_t>()));
  if (!is_known(tensor.form)) return true;
  if (has_group(tensor.form)) tensor.group = fields.get_varint<std::uint32_t>();
  if (tensor.is_view()) tensor.view = get_view(fields);
  if (tensor.form == Form::kPivot) tensor.pivots = get_pivots(fields);
  return tensor.form != Form::kDense && fields.finished();
}

std::vector<std::byte> fields_of(const TensorMeta& tensor) {
  std::vector<std::byte> fields;
  WireWriter w(fields);
  if (has_group(tensor.form)) w.put_varint(tensor.group);
  if (tensor.is_view()) {
    w.put_varint(tensor.view->back);
    w.put_varint(tensor.view->offset);
    for (const std::uint64_t stride : tensor.view->strides) w.put_varint(stride);
  }
  if (tensor.form == Form::kPivot) {
    w.put(static_cast<std::uint8_t>(tensor.pivots->axis()));
    tensor.pivots->append_bitmap(fields);
  }
  return fields;
}

// The bytes that come before the codec field of a tensor's meta.
std::size_t before_codec(std::uint8_t first) {
  return (first & kMore) != 0 ? 2 : 1;
}

// Reads number, file and offset of a tensor, or sets what stands for them if they are implied.
void get_place(WireReader& r, std::uint8_t more, TensorRecord& meta) {
  TensorMeta& tensor = meta.tensor;
  meta.placed = (more & kPlaced) != 0;
  meta.moved = (more & kMoved) != 0;
  const bool operand = (more & kOperand) != 0;
  tensor.file = operand ? kNone : 0;
  if (!meta.placed) return;
  tensor.number = r.get_varint<std::uint32_t>();
  if (operand) return;
  tensor.file = r.get_varint<std::uint32_t>();
  tensor.offset = r.get_varint<std::uint64_t>();
}

// Returns whether the fields that a tensor's first bytes announce are those that it needs, and go
// together. `codec` is that of its first chunk.
bool are_needed(std::uint8_t first, std::uint8_t more, std::uint8_t codec,
                const TensorRecord& meta) {
  const std::size_t rank = meta.tensor.shape.size();
  const bool is_bytes = (first & kIsBytes) != 0;
  const bool operand = (more & kOperand) != 0;
  if ((first & kMore) != 0 && more == 0) return false;
  if ((first & kCodecBits) == kFollows && codec < kFollows) return false;
  if (first >> kRankShift == kFollows && rank < kFollows) return false;
  if (codec != 0 && !meta.chunk) return false;
  if (is_bytes && (rank != 1 || operand)) return false;
  const TensorMeta& tensor = meta.tensor;
  if (tensor.is_view() && (!operand || tensor.view->strides.size() != rank)) return false;
  return !meta.moved || (meta.placed && !operand);
}

// Reads what the record states of the elements, beside their dtype.
void get_element(WireReader& r, TensorMeta& tensor) {
  if (tensor.dtype != DType::kBlock) {
    tensor.element_bits = r.get<std::uint8_t>();
    return;
  }
  const auto bytes = r.get_varint<std::uint32_t>();
  // More than that stands for none, which is refused.
  tensor.element_bits = bytes <= BlockType::kMostBytes ? bytes * 8 : 0;
  tensor.block_type = r.get_varint<std::uint32_t>();
}
void put_element(WireWriter& w, const TensorMeta& tensor) {
  if (tensor.dtype != DType::kBlock) {
    w.put(static_cast<std::uint8_t>(tensor.element_bits));
    return;
  }
  w.put_varint(tensor.element_bits / 8);
  w.put_varint(tensor.block_type);
}

// Checks the name and the dtype of a tensor.
Status check_tensor(const RecordView& record, const TensorMeta& tensor, std::uint8_t more,
                    const Limits& limits) {
  BBZ_TRY(check_name(record, tensor.name, limits));
  const DTypeInfo* dtype = find_dtype(tensor.dtype);
  const bool says_bits = (more & kElementBits) != 0;
  if (tensor.element_bits == 0 || says_bits != (dtype == nullptr)) {
    return malformed(record, "dtype {} with {} bits an element, {}",
                     dtype != nullptr ? dtype->name : "unknown", tensor.element_bits,
                     says_bits ? "stated" : "not stated");
  }
  if (tensor.dtype == DType::kBlock && tensor.shape.empty()) {
    return malformed(record, "a tensor of blocks without an axis");
  }
  return {};
}

// Checks what a tensor that leans says of its support.
Status check_support(const RecordView& record, const TensorRecord& meta, const Limits& limits) {
  const TensorMeta& tensor = meta.tensor;
  if (!tensor.leans())
    return malformed(record, "the fields of its extension leaning are not valid");
  BBZ_TRY(check_name(record, tensor.support->name, limits));
  const bool may = tensor.kind == TensorKind::kTensor && tensor.form == Form::kDense &&
                   !tensor.is_operand() && meta.chunk;
  return may ? Status()
             : malformed(record, "it leans, and is bytes, an operand, empty or not dense");
}

// Checks the numbers of elements of a tensor and its chunks, and sets those that are implied.
Status count_elements(const RecordView& record, std::uint8_t more, TensorRecord& meta) {
  TensorMeta& tensor = meta.tensor;
  const auto elements = bbz::element_count(tensor.shape);
  if (!elements.ok()) return malformed(record, "{}", elements.error().message);
  if ((more & kForm) == 0) tensor.stored_elements = *elements;
  if ((more & kChunks) == 0) {
    tensor.chunk_elements = std::max<std::uint64_t>(tensor.stored_elements, 1);
  } else if (tensor.chunk_elements == 0 || tensor.chunk_elements >= tensor.stored_elements) {
    return malformed(record, "chunks of {} elements for {}", tensor.chunk_elements,
                     tensor.stored_elements);
  }
  if (meta.chunk.has_value() != (tensor.stored_elements != 0)) {
    return malformed(record, "{} stored elements, and {} payload", tensor.stored_elements,
                     meta.chunk ? "a" : "no");
  }
  return {};
}

}  // namespace

void encode_meta(const TensorRecord& meta, std::vector<std::byte>& out) {
  WireWriter w(out);
  const TensorMeta& tensor = meta.tensor;
  const bool is_bytes = tensor.kind == TensorKind::kBytes;
  const auto codec = static_cast<std::uint8_t>(meta.chunk ? meta.chunk->codec : codec::CodecId());
  const auto rank = tensor.shape.size();
  const std::uint8_t more = more_of(meta);
  unsigned first = std::min(codec, kFollows);
  if (is_bytes) first |= kIsBytes;
  if (more != 0) first |= kMore;
  first |= static_cast<unsigned>(std::min<std::size_t>(rank, kFollows)) << kRankShift;
  w.put(static_cast<std::uint8_t>(first));
  if (more != 0) w.put(more);
  if (codec >= kFollows) w.put(codec);
  if (!is_bytes) w.put(static_cast<std::uint8_t>(tensor.dtype));
  if ((more & kElementBits) != 0) put_element(w, tensor);
  if (meta.placed) {
    w.put_varint(tensor.number);
    if (!is_recorded_as_operand(tensor)) {
      w.put_varint(tensor.file);
      w.put_varint(tensor.offset);
    }
  }
  if ((more & kChunks) != 0) w.put_varint(tensor.chunk_elements);
  if ((more & kForm) != 0) {
    const std::vector<std::byte> fields = fields_of(tensor);
    w.put(static_cast<std::uint8_t>(tensor.form));
    w.put_varint(tensor.stored_elements);
    w.put_varint(fields.size());
    w.put_bytes(fields);
  }
  if (rank >= kFollows) w.put_varint(rank);
  for (const std::uint64_t extent : tensor.shape) w.put_varint(extent);
  if (!is_bytes) put_string(w, tensor.name);
  if (meta.chunk) put_check(w, decoded_check(*meta.chunk));
  if (!tensor.is_extended()) return;
  container::RecordExtensions extensions;
  static_cast<container::Extensions&>(extensions) = tensor.extensions;
  if (tensor.leans()) extensions.leaning = encode_support(*tensor.support, tensor.name);
  container::write_extensions(extensions, out);
}

Result<TensorRecord> decode_tensor(const RecordView& record, DigestKind kind,
                                   const Limits& limits) {
  WireReader r(record.meta);
  TensorRecord meta;
  TensorMeta& tensor = meta.tensor;
  const auto first = r.get<std::uint8_t>();
  const bool is_bytes = (first & kIsBytes) != 0;
  const std::uint8_t more = (first & kMore) != 0 ? r.get<std::uint8_t>() : 0;
  if ((more & ~kMoreKnown) != 0) {
    return make_error(Code::kUnsupported, "tensor record at offset {}: reserved bits {:#04x}",
                      record.head.offset, more & ~kMoreKnown);
  }
  const bool follows = (first & kCodecBits) == kFollows;
  const auto codec =
      follows ? r.get<std::uint8_t>() : static_cast<std::uint8_t>(first & kCodecBits);
  tensor.kind = is_bytes ? TensorKind::kBytes : TensorKind::kTensor;
  tensor.dtype = is_bytes ? DType::kU8 : static_cast<DType>(r.get<std::uint8_t>());
  if (const DTypeInfo* dtype = find_dtype(tensor.dtype)) {
    tensor.element_bits = static_cast<std::uint32_t>(dtype->bits);
  }
  if ((more & kElementBits) != 0) get_element(r, tensor);
  get_place(r, more, meta);
  if ((more & kChunks) != 0) tensor.chunk_elements = r.get_varint<std::uint64_t>();
  const bool form_valid = (more & kForm) == 0 || get_form(r, tensor);
  std::uint64_t rank = first >> kRankShift;
  if (rank == kFollows) rank = r.get_varint<std::uint64_t>();
  if (rank > limits.rank) {
    return make_error(Code::kLimit, "tensor record at offset {}: rank {}, the limit is {}",
                      record.head.offset, rank, limits.rank);
  }
  for (std::uint64_t axis = 0; axis < rank && r.ok(); ++axis)
    tensor.shape.push_back(r.get_varint<std::uint64_t>());
  if (!is_bytes) tensor.name = get_string(r);
  if (record.head.has_payload()) {
    meta.chunk.emplace();
    meta.chunk->codec = static_cast<codec::CodecId>(codec);
    get_decoded(r, kind, *meta.chunk);
  }
  auto extensions = container::read_extensions(record.head, r);
  if (!extensions) return wrong_length(record);
  tensor.extensions = *extensions;
  if (!form_valid || !are_needed(first, more, codec, meta)) {
    return malformed(record,
                     "its fields contradict each other, or are not the shortest: {:#04x} {:#04x}",
                     first, more);
  }
  BBZ_TRY(check_tensor(record, tensor, more, limits));
  if (extensions->leaning) {
    tensor.support = decode_support(*extensions->leaning, tensor.name, kind);
    BBZ_TRY(check_support(record, meta, limits));
  }
  BBZ_TRY(count_elements(record, more, meta));
  // These numbers stand for none from here on.
  const bool wrong_file = (more & kOperand) == 0 && tensor.file == kNone;
  if (wrong_file || (has_group(tensor.form) && tensor.group == kNone)) {
    return malformed(record, "its file or its group is number {}, which none has", kNone);
  }
  if (tensor.extensions.storage && (is_bytes || (more & kOperand) != 0)) {
    return malformed(record, "extension storage of bytes, or of an operand");
  }
  if (!is_bytes) tensor.layer = layer_of(tensor.name).value_or(kNone);
  if (tensor.extensions.layer) tensor.layer = *tensor.extensions.layer;
  return meta;
}

void encode_meta(const ChunkMeta& meta, std::vector<std::byte>& out) {
  WireWriter w(out);
  w.put(static_cast<std::uint8_t>(meta.codec));
  w.put_varint(meta.tensor);
  w.put_varint(meta.number);
  put_check(w, decoded_check(meta));
}

Result<ChunkMeta> decode_chunk(const RecordView& record, DigestKind kind) {
  WireReader r(record.meta);
  ChunkMeta meta;
  meta.codec = static_cast<codec::CodecId>(r.get<std::uint8_t>());
  meta.tensor = r.get_varint<std::uint32_t>();
  meta.number = r.get_varint<std::uint32_t>();
  get_decoded(r, kind, meta);
  if (!internal::get_end(record, r, meta)) return wrong_length(record);
  if (meta.number == 0) {
    return malformed(record, "chunk 0 of tensor {} is in the tensor's own record", meta.tensor);
  }
  return meta;
}

void append_without_codec(const RecordView& record, std::vector<std::byte>& out) {
  WireWriter w(out);
  Bytes rest = record.meta;
  if (record.head.type == container::RecordType::kTensor) {
    const auto first = std::to_integer<std::uint8_t>(rest[0]);
    const bool follows = (first & kCodecBits) == kFollows;
    w.put_varint(rest.size() - (follows ? 1 : 0));
    w.put(static_cast<std::uint8_t>(first & ~kCodecBits));
    const std::size_t before = before_codec(first);
    w.put_bytes(rest.subspan(1, before - 1));
    rest = rest.subspan(before + (follows ? 1 : 0));
  } else {
    rest = rest.subspan(1);
    w.put_varint(rest.size());
  }
  w.put_bytes(rest);
}

}  // namespace bbz::catalog
