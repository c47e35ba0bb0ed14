// State: what is known to be correct of a partial download, so that it can be resumed.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bbz/access/push/range_set.h"
#include "bbz/base/checked.h"
#include "bbz/base/error.h"

namespace bbz::push {

// The content of a state file.
struct State {
  std::string identity;                // the caller's, at most 65,535 bytes
  std::optional<std::uint64_t> total;  // length of the archive, if it is known
  std::vector<Interval> verified;      // ascending; none is empty or touches another
  std::vector<Interval> there;         // in the same order; includes all of `verified`
};

// Encodes a state as format-spec/state.md describes it. Precondition: the fields are as their
// comments say.
std::vector<std::byte> encode_state(const State& state);
// Decodes a state. Errors: kNotAnArchive, kTruncated, kChecksum, kUnsupported, kMalformed, checked
// in that order.
Result<State> decode_state(Bytes bytes);

// Writes a state to a file. An existing file is replaced when the new one is complete and, if
// `sync` is true, on the disk. Other users may read it at most. Errors: kExists if what is there
// cannot be replaced, such as a directory; kIo; kNotFound.
Status save_state(const std::string& path, const State& state, bool sync = true);
// Reads a state from a file. Errors: those of decode_state(); kExists if it is not a regular file,
// belongs to another user, has another name too or can be written by a group or by others, because
// a state must be kept as safe as the file that it describes; kLimit if it has more than 64 MiB;
// kNotFound; kIo.
Result<State> load_state(const std::string& path);

}  // namespace bbz::push
