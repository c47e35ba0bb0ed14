#include "common/options.h"

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>

namespace bbz::tools {

Option* Option::type_name(const std::string& name) {
  option_->type_name(name);
  return this;
}

Option* Option::group(const std::string& name) {
  option_->group(name);
  return this;
}

Option* Option::required() {
  option_->required();
  return this;
}

Option* Option::capture_default_str() {
  option_->capture_default_str();
  return this;
}

Option* Option::allow_extra_args(bool allowed) {
  option_->allow_extra_args(allowed);
  return this;
}

// The checks add no text to the help, because the command's own text says the same.
Option* Option::range(int least, int most) {
  option_->check(CLI::Range(least, most).description(""));
  return this;
}

Option* Option::one_of(const std::vector<std::string>& words) {
  option_->check(CLI::IsMember(words).description(""));
  return this;
}

template <class T>
Option* Options::add_option(const std::string& names, T& value, const std::string& meaning) {
  return &options_.emplace_back(app_.add_option(names, value, meaning));
}

template Option* Options::add_option(const std::string&, std::string&, const std::string&);
template Option* Options::add_option(const std::string&, std::vector<std::string>&,
                                     const std::string&);
template Option* Options::add_option(const std::string&, unsigned&, const std::string&);
template Option* Options::add_option(const std::string&, std::uint64_t&, const std::string&);
template Option* Options::add_option(const std::string&, double&, const std::string&);
template Option* Options::add_option(const std::string&, std::optional<std::uint64_t>&,
                                     const std::string&);
template Option* Options::add_option(const std::string&, std::optional<double>&,
                                     const std::string&);

Option* Options::add_list_or_flag(const std::string& names, std::vector<std::string>& values,
                                  Option& argument, const std::string& meaning) {
  const auto take = [&values, argument = argument.option_](const std::vector<std::string>& given) {
    values = given;
    argument->required(false);
  };
  CLI::Option* const option =
      app_.add_option_function<std::vector<std::string>>(names, take, meaning)
          ->expected(0, 1)
          ->allow_extra_args(false)
          ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  return &options_.emplace_back(option);
}

Option* Options::add_flag(const std::string& names, bool& value, const std::string& meaning) {
  return &options_.emplace_back(app_.add_flag(names, value, meaning));
}

}  // namespace bbz::tools
