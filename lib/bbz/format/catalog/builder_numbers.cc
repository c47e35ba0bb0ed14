// The part of CatalogBuilder that handles private numbers.
#include <algorithm>

#include "bbz/base/names.h"
#include "bbz/format/catalog/builder.h"
#include "bbz/format/catalog/internal/malformed.h"

namespace bbz::catalog {

using container::RecordView;

void CatalogBuilder::use(Registry registry, std::uint64_t number) {
  if (number < container::kFirstPrivate || number >= container::kEndPrivate) return;
  used_.emplace(registry, number);
}

void CatalogBuilder::use(const container::Extensions& extensions) {
  for (unsigned i = 0; i < container::kEndPrivate - container::kFirstPrivate; ++i) {
    if ((extensions.private_numbers >> i & 1) != 0) {
      use(Registry::kExtension, container::kFirstPrivate + i);
    }
  }
}

Status CatalogBuilder::add_private_name(const RecordView& record) {
  BBZ_ASSIGN(PrivateNameMeta meta, decode_private_name(record));
  BBZ_TRY(expect_chunks_done(record));
  use(meta.extensions);
  if (meta.registry < Registry::kRecordType || meta.registry > Registry::kExtension) return {};
  if (meta.number < container::kFirstPrivate || meta.number >= container::kEndPrivate) {
    return malformed(record, "number {}, expected {} to {}", meta.number, container::kFirstPrivate,
                     container::kEndPrivate - 1);
  }
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  };
  if (meta.name.size() < 3 || meta.name.size() > 255 || !std::ranges::all_of(meta.name, allowed)) {
    return malformed(record, "the name {} is not 3 to 255 letters, digits, '-', '_' and '.'",
                     quoted(meta.name));
  }
  if (!used_.emplace(meta.registry, meta.number).second) {
    return malformed(record, "number {} of registry {} was named or used before it", meta.number,
                     static_cast<int>(meta.registry));
  }
  catalog_.private_names.push_back(std::move(meta));
  return {};
}

}  // namespace bbz::catalog
