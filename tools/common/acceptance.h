// Acceptance: the conditions that the user sets for an archive, with --expect and --max-size.
#pragma once

#include <optional>
#include <string>

#include "bbz/base/error.h"
#include "bbz/base/hash.h"
#include "bbz/format/container/limits.h"
#include "common/options.h"

namespace bbz::tools {

// The conditions for an archive.
struct Acceptance {
  std::optional<Digest> root;  // the root digest that the archive must have
  Limits limits;

  // Checks the root digest of an archive. Errors: kDigestMismatch, naming the archive.
  Status check(const std::string& archive, const Digest& found) const;
};

// The values of the options, as text.
struct AcceptanceArguments {
  std::string digest;
  std::string max_size;

  // Parses the values. Errors: kInvalidArgument if one is not a digest or a size.
  Result<Acceptance> acceptance() const;
};

// Adds --expect, with this help.
void add_expect_option(Options& app, AcceptanceArguments& arguments,
                       const std::string& meaning =
                           "Require this root digest; nothing of any other archive is delivered");
// Adds --max-size.
void add_max_size_option(Options& app, AcceptanceArguments& arguments);

}  // namespace bbz::tools
