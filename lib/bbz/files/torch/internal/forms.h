// The three forms of files: zip archives, the format of before PyTorch 1.6, and the tar before it.
#pragma once

#include <memory>

#include "bbz/files/torch/internal/unpickler.h"

namespace bbz::torch {

// A pickle within a file, the machine that read it, and its value. The machine refers to the bytes.
struct ReadPickle {
  std::vector<std::byte> bytes;
  std::unique_ptr<Unpickler> machine;
  ValueId root = 0;

  // Returns the value.
  const Value& value() const { return machine->value(root); }
};

// Reads the pickle at `offset`, which ends before `end` and whose size is not known: in one piece of
// `guess` bytes, and larger ones if it does not end there. Errors: those of read_state_dict.
Result<ReadPickle> read_pickle(io::Source& file, std::uint64_t offset, std::uint64_t end,
                               std::uint64_t guess, const Limits& limits, std::string name);

// Returns kUnsupported if a value, which describes the system that wrote a file, is a dict that says
// that its bytes are in big-endian order.
Status check_system(const ReadPickle& system);

// Returns a key of a storage or a tensor, which is a number or a text, as text.
std::string key_text(const Value& value);

// Reads a file of one of the forms, which is seekable. Errors: those of read_state_dict, whose
// messages do not name the file.
Result<StateDict> read_zip_form(io::Source& file, const Limits& limits);
Result<StateDict> read_legacy_form(io::Source& file, const Limits& limits);
Result<StateDict> read_tar_form(io::Source& file, const Limits& limits);

}  // namespace bbz::torch
