// Records as the catalog sees them, and metas as the library writes them.
#pragma once

#include "bbz/format/catalog/metas.h"
#include "format/container/raw_archive.h"

namespace bbz::catalog {

// The head and the meta of a record, which must outlive the view.
inline container::RecordView view(const raw::Record& record) {
  const auto type = static_cast<container::RecordType>(record.type);
  return {container::make_head(type, record.meta, record.payload, 100, 0, record.more()),
          record.meta};
}

template <class Meta>
raw::Buffer encoded(const Meta& meta) {
  raw::Buffer out;
  encode_meta(meta, out);
  return out;
}

}  // namespace bbz::catalog
