#include "common/base_options.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "bbz/access/bases/base_set.h"
#include "bbz/http/url.h"

namespace bbz::tools {

void add_base_option(Options& options, BaseArguments& arguments) {
  options
      .add_option(
          "--base", arguments.places,
          "Look for the tensors on which the archive leans in this archive or model, in the "
          "files of this directory, or at this URL; may be repeated. "
          "BBZ_BASE_PATH names more files and directories, with colons between them")
      ->type_name("BASE")
      ->allow_extra_args(false);
}

namespace {

// Returns the place by a path that stays the same if the process changes its directory, as a daemon does.
std::string absolute(const std::string& place) {
  if (place.empty() || http::is_url(place)) return place;
  std::error_code error;
  const std::filesystem::path path = std::filesystem::absolute(place, error);
  return error ? place : path.string();
}

bases::Options options_of(const BaseArguments& arguments, const NetworkArguments& network,
                          unsigned threads) {
  bases::Options options;
  for (const std::string& place : arguments.places) options.places.push_back(absolute(place));
  options.threads = threads;
  options.open_url = [network](const std::string& url) -> Result<std::shared_ptr<io::Source>> {
    BBZ_ASSIGN(std::shared_ptr<io::Source> source, open_source(url, network));
    return source;
  };
  return options;
}

// Returns what BBZ_BASE_PATH names, as far as it exists.
std::vector<std::string> places_of_environment() {
  const char* const path = std::getenv("BBZ_BASE_PATH");
  std::vector<std::string> places;
  std::string rest = path == nullptr ? "" : path;
  while (!rest.empty()) {
    const std::size_t colon = std::min(rest.find(':'), rest.size());
    const std::string place = rest.substr(0, colon);
    rest.erase(0, colon + 1);
    std::error_code ignored;
    if (std::filesystem::exists(place, ignored)) places.push_back(absolute(place));
  }
  return places;
}

}  // namespace

std::shared_ptr<Base> make_base_to_write(const BaseArguments& arguments,
                                         const NetworkArguments& network, unsigned threads) {
  if (arguments.places.empty()) return nullptr;
  bases::Options options = options_of(arguments, network, threads);
  options.deeper = places_of_environment();
  return bases::make(std::move(options));
}

std::shared_ptr<Base> make_base(const BaseArguments& arguments, const std::string& archive,
                                const NetworkArguments& network, unsigned threads,
                                const Limits& limits) {
  bases::Options options = options_of(arguments, network, threads);
  for (std::string& place : places_of_environment()) options.places.push_back(std::move(place));
  if (options.places.empty()) return nullptr;
  if (archive != "-") options.archive = absolute(archive);
  options.limits = limits;
  return bases::make(std::move(options));
}

}  // namespace bbz::tools
