// State: what of a partial download is known to be right, to go on later.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bbz/base/checked.h"
#include "bbz/base/error.h"
#include "bbz/push/range_set.h"

namespace bbz::push {

struct State {
  std::string identity;                // the caller's, at most 65,535 bytes
  std::optional<std::uint64_t> total;  // the archive's length
  std::vector<Interval> verified;      // ascending, none empty or touching another
  std::vector<Interval> there;         // the same; holds what is verified, and more that is not yet
};

// The bytes of a state file, as format-spec/state.md has them. Precondition: what stands above.
std::vector<std::byte> encode_state(const State& state);
// Errors: kNotAnArchive, kTruncated, kChecksum, kUnsupported, kMalformed, in that order of
// checking.
Result<State> decode_state(Bytes bytes);

// Writes it to a file, which is replaced when the new one is on disk, or reads it. Errors: those
// above; kLimit for a file of more than 64 MiB; kNotFound; kIo.
Status save_state(const std::string& path, const State& state);
Result<State> load_state(const std::string& path);

}  // namespace bbz::push
