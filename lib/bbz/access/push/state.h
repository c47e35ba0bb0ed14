// State: what of a partial download is known to be right, to go on later.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bbz/access/push/range_set.h"
#include "bbz/base/checked.h"
#include "bbz/base/error.h"

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

// Writes it to a file, which is replaced when the new one is complete and, if `sync` is set, on
// disk. Others may read it at most. Errors: kExists for what cannot be replaced, a folder for
// example; kIo, kNotFound.
Status save_state(const std::string& path, const State& state, bool sync = true);
// Reads it from a file. Errors: those of decode_state; kExists if what is there is no regular file,
// belongs to another user, has another name too or may be written to by a group or by others: a
// state must be kept as safe as the file that it is of. kLimit for a file of more than 64 MiB;
// kNotFound; kIo.
Result<State> load_state(const std::string& path);

}  // namespace bbz::push
