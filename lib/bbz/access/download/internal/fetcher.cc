#include "bbz/access/download/internal/fetcher.h"

#include <algorithm>
#include <thread>
#include <vector>

#include "bbz/base/format.h"

namespace bbz::download {
namespace {

// Bytes that may arrive before the state is saved. They are fetched again if the process is killed.
constexpr std::uint64_t kLeastUnsaved = 64 * 1024;
constexpr std::uint64_t kMostUnsaved = 8 * 1024 * 1024;

constexpr std::uint32_t kMostDamage = 3;        // number of times that a range may arrive damaged
constexpr std::chrono::milliseconds kLook{50};  // how often to look whether sharing pays

// Estimates the size of the index, which is about 1/6000 of an archive with chunks of the usual
// size.
std::uint64_t likely_index_bytes(std::uint64_t total) {
  return std::clamp(total / 4096, std::uint64_t{16} << 10, std::uint64_t{4} << 20);
}

}  // namespace

// Returns the number of bytes that no connection has asked for yet.
std::uint64_t Fetcher::unclaimed() const {
  const std::uint64_t goal = goal_.value_or(decoder_.total().value_or(0));
  const std::uint64_t rest = goal - std::min(goal, decoder_.there().bytes());
  return rest - std::min(rest, claimed_.bytes());
}

// Returns the first bytes that are needed and that no connection is fetching; nullopt if there are
// none.
std::optional<push::Interval> Fetcher::next() {
  for (const push::Interval& need : decoder_.needs(2 * options_.http.connections + 2, gap_)) {
    // A file may end before an archive could.
    const std::uint64_t end = std::min(need.end, decoder_.total().value_or(need.end));
    if (need.begin >= end) continue;
    const auto free = claimed_.missing({need.begin, end}, 1);
    if (free.empty()) continue;
    push::Interval piece = with_index(free.front());
    const std::uint64_t most = sizer_.piece(unclaimed(), decoder_.total().value_or(0));
    piece.end = piece.begin + std::min(piece.size(), most);
    return piece;
  }
  return std::nullopt;
}

// Extends a piece at the end of the file, which holds the trailer, by the index before it, because
// that is needed next.
push::Interval Fetcher::with_index(push::Interval piece) const {
  const auto total = decoder_.total();
  if (decoder_.root() || !total || piece.end != *total) return piece;
  const std::uint64_t begin = *total - std::min(*total, likely_index_bytes(*total));
  const auto missing = decoder_.there().missing({std::min(begin, piece.begin), piece.end});
  const auto free = claimed_.missing(missing.back());
  return free.empty() ? piece : push::Interval{std::min(piece.begin, free.back().begin), piece.end};
}

Fetcher::ClaimPtr Fetcher::claim(push::Interval range) {
  claimed_.add(range);
  return claims_.insert(claims_.end(), Claim{range, Clock::now(), {}, 0});
}

// Shortens the longest claim, so that another connection can fetch the end of it, if that pays.
// Returns whether it did.
bool Fetcher::share() {
  if (claims_.empty()) return false;
  const auto longest =
      std::ranges::max_element(claims_, {}, [](const Claim& claim) { return claim.left.size(); });
  if (!longest->began) return false;
  const Clock::duration time = Clock::now() - *longest->began;
  const std::uint64_t left = longest->left.size();
  if (!sizer_.pays(left, longest->bytes, time)) return false;
  sizer_.measured(longest->bytes, time);
  const std::uint64_t keep = sizer_.piece(left, decoder_.total().value_or(0));
  if (keep >= left) return false;
  const std::uint64_t end = longest->left.begin + keep;
  claimed_.remove({end, longest->left.end});
  longest->left.end = end;
  return true;
}

Status Fetcher::check_damages() const {
  const push::Damage* const damage = decoder_.first_damage(kMostDamage);
  if (damage == nullptr) return {};
  return make_error(damage->error.code, "{}: the file on the server is damaged: {}", remote_.name(),
                    damage->error.message);
}

// Feeds bytes to the decoder, and reports progress. Called with the lock held.
Status Fetcher::take(std::uint64_t offset, Bytes bytes) {
  if (failure_) return *failure_;
  BBZ_TRY(decoder_.feed(offset, bytes));
  moved_ += bytes.size();
  unsaved_ += bytes.size();
  if (options_.progress) {
    options_.progress(decoder_.there().bytes(), goal_ ? goal_ : decoder_.total());
  }
  if (unsaved_ < std::clamp(moved_ / 64, kLeastUnsaved, kMostUnsaved)) return {};
  return save();
}

Status Fetcher::save() {
  unsaved_ = 0;
  if (!remote_.ranges() || keeps_state_) return {};
  return partial_.save(
      {origin_of(url_, remote_.identity()), remote_.identity().size, decoder_.there().ranges()});
}

// Fetches the rest of a claim, and ends it. Called with the lock held.
Status Fetcher::fetch_one(std::unique_lock<std::mutex>& lock, ClaimPtr claim) {
  const push::Interval range = claim->left;
  lock.unlock();
  Status fetched = remote_.fetch({range.begin, range.size()}, [&](Bytes bytes) -> Status {
    const std::lock_guard taking(mutex_);
    const auto now = Clock::now();
    if (!claim->began) sizer_.answered(now - claim->asked);
    if (!claim->began) claim->began = now;
    const Bytes wanted = bytes.first(std::min<std::uint64_t>(bytes.size(), claim->left.size()));
    BBZ_TRY(take(claim->left.begin, wanted));
    claimed_.remove({claim->left.begin, claim->left.begin + wanted.size()});
    claim->left.begin += wanted.size();
    claim->bytes += wanted.size();
    if (claim->left.empty() && claim->left.end < range.end) {
      return Error{Code::kCancelled, "another connection fetches the rest"};
    }
    return {};
  });
  lock.lock();
  if (claim->left.empty()) fetched = {};
  if (claim->began) sizer_.measured(claim->bytes, Clock::now() - *claim->began);
  claimed_.remove(claim->left);
  claims_.erase(claim);
  return fetched;
}

Status Fetcher::fetch(std::span<const push::Interval> ranges) {
  std::unique_lock lock(mutex_);
  for (const push::Interval& range : ranges) {
    while (!decoder_.there().covers(range)) {  // fetch again if it arrived damaged
      BBZ_TRY(fetch_one(lock, claim(range)));
      BBZ_TRY(check_damages());
    }
  }
  return save();
}

void Fetcher::work(bool structure_only) {
  std::unique_lock lock(mutex_);
  while (!failure_ && decoder_.failure().ok()) {
    if (structure_only && decoder_.opened()) return;
    std::optional<push::Interval> piece = next();
    if (!piece && share()) piece = next();
    if (!piece) {
      if (claims_.empty()) return;
      changed_.wait_for(lock, kLook);
      continue;
    }
    finish(fetch_one(lock, claim(*piece)));
  }
}

// Handles the result of a claim. Called with the lock held.
void Fetcher::finish(Status fetched) {
  if (fetched.ok()) fetched = check_damages();
  if (!fetched.ok() && !failure_) {
    failure_ = std::move(fetched).error();
    remote_.cancel();
  }
  changed_.notify_all();
}

// Runs `threads` connections. `first` is a claim to begin with, or the end iterator.
Status Fetcher::run_threads(unsigned threads, bool structure_only, ClaimPtr first) {
  std::vector<std::thread> others;
  for (unsigned i = 1; i < threads; ++i) {
    others.emplace_back([this, structure_only] { work(structure_only); });
  }
  if (first != claims_.end()) {
    std::unique_lock lock(mutex_);
    finish(fetch_one(lock, first));
  }
  work(structure_only);
  for (std::thread& other : others) other.join();
  if (Status saved = save(); !saved.ok() && !failure_) return saved;
  BBZ_TRY(decoder_.failure());
  if (failure_) return *failure_;
  return {};
}

Status Fetcher::run() {
  return run_threads(std::max(options_.http.connections, 1u), false, claims_.end());
}

Status Fetcher::run_from_front() {
  const ClaimPtr whole = claim({0, *remote_.size()});
  return run_threads(std::max(options_.http.connections, 1u), false, whole);
}

Status Fetcher::fetch_structure() {
  return run_threads(1, true, claims_.end());
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
