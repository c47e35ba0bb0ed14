#include "bbz/access/model/model.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <set>

#include "bbz/access/model/internal/archive.h"
#include "bbz/access/model/internal/gguf.h"
#include "bbz/access/model/internal/tensors.h"
#include "bbz/access/model/internal/torch.h"
#include "bbz/archive/reader.h"
#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/base/stand_in.h"
#include "bbz/files/recognise.h"

namespace bbz::model {
namespace {

namespace fs = std::filesystem;
using SharedSource = std::shared_ptr<io::Source>;
using Bytewise = std::vector<std::byte>;

Result<Bytewise> read_range(io::Source& source, std::uint64_t offset, std::uint64_t size) {
  Bytewise bytes(size);
  BBZ_TRY(io::read_exactly(source, offset, bytes));
  return bytes;
}

// Lets a model load its tensors from these places of a file.
void load_from(const SharedSource& source, std::vector<io::ByteRange> places, Model& model) {
  for (const io::ByteRange& place : places) {
    model.firsts.push_back(model.firsts.size());
    model.reads.push_back(place.size);
  }
  const auto all = std::make_shared<const std::vector<io::ByteRange>>(std::move(places));
  model.load = [source, all](std::size_t i) {
    return read_range(*source, (*all)[i].offset, (*all)[i].size);
  };
  model.load_part = [source, all](std::size_t i, std::uint64_t offset) {
    const io::ByteRange& tensor = (*all)[i];
    return read_range(*source, tensor.offset + offset, std::min(tensor.size - offset, kPartBytes));
  };
  model.read = [source, all](std::size_t i, std::uint64_t offset, MutableBytes out) {
    return io::read_exactly(*source, (*all)[i].offset + offset, out);
  };
}

// The tensors of a model may take this many times the bytes of its files, and this many more.
constexpr std::uint64_t kMostExpansion = 4;
constexpr std::uint64_t kFreeExpansion = std::uint64_t{4} << 20;

// Checks that all tensors take not too many bytes, those that are other names of others too if
// `every_name`.
Status check_bytes(const Model& model, const std::string& shown, bool every_name) {
  const std::uint64_t most =
      checked_add(checked_mul(model.file_bytes, kMostExpansion).value_or(~std::uint64_t{0}),
                  kFreeExpansion)
          .value_or(~std::uint64_t{0});
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < model.tensors.size(); ++i) {
    if (!every_name && model.firsts[i] != i) continue;
    const TensorInfo& info = model.tensors[i];
    BBZ_ASSIGN(const std::uint64_t count, element_count(info.shape));
    const auto size = checked_mul(count, element_bits(info));
    if (!size || *size / 8 > most - sum) {
      return make_error(Code::kLimit,
                        "{}{}the tensors take more than {} bytes, too many for {} bytes of files; "
                        "tensor {} uses elements {}several times",
                        shown, shown.empty() ? "" : ": ", most, model.file_bytes,
                        bbz::quoted(info.name), every_name ? "of others, or its own, " : "");
    }
    sum += *size / 8;
  }
  return {};
}

Result<Model> from_safetensors(const SharedSource& source) {
  BBZ_ASSIGN(const Bytewise start, read_range(*source, 0, safetensors::kLengthBytes));
  BBZ_ASSIGN(const std::uint64_t size, safetensors::header_size(start));
  if (source->size() && size > *source->size()) {
    return make_error(Code::kTruncated,
                      "{}: expected a header of {} bytes, found a file of {} bytes", source->name(),
                      size, *source->size());
  }
  Model model;
  model.stored_bytes = model.file_bytes = source->size().value_or(0);
  BBZ_ASSIGN(model.header, read_range(*source, 0, size));
  BBZ_ASSIGN(const safetensors::Header header, safetensors::parse(model.header, source->size()));
  model.metadata = header.metadata;
  std::vector<io::ByteRange> places;
  for (const safetensors::Tensor& tensor : header.tensors) {
    model.tensors.push_back({tensor.name, tensor.dtype, tensor.shape});
    places.push_back({size + tensor.begin, tensor.size()});
  }
  load_from(source, std::move(places), model);
  return model;
}

Result<Model> from_gguf(const SharedSource& source) {
  Bytewise start;
  const auto first = [&](std::uint64_t size) -> Result<Bytes> {
    start.resize(std::min(size, source->size().value_or(size)));
    BBZ_ASSIGN(const std::size_t got, io::read_up_to(*source, 0, start));
    return Bytes(start).first(got);
  };
  BBZ_ASSIGN(gguf::Header header, read_gguf({std::string(source->name()), first, source->size()}));
  Model model;
  model.stored_bytes = model.file_bytes = source->size().value_or(0);
  std::vector<io::ByteRange> places;
  for (gguf::Tensor& tensor : header.tensors) {
    model.tensors.push_back(
        {std::move(tensor.name), tensor.dtype, std::move(tensor.shape), tensor.block});
    places.push_back({tensor.begin, tensor.size});
  }
  load_from(source, std::move(places), model);
  return model;
}

std::string read_config(const fs::path& folder) {
  const auto source = io::open_file((folder / "config.json").string());
  if (!source.ok() || !(*source)->size() || *(*source)->size() > kMostConfig) return {};
  const auto text = read_range(**source, 0, *(*source)->size());
  if (!text.ok()) return {};
  return std::string(as_text(*text));
}

// Makes the error about a file that is in no known format, from its first bytes.
Error no_model(std::string_view shown, const std::string& name, Bytes front) {
  if (const std::string other = stand_in(front); !other.empty()) {
    return make_error(Code::kInvalidArgument, "{}: it is {}", shown, other);
  }
  if (const std::string why = files::why_bytes({name, front, {}}); !why.empty()) {
    return make_error(Code::kUnsupported, "{}: it is {}", shown, why);
  }
  return make_error(Code::kInvalidArgument,
                    "{}: not a model: expected safetensors, GGUF, a torch.save file or an archive",
                    shown);
}

// Opens a file with the reader of the format that `name` and its first bytes show.
Result<Model> read_model(const SharedSource& source, const std::string& name, Bytes front,
                         const Opening& opening) {
  switch (files::recognise(name, front)) {
    case files::FileFormat::kArchive:
      return from_archive(source, opening);
    case files::FileFormat::kPytorch:
      return from_torch(source);
    case files::FileFormat::kSafetensors:
      if (stand_in(front).empty()) return from_safetensors(source);
      break;
    case files::FileFormat::kGguf:
      return from_gguf(source);
    case files::FileFormat::kBytes:
      break;
  }
  return no_model(source->name(), name, front);
}

Result<Model> open_source(SharedSource source, const fs::path& path, const Opening& opening) {
  if (!source->seekable()) {
    return make_error(Code::kInvalidArgument, "{}: a model must be in a file, not in a stream",
                      source->name());
  }
  Bytewise start(files::kRecognisedBytes);
  BBZ_ASSIGN(const std::size_t got, io::read_up_to(*source, 0, start));
  const Bytes front = Bytes(start).first(got);
  Result<Model> model = read_model(source, path.filename().string(), front, opening);
  if (!model.ok()) {
    BBZ_TRY(source->check_unchanged());
    return model;
  }
  BBZ_TRY(check_bytes(*model, std::string(source->name()), false));
  const auto checked = [source](auto load) {
    return [source, load = std::move(load)](auto... what) -> Result<Bytewise> {
      auto bytes = load(what...);
      BBZ_TRY(source->check_unchanged());
      return bytes;
    };
  };
  model->load = checked(std::move(model->load));
  model->load_part = checked(std::move(model->load_part));
  model->read = [source, read = std::move(model->read)](auto... what) -> Status {
    Status status = read(what...);
    BBZ_TRY(source->check_unchanged());
    return status;
  };
  model->sources.push_back(std::move(source));
  model->path = path.filename().replace_extension(".safetensors").string();
  return model;
}

Result<Model> open_one(const fs::path& path, const Opening& opening) {
  BBZ_ASSIGN(auto opened, io::open_file(path.string()));
  Result<Model> model = open_source(std::move(opened), path, opening);
  if (model.ok() && model->config.empty()) model->config = read_config(path.parent_path());
  return model;
}

// Opens the files of a directory that hold models, in the order of their names.
Result<std::vector<Model>> open_models(const fs::path& folder, const Opening& opening) {
  std::vector<fs::path> paths;
  std::error_code error;
  fs::directory_iterator entry(folder, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    if (files::usual_format(entry->path().filename().string()) != files::FileFormat::kBytes) {
      paths.push_back(entry->path());
    }
  }
  if (error) return make_error(Code::kIo, "{}: {}", folder.string(), error.message());
  std::ranges::sort(paths);
  std::vector<Model> models;
  Status passed_over;
  for (const fs::path& file : paths) {
    Result<Model> model = open_one(file, opening);
    // Skip files that are not zip archives or hold other objects, such as training arguments.
    const bool another =
        model.code() == Code::kInvalidArgument || model.code() == Code::kUnsupported;
    const bool claimed =
        files::usual_format(file.filename().string()) == files::FileFormat::kSafetensors;
    if (!model.ok() && (!another || claimed)) return model.error();
    if (!model.ok()) {
      if (passed_over.ok()) passed_over = model.error();
      continue;
    }
    models.push_back(std::move(model).value());
  }
  if (models.empty()) BBZ_TRY(passed_over);
  return models;
}

// Opens the files of a directory as one model.
Result<Model> open_folder(const fs::path& folder, const Opening& opening) {
  BBZ_ASSIGN(std::vector<Model> models, open_models(folder, opening));
  if (models.empty()) {
    return make_error(Code::kInvalidArgument,
                      "{}: no safetensors or torch.save file in this directory", folder.string());
  }
  const bool several = models.size() > 1;
  BBZ_ASSIGN(Model whole, join(std::move(models), folder.string()));
  if (several) whole.config = read_config(folder);
  return whole;
}

}  // namespace

Result<Model> join(std::vector<Model> models, const std::string& shown) {
  if (models.size() == 1) return std::move(models.front());
  Model whole;
  std::set<std::string> names;
  auto parts =
      std::make_shared<std::vector<std::pair<std::shared_ptr<const Model>, std::size_t>>>();
  for (Model& one : models) {
    whole.sources.insert(whole.sources.end(), one.sources.begin(), one.sources.end());
    const auto part = std::make_shared<const Model>(std::move(one));
    whole.stored_bytes += part->stored_bytes;
    whole.file_bytes += part->file_bytes;
    for (std::size_t i = 0; i < part->tensors.size(); ++i) {
      if (!names.insert(part->tensors[i].name).second) {
        return make_error(Code::kInvalidArgument, "{}: the tensor {} is in two files", shown,
                          bbz::quoted(part->tensors[i].name));
      }
      whole.tensors.push_back(part->tensors[i]);
      whole.firsts.push_back(parts->size() - i + part->firsts[i]);
      whole.reads.push_back(part->reads[i]);
      parts->emplace_back(part, i);
    }
  }
  whole.load = [parts](std::size_t i) { return (*parts)[i].first->load((*parts)[i].second); };
  whole.load_part = [parts](std::size_t i, std::uint64_t offset) {
    return (*parts)[i].first->load_part((*parts)[i].second, offset);
  };
  whole.read = [parts](std::size_t i, std::uint64_t offset, MutableBytes out) {
    return (*parts)[i].first->read((*parts)[i].second, offset, out);
  };
  return whole;
}

Status check_expansion(const Model& model) {
  return check_bytes(model, "", true);
}

Status check_unchanged(const Model& model) {
  for (const SharedSource& source : model.sources) BBZ_TRY(source->check_unchanged());
  return {};
}

Result<Model> open(const std::string& path, unsigned threads, const Limits& limits,
                   const std::shared_ptr<Base>& base) {
  const Opening opening{threads, limits, base};
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) return open_folder(path, opening);
  return open_one(path, opening);
}

Result<Model> open(std::shared_ptr<io::Source> source, const std::string& path, unsigned threads,
                   const Limits& limits, const std::shared_ptr<Base>& base) {
  return open_source(std::move(source), path, {threads, limits, base});
}

}  // namespace bbz::model
