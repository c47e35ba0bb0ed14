#include "bbz/archive/root.h"

#include "bbz/base/format.h"

namespace bbz {

Status check_root(const Digest& found, const std::optional<Digest>& expected) {
  if (!expected || *expected == found) return {};
  return make_error(Code::kDigestMismatch, "the root digest is {}, expected {}{}",
                    found.to_string(), expected->to_string(),
                    found.kind == expected->kind ? "" : " (a digest of another kind)");
}

}  // namespace bbz
