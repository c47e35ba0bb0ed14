// Verify: checks every byte of an archive.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bbz/archive/root.h"
#include "bbz/archive/stream.h"
#include "bbz/ops/pack.h"

namespace bbz::ops {

// Options of verify().
struct VerifyOptions {
  bool fast = false;  // checks structure and stored payloads only, and decodes nothing
  std::optional<Digest> expected{};  // the root digest that the archive must have
  std::size_t max_damages = 100;     // to list; all are counted
  unsigned threads = kAllCores;      // the number of threads that decode
  Limits limits{};                   // bound what the archive may declare
  // Where the tensors are on which those of the archive lean. Without it, of chunks that lean only what
  // is stored is checked.
  std::shared_ptr<Base> base{};
  Progress progress{};  // called with the bytes of the archive that were read
};

// Something that is wrong: a chunk, a tensor that cannot be derived from others, a whole file,
// metadata outside of its file, or digests that could not be compared.
struct Damage {
  std::string file;                    // path; empty for an operand, and if it is no single file
  std::string tensor;                  // name; empty for bytes that are no tensor, and for a file
  std::optional<std::uint32_t> chunk;  // number in its tensor; nullopt if it is not one chunk
  std::uint64_t archive_offset = 0;    // of the chunk's payload; 0 if there is no chunk
  Error error;                         // what is wrong
};

// The outcome of verify().
struct VerifyReport {
  std::vector<Damage> damages;  // the first of them, up to max_damages
  std::uint64_t damaged = 0;    // number of all
  // The first damage. Its code is kUnsupported (this version does not know something) only if all
  // damage is of that kind.
  std::optional<Error> first;
  // The error that ended the reading: the structure is damaged there, and what follows is not
  // known.
  std::optional<Error> broken;
  std::uint64_t files = 0;       // checked, including empty directories
  std::uint64_t file_bytes = 0;  // of those files
  std::uint64_t tensors = 0;     // checked; of kind tensor, including operands
  std::uint64_t chunks = 0;      // checked; of all tensors, and of bytes that are no tensor
  // Chunks that were not decoded, because they lean on a base that was not given or does not serve. They
  // are no damage; with them, the outcome is kUnsupported or kBase at best.
  std::uint64_t without_base = 0;
  // Why: one error for each tensor, up to max_damages. They name the tensor and the base.
  std::vector<Error> not_decoded;
  // The length of the archive. If `broken` is set: the offset of the last record that was read.
  std::uint64_t archive_bytes = 0;
  std::optional<Digest> root;      // computed, if the archive was read to its end
  std::optional<Digest> expected;  // from the options

  // Returns success or the most telling error: `broken`, `first`, kDigestMismatch or the first of
  // `not_decoded`.
  Status outcome() const;
};

// Reads the archive front to back, and checks every checksum, digest and rule of the format. What
// is wrong goes to the report. Errors: kIo, if the source could not be read; those of opening and reading
// the base, but for kBase, which goes to the report.
Result<VerifyReport> verify(io::Source& source, const VerifyOptions& options);

// Parses "sha256:HEX", "xxh3-128:HEX", or HEX alone, whose length tells the kind. Errors:
// kInvalidArgument.
Result<Digest> parse_digest(std::string_view text);

}  // namespace bbz::ops
