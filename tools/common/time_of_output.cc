#include "common/time_of_output.h"

#include <fmt/chrono.h>

#include <charconv>
#include <cstdlib>
#include <ctime>

#include "bbz/base/format.h"
#include "bbz/base/names.h"

namespace bbz::tools {

bool is_time_given() {
  const char* const epoch = std::getenv("SOURCE_DATE_EPOCH");
  return epoch != nullptr && *epoch != '\0';
}

Result<std::string> time_of_output() {
  std::time_t time = std::time(nullptr);
  if (is_time_given()) {
    constexpr std::int64_t kYear10000 = 253'402'300'800;
    const std::string_view text = std::getenv("SOURCE_DATE_EPOCH");
    std::int64_t seconds = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (error != std::errc() || end != text.data() + text.size() || seconds < 0 ||
        seconds >= kYear10000) {
      return make_error(Code::kInvalidArgument,
                        "SOURCE_DATE_EPOCH: expected seconds since 1970, found {}",
                        bbz::quoted(text));
    }
    time = static_cast<std::time_t>(seconds);
  }
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(time));
}

}  // namespace bbz::tools
