// Options: declares the command line of a command. CLI11 parses it. Only sources of this directory
// include CLI11, because its headers take longer to compile than any command does.
#pragma once

#include <deque>
#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace bbz::tools {

// An option or argument of a command. Every function changes the option and returns it again.
class Option {
 public:
  // Wraps an option of CLI11, which must outlive this.
  explicit Option(CLI::Option* option) : option_(option) {}

  // Sets the name of the value in the help.
  Option* type_name(const std::string& name);
  // Puts the option under a heading in the help.
  Option* group(const std::string& name);
  // Makes a command line without the option a usage error.
  Option* required();
  // Shows the current value of the variable as the default in the help.
  Option* capture_default_str();
  // Sets whether several values may follow one mention of the option; true for lists unless
  // changed.
  Option* allow_extra_args(bool allowed);
  // Makes numbers outside of a range usage errors.
  Option* range(int least, int most);
  // Makes words that are not in the list usage errors.
  Option* one_of(const std::vector<std::string>& words);

 private:
  friend class Options;
  CLI::Option* option_;  // owned by CLI11
};

// The options and arguments of a command.
class Options {
 public:
  // Adds to a command of CLI11, which must outlive this.
  explicit Options(CLI::App& app) : app_(app) {}

  // Adds an option, "-o,--output", or an argument, "INPUT". If it is given, parsing sets `value`,
  // which must live until then. options.cc lists the types that T can be.
  template <class T>
  Option* add_option(const std::string& names, T& value, const std::string& meaning);
  // Adds an option without a value. If it is given, parsing sets `value` to true.
  Option* add_flag(const std::string& names, bool& value, const std::string& meaning);

  // Adds an option that may be repeated and may have no value, which adds "" to `values`. If it is
  // given, `argument` may be missing, because the option may have taken its value.
  Option* add_list_or_flag(const std::string& names, std::vector<std::string>& values,
                           Option& argument, const std::string& meaning);

 private:
  CLI::App& app_;
  std::deque<Option> options_;
};

}  // namespace bbz::tools
