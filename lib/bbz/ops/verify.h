// Verifying: whether every byte of an archive is what it should be.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bbz/archive/root.h"
#include "bbz/archive/stream.h"
#include "bbz/ops/pack.h"

namespace bbz::ops {

struct VerifyOptions {
  bool fast = false;                 // structure and stored payloads only; nothing is decoded
  std::optional<Digest> expected{};  // of the root
  std::size_t max_damages = 100;     // that are listed; all are counted
  unsigned threads = 0;
  Limits limits{};
  Progress progress{};  // bytes of the archive read
};

// What is not as it should be: a chunk, a tensor that cannot be put together from others, or the
// whole of a file.
struct Damage {
  std::string file;    // empty for an operand
  std::string tensor;  // empty for bytes that are no tensor, and for a file
  std::optional<std::uint32_t> chunk;
  std::uint64_t archive_offset = 0;  // of the chunk's payload; 0 where there is none
  Error error;
};

struct VerifyReport {
  std::vector<Damage> damages;  // the first of them
  std::uint64_t damaged = 0;    // how many there are
  // The first of them all, but for what this version does not know, where there is other damage.
  std::optional<Error> first;
  // What ended the reading: the structure is damaged here, and what follows is not known.
  std::optional<Error> broken;
  // What was checked.
  std::uint64_t files = 0;
  std::uint64_t tensors = 0;  // of kind tensor
  std::uint64_t chunks = 0;
  std::uint64_t archive_bytes = 0;
  std::optional<Digest> root;  // computed, where the archive was read to its end
  std::optional<Digest> expected;

  // Success, or the error that says it best: `broken`, `first`, or kDigestMismatch.
  Status outcome() const;
};

// Reads the archive front to back and checks every checksum, digest and rule of the format. What is
// found to be wrong stands in the report; an error is that the source could not be read.
Result<VerifyReport> verify(io::Source& source, const VerifyOptions& options);

// "sha256:HEX", "xxh3-128:HEX", or HEX alone, whose length tells the kind. Errors:
// kInvalidArgument.
Result<Digest> parse_digest(std::string_view text);

}  // namespace bbz::ops
