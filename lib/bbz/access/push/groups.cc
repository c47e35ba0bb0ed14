// The part of Assembler that handles tensors which follow from others.
#include <algorithm>

#include "bbz/access/push/internal/assembler.h"
#include "bbz/base/format.h"
#include "bbz/format/chunk/chunk.h"
#include "bbz/format/chunk/payload.h"

namespace bbz::push::internal {

Status Assembler::add_group(std::size_t unit) {
  const std::uint32_t number = static_cast<std::uint32_t>(groups_.size());
  GroupProgress group;
  group.unit = unit;
  groups_.push_back(std::move(group));
  if (input_.has_store()) return {};
  // Records are ordered so that nothing after this group refers to an older one of its method.
  const catalog::GroupMethod method = catalog().groups[number].meta.method;
  for (const std::uint32_t older : std::vector(live_)) {
    if (catalog().groups[older].meta.method != method) continue;
    groups_[older].superseded = true;
    drop_if_done(older);
  }
  live_.push_back(number);
  return {};
}

Status Assembler::end_list() {
  for (const std::uint32_t group : std::vector(live_)) drop_if_done(group);
  for (std::uint32_t group = 0; group < groups_.size(); ++group) {
    BBZ_TRY(look_at_group(group));
  }
  return {};
}

Status Assembler::take_group(std::size_t number, Bytes payload) {
  Unit& unit = record_map_.unit(number);
  const catalog::Group& entry = catalog().groups[unit.item];
  GroupProgress& group = groups_[unit.item];
  BBZ_TRY(chunk::check_payload(entry.meta.check, entry.payload, payload));
  const auto state = symmetry::GroupState::make(entry, payload, catalog().header.digest_kind);
  if (!state.ok() && state.code() != Code::kUnsupported) return state.error();
  group.read = true;
  if (state.ok()) {
    group.count = (*state)->tensor_count();
    group.useless = check_listed(**state);
  } else {
    group.useless = state.error();
  }
  unit.set(Unit::kHanded);
  BBZ_TRY(keep_or_release(number));
  return look_at_group(unit.item);
}

// Checks a group before anything is kept for it, if all records are known by then.
Status Assembler::check_listed(const symmetry::GroupState& state) const {
  if (!record_map_.listed()) return {};
  const auto tensors = state.tensors(catalog(), symmetry::derived_bytes(catalog(), state.number()));
  return tensors.ok() ? Status() : Status(tensors.error());
}

Result<std::optional<std::uint64_t>> Assembler::group_size(std::uint32_t group) const {
  if (!groups_[group].read) return std::optional<std::uint64_t>();
  BBZ_TRY(groups_[group].useless);
  return std::optional(groups_[group].count);
}

Status Assembler::wait_for_group(std::uint32_t tensor) {
  const std::uint32_t group = catalog().tensors[tensor].meta.group;
  progress_[tensor].counted = true;
  ++groups_[group].open;
  groups_[group].waiting.push_back(tensor);
  return look_at_group(group);
}

// Continues with the tensors that wait for a group, if everything that belongs to it has come.
Status Assembler::look_at_group(std::uint32_t number) {
  if (groups_[number].waiting.empty() || !groups_[number].read) return {};
  const catalog::Group& entry = catalog().groups[number];
  {
    GroupProgress& group = groups_[number];
    if (group.useless.ok() && record_map_.listed()) {
      const auto tensors = symmetry::group_tensors(catalog(), entry, group.count);
      if (!tensors.ok()) group.useless = tensors.error();
    }
    while (group.useless.ok() && group.whole < group.count) {
      const std::uint64_t tensor = entry.first_tensor + group.whole;
      const bool there = tensor < progress_.size();
      if (!there || progress_[tensor].verified != catalog().tensors[tensor].chunk_count) {
        watchers_[static_cast<std::uint32_t>(tensor)].push_back(number);
        return {};
      }
      ++group.whole;
    }
    group.complete = group.useless.ok();
  }
  for (const std::uint32_t tensor : std::exchange(groups_[number].waiting, {})) {
    if (!wants(tensor)) continue;
    if (symmetry::is_derived(catalog().tensors[tensor].meta)) {
      const Status useless = groups_[number].useless;
      BBZ_TRY(useless.ok() ? derive(tensor) : fail(tensor, nullptr, useless.error()));
    } else if (!input_.has_store() ||
               progress_[tensor].verified == catalog().tensors[tensor].chunk_count) {
      BBZ_TRY(hand_out_waiting(tensor));
    }
  }
  return {};
}

// Handles that every chunk of a tensor is verified.
Status Assembler::tensor_whole(std::uint32_t tensor) {
  if (const auto watched = watchers_.find(tensor); watched != watchers_.end()) {
    const std::vector<std::uint32_t> groups = std::move(watched->second);
    watchers_.erase(watched);
    for (const std::uint32_t group : groups) BBZ_TRY(look_at_group(group));
  }
  const catalog::TensorMeta& meta = catalog().tensors[tensor].meta;
  if (!symmetry::may_be_carried(meta) || !wants(tensor) || !group_decided(meta.group)) return {};
  return hand_out_waiting(tensor);
}

// Returns a group with the bytes of its tensors, assembled from what is kept of them.
Result<std::shared_ptr<symmetry::GroupState>> Assembler::group_state(std::uint32_t number) {
  const auto known = std::ranges::find(states_, number, [](const auto& s) { return s->number(); });
  if (known != states_.end()) {
    std::rotate(states_.begin(), known, std::next(known));
    return states_.front();
  }
  const GroupProgress& group = groups_[number];
  const catalog::Group& entry = catalog().groups[number];
  if (group.dropped) {
    return make_error(
        Code::kUnsupported,
        "group {}: too far before the tensor that refers to it, for a decoder without "
        "a store",
        number);
  }
  BBZ_TRY(group.useless);
  std::vector<std::byte> buffer;
  BBZ_ASSIGN(const Bytes payload, input_.read(record_map_.unit(group.unit).payload(), buffer));
  BBZ_ASSIGN(auto state, symmetry::GroupState::make(entry, payload, catalog().header.digest_kind));
  Status stored;  // the error of reading the bytes, if any
  const Status together = state->put_together(
      catalog(),
      [&](const catalog::Tensor& tensor, const catalog::Chunk& chunk) -> Result<Bytes> {
        const std::uint64_t at = progress_[tensor.meta.number].unit + chunk.meta.number;
        auto bytes = input_.read(record_map_.unit(at).payload(), buffer);
        if (!bytes.ok()) stored = bytes.error();
        return bytes;
      },
      chunk::Check::kPayload);
  BBZ_TRY(stored);
  if (!together.ok()) {
    groups_[number].useless = together;
    return together.error();
  }
  states_.insert(states_.begin(), state);
  if (input_.has_store()) {
    keep_newest(states_);
  } else {
    release_kept(number);
  }
  return state;
}

// --- without a store: what stays in memory

void Assembler::keep(GroupProgress& group, std::size_t unit) {
  group.kept.push_back(unit);
  ++keepers_[unit];
  if (!group.read) return;
  group.lent += record_map_.unit(unit).payload_length;
  input_.lend(record_map_.unit(unit).payload_length);
}

// Decides what becomes of a payload that was taken: it stays while a group may need it, or while it
// waits for its group.
Status Assembler::keep_or_release(std::size_t number) {
  if (input_.has_store()) return {};
  const Unit& unit = record_map_.unit(number);
  const bool is_group = unit.type == container::RecordType::kGroup;
  const std::uint64_t chunk = record_map_.chunk_of(unit).value_or(0);
  const std::uint32_t tensor = is_group ? 0 : catalog().chunks[chunk].meta.tensor;
  bool kept = false;
  for (const std::uint32_t candidate : live_) {
    GroupProgress& group = groups_[candidate];
    const std::uint32_t first = catalog().groups[candidate].first_tensor;
    const bool belongs = is_group
                             ? group.unit == number
                             : tensor >= first && (!group.read || tensor - first < group.count);
    const bool put_together = std::ranges::find(states_, candidate, [](const auto& s) {
                                return s->number();
                              }) != states_.end();
    if (!belongs || put_together || !group.useless.ok() || !options_.decode) continue;
    // Once the number of its tensors is known, a group may be as large as it must be.
    if (!group.read && !input_.has_room(0)) {
      group.useless = make_error(
          Code::kLimit, "group {}: the memory limit leaves no room for its tensors", candidate);
      continue;
    }
    keep(group, number);
    kept = true;
  }
  if (kept) return {};
  if (unit.is(Unit::kHanded)) {
    input_.release(unit.payload());
    return {};
  }
  if (input_.has_room(0)) return {};  // it waits for its group
  input_.release(unit.payload());
  record_map_.unit(number).set(Unit::kHanded);
  return fail(
      tensor, &catalog().chunks[chunk],
      make_error(Code::kLimit,
                 "chunk at offset {}: the memory limit leaves no room until group {} arrives",
                 unit.offset, catalog().tensors[tensor].meta.group));
}

void Assembler::release_kept(std::uint32_t number) {
  input_.take_back(std::exchange(groups_[number].lent, 0));
  for (const std::size_t unit : std::exchange(groups_[number].kept, {})) {
    const auto keepers = keepers_.find(unit);
    if (--keepers->second > 0) continue;
    keepers_.erase(keepers);
    if (record_map_.unit(unit).is(Unit::kHanded)) input_.release(record_map_.unit(unit).payload());
  }
}

// Handles that a tensor has ended or failed: its group may no longer be needed.
void Assembler::let_go_of_group(std::uint32_t tensor) {
  if (!std::exchange(progress_[tensor].counted, false)) return;
  const std::uint32_t group = catalog().tensors[tensor].meta.group;
  --groups_[group].open;
  drop_if_done(group);
}

void Assembler::drop_if_done(std::uint32_t number) {
  GroupProgress& group = groups_[number];
  if (input_.has_store() || group.dropped || group.open > 0) return;
  if (!group.superseded && !record_map_.listed()) return;
  group.dropped = true;
  std::erase(live_, number);
  std::erase_if(states_, [&](const auto& state) { return state->number() == number; });
  release_kept(number);
}

}  // namespace bbz::push::internal
