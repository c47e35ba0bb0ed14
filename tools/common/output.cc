#include "common/output.h"

#include <cstdlib>
#include <filesystem>

#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/http/url.h"
#include "common/say.h"

namespace bbz::tools {

namespace fs = std::filesystem;

void add_output_options(Options& options, OutputArguments& arguments,
                        const std::string& force_help) {
  options.add_flag("-f,--force", arguments.force, force_help);
  options.add_flag("--no-sync", arguments.no_sync,
                   "Do not wait until outputs are on the disk: "
                   "this is faster, but a power failure may leave damaged outputs");
}

void add_level_option(Options& options, std::string& level) {
  options
      .add_option("--level", level,
                  "Choose between speed and size: fast, default or small. All levels are exact")
      ->type_name("LEVEL")
      ->one_of({"fast", "default", "small"})
      ->capture_default_str();
}

codec::Level level_of(const std::string& level) {
  if (level == "fast") return codec::Level::kFast;
  if (level == "small") return codec::Level::kSmall;
  return codec::Level::kDefault;
}

Result<std::unique_ptr<io::Sink>> open_output(const std::string& path,
                                              const OutputArguments& arguments) {
  if (path == "-" && output_is_terminal()) {
    return make_error(Code::kInvalidArgument,
                      "standard output is a terminal, which cannot show binary data: "
                      "name an output with -o, or redirect it");
  }
  return io::create_output(path, arguments.options());
}

std::string default_archive_name(const std::string& input) {
  if (input == "-") return input;
  std::error_code error;
  if (fs::is_directory(input, error)) {
    std::string name = input;
    while (name.size() > 1 && name.ends_with('/')) name.pop_back();
    const fs::path last = fs::path(name).filename();
    // ".", ".." and "/" get their names from the file system.
    if (last.empty() || last == "." || last == "..") name = fs::canonical(input, error).string();
    return name + ".bbz";
  }
  fs::path path = input;
  const std::string suffix = path.extension().string();
  for (const std::string_view of_model : {".safetensors", ".pt", ".pth", ".bin", ".ckpt"}) {
    if (suffix == of_model) return path.replace_extension(".bbz").string();
  }
  return input + ".bbz";
}

std::string folder_of(const std::string& output) {
  if (output == "-") {
    const char* const folder = std::getenv("TMPDIR");
    return folder != nullptr && *folder != '\0' ? folder : "/tmp";
  }
  const fs::path folder = fs::path(output).parent_path();
  return folder.empty() ? "." : folder.string();
}

Error about(const std::string& path, Error error) {
  if (!error.message.starts_with(shown(path))) error.message = shown(path) + ": " + error.message;
  return error;
}

Error about_input(const std::string& path, Error error) {
  switch (error.code) {
    case Code::kIo:
    case Code::kExists:
    case Code::kCancelled:
    case Code::kOutOfMemory:
    case Code::kInternal:
      return error;
    case Code::kTruncated:
    case Code::kChecksum:
      if (error.remedy == Remedy::kNone && path != "-") error.remedy = Remedy::kSalvage;
      break;
    default:
      break;
  }
  return about(path, std::move(error));
}

std::string named(const std::string& path) {
  return path == "-" ? "standard input" : http::shown_url(path);
}

std::string shown(const std::string& path) {
  return printable(named(path));
}

}  // namespace bbz::tools
