// Acceptance: what a user takes of an archive, by --expect and --max-size.
#pragma once

#include <optional>
#include <string>

#include "bbz/base/error.h"
#include "bbz/base/hash.h"
#include "bbz/format/container/limits.h"
#include "common/options.h"

namespace bbz::tools {

struct Acceptance {
  std::optional<Digest> root;  // the root digest that the archive must have
  Limits limits;

  // Errors: kDigestMismatch, naming the archive, for another root digest.
  Status check(const std::string& archive, const Digest& found) const;
};

struct AcceptanceArguments {
  std::string digest;
  std::string max_size;

  // Errors: kInvalidArgument for what is no digest or no size.
  Result<Acceptance> acceptance() const;
};

// --expect.
void add_expect_option(
    Options& app, AcceptanceArguments& arguments,
    const std::string& meaning =
        "The root digest that the archive must have; nothing is delivered of any other");
// --max-size.
void add_max_size_option(Options& app, AcceptanceArguments& arguments);

}  // namespace bbz::tools
