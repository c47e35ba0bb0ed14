#include "common/progress.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/say.h"
#include "common/units.h"

namespace bbz::tools {
namespace {

constexpr auto kInterval = std::chrono::milliseconds(100);
constexpr std::size_t kBarWidth = 30;

}  // namespace

ProgressBar::ProgressBar(std::string verb, std::optional<std::uint64_t> total, bool quiet)
    : verb_(std::move(verb)),
      total_(total),
      shown_(!quiet && messages_are_on_terminal()),
      begin_(Clock::now()),
      last_(begin_) {}

ProgressBar::~ProgressBar() {
  clear();
}

void ProgressBar::clear() {
  if (drawn_) draw_text("\r\x1b[K");
  drawn_ = false;
}

void ProgressBar::update(std::uint64_t done) {
  if (!shown_) return;
  const Clock::time_point now = Clock::now();
  if (now - last_ < kInterval) return;
  last_ = now;
  drawn_ = true;
  std::string text = line(done, now);
  text.resize(std::min(text.size(), message_width() - 1));
  draw_text(fmt::format("\r{}\x1b[K", text));
}

std::string ProgressBar::line(std::uint64_t done, Clock::time_point now) const {
  const double seconds = std::chrono::duration<double>(now - begin_).count();
  // More than kInterval has passed, so this is no division by zero.
  const double rate = static_cast<double>(done) / seconds;
  const std::string speed = human_size(static_cast<std::uint64_t>(rate)) + "/s";
  if (!total_ || *total_ == 0) return fmt::format("{} {:>8}  {}", verb_, human_size(done), speed);
  const double part = std::min(1.0, static_cast<double>(done) / static_cast<double>(*total_));
  const auto filled = static_cast<std::size_t>(part * kBarWidth);
  const std::string bar = std::string(filled, '#') + std::string(kBarWidth - filled, '.');
  const std::uint64_t left = *total_ - std::min(done, *total_);
  const std::string time =
      rate > 0 ? human_time(static_cast<std::uint64_t>(static_cast<double>(left) / rate)) : "?";
  return fmt::format("{} {:3.0f} % [{}] {:>8}  {}  {} left", verb_, 100 * part, bar,
                     human_size(done), speed, time);
}

}  // namespace bbz::tools
