#include "bbz/http/internal/links.h"

#include <chrono>

#include "bbz/http/url.h"

namespace bbz::http {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kPoll{100};          // delay before `stop` is noticed
constexpr std::chrono::milliseconds kMostWaited{5'000};  // another turn may hang

// The number of links from other fetches that may fail, because they expired before they were used
// here. Then this fetch requests a link of its own.
constexpr unsigned kMostOfOthers = 2;

}  // namespace

Links::Turn::Turn(Links& links, Route& route, const std::atomic<bool>& stop)
    : links_(links), route_(route) {
  const auto deadline = Clock::now() + kMostWaited;
  std::unique_lock lock(links_.mutex_);
  while (true) {
    at_ = route_.refused < kMostOfOthers ? links_.link_ : links_.url_;
    away_ = at_ != links_.url_ && links_.away_;
    if (at_ != links_.url_ || !links_.redirects_ || stop) return;
    if (Clock::now() > deadline) return;
    if (!links_.renewing_) break;
    links_.changed_.wait_for(lock, kPoll);
  }
  renews_ = links_.renewing_ = true;
}

void Links::Turn::follow(const std::string& link) {
  away_ = away_ || !same_origin(link, links_.url_);
  at_ = away_ ? link : with_user_of(links_.url_, link);
  followed_ = true;
}

void Links::Turn::works() {
  {
    const std::lock_guard lock(links_.mutex_);
    if (followed_) {
      links_.link_ = at_;
      links_.away_ = away_;
    }
    if (followed_ || at_ == links_.url_) links_.redirects_ = followed_;
  }
  end();
}

void Links::Turn::failed() {
  forget();
  route_.refused = kMostOfOthers;
}

bool Links::Turn::refused() {
  forget();
  if (followed_) {
    route_.refused = kMostOfOthers;
    return false;
  }
  ++route_.refused;
  return true;
}

// Forgets the link that this turn got from another, unless there is a newer one.
void Links::Turn::forget() {
  const std::lock_guard lock(links_.mutex_);
  if (followed_ || links_.link_ != at_) return;
  links_.link_ = links_.url_;
}

void Links::Turn::end() {
  if (!renews_) return;
  renews_ = false;
  const std::lock_guard lock(links_.mutex_);
  links_.renewing_ = false;
  links_.changed_.notify_all();
}

}  // namespace bbz::http
