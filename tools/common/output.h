// Opens outputs of the tools, and names them after the input if the user does not.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "bbz/codec/codec.h"
#include "bbz/io/sink.h"
#include "common/options.h"

namespace bbz::tools {

// The values of the options for outputs.
struct OutputArguments {
  bool force = false;
  bool no_sync = false;

  // Returns the options for the library.
  io::OutputOptions options() const { return {.replace = force, .sync = !no_sync}; }
};

// Adds -f, with this help, and --no-sync.
void add_output_options(Options& options, OutputArguments& arguments,
                        const std::string& force_help);

// Adds --level, for commands that write archives. `level` has the default.
void add_level_option(Options& options, std::string& level);
// Returns the level that --level names.
codec::Level level_of(const std::string& level);

// Calls io::create_output(), but refuses to write binary data to a terminal (kInvalidArgument).
Result<std::unique_ptr<io::Sink>> open_output(const std::string& path,
                                              const OutputArguments& arguments);

// Returns the name of the archive of `input` if the user names none. ".bbz" replaces the suffix of
// a model (.safetensors, .pt, .pth, .bin, .ckpt), as in "dir/model.bbz", and is added to any other
// name. A directory "llama/" gives "llama.bbz", and "-" gives "-".
std::string default_archive_name(const std::string& input);

// Returns the directory of the output; for "-", the one for temporary files.
std::string folder_of(const std::string& output);

// Returns the error with `path` before the message, unless it is there already.
Error about(const std::string& path, Error error);

// Returns the error with `path` before the message if it may be about that input. Errors of the
// system and of outputs already name their subject.
Error about_input(const std::string& path, Error error);

// Returns the result. If it is an error, applies about_input().
template <class T>
Result<T> naming_input(const std::string& path, Result<T> result) {
  if (result.ok()) return result;
  return about_input(path, std::move(result).error());
}

// Returns a name for JSON: "standard input" for "-", a URL without what may be secret.
std::string named(const std::string& path);
// Returns a name for people: as named(), but with printable characters only.
std::string shown(const std::string& path);

}  // namespace bbz::tools
