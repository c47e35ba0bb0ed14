#include "common/acceptance.h"

#include "bbz/base/format.h"
#include "bbz/ops/verify.h"
#include "common/output.h"
#include "common/units.h"

namespace bbz::tools {

Status Acceptance::check(const std::string& archive, const Digest& found) const {
  const Status same = check_root(found, root);
  if (same.ok()) return {};
  return about(archive, same.error());
}

Result<Acceptance> AcceptanceArguments::acceptance() const {
  Acceptance acceptance;
  if (!digest.empty()) {
    BBZ_ASSIGN(acceptance.root, ops::parse_digest(digest));
  }
  if (!max_size.empty()) {
    const auto size = parse_size(max_size);
    if (!size) {
      return make_error(Code::kInvalidArgument,
                        "--max-size {}: expected a size, such as 500M or 2T", max_size);
    }
    acceptance.limits.unpacked_bytes = std::min(acceptance.limits.unpacked_bytes, *size);
  }
  return acceptance;
}

void add_expect_option(Options& app, AcceptanceArguments& arguments, const std::string& meaning) {
  app.add_option("--expect", arguments.digest, meaning)->type_name("DIGEST");
}

void add_max_size_option(Options& app, AcceptanceArguments& arguments) {
  app.add_option("--max-size", arguments.max_size,
                 "Refuse an archive whose files are larger than this together, such as 500M or 2T")
      ->type_name("SIZE");
}

}  // namespace bbz::tools
