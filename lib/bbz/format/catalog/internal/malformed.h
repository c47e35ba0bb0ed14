// The errors of CatalogBuilder.
#pragma once

#include <utility>

#include "bbz/base/format.h"
#include "bbz/format/container/record.h"

namespace bbz::catalog {

// Returns an error of the rules of a record, which it names with its offset.
template <class... Args>
Error malformed(const container::RecordView& record, fmt::format_string<Args...> format,
                Args&&... args) {
  return make_error(Code::kMalformed, "{} record at offset {}: {}",
                    container::type_name(record.head.type), record.head.offset,
                    fmt::format(format, std::forward<Args>(args)...));
}

// Checks that an archive may have one more of what a record declares. Errors: kLimit.
inline Status check_count(const container::RecordView& record, std::uint64_t count,
                          std::uint64_t limit) {
  if (count < limit) return {};
  return make_error(Code::kLimit, "{} record at offset {}: the limit of {} is reached",
                    container::type_name(record.head.type), record.head.offset, limit);
}

}  // namespace bbz::catalog
