#include "bbz/ops/internal/model_files.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <numeric>
#include <set>

#include "bbz/base/format.h"
#include "bbz/base/names.h"

namespace bbz::ops {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostParts = 256;  // that are open at a time

// What the name of a part of a model says.
struct PartName {
  std::string_view stem;    // with the directory
  std::string_view suffix;  // behind the numbers
  std::uint64_t number = 0;
  std::uint64_t count = 0;
};

// Takes a number from the end of a text, if it has one.
std::optional<std::uint64_t> take_number(std::string_view& text) {
  std::size_t begin = text.size();
  while (begin > 0 && text[begin - 1] >= '0' && text[begin - 1] <= '9') --begin;
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data() + begin, text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  text = text.substr(0, begin);
  return number;
}

// Reads "<stem>-<number>-of-<count><suffix>", whose suffix begins with a '.'.
std::optional<PartName> part_name(std::string_view path) {
  constexpr std::string_view kOf = "-of-";
  const std::size_t of = path.rfind(kOf);
  if (of == path.npos || path.find('/', of) != path.npos) return std::nullopt;
  const std::size_t dot = std::min(path.find('.', of), path.size());
  PartName name;
  name.suffix = path.substr(dot);
  std::string_view count = path.substr(0, dot), number = path.substr(0, of);
  const auto found_count = take_number(count), found_number = take_number(number);
  if (!found_count || !found_number || !count.ends_with(kOf) || !number.ends_with('-')) {
    return std::nullopt;
  }
  name.stem = number;
  name.number = *found_number;
  name.count = *found_count;
  return name;
}

}  // namespace

bool are_parts(const std::vector<std::string>& paths) {
  std::optional<PartName> first;
  std::set<std::uint64_t> numbers;
  for (const std::string& path : paths) {
    const std::optional<PartName> name = part_name(path);
    if (!name) return false;
    if (!first) first = name;
    const bool alike = name->stem == first->stem && name->suffix == first->suffix &&
                       name->count == first->count && name->number >= 1 &&
                       name->number <= name->count;
    if (!alike || !numbers.insert(name->number).second) return false;
  }
  return first && numbers.size() == first->count;
}

Result<ModelFiles> find_model(files::FileSequence& files) {
  BBZ_TRY(files.look());
  if (!files.rewind().ok()) {
    return error_with_message(
        Code::kInvalidArgument,
        "the symmetry coder needs files that can be read twice, not a stream");
  }
  ModelFiles found;
  std::string passed;  // why the first file that is or looks like a model is not the one
  for (const files::FoundModel& file : files.models()) {
    std::string why;
    if (!file.why_bytes.empty()) {
      why = fmt::format("{}: it is {}", bbz::quoted(file.path), file.why_bytes);
    } else if (file.format == "gguf") {
      // Its other keys would have to be written again.
      why =
          fmt::format("{}: the symmetry coder does not rotate GGUF files", bbz::quoted(file.path));
    } else {
      found.paths.push_back(file.path);
    }
    if (passed.empty()) passed = std::move(why);
  }
  const std::size_t count = found.paths.size();
  if (count == 0) {
    found.reason = passed.empty() ? "the input has no safetensors or PyTorch file" : passed;
  } else if (count > 1 && !are_parts(found.paths)) {
    found.reason = fmt::format(
        "{} files hold models, and their names do not say that they are the parts of one", count);
  } else if (count > kMostParts) {
    found.reason = fmt::format("the model is in {} files; the limit is {}", count, kMostParts);
  }
  return found;
}

Result<std::vector<ModelPart>> open_parts(files::FileSequence& files,
                                          const std::vector<std::string>& paths) {
  const std::set<std::string_view> wanted(paths.begin(), paths.end());
  std::vector<ModelPart> parts;
  while (true) {
    BBZ_ASSIGN(std::optional<files::SourceFile> file, files.next());
    if (!file) break;
    if (!wanted.contains(file->path)) continue;
    ModelPart part;
    part.source = std::move(file->source);
    part.file = std::move(*file);
    parts.push_back(std::move(part));
  }
  BBZ_TRY(files.rewind());
  return parts;
}

Result<Prepared> prepare(const std::vector<ModelPart>& parts, const WriteOptions& options,
                         const SymmetryOptions& symmetry) {
  const bool automatic = symmetry.method == rotation::RequestedMethod::kAuto;
  Prepared prepared;
  std::vector<model::Model> models;
  std::size_t first = 0;  // tensor of the part
  for (const ModelPart& part : parts) {
    const std::string& path = part.file.path;
    auto opened = model::open(part.source, path, options.threads, options.limits);
    if (!opened.ok()) {
      if (!automatic || opened.code() != Code::kLimit) return opened.error();
      prepared.reason = opened.error().message;
      return prepared;
    }
    rotation::Output output;
    output.path = path;
    output.metadata = opened->metadata;
    output.header = opened->header;
    output.tensors.resize(opened->tensors.size());
    std::iota(output.tensors.begin(), output.tensors.end(), first);
    first += output.tensors.size();
    if (part.file.layout.format == "pytorch" && symmetry.format == OutputFormat::kSafetensors) {
      output.path = fs::path(path).replace_extension(".safetensors").string();
    } else if (opened->state != nullptr) {
      auto frame = torch::read_frame(*part.source, *opened->state);
      if (!frame.ok()) {
        if (frame.code() != Code::kUnsupported && frame.code() != Code::kLimit) {
          return frame.error();
        }
        prepared.reason = frame.error().message;
        return prepared;
      }
      output.frame = std::move(*frame);
    }
    prepared.outputs.push_back(std::move(output));
    models.push_back(std::move(*opened));
  }
  auto joined = model::join(std::move(models), "the model");
  if (!joined.ok()) {  // parts with a tensor of the same name
    prepared.reason = joined.error().message;
    return prepared;
  }
  prepared.model = std::move(*joined);
  prepared.detection = rotation::detect(prepared.model);
  prepared.reason = prepared.detection.refusal(symmetry.method);
  const bool parted = parts.size() > 1;
  if (prepared.reason.empty() && parted &&
      symmetry.method == rotation::RequestedMethod::kBitsBack) {
    prepared.reason =
        fmt::format("bits-back writes a model in one file, and this one is in {}", parts.size());
  }
  if (!prepared.reason.empty() || !automatic) return prepared;
  const Status work = rotation::check_work(prepared.model, prepared.detection);
  if (!work.ok()) {
    prepared.reason = work.error().message;
  } else {
    BBZ_ASSIGN(prepared.reason, rotation::why_none_fits(prepared.model, prepared.detection));
  }
  return prepared;
}

}  // namespace bbz::ops
