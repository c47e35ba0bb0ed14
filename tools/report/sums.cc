#include "report/sums.h"

#include <algorithm>
#include <limits>

namespace bbz::tools {

void add_number(Json& sum, const char* field, const Json& number) {
  if (!number.is_number_integer()) return;
  if (!sum.contains(field)) sum[field] = 0;
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  const std::int64_t added = number.is_number_unsigned() && number.get<std::uint64_t>() > kMost
                                 ? kMost
                                 : number.get<std::int64_t>();
  const auto before = sum[field].get<std::int64_t>();
  std::int64_t after = 0;
  if (__builtin_add_overflow(before, added, &after)) after = added > 0 ? kMost : -kMost;
  sum[field] = after;
}

void keep_largest(Json& sum, const char* field, const Json& number) {
  if (!number.is_number()) return;
  const double value = number.get<double>();
  sum[field] = std::max(sum.value(field, value), value);
}

}  // namespace bbz::tools
