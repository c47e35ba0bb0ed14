#include "bbz/ops/internal/renumber.h"

#include <algorithm>
#include <utility>

#include "bbz/base/format.h"
#include "bbz/base/names.h"

namespace bbz::ops {
namespace {

using container::RecordType;
using container::RecordView;
using Meta = std::optional<std::vector<std::byte>>;

// Returns the meta of `fields`, followed by the extensions of the record from which `original` was
// decoded. Neither may have extensions that encode_meta() writes.
template <class Fields>
std::vector<std::byte> encoded(const RecordView& record, const Fields& original,
                               const Fields& fields) {
  std::vector<std::byte> before;
  catalog::encode_meta(original, before);
  std::vector<std::byte> meta;
  catalog::encode_meta(fields, meta);
  const Bytes extensions = record.meta.subspan(before.size());
  meta.insert(meta.end(), extensions.begin(), extensions.end());
  return meta;
}

Error refused(const RecordView& record, std::string_view why) {
  return make_error(Code::kUnsupported, "{} record at offset {}: {}, so it cannot be joined",
                    container::type_name(record.head.type), record.head.offset, why);
}

// Checks that the numbers of a record are all known. `extensions` are those of the record.
Status check_known(const RecordView& record, const container::Extensions& extensions) {
  if (!extensions.unknown) return {};
  return refused(record, "it requires an extension that is not known");
}

}  // namespace

void Renumberer::begin_part(const container::FileHeader& header) {
  header_ = header;
  before_ = so_far_;
  block_numbers_.clear();
  base_numbers_.clear();
}

Result<Meta> Renumberer::meta_of(const RecordView& record, Bytes payload, bool repeats) {
  switch (record.head.type) {
    case RecordType::kFile: {
      BBZ_ASSIGN(catalog::FileMeta original, catalog::decode_file(record, limits_));
      BBZ_TRY(check_known(record, original.extensions));
      original.extensions = {};  // they are copied as they are
      catalog::FileMeta fields = original;
      fields.number = so_far_.files++;
      return Meta(encoded(record, original, fields));
    }
    case RecordType::kFileEnd: {
      BBZ_ASSIGN(const catalog::FileEndMeta original, catalog::decode_file_end(record));
      BBZ_TRY(check_known(record, original.extensions));
      catalog::FileEndMeta fields = original;
      fields.number += before_.files;
      return Meta(encoded(record, original, fields));
    }
    case RecordType::kTensor:
      return tensor(record, repeats);
    case RecordType::kChunk: {
      BBZ_ASSIGN(const catalog::ChunkMeta original,
                 catalog::decode_chunk(record, header_.digest_kind));
      BBZ_TRY(check_known(record, original.extensions));
      catalog::ChunkMeta fields = original;
      fields.tensor += before_.tensors;
      if (repeats) fields.codec = codec::CodecId::kSame;
      return Meta(encoded(record, original, fields));
    }
    case RecordType::kMetadata:
      return metadata(record, payload);
    case RecordType::kGroup: {
      BBZ_ASSIGN(const catalog::GroupMeta original,
                 catalog::decode_group(record, header_.digest_kind));
      BBZ_TRY(check_known(record, original.extensions));
      catalog::GroupMeta fields = original;
      fields.number = so_far_.groups++;
      return Meta(encoded(record, original, fields));
    }
    case RecordType::kPrivateName:
      return private_name(record);
    case RecordType::kBlockType:
      return block_type(record);
    case RecordType::kBase:
      return base(record);
    default:
      return refused(record, "its type is not known");
  }
}

Result<Meta> Renumberer::tensor(const RecordView& record, bool repeats) {
  BBZ_ASSIGN(catalog::TensorRecord original,
             catalog::decode_tensor(record, header_.digest_kind, limits_));
  catalog::TensorMeta& meta = original.tensor;
  BBZ_TRY(check_known(record, meta.extensions));
  if (!catalog::is_known(meta.form)) return refused(record, "its form is not known");
  meta.extensions = {};  // they are copied as they are
  const auto support = std::exchange(meta.support, nullptr);
  catalog::TensorRecord fields = original;
  fields.tensor.number += before_.tensors;
  if (!fields.tensor.is_operand()) fields.tensor.file += before_.files;
  if (fields.tensor.group != catalog::kNone) fields.tensor.group += before_.groups;
  if (fields.tensor.block_type != catalog::kNone) {
    fields.tensor.block_type = block_numbers_[fields.tensor.block_type];
  }
  if (repeats && fields.chunk) fields.chunk->codec = codec::CodecId::kSame;
  ++so_far_.tensors;
  if (support == nullptr) return Meta(encoded(record, original, fields));
  catalog::Support leans = *support;
  leans.base = base_numbers_[leans.base];
  std::vector<std::byte> before;
  catalog::encode_meta(original, before);
  std::vector<std::byte> whole;
  catalog::encode_meta(fields, whole);
  const std::vector<std::byte> extensions = container::replace_leaning(
      record.meta.subspan(before.size()), catalog::encode_support(leans, meta.name));
  whole.insert(whole.end(), extensions.begin(), extensions.end());
  return Meta(std::move(whole));
}

Result<Meta> Renumberer::metadata(const RecordView& record, Bytes payload) {
  BBZ_ASSIGN(const catalog::MetadataMeta original,
             catalog::decode_metadata(record, header_.digest_kind));
  BBZ_TRY(check_known(record, original.extensions));
  catalog::MetadataMeta fields = original;
  if (fields.file != catalog::kNone) {
    fields.file += before_.files;
    return Meta(encoded(record, original, fields));
  }
  const Digest value = digest_of(DigestKind::kXxh3_128, payload);
  const auto [known, added] = values_.try_emplace(fields.key, value);
  if (added) return Meta(encoded(record, original, fields));
  if (known->second == value) return Meta();
  return make_error(Code::kInvalidArgument,
                    "metadata {} of the archive: its value is not that of a part before it",
                    bbz::quoted(fields.key));
}

// Gives a base the number that it has in the whole: that of an equal one, if a part before it has one.
Result<Meta> Renumberer::base(const RecordView& record) {
  BBZ_ASSIGN(const catalog::BaseMeta original, catalog::decode_base(record));
  BBZ_TRY(check_known(record, original.extensions));
  const auto known = std::ranges::find_if(bases_, [&](const catalog::BaseMeta& one) {
    return one.root == original.root && one.hint == original.hint;
  });
  if (known != bases_.end()) {
    base_numbers_.push_back(known->number);
    return Meta();
  }
  catalog::BaseMeta fields = original;
  fields.number = static_cast<std::uint32_t>(bases_.size());
  bases_.push_back(fields);
  base_numbers_.push_back(fields.number);
  return Meta(encoded(record, original, fields));
}

// Gives a block type the number that it has in the whole: that of an equal one, if a part before it
// has one.
Result<Meta> Renumberer::block_type(const RecordView& record) {
  BBZ_ASSIGN(const catalog::BlockTypeMeta original, catalog::decode_block_type(record));
  BBZ_TRY(check_known(record, original.extensions));
  catalog::BlockTypeMeta fields = original;
  fields.number = static_cast<std::uint32_t>(block_types_.size());
  const auto [known, added] = block_types_.try_emplace(fields.type->name, fields);
  block_numbers_.push_back(known->second.number);
  if (added) return Meta(encoded(record, original, fields));
  if (same_blocks(known->second.type, original.type)) return Meta();
  return make_error(Code::kInvalidArgument, "block type {}: it is not that of a part before it",
                    bbz::quoted(fields.type->name));
}

Result<Meta> Renumberer::private_name(const RecordView& record) {
  BBZ_ASSIGN(const catalog::PrivateNameMeta original, catalog::decode_private_name(record));
  BBZ_TRY(check_known(record, original.extensions));
  const auto [known, added] =
      names_.try_emplace({original.registry, original.number}, original.name);
  if (added) return Meta(std::in_place, record.meta.begin(), record.meta.end());
  if (known->second == original.name) return Meta();
  return refused(record, fmt::format("its number {} stands for {} in a part before it",
                                     original.number, bbz::quoted(known->second)));
}

}  // namespace bbz::ops
