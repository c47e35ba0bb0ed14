#include "bbz/symmetry/group_state.h"

#include "bbz/base/format.h"
#include "bbz/base/names.h"

namespace bbz::symmetry {

std::uint64_t derived_bytes(const catalog::Catalog& catalog, std::uint32_t group) {
  const std::uint32_t user = catalog.groups[group].first_user;
  return user < catalog.tensors.size() ? catalog.tensors[user].byte_size : 0;
}

Error not_whole(std::uint32_t group, const catalog::Tensor& tensor) {
  return make_error(Code::kMalformed,
                    "group {}: tensor {} {}, which belongs to it, is missing or damaged", group,
                    tensor.meta.number, quoted(tensor.meta.name));
}

Result<std::shared_ptr<GroupState>> GroupState::make(const catalog::Group& group, Bytes payload,
                                                     DigestKind kind) {
  BBZ_TRY(container::check_extensions(group.meta.extensions,
                                      fmt::format("group {}", group.meta.number)));
  auto state = std::make_shared<GroupState>();
  state->group_ = group;
  switch (group.meta.method) {
    case GroupMethod::kPolar: {
      BBZ_ASSIGN(state->polar_, decode_polar_group(payload, kind));
      state->count_ = state->polar_->pivots.empty() ? 0 : 1;
      return state;
    }
    case GroupMethod::kBitsBack: {
      BBZ_ASSIGN(state->bits_back_, decode_bits_back_group(payload));
      state->count_ = state->bits_back_->carriers;
      return state;
    }
    default:
      return make_error(Code::kUnsupported, "group {}: unknown method {}", group.meta.number,
                        static_cast<int>(group.meta.method));
  }
}

Result<std::span<const catalog::Tensor>> GroupState::tensors(const catalog::Catalog& catalog,
                                                             std::uint64_t derived_bytes) const {
  BBZ_ASSIGN(const auto tensors, group_tensors(catalog, group_, count_));
  if (bits_back_) BBZ_TRY(check_rotation(group_, *bits_back_, tensors));
  if (polar_) BBZ_TRY(check_cost(group_, *polar_, tensors, derived_bytes));
  return tensors;
}

void GroupState::add(const catalog::Tensor& tensor, std::vector<std::byte>&& bytes) {
  held_ += sizeof(catalog::Tensor) + tensor.meta.name.size() + bytes.size();
  tensors_.push_back(tensor);
  bytes_.push_back(std::move(bytes));
}

Status GroupState::put_together(const catalog::Catalog& catalog, const PayloadOf& payload_of,
                                chunk::Check check) {
  BBZ_ASSIGN(const auto expected, tensors(catalog, derived_bytes(catalog, number())));
  for (const catalog::Tensor& tensor : expected) {
    std::vector<std::byte> bytes(tensor.byte_size);
    MutableBytes rest = bytes;
    for (const catalog::Chunk& chunk : catalog.chunks_of(tensor)) {
      BBZ_ASSIGN(const Bytes payload, payload_of(tensor, chunk));
      BBZ_TRY(chunk::decode(tensor.meta, chunk, payload, rest.first(chunk.decoded_bytes), check));
      rest = rest.subspan(chunk.decoded_bytes);
    }
    add(tensor, std::move(bytes));
  }
  return {};
}

// Checks that every tensor of the group was added completely.
Status GroupState::complete(const catalog::Catalog& catalog, std::uint64_t derived_bytes) const {
  BBZ_ASSIGN(const auto expected, tensors(catalog, derived_bytes));
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (i >= bytes_.size() || bytes_[i].size() != expected[i].byte_size) {
      return not_whole(number(), expected[i]);
    }
  }
  return {};
}

Status GroupState::derive(const catalog::Catalog& catalog, const catalog::Tensor& tensor,
                          parallel::ThreadPool& pool, MutableBytes dense, const TakePart& take) {
  BBZ_TRY(complete(catalog, tensor.byte_size));
  if (!tensors_.empty()) {
    BBZ_TRY(check_operand(group_, tensors_.front(), tensor.meta));
  }
  return derive_polar(tensor.meta, *polar_, bytes_.empty() ? Bytes() : Bytes(bytes_[0]), dense,
                      &pool, take);
}

Status GroupState::decode_carried(const catalog::Catalog& catalog,
                                  const catalog::TensorMeta& tensor, const catalog::Chunk& chunk,
                                  Bytes payload, MutableBytes out) {
  {
    const std::lock_guard lock(mutex_);
    if (!riders_) {
      BBZ_TRY(complete(catalog, 0));
      riders_ = recover_riders(*bits_back_, tensors_, bytes_);
      for (const auto& bytes : bytes_) held_ -= bytes.size();
      bytes_.clear();  // only the riders are needed from now on
      if (riders_->ok()) held_ += riders_->value().size();
    }
  }
  if (!riders_->ok()) return riders_->error();
  BBZ_TRY(chunk::check_payload(tensor, chunk, payload));
  BBZ_ASSIGN(const Joined joined, join_carried(tensor, chunk, payload, **riders_));
  return chunk::decode(tensor, joined.chunk, joined.payload, out);
}

void keep_newest(std::vector<std::shared_ptr<GroupState>>& groups) {
  std::uint64_t held = 0;
  std::size_t place = 0;
  std::erase_if(groups, [&](const auto& group) { return !keeps(*group, place++, held); });
}

bool keeps(const GroupState& group, std::size_t place, std::uint64_t& held) {
  const bool kept =
      place < 2 || (group.serves_many() && held + group.held_bytes() <= kMostGroupBytes);
  if (kept) held += group.held_bytes();
  return kept;
}

}  // namespace bbz::symmetry
