// Fitter: makes the records of a changed archive fit together again.
#pragma once

#include <map>
#include <set>

#include "bbz/format/catalog/metas.h"
#include "bbz/format/catalog/pivots.h"
#include "bbz/format/chunk/chunk.h"
#include "bbz/symmetry/form.h"
#include "loose_archive.h"

namespace bbz::fuzz {

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
  // Sets the fields of a record. Its extensions stay, if `decoded` is what its fields were.
  template <class Fields>
  static void set(LooseRecord& record, const Fields& fields, const Fields& decoded) {
    const Buffer after = extensions(record, decoded);
    set(record, fields);
    if (after.empty()) return;
    record.more |= kFlagExtended;
    record.meta.insert(record.meta.end(), after.begin(), after.end());
  }
  template <class Fields>
  static void set(LooseRecord& record, const Fields& fields) {
    record.more &= static_cast<std::uint8_t>(~kFlagExtended);
    record.meta = encoded(fields);
  }
  // The fields of a record without its extensions.
  template <class Fields>
  static Buffer encoded(Fields fields) {
    if constexpr (std::is_same_v<Fields, catalog::TensorRecord>) {
      fields.tensor.extensions = {};
      fields.tensor.support = nullptr;
    } else {
      fields.extensions = {};
    }
    Buffer out;
    catalog::encode_meta(fields, out);
    return out;
  }
  static RecordView view(const LooseRecord& record) {
    return {make_head(record.type, record.meta, record.payload, kFileHeaderSize, 0, record.more),
            record.meta};
  }
  // The extensions of a record as they stand, behind fields that are encoded anew.
  template <class Fields>
  static Buffer extensions(const LooseRecord& record, const Fields& fields) {
    const Buffer before = encoded(fields);
    if (!record.is_extended() || record.meta.size() < before.size()) return {};
    return {record.meta.begin() + static_cast<std::ptrdiff_t>(before.size()), record.meta.end()};
  }

  LooseRecord end_file() {
    LooseRecord record{RecordType::kFileEnd, {}, {}};
    catalog::FileEndMeta fields;
    fields.number = files_ - 1;
    fields.tensor_count = file_tensors_;
    fields.size = file_size_;
    set(record, fields);
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
        const auto before = *fields;
        fields->check = catalog::check_of(kind_, record.payload);
        set(record, *fields, before);
        return true;
      }
      case RecordType::kGroup: {
        auto fields = catalog::decode_group(view(record), kind_);
        if (!fields.ok()) return true;
        const auto before = *fields;
        fields->number = groups_++;
        fields->check = catalog::check_of(kind_, record.payload);
        newest_[fields->method] = fields->number;
        set(record, *fields, before);
        return true;
      }
      case RecordType::kPrivateName:
      case RecordType::kBase:
        return true;
      case RecordType::kBlockType: {
        auto fields = catalog::decode_block_type(view(record));
        if (!fields.ok()) return true;
        const auto before = *fields;
        fields->number = static_cast<std::uint32_t>(block_types_.size());
        block_types_.push_back(fields->type);
        set(record, *fields, before);
        return true;
      }
      default: {  // unknown, with the check of its payload
        if (record.payload.empty()) return true;
        const auto check = catalog::check_of(kind_, record.payload);
        Buffer encoded;
        WireWriter w(encoded);
        w.put(check.checksum);
        if (check.digest) w.put_bytes(check.digest->view());
        record.meta.resize(std::max(record.meta.size(), encoded.size()));
        std::ranges::copy(encoded, record.meta.begin());
        return true;
      }
    }
  }

  bool take_file(LooseRecord& record) {
    auto fields = catalog::decode_file(view(record), limits_);
    if (!fields.ok() || file_) return fields.ok() ? false : true;
    const auto before = *fields;
    fields->number = files_++;
    file_ = true;
    file_tensors_ = 0;
    newest_tile_.reset();
    file_size_ = 0;
    set(record, *fields, before);
    return true;
  }

  bool take_tensor(LooseRecord& record) {
    auto decoded = catalog::decode_tensor(view(record), kind_, limits_);
    if (!decoded.ok()) return true;
    catalog::TensorRecord& all = *decoded;
    catalog::TensorMeta& fields = all.tensor;
    const auto elements = bbz::element_count(fields.shape);
    if (!elements.ok() || *elements > kMostBytes) return true;
    const auto before = all;
    if (fields.is_view() && !fit_view(fields)) return false;
    if (fields.pivots != nullptr && all.chunk) fit_pivots(fields);
    if (!fields.is_operand() && !file_) {
      if (fields.kind == catalog::TensorKind::kBytes) return false;
      fields.file = catalog::kNone;
      fields.offset = 0;
    }
    if (fields.dtype == DType::kBlock && !block_types_.empty()) {
      fields.block_type = std::min<std::uint32_t>(
          fields.block_type, static_cast<std::uint32_t>(block_types_.size() - 1));
      fields.element_bits = static_cast<std::uint32_t>(block_types_[fields.block_type]->bits());
    }
    all.moved = false;
    fields.number = tensors_++;
    if (!fields.is_operand()) {
      fields.file = files_ - 1;
      fields.offset = file_size_;
      ++file_tensors_;
      newest_tile_ = fields.number;
      file_size_ += *elements * fields.element_bits / 8;
    }
    if (fields.form == catalog::Form::kPolar) refer(fields, catalog::GroupMethod::kPolar);
    if (fields.form == catalog::Form::kRider) refer(fields, catalog::GroupMethod::kBitsBack);
    tensor_ = fields;
    chunk_ = 0;
    if (all.chunk) fit_chunk(*all.chunk, record.payload);
    set(record, all, before);
    return true;
  }

  // Lets a view whose base may be no tensor of the open file be one of the newest that is.
  bool fit_view(catalog::TensorMeta& fields) {
    if (!file_ || !newest_tile_) return false;
    const std::uint32_t most = tensors_ - *newest_tile_ + file_tensors_ - 1;
    if (fields.view->back >= tensors_ - *newest_tile_ && fields.view->back <= most) return true;
    auto view = std::make_shared<catalog::View>(*fields.view);
    view->back = tensors_ - *newest_tile_;
    fields.view = std::move(view);
    return true;
  }

  // Gives a pivot tensor as many pivots as its shape needs: of its own the first ones, and others.
  static void fit_pivots(catalog::TensorMeta& fields) {
    const unsigned axis = fields.pivots->axis() % 2;
    if (fields.shape.size() != 2) return;
    const std::uint64_t extent = fields.shape[axis];
    const std::uint64_t rank = fields.shape[1 - axis];
    if (rank == 0 || rank >= extent) return;
    std::set<std::uint32_t> lines;
    for (const std::uint32_t line : fields.pivots->lines()) {
      if (line < extent && lines.size() < rank) lines.insert(line);
    }
    for (std::uint32_t line = 0; lines.size() < rank; ++line) lines.insert(line);
    const std::vector<std::uint32_t> ascending(lines.begin(), lines.end());
    fields.pivots = std::make_shared<const catalog::Pivots>(axis, extent, ascending);
    fields.stored_elements = (extent - rank) * rank;
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
    const auto before = *decoded;
    fit_chunk(*decoded, record.payload);
    set(record, *decoded, before);
    return true;
  }

  // Makes the next chunk of the tensor of these fields.
  void fit_chunk(catalog::ChunkMeta& fields, Bytes payload) {
    fields.tensor = tensor_->number;
    fields.number = static_cast<std::uint32_t>(chunk_++);
    const catalog::Chunk chunk = catalog::chunk_of(*tensor_, fields);
    if (chunk.decoded_bytes > kMostBytes) return;
    Buffer plain(chunk.decoded_bytes);
    const auto shape = chunk::codec_shape(*tensor_, chunk.first_element, chunk.element_count);
    if (!codec::decode(fields.codec, shape, payload, plain).ok()) return;
    fields.decoded_checksum = xxh3_64(plain);
    fields.decoded_digest = digest(plain);
    if (tensor_->is_operand() || tensor_->form == catalog::Form::kDense) {
      Buffer& all = plains_[tensor_->number];
      all.insert(all.end(), plain.begin(), plain.end());
    }
  }

  // Adds chunks of one repeated element if some are missing.
  void complete_tensor(std::vector<LooseRecord>& fitted) {
    constexpr std::uint64_t kMostAdded = 64;
    const std::uint64_t count = chunk_count();
    while (tensor_ && chunk_ < count && count <= kMostAdded) {
      catalog::ChunkMeta fields;
      fields.codec = codec::CodecId::kConstant;
      fields.number = 1;  // any but that of the first chunk, which is in the tensor's record
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
        const auto before = *fields;
        fields->check = catalog::check_of(kind_, record.payload);
        set(record, *fields, before);
      }
      return;
    }
  }

  LooseArchive& archive_;
  DigestKind kind_;
  Limits limits_;
  std::uint32_t files_ = 0, tensors_ = 0, groups_ = 0, file_tensors_ = 0;
  std::vector<SharedBlockType> block_types_;
  std::optional<std::uint32_t> newest_tile_;  // the newest tensor that tiles the open file
  std::uint64_t file_size_ = 0;
  bool file_ = false;
  std::optional<catalog::TensorMeta> tensor_;  // whose chunks come
  std::uint64_t chunk_ = 0;
  std::map<catalog::GroupMethod, std::uint32_t> newest_;
  std::map<std::uint32_t, Buffer> plains_;
  std::vector<Derived> derived_;
};

}  // namespace bbz::fuzz
