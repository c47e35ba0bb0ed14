#include "common/progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "common/help.h"
#include "common/json.h"
#include "common/say.h"
#include "common/units.h"

namespace bbz::tools {
namespace {

constexpr auto kInterval = std::chrono::milliseconds(100);
constexpr std::size_t kBarWidth = 30;

double seconds_between(std::chrono::steady_clock::time_point begin,
                       std::chrono::steady_clock::time_point end) {
  return std::chrono::duration<double>(end - begin).count();
}

}  // namespace

ProgressBar::ProgressBar(std::string phase, std::optional<std::uint64_t> total,
                         const CommonOptions& common)
    : phase_(std::move(phase)),
      total_(total),
      on_terminal_(common.progress == "auto" && !common.quiet && messages_are_on_terminal()),
      json_(common.progress == "json"),
      begin_(Clock::now()),
      last_(begin_) {
  if (!json_) return;
  keep_messages_apart_from_json();
  write_json(begin_, false);
}

ProgressBar::~ProgressBar() {
  clear();
}

void ProgressBar::clear() {
  if (drawn_) draw_text("\r\x1b[K");
  drawn_ = false;
}

void ProgressBar::finish() {
  clear();
  on_terminal_ = false;
  if (json_) write_json(Clock::now(), true);
  json_ = false;
}

void ProgressBar::update(std::uint64_t done) {
  done_ = done;
  if (!on_terminal_ && !json_) return;
  const Clock::time_point now = Clock::now();
  if (now - last_ < kInterval) return;
  last_ = now;
  if (json_) {
    write_json(now, false);
    return;
  }
  drawn_ = true;
  std::string text = line(now);
  text.resize(std::min(text.size(), message_width() - 1));
  draw_text(fmt::format("\r{}\x1b[K", text));
}

// The line goes out in one write of less than PIPE_BUF bytes, so that it stays whole.
void ProgressBar::write_json(Clock::time_point now, bool all) {
  const double seconds = seconds_between(begin_, now);
  const double rate = seconds > 0 ? static_cast<double>(done_) / seconds : 0;
  Json object = {{"phase", phase_},
                 {"bytes", done_},
                 {"total", total_ ? Json(*total_) : Json()},
                 {"rate", static_cast<std::uint64_t>(std::min(rate, 1e18))},
                 {"seconds", std::round(seconds * 1000) / 1000}};
  if (all) object["done"] = true;
  draw_text(object.dump() + "\n");
}

std::string ProgressBar::line(Clock::time_point now) const {
  // More than kInterval has passed, so this is no division by zero.
  const double rate = static_cast<double>(done_) / seconds_between(begin_, now);
  const std::string speed = human_size(static_cast<std::uint64_t>(rate)) + "/s";
  if (!total_ || *total_ == 0) return fmt::format("{} {:>8}  {}", phase_, human_size(done_), speed);
  const double part = std::min(1.0, static_cast<double>(done_) / static_cast<double>(*total_));
  const auto filled = static_cast<std::size_t>(part * kBarWidth);
  const std::string bar = std::string(filled, '#') + std::string(kBarWidth - filled, '.');
  const std::uint64_t left = *total_ - std::min(done_, *total_);
  const std::string time =
      rate > 0 ? human_time(static_cast<std::uint64_t>(static_cast<double>(left) / rate)) : "?";
  return fmt::format("{} {:3.0f} % [{}] {:>8}  {}  {} left", phase_, 100 * part, bar,
                     human_size(done_), speed, time);
}

void add_progress_option(Options& options, Program& program) {
  options
      .add_option(
          "--progress", program.progress(),
          "Show progress on standard error: auto shows it on a terminal unless -q is given, "
          "json writes one object a line, also with -q, and none shows nothing")
      ->group(kGeneralOptions)
      ->type_name("KIND")
      ->one_of({"auto", "json", "none"})
      ->capture_default_str();
}

}  // namespace bbz::tools
