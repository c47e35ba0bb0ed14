#include "bbz/access/model/model.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <set>

#include "bbz/access/model/internal/gguf.h"
#include "bbz/access/view/block.h"
#include "bbz/archive/reader.h"
#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/base/stand_in.h"
#include "bbz/files/recognise.h"
#include "bbz/files/torch/elements.h"

namespace bbz::model {
namespace {

namespace fs = std::filesystem;
using SharedSource = std::shared_ptr<io::Source>;
using Bytewise = std::vector<std::byte>;

// Says how to open an archive.
struct Opening {
  unsigned threads;
  const Limits& limits;
  const std::shared_ptr<Base>& base;
};

// The longest config.json that is read; a longer one is ignored.
constexpr std::uint64_t kMostConfig = 16 << 20;

Result<Bytewise> read_range(io::Source& source, std::uint64_t offset, std::uint64_t size) {
  Bytewise bytes(size);
  BBZ_TRY(io::read_exactly(source, offset, bytes));
  return bytes;
}

// The bytes of a part of a tensor, unless a chunk of an archive has more.
constexpr std::uint64_t kPart = std::uint64_t{32} << 20;

// Lets a model load its tensors from these places of a file.
void load_from(const SharedSource& source, std::vector<io::ByteRange> places, Model& model) {
  const auto all = std::make_shared<const std::vector<io::ByteRange>>(std::move(places));
  model.load = [source, all](std::size_t i) {
    return read_range(*source, (*all)[i].offset, (*all)[i].size);
  };
  model.load_part = [source, all](std::size_t i, std::uint64_t offset) {
    const io::ByteRange& tensor = (*all)[i];
    return read_range(*source, tensor.offset + offset, std::min(tensor.size - offset, kPart));
  };
  model.read = [source, all](std::size_t i, std::uint64_t offset, MutableBytes out) {
    return io::read_exactly(*source, (*all)[i].offset + offset, out);
  };
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
  model.stored_bytes = source->size().value_or(0);
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
  model.stored_bytes = source->size().value_or(0);
  std::vector<io::ByteRange> places;
  for (gguf::Tensor& tensor : header.tensors) {
    model.tensors.push_back(
        {std::move(tensor.name), tensor.dtype, std::move(tensor.shape), tensor.block});
    places.push_back({tensor.begin, tensor.size});
  }
  load_from(source, std::move(places), model);
  return model;
}

// The tensors of a model may take this many times the bytes of its file, and this many more.
// Strides of 0 make a tensor of any size from one element.
constexpr std::uint64_t kMostExpansion = 4;
constexpr std::uint64_t kFreeExpansion = std::uint64_t{4} << 20;

Status check_expansion(const io::Source& source, const torch::StateDict& state) {
  const std::uint64_t stored = source.size().value_or(0);
  const std::uint64_t most =
      checked_add(checked_mul(stored, kMostExpansion).value_or(~std::uint64_t{0}), kFreeExpansion)
          .value_or(~std::uint64_t{0});
  std::uint64_t sum = 0;
  for (const torch::Tensor& tensor : state.tensors) {
    BBZ_ASSIGN(const std::uint64_t size, torch::byte_size(tensor));
    if (size > most - sum) {
      return make_error(Code::kLimit,
                        "{}: the tensors take more than {} bytes, too many for a file of {} bytes; "
                        "tensor {} uses elements several times",
                        source.name(), most, stored, bbz::quoted(tensor.name));
    }
    sum += size;
  }
  return {};
}

Result<Model> from_torch(const SharedSource& source) {
  BBZ_ASSIGN(torch::StateDict read, torch::read_state_dict(*source));
  BBZ_TRY(check_expansion(*source, read));
  const auto state = std::make_shared<const torch::StateDict>(std::move(read));
  Model model;
  model.stored_bytes = source->size().value_or(0);
  // Programs that convert PyTorch files to safetensors write this.
  model.metadata.emplace_back("format", "pt");
  for (const torch::Tensor& tensor : state->tensors) {
    model.tensors.push_back({tensor.name, tensor.dtype, tensor.shape});
  }
  const auto load = [source, state](std::size_t i, std::uint64_t offset,
                                    std::uint64_t most) -> Result<Bytewise> {
    const torch::Tensor& tensor = state->tensors[i];
    BBZ_ASSIGN(const std::uint64_t size, torch::byte_size(tensor));
    BBZ_ASSIGN(const auto elements, torch::element_source(*source, *state, tensor));
    return read_range(*elements, offset, std::min(size - offset, most));
  };
  model.load = [load](std::size_t i) { return load(i, 0, ~std::uint64_t{0}); };
  model.load_part = [load](std::size_t i, std::uint64_t offset) { return load(i, offset, kPart); };
  model.read = [source, state](std::size_t i, std::uint64_t offset, MutableBytes out) -> Status {
    BBZ_ASSIGN(const auto elements, torch::element_source(*source, *state, state->tensors[i]));
    return io::read_exactly(*elements, offset, out);
  };
  return model;
}

// Reads whole blocks of a tensor from `offset` on, where one begins.
Result<Bytewise> read_blocks(const Reader& reader, std::uint32_t number, std::uint64_t offset) {
  const catalog::Tensor& tensor = reader.catalog().tensors[number];
  BBZ_TRY(reader.read_bytes(number, 0, {}));  // checks limits before the memory is allocated
  std::uint64_t end = offset;
  while (end < tensor.byte_size && end - offset < kPart) {
    BBZ_ASSIGN(const view::Block block, view::block_at(reader.catalog(), tensor, end));
    if (end != offset && block.end - offset > kPart) break;
    end = block.end;
  }
  Bytewise bytes(end - offset);
  BBZ_TRY(reader.read_bytes(number, offset, bytes));
  return bytes;
}

Result<Model> from_archive(const SharedSource& source, const Opening& opening) {
  ReadOptions options;
  options.threads = opening.threads;
  options.limits = opening.limits;
  options.base = opening.base;
  BBZ_ASSIGN(Reader opened, Reader::open(source, options));
  const auto reader = std::make_shared<const Reader>(std::move(opened));
  BBZ_TRY(check_gguf_files(*reader, source->name()));
  Model model;
  model.stored_bytes = reader->catalog().stored_bytes;
  model.root = reader->root();
  std::vector<std::uint32_t> numbers;
  for (const catalog::File& file : reader->catalog().files) {
    std::vector<std::uint32_t> all = file.tensors;
    all.insert(all.end(), file.views.begin(), file.views.end());
    for (const std::uint32_t number : all) {
      const catalog::TensorMeta& meta = reader->catalog().tensors[number].meta;
      const SharedBlockType& block = reader->catalog().tensors[number].block;
      if (!meta.is_named()) continue;
      if (block == nullptr && find_dtype(meta.dtype) == nullptr) {
        return make_error(Code::kUnsupported, "{}: tensor {}: unknown dtype {}", source->name(),
                          bbz::quoted(meta.name), static_cast<int>(meta.dtype));
      }
      model.tensors.push_back({meta.name, meta.dtype, meta.shape, block});
      numbers.push_back(number);
      const bool is_view = meta.is_view();
      model.leans.push_back((is_view ? reader->catalog().tensors[meta.base()].meta : meta).leans());
    }
    if (file.path == "config.json" && file.size <= kMostConfig) {
      Bytewise text(file.size);
      BBZ_TRY(reader->read_file(static_cast<std::uint32_t>(&file - reader->catalog().files.data()),
                                0, text));
      model.config = as_text(text);
    }
  }
  model.load = [reader, numbers](std::size_t i) -> Result<Bytewise> {
    BBZ_TRY(reader->read_bytes(numbers[i], 0, {}));  // checks limits before the memory is allocated
    Bytewise bytes(reader->catalog().tensors[numbers[i]].byte_size);
    BBZ_TRY(reader->read_tensor(numbers[i], bytes));
    return bytes;
  };
  model.load_part = [reader, numbers](std::size_t i, std::uint64_t offset) {
    return read_blocks(*reader, numbers[i], offset);
  };
  model.read = [reader, numbers](std::size_t i, std::uint64_t offset, MutableBytes out) {
    return reader->read_bytes(numbers[i], offset, out);
  };
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
  const auto checked = [source](auto load) {
    return [source, load = std::move(load)](auto... what) -> Result<Bytewise> {
      auto bytes = load(what...);
      BBZ_TRY(source->check_unchanged());
      return bytes;
    };
  };
  model->load = checked(std::move(model->load));
  model->load_part = checked(std::move(model->load_part));
  model->read = [source, read = std::move(model->read)](std::size_t i, std::uint64_t offset,
                                                        MutableBytes out) -> Status {
    Status done = read(i, offset, out);
    BBZ_TRY(source->check_unchanged());
    return done;
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
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    if (files::usual_format(entry.path().filename().string()) != files::FileFormat::kBytes) {
      paths.push_back(entry.path());
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
  if (models.size() == 1) return std::move(models.front());
  Model whole;
  whole.config = read_config(folder);
  std::set<std::string> names;
  auto parts =
      std::make_shared<std::vector<std::pair<std::shared_ptr<const Model>, std::size_t>>>();
  for (Model& one : models) {
    whole.sources.insert(whole.sources.end(), one.sources.begin(), one.sources.end());
    const auto part = std::make_shared<const Model>(std::move(one));
    whole.stored_bytes += part->stored_bytes;
    for (std::size_t i = 0; i < part->tensors.size(); ++i) {
      if (!names.insert(part->tensors[i].name).second) {
        return make_error(Code::kInvalidArgument, "{}: the tensor {} is in two files",
                          folder.string(), bbz::quoted(part->tensors[i].name));
      }
      whole.tensors.push_back(part->tensors[i]);
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

}  // namespace

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
