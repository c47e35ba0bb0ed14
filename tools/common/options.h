// Options: what a command takes on its command line. CLI11 parses it, but only sources of this
// folder include CLI11, because its headers take longer to compile than any command does.
#pragma once

#include <deque>
#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace bbz::tools {

// One option or argument of a command. Every function changes the option and returns it again.
class Option {
 public:
  explicit Option(CLI::Option* option) : option_(option) {}

  // Names the value in the help.
  Option* type_name(const std::string& name);
  // Puts the option under a heading in the help.
  Option* group(const std::string& name);
  // Makes a command line without the option a usage error.
  Option* required();
  // Shows the value that the variable has now as the default in the help.
  Option* capture_default_str();
  // Says whether one mention of the option takes several values; a list does unless this is false.
  Option* allow_extra_args(bool allowed);
  // Makes other values usage errors: numbers outside of a range, or words that are not in a list.
  Option* range(int least, int most);
  Option* one_of(const std::vector<std::string>& words);

 private:
  friend class Options;
  CLI::Option* option_;  // owned by CLI11
};

class Options {
 public:
  explicit Options(CLI::App& app) : app_(app) {}

  // Adds an option, "-o,--output", or an argument, "INPUT". If it is given, parsing sets `value`,
  // which must live until then. options.cc has the list of types that T can be.
  template <class T>
  Option* add_option(const std::string& names, T& value, const std::string& meaning);
  // Adds an option without a value, which sets `value`.
  Option* add_flag(const std::string& names, bool& value, const std::string& meaning);

  // Adds an option that may stand without a value too, which adds "" to `values`, and may be
  // repeated. If it is given, `argument` may be missing: the option may have taken its value.
  Option* add_list_or_flag(const std::string& names, std::vector<std::string>& values,
                           Option& argument, const std::string& meaning);

 private:
  CLI::App& app_;
  std::deque<Option> options_;
};

}  // namespace bbz::tools
