// Archives as models.
#pragma once

#include "bbz/access/model/model.h"

namespace bbz::model {

// Says how to open an archive.
struct Opening {
  unsigned threads;
  const Limits& limits;
  const std::shared_ptr<Base>& base;
};

// The longest config.json that is read; a longer one is ignored.
inline constexpr std::uint64_t kMostConfig = 16 << 20;

// Opens an archive. Errors: those of Reader::open(); kUnsupported if it has a tensor of a dtype or a
// GGUF type that is not known.
Result<Model> from_archive(const std::shared_ptr<io::Source>& source, const Opening& opening);

}  // namespace bbz::model
