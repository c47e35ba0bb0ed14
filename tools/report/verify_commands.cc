#include "report/verify_commands.h"

#include <algorithm>

#include "bbz/base/names.h"

namespace bbz::tools {

std::string shell_word(const std::string& text) {
  std::string word = (text.starts_with('-') ? "./" : "") + printable(text);
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_./:=@%+,-").find(c) != std::string_view::npos;
  };
  if (!word.empty() && std::ranges::all_of(word, plain)) return word;
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

Json verify_commands(const std::string& path, const std::string& name, const Reader& reader) {
  const std::string archive = path == "-" ? "ARCHIVE" : shell_word(name);
  const catalog::Catalog& catalog = reader.catalog();
  std::string bases;
  for (const catalog::BaseMeta& base : catalog.bases) {
    bases += " --base " + (base.hint.empty() ? "BASE" : shell_word(base.hint));
    if (bases.size() > 500) break;  // a person names the directory of so many
  }
  Json list = Json::array();
  const auto add = [&](const char* what, const std::string& command) {
    list.push_back({{"what", what}, {"command", command}});
  };
  add("The whole content, byte for byte, and that it is this one",
      "bbz verify " + archive + " --expect " + reader.root().to_string() + bases);
  add("The stored bytes and the structure only, about as fast as they can be read",
      "bbz verify --fast " + archive);
  add("The root digest and the sizes, from the index", "bbzinfo " + archive);
  const auto file =
      std::ranges::find_if(catalog.files, [](const auto& f) { return f.digest.has_value(); });
  if (file != catalog.files.end()) {
    add("The digest of one file, without bbz's own checks",
        "bbz cat " + archive + " " + shell_word(file->path) + bases + " | sha256sum");
  }
  return list;
}

}  // namespace bbz::tools
