#include "bbz/download/fetcher.h"

#include <algorithm>
#include <thread>
#include <vector>

#include "bbz/base/format.h"

namespace bbz::download {
namespace {

// What is asked for at a time, by all connections together, may be lost when the process is killed:
// a 64th of what this process has fetched, or a 1024th of the whole at
// first. Where a file is mended, there is little to lose.
constexpr std::uint64_t kLeastAsked = 128 * 1024;
constexpr std::uint64_t kMostAsked = 64 * 1024 * 1024;
constexpr std::uint64_t kLeastPiece = 32 * 1024;
// So may what came after the state was saved.
constexpr std::uint64_t kLeastUnsaved = 64 * 1024;
constexpr std::uint64_t kMostUnsaved = 8 * 1024 * 1024;

constexpr std::uint32_t kMostDamage = 3;  // times that a range may come damaged

}  // namespace

std::uint64_t Fetcher::piece_bytes() const {
  const std::uint64_t total = decoder_.total().value_or(0);
  const std::uint64_t first = total / (options_.repair ? 64 : 1024);
  const std::uint64_t asked = std::clamp(std::max(moved_ / 64, first), kLeastAsked, kMostAsked);
  return std::max(asked / std::max(options_.http.connections, 1u), kLeastPiece);
}

// Takes the first bytes that are needed and not under way; nothing where there are none.
std::optional<push::Interval> Fetcher::claim() {
  for (const push::Interval& need : decoder_.needs(2 * options_.http.connections + 2, gap_)) {
    // A file may end before what an archive must have.
    const std::uint64_t end = std::min(need.end, decoder_.total().value_or(need.end));
    if (need.begin >= end) continue;
    const auto free = claimed_.missing({need.begin, end}, 1);
    if (free.empty()) continue;
    push::Interval piece = free.front();
    piece.end = std::min(piece.end, piece.begin + piece_bytes());
    claimed_.add(piece);
    return piece;
  }
  return std::nullopt;
}

Status Fetcher::check_damages() const {
  for (const push::Damage& damage : decoder_.damages()) {
    if (damage.times < kMostDamage) continue;
    return make_error(damage.error.code, "{}: the server's file is damaged: {}", remote_.name(),
                      damage.error.message);
  }
  return {};
}

// Called with the lock held.
Status Fetcher::take(std::uint64_t offset, Bytes bytes) {
  if (failure_) return *failure_;
  BBZ_TRY(decoder_.feed(offset, bytes));
  moved_ += bytes.size();
  unsaved_ += bytes.size();
  if (options_.progress) {
    options_.progress(decoder_.there().bytes(), goal_ ? goal_ : decoder_.total());
  }
  if (unsaved_ < std::clamp(moved_ / 256, kLeastUnsaved, kMostUnsaved)) return {};
  return save();
}

Status Fetcher::save() {
  unsaved_ = 0;
  if (!remote_.ranges()) return {};
  return partial_.save({remote_.identity(), decoder_.there().ranges()});
}

// Called without the lock.
Status Fetcher::fetch_one(push::Interval range) {
  return remote_.fetch({range.begin, range.size()}, [&](Bytes bytes) -> Status {
    const std::lock_guard taking(mutex_);
    BBZ_TRY(take(range.begin, bytes));
    range.begin += bytes.size();
    return {};
  });
}

Status Fetcher::fetch(std::span<const push::Interval> ranges) {
  for (const push::Interval& range : ranges) {
    while (!decoder_.there().covers(range)) {  // again, where it has come damaged
      BBZ_TRY(fetch_one(range));
      BBZ_TRY(check_damages());
    }
  }
  return save();
}

void Fetcher::work(bool structure_only) {
  std::unique_lock lock(mutex_);
  while (!failure_ && decoder_.failure().ok()) {
    if (structure_only && decoder_.root()) return;
    const std::optional<push::Interval> piece = claim();
    if (!piece) {
      if (claimed_.count() == 0) return;
      changed_.wait(lock);
      continue;
    }
    lock.unlock();
    Status fetched = fetch_one(*piece);
    lock.lock();
    claimed_.remove(*piece);
    if (fetched.ok()) fetched = check_damages();
    if (!fetched.ok() && !failure_) {
      failure_ = std::move(fetched).error();
      remote_.cancel();
    }
    changed_.notify_all();
  }
}

Status Fetcher::run_threads(unsigned threads, bool structure_only) {
  std::vector<std::thread> others;
  for (unsigned i = 1; i < threads; ++i) {
    others.emplace_back([this, structure_only] { work(structure_only); });
  }
  work(structure_only);
  for (std::thread& other : others) other.join();
  if (const Status saved = save(); !saved.ok() && !failure_) return saved;
  BBZ_TRY(decoder_.failure());
  if (failure_) return *failure_;
  return {};
}

Status Fetcher::run() {
  return run_threads(std::max(options_.http.connections, 1u), false);
}

Status Fetcher::fetch_structure() {
  return run_threads(1, true);
}

Status Fetcher::run_whole() {
  std::vector<std::byte> buffer(256 * 1024);
  std::uint64_t offset = 0;
  while (true) {
    BBZ_ASSIGN(const std::size_t size, remote_.read_whole(buffer));
    if (size == 0) break;
    BBZ_TRY(take(offset, Bytes(buffer).first(size)));
    offset += size;
  }
  if (!decoder_.total()) BBZ_TRY(decoder_.set_total(offset));
  return {};
}

}  // namespace bbz::download
