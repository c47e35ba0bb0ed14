#include "common/selection_options.h"

#include <charconv>

#include "bbz/base/format.h"
#include "bbz/base/names.h"

namespace bbz::tools {
namespace {

// Parses "3" or "3-7".
Result<ops::Selection::Layers> parse_layers(const std::string& text) {
  ops::Selection::Layers layers;
  const char* const end = text.data() + text.size();
  auto parsed = std::from_chars(text.data(), end, layers.first);
  bool valid = parsed.ec == std::errc();
  layers.last = layers.first;
  if (valid && parsed.ptr != end) {
    valid = *parsed.ptr == '-';
    if (valid) parsed = std::from_chars(parsed.ptr + 1, end, layers.last);
    valid = valid && parsed.ec == std::errc() && parsed.ptr == end;
  }
  if (valid && layers.first <= layers.last) return layers;
  return make_error(Code::kInvalidArgument, "--layer {}: expected a number or a range such as 0-7",
                    bbz::quoted(text));
}

void add_list(Options& options, const std::string& name, std::vector<std::string>& values,
              const std::string& type, const std::string& meaning) {
  options.add_option(name, values, meaning)->type_name(type)->allow_extra_args(false);
}

}  // namespace

Result<ops::Selection> SelectionArguments::selection() const {
  ops::Selection selection;
  selection.files.patterns = files;
  selection.tensors = tensors;
  selection.excluded = excluded;
  for (const std::string& text : layers) {
    BBZ_ASSIGN(selection.layers.emplace_back(), parse_layers(text));
  }
  return selection;
}

void add_file_option(Options& options, SelectionArguments& arguments) {
  add_list(options, "--file", arguments.files, "GLOB",
           "Select files whose path in the archive matches; may be repeated");
}

void add_tensor_options(Options& options, SelectionArguments& arguments) {
  add_list(options, "--layer", arguments.layers, "N",
           "Select tensors of this layer, or of a range such as 0-7; may be repeated");
  add_list(options, "--tensor", arguments.tensors, "GLOB",
           "Select tensors whose name matches; may be repeated");
  add_list(options, "--exclude", arguments.excluded, "GLOB",
           "Leave out tensors whose name matches; may be repeated");
}

}  // namespace bbz::tools
