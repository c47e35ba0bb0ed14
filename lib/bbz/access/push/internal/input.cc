#include "bbz/access/push/internal/input.h"

#include <algorithm>
#include <cstring>

#include "bbz/base/format.h"
#include "bbz/base/hash.h"

namespace bbz::push::internal {
namespace {

// Calls `act(block, begin in the block, size)` for each block that a range touches.
template <class Act>
void for_each_block(Interval range, std::uint64_t block_size, Act&& act) {
  while (!range.empty()) {
    const std::uint64_t within = range.begin % block_size;
    const std::uint64_t size = std::min(block_size - within, range.size());
    act(range.begin / block_size, within, size);
    range.begin += size;
  }
}

}  // namespace

Status Blocks::write(std::uint64_t offset, Bytes bytes) {
  for_each_block({offset, offset + bytes.size()}, kBlock,
                 [&](std::uint64_t number, std::uint64_t within, std::uint64_t size) {
                   Block& block = blocks_[number];
                   block.bytes.resize(kBlock);
                   block.live += size;
                   std::memcpy(block.bytes.data() + within, bytes.data(), size);
                   bytes = bytes.subspan(size);
                 });
  return {};
}

Status Blocks::read(std::uint64_t offset, MutableBytes out) {
  bool lost = false;
  for_each_block({offset, offset + out.size()}, kBlock,
                 [&](std::uint64_t number, std::uint64_t within, std::uint64_t size) {
                   const auto block = blocks_.find(number);
                   if (block == blocks_.end()) {
                     lost = true;
                     return;
                   }
                   std::memcpy(out.data(), block->second.bytes.data() + within, size);
                   out = out.subspan(size);
                 });
  if (!lost) return {};
  return make_error(Code::kInternal, "bytes at offset {} were released", offset);
}

void Blocks::release(Interval range) {
  for_each_block(range, kBlock, [&](std::uint64_t number, std::uint64_t, std::uint64_t size) {
    const auto block = blocks_.find(number);
    if (block == blocks_.end()) return;
    block->second.live -= std::min(size, block->second.live);
    if (block->second.live == 0) blocks_.erase(block);
  });
}

Input::Input(const Options& options)
    : store_(options.store != nullptr ? options.store : &blocks_),
      memory_(options.memory),
      most_ranges_(options.most_ranges) {}

Status Input::check_ranges(Interval range) const {
  const bool joins = (range.begin > 0 && has({range.begin - 1, range.begin})) ||
                     (range.end < UINT64_MAX && has({range.end, range.end + 1}));
  if (joins || there_.count() < most_ranges_) return {};
  return make_error(Code::kLimit, "bytes at offset {}: more than {} separate ranges", range.begin,
                    most_ranges_);
}

Status Input::take(std::uint64_t offset, Bytes bytes) {
  const Interval range{offset, offset + bytes.size()};
  BBZ_TRY(check_ranges(range));
  BBZ_TRY(store_->write(offset, bytes));
  there_.add(range);
  latest_offset_ = offset;
  latest_ = bytes;
  return {};
}

Status Input::adopt(Interval range) {
  BBZ_TRY(check_ranges(range));
  there_.add(range);
  latest_ = {};
  return {};
}

Result<Bytes> Input::read(Interval range, std::vector<std::byte>& buffer) {
  if (range.begin >= latest_offset_ && range.end - latest_offset_ <= latest_.size()) {
    return latest_.subspan(range.begin - latest_offset_, range.size());
  }
  buffer.resize(range.size());
  BBZ_TRY(store_->read(range.begin, buffer));
  return Bytes(buffer);
}

Result<std::uint64_t> Input::hash(Interval range, std::optional<Hasher>& digest) {
  constexpr std::uint64_t kStep = std::uint64_t{1} << 20;
  Xxh3Stream hash;
  std::vector<std::byte> buffer;
  while (!range.empty()) {
    const std::uint64_t step = std::min(range.size(), kStep);
    BBZ_ASSIGN(const Bytes bytes, read({range.begin, range.begin + step}, buffer));
    hash.update(bytes);
    if (digest) digest->update(bytes);
    range.begin += step;
  }
  return hash.digest64();
}

void Input::verify(Interval range) {
  verified_.add(range);
  damages_.erase(damages_.lower_bound(range.begin), damages_.lower_bound(range.end));
}

void Input::release(Interval range) {
  if (has_store()) return;
  for (const Interval part : released_.missing(range)) blocks_.release(part);
  released_.add(range);
}

void Input::drop(Interval range) {
  for (const Interval part : verified_.missing(range)) {
    release(part);
    released_.remove(part);
    there_.remove(part);
  }
}

Status Input::damage(Interval range, Error error) {
  if (range.empty()) return error;
  drop(range);
  Damage& damage = damages_[range.begin];
  damage.range = range;
  damage.error = std::move(error);
  ++damage.times;
  return {};
}

std::vector<Damage> Input::damages() const {
  std::vector<Damage> all;
  for (const auto& [begin, damage] : damages_) all.push_back(damage);
  return all;
}

const Damage* Input::first_damage(std::uint32_t times) const {
  for (const auto& [begin, damage] : damages_) {
    if (damage.times >= times) return &damage;
  }
  return nullptr;
}

}  // namespace bbz::push::internal
