// A mutator for fuzz targets that take whole archives: changes one thing somewhere in the structure
// and makes right what stands above it, so that what is behind the checksums and the catalog's
// rules is reached. From the bottom up: decoded checksums of chunks and groups, how the records fit
// together, heads, index, trailer and root digest.
#pragma once

#include <random>

#include "bbz/format/catalog/metas.h"
#include "bbz/format/chunk/chunk.h"
#include "bbz/format/container/record_writer.h"
#include "bbz/symmetry/form.h"
#include "repair.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

namespace bbz::fuzz {

struct LooseRecord {
  RecordType type{};
  Buffer meta;
  Buffer payload;
};

struct LooseArchive {
  FileHeader header;
  std::vector<LooseRecord> records;
};

// The records of an archive, as their lengths say, without those that end it. Checksums are not
// looked at. Nothing if not even the header is one.
inline std::optional<LooseArchive> take_apart(Bytes bytes) {
  if (bytes.size() < kFileHeaderSize) return std::nullopt;
  Buffer front(bytes.begin(), bytes.begin() + kFileHeaderSize);
  store_le(front.data() + 24, xxh3_64(Bytes(front).first(24)));
  const auto header = decode_file_header(front);
  if (!header.ok()) return std::nullopt;
  LooseArchive archive{*header, {}};
  for (std::uint64_t at = kFileHeaderSize; bytes.size() - at >= kHeadSize;) {
    const Bytes rest = bytes.subspan(at);
    const auto size = peek_size(rest.first(kHeadSize), at);
    if (!size.ok() || *size > rest.size()) break;
    const auto type = static_cast<RecordType>(rest[12]);
    const bool has_payload = (std::to_integer<unsigned>(rest[13]) & kFlagPayload) != 0;
    const auto meta_length = load_le<std::uint16_t>(rest.data() + 14);
    const std::uint64_t length = has_payload ? load_le<std::uint64_t>(rest.data() + kHeadSize) : 0;
    if (length > rest.size() - *size) break;
    const Bytes meta = rest.subspan(*size - meta_length, meta_length);
    const Bytes payload = rest.subspan(*size, length);
    if (type != RecordType::kIndex && type != RecordType::kTrailer) {
      archive.records.push_back(
          {type, {meta.begin(), meta.end()}, {payload.begin(), payload.end()}});
    }
    at += *size + length;
  }
  return archive;
}

// The archive of these records, with an index at its end.
inline Buffer put_together(const LooseArchive& archive) {
  Buffer out;
  const auto sink = io::memory_sink(out);
  FileHeader header = archive.header;
  header.required_features = 0;
  RecordWriter writer(*sink, header);
  if (!writer.begin().ok()) return out;
  Hasher root(header.digest_kind);
  for (const LooseRecord& record : archive.records) {
    const auto head = writer.append(record.type, record.meta, record.payload);
    if (!head.ok()) return out;
    if (!is_known(record.type)) continue;
    Buffer hashed;
    WireWriter w(hashed);
    w.put(static_cast<std::uint8_t>(record.type));
    w.put(static_cast<std::uint16_t>(record.meta.size()));
    w.put_bytes(record.meta);
    const bool chunk = record.type == RecordType::kChunk;
    if (chunk && record.meta.size() >= 2) store_le(hashed.data() + 3, std::uint16_t{0});
    w.put(chunk ? std::uint64_t{0} : head->payload_checksum);
    root.update(hashed);
  }
  (void)writer.finish(root.finish());
  return out;
}

// Makes the records fit together: numbers, places, counts, and the checksums of what decodes.
class Fitter {
 public:
  explicit Fitter(LooseArchive& archive)
      : archive_(archive), kind_(archive.header.digest_kind), limits_(small_limits()) {}

  void fit() {
    std::vector<LooseRecord> fitted;
    for (LooseRecord& record : archive_.records) {
      if (record.type != RecordType::kChunk) complete_tensor(fitted);
      if (take(record)) fitted.push_back(std::move(record));
    }
    complete_tensor(fitted);
    if (file_) fitted.push_back(end_file());
    archive_.records = std::move(fitted);
    for (const Derived& derived : derived_) fit_polar(derived);
  }

 private:
  static constexpr std::uint64_t kMostBytes = 1 << 20;

  struct Derived {
    std::uint32_t group = 0;
    catalog::TensorMeta tensor;
  };

  std::optional<Digest> digest(Bytes bytes) const {
    if (kind_ != DigestKind::kSha256) return std::nullopt;
    return digest_of(kind_, bytes);
  }
  template <class Fields>
  static void set(LooseRecord& record, const Fields& fields) {
    record.meta.clear();
    catalog::encode_meta(fields, record.meta);
  }
  static RecordView view(const LooseRecord& record) {
    return {make_head(record.type, record.meta, record.payload, kFileHeaderSize), record.meta};
  }

  LooseRecord end_file() {
    LooseRecord record{RecordType::kFileEnd, {}, {}};
    set(record, catalog::FileEndMeta{files_ - 1, file_tensors_, file_size_, {}});
    file_ = false;
    return record;
  }

  // Whether the record may stay, changed as it must be.
  bool take(LooseRecord& record) {
    switch (record.type) {
      case RecordType::kFile:
        return take_file(record);
      case RecordType::kFileEnd:
        if (!file_) return false;
        record = end_file();
        return true;
      case RecordType::kTensor:
        return take_tensor(record);
      case RecordType::kChunk:
        return take_chunk(record);
      case RecordType::kMetadata: {
        auto fields = catalog::decode_metadata(view(record), kind_);
        if (!fields.ok()) return true;
        fields->payload_digest = digest(record.payload);
        set(record, *fields);
        return true;
      }
      case RecordType::kGroup: {
        auto fields = catalog::decode_group(view(record), kind_);
        if (!fields.ok()) return true;
        fields->number = groups_++;
        fields->payload_digest = digest(record.payload);
        newest_[fields->method] = fields->number;
        set(record, *fields);
        return true;
      }
      default:
        return true;
    }
  }

  bool take_file(LooseRecord& record) {
    auto fields = catalog::decode_file(view(record), limits_);
    if (!fields.ok() || file_) return fields.ok() ? false : true;
    fields->number = files_++;
    file_ = true;
    file_tensors_ = 0;
    file_size_ = 0;
    set(record, *fields);
    return true;
  }

  bool take_tensor(LooseRecord& record) {
    auto decoded = catalog::decode_tensor(view(record), limits_);
    if (!decoded.ok()) return true;
    catalog::TensorMeta& fields = *decoded;
    const auto elements = bbz::element_count(fields.shape);
    if (!elements.ok() || *elements > kMostBytes || fields.element_bits == 0) return true;
    fields.number = tensors_++;
    if (fields.file != catalog::kNone && file_) {
      fields.file = files_ - 1;
      fields.offset = file_size_;
      ++file_tensors_;
      file_size_ += *elements * fields.element_bits / 8;
    } else if (fields.file != catalog::kNone) {
      fields.file = catalog::kNone;
      fields.offset = 0;
    }
    if (fields.form == catalog::Form::kPolar) refer(fields, catalog::GroupMethod::kPolar);
    if (fields.form == catalog::Form::kRider) refer(fields, catalog::GroupMethod::kBitsBack);
    if (fields.form == catalog::Form::kDense) {
      fields.group = catalog::kNone;
      fields.stored_elements = *elements;
    }
    set(record, fields);
    tensor_ = fields;
    chunk_ = 0;
    return true;
  }

  void refer(catalog::TensorMeta& fields, catalog::GroupMethod method) {
    const auto newest = newest_.find(method);
    if (newest == newest_.end()) return;
    fields.group = newest->second;
    if (method == catalog::GroupMethod::kPolar) derived_.push_back({fields.group, fields});
  }

  std::uint64_t chunk_count() const {
    if (!tensor_ || tensor_->chunk_elements == 0) return 0;
    return divide_up(tensor_->stored_elements, tensor_->chunk_elements);
  }

  bool take_chunk(LooseRecord& record) {
    if (!tensor_ || chunk_ >= chunk_count()) return false;
    auto decoded = catalog::decode_chunk(view(record), kind_);
    if (!decoded.ok()) return true;
    catalog::ChunkMeta& fields = *decoded;
    fields.tensor = tensor_->number;
    fields.number = static_cast<std::uint32_t>(chunk_);
    fields.first_element = chunk_ * tensor_->chunk_elements;
    fields.element_count = static_cast<std::uint32_t>(
        std::min(tensor_->chunk_elements, tensor_->stored_elements - fields.first_element));
    ++chunk_;
    const std::uint64_t size = std::uint64_t{fields.element_count} * tensor_->element_bits / 8;
    if (size <= kMostBytes) {
      Buffer plain(size);
      const auto shape = chunk::codec_shape(*tensor_, fields.first_element, fields.element_count);
      const auto id = static_cast<codec::CodecId>(fields.codec);
      if (codec::decode(id, shape, record.payload, plain).ok()) {
        fields.decoded_checksum = xxh3_64(plain);
        fields.decoded_digest = digest(plain);
        if (tensor_->file == catalog::kNone || tensor_->form == catalog::Form::kDense) {
          Buffer& all = plains_[tensor_->number];
          all.insert(all.end(), plain.begin(), plain.end());
        }
      }
    }
    set(record, fields);
    return true;
  }

  // Adds chunks of one repeated element if some are missing.
  void complete_tensor(std::vector<LooseRecord>& fitted) {
    constexpr std::uint64_t kMostAdded = 64;
    const std::uint64_t count = chunk_count();
    while (tensor_ && chunk_ < count && count <= kMostAdded) {
      catalog::ChunkMeta fields;
      fields.codec = static_cast<std::uint16_t>(codec::CodecId::kConstant);
      fields.decoded_digest = digest({});
      LooseRecord record{RecordType::kChunk, {}, Buffer(divide_up(tensor_->element_bits, 8))};
      set(record, fields);
      if (!take_chunk(record)) break;
      fitted.push_back(std::move(record));
    }
    tensor_.reset();
  }

  // Gives a polar group the checksum of what is derived from it.
  void fit_polar(const Derived& derived) {
    std::uint32_t number = 0;
    for (LooseRecord& record : archive_.records) {
      if (record.type != RecordType::kGroup || number++ != derived.group) continue;
      const auto group = symmetry::decode_polar_group(record.payload, kind_);
      const auto elements = bbz::element_count(derived.tensor.shape);
      const std::uint64_t bits = derived.tensor.element_bits;
      if (!group.ok() || derived.tensor.shape.size() != 2 || *elements * bits > 8 * kMostBytes)
        return;
      Buffer dense(*elements * bits / 8);
      const auto operand = plains_.find(derived.tensor.number - 1);
      const Bytes factor =
          group->pivots.empty() || operand == plains_.end() ? Bytes() : Bytes(operand->second);
      const Status status = symmetry::derive_polar(derived.tensor, *group, factor, dense);
      if (status.code() != Code::kChecksum) return;
      store_le(record.payload.data() + 8, xxh3_64(dense));
      if (kind_ == DigestKind::kSha256) {
        std::ranges::copy(digest_of(kind_, dense).bytes, record.payload.begin() + 16);
      }
      auto fields = catalog::decode_group(view(record), kind_);
      if (fields.ok()) {
        fields->payload_digest = digest(record.payload);
        set(record, *fields);
      }
      return;
    }
  }

  LooseArchive& archive_;
  DigestKind kind_;
  Limits limits_;
  std::uint32_t files_ = 0, tensors_ = 0, groups_ = 0, file_tensors_ = 0;
  std::uint64_t file_size_ = 0;
  bool file_ = false;
  std::optional<catalog::TensorMeta> tensor_;  // whose chunks come
  std::uint64_t chunk_ = 0;
  std::map<catalog::GroupMethod, std::uint32_t> newest_;
  std::map<std::uint32_t, Buffer> plains_;
  std::vector<Derived> derived_;
};

// Lets libFuzzer change a string of bytes.
inline void change(Buffer& bytes, std::size_t room) {
  const std::size_t size = bytes.size();
  bytes.resize(size + room);
  if (bytes.empty()) return;  // there is neither a byte to change nor room for one
  bytes.resize(LLVMFuzzerMutate(reinterpret_cast<std::uint8_t*>(bytes.data()), size, bytes.size()));
}

// Changes one record or its place. `random` decides what.
inline void change(LooseArchive& archive, std::mt19937& random) {
  auto& records = archive.records;
  if (records.empty()) return;
  const auto any = [&] {
    return records.begin() + static_cast<std::ptrdiff_t>(random() % records.size());
  };
  switch (random() % 8) {
    case 0: {  // once more, somewhere
      const LooseRecord copy = *any();
      records.insert(any(), copy);
      return;
    }
    case 1:
      records.erase(any());
      return;
    case 2:
      std::iter_swap(any(), any());
      return;
    case 3:
    case 4: {
      auto& record = *any();
      change(record.meta, record.meta.size() < 200 ? 8 : 0);
      return;
    }
    default: {
      auto& record = *any();
      if (record.payload.empty()) return change(record.meta, 0);
      return change(record.payload, record.payload.size() < 4096 ? 16 : 0);
    }
  }
}

// As LLVMFuzzerCustomMutator, of inputs whose archive follows `before` other bytes, which are
// changed too now and then. One time in eight the bytes are changed as they lie; one time in eight
// the records are not made to fit.
inline std::size_t mutate_archive(std::uint8_t* data, std::size_t size, std::size_t most,
                                  unsigned seed, std::size_t before = 0) {
  std::mt19937 random(seed);
  if (size < before || random() % 8 == 0) return LLVMFuzzerMutate(data, size, most);
  if (before != 0 && random() % 8 == 0) LLVMFuzzerMutate(data, before, before);
  const auto archive = take_apart(std::as_bytes(std::span(data, size)).subspan(before));
  if (!archive) return LLVMFuzzerMutate(data, size, most);
  LooseArchive changed = *archive;
  for (auto times = 1 + random() % 3; times > 0; --times) change(changed, random);
  if (random() % 8 != 0) Fitter(changed).fit();
  const Buffer out = put_together(changed);
  if (out.empty() || before + out.size() > most) return LLVMFuzzerMutate(data, size, most);
  std::memcpy(data + before, out.data(), out.size());
  return before + out.size();
}

}  // namespace bbz::fuzz
