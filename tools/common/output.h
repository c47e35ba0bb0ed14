// Outputs of the tools: named by the user, or after the input.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "bbz/io/sink.h"
#include "common/options.h"
#include "common/progress.h"

namespace bbz::tools {

// How outputs are written, as the user says.
struct OutputArguments {
  bool force = false;
  bool no_sync = false;

  io::OutputOptions options() const { return {.replace = force, .sync = !no_sync}; }
};

// Adds -f, with this help, and --no-sync.
void add_output_options(Options& options, OutputArguments& arguments,
                        const std::string& force_help);

// Calls create_output(), but refuses to write binary data to a terminal (kInvalidArgument).
Result<std::unique_ptr<io::Sink>> open_output(const std::string& path,
                                              const OutputArguments& arguments);

// Where an archive of `input` goes when the user does not say: ".bbz" takes the place of the suffix
// of a model (.safetensors, .pt, .pth, .bin, .ckpt), as in "dir/model.bbz", and is added to any
// other name; a folder "llama/" gives "llama.bbz", "-" gives "-".
std::string default_archive_name(const std::string& input);

// The folder that the output stands in; for "-", the one for temporary files.
std::string folder_of(const std::string& output);

// Returns the error with the name of what it is about in front, unless it is there already.
Error about(const std::string& path, Error error);

// Returns the same if the error may be about the input `path`: those of the system and of outputs
// say themselves what they are about.
Error about_input(const std::string& path, Error error);

template <class T>
Result<T> naming_input(const std::string& path, Result<T> result) {
  if (result.ok()) return result;
  return about_input(path, std::move(result).error());
}

// Returns a name as JSON has it: "standard input" for "-", a URL without what may be a secret.
std::string named(const std::string& path);
// Returns the same as people see it: printable, whatever is in it.
std::string shown(const std::string& path);

}  // namespace bbz::tools
