#include "bbz/ops/internal/model_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "bbz/files/recognise.h"
#include "bbz/files/torch/elements.h"
#include "files/torch/make_files.h"
#include "files/torch/rewriting.h"
#include "ops/rotation/packed.h"
#include "support/temp_dir.h"

namespace bbz::ops {
namespace {

using rotation::RequestedMethod;
using testing::HasSubstr;
using Files = std::map<std::string, std::string>;

test_models::Model small_model() {
  return test_models::sliced_model(rotation::small_spec("llama", DType::kF16));
}

std::string text_of(Bytes bytes) {
  return std::string(as_text(bytes));
}

// A model of some tensors of another.
test_models::Model part_of(const test_models::Model& model,
                           const std::function<bool(const std::string&)>& wanted) {
  test_models::Model part;
  for (std::size_t i = 0; i < model.infos.size(); ++i) {
    if (!wanted(model.infos[i].name)) continue;
    part.infos.push_back(model.infos[i]);
    part.bytes.push_back(model.bytes[i]);
  }
  return part;
}

// The model as torch.save writes it: a dict below "model", whose tensors are the left columns of wider
// storages, as SliceGPT leaves them, but for vectors.
std::string torch_file(const test_models::Model& model, const std::string& more = "") {
  torch::PickleDict tensors;
  std::vector<std::string> storages;
  for (std::size_t i = 0; i < model.infos.size(); ++i) {
    const TensorInfo& info = model.infos[i];
    const std::uint64_t rows = info.shape[0], columns = info.shape.at(1), wide = columns + 3;
    std::string storage(rows * wide * 2, 'x');
    for (std::uint64_t row = 0; row < rows; ++row) {
      const Bytes bytes = Bytes(model.bytes[i]).subspan(row * columns * 2, columns * 2);
      storage.replace(row * wide * 2, columns * 2, as_text(bytes));
    }
    tensors.emplace_back(
        info.name,
        torch::pickle_view(
            {"HalfStorage", std::to_string(i), rows * wide, 0, {rows, columns}, {wide, 1}}));
    storages.push_back(std::move(storage));
  }
  torch::PickleDict all = {{"model", torch::pickle_dict(tensors)},
                           {"step", torch::pickle_int(1000)}};
  if (!more.empty()) all.emplace_back("more", more);
  return torch::make_torch(torch::pickle(torch::pickle_dict(all)), storages);
}

struct Outcome {
  std::string archive;
  SymmetrySummary summary;
  Files files;                                 // unpacked
  std::vector<std::string> order;              // of the files in the archive
  std::map<std::string, std::string> records;  // the metadata "symmetry"
};

Result<Outcome> pack_files(const Files& files, const SymmetryOptions& symmetry) {
  const io::TempDir dir;
  for (const auto& [path, text] : files) {
    std::filesystem::create_directories(std::filesystem::path(dir / path).parent_path());
    io::write_text(dir / path, text);
  }
  BBZ_ASSIGN(const auto sequence, files::open(dir.path()));
  std::vector<std::byte> archive;
  Outcome outcome;
  BBZ_ASSIGN(outcome.summary, pack_symmetric(*sequence, *io::memory_sink(archive), {}, symmetry));
  BBZ_ASSIGN(const Reader reader, Reader::open(io::memory_source(Bytes(archive))));
  const catalog::Catalog& catalog = reader.catalog();
  for (std::uint32_t i = 0; i < catalog.files.size(); ++i) {
    std::string bytes(catalog.files[i].size, '\0');
    BBZ_TRY(reader.read_file(i, 0, std::as_writable_bytes(std::span(bytes))));
    outcome.order.push_back(catalog.files[i].path);
    outcome.files[catalog.files[i].path] = std::move(bytes);
  }
  for (const catalog::Metadata& metadata : catalog.metadata) {
    if (metadata.meta.key != "symmetry") continue;
    BBZ_ASSIGN(outcome.records[catalog.files[metadata.meta.file].path],
               reader.read_metadata(metadata));
  }
  outcome.archive = text_of(archive);
  return outcome;
}

Outcome packed(const Files& files, const SymmetryOptions& symmetry) {
  auto outcome = pack_files(files, symmetry);
  if (outcome.ok()) return std::move(*outcome);
  ADD_FAILURE() << outcome.error().message;
  return {};
}

// Type, shape and elements of every tensor of files of any format.
using Tensors = std::map<std::string, std::tuple<DType, Shape, std::string>>;

Tensors tensors_of(const Files& files) {
  Tensors tensors;
  for (const auto& [path, text] : files) {
    if (files::recognise(path, std::as_bytes(std::span(text))) == files::FileFormat::kBytes) {
      continue;
    }
    const auto model = model::open(io::memory_source(std::as_bytes(std::span(text)), path), path);
    if (!model.ok()) {
      ADD_FAILURE() << model.error().message;
      continue;
    }
    for (std::size_t i = 0; i < model->tensors.size(); ++i) {
      const TensorInfo& info = model->tensors[i];
      tensors[info.name] = {info.dtype, info.shape, text_of(model->load(i).value())};
    }
  }
  return tensors;
}

// Whether two sets of tensors have the same names, types and shapes.
void expect_alike(const Tensors& one, const Tensors& other) {
  ASSERT_EQ(one.size(), other.size());
  for (const auto& [name, tensor] : one) {
    ASSERT_TRUE(other.contains(name)) << name;
    EXPECT_EQ(std::get<0>(tensor), std::get<0>(other.at(name))) << name;
    EXPECT_EQ(std::get<1>(tensor), std::get<1>(other.at(name))) << name;
  }
}

constexpr RequestedMethod kMethods[] = {RequestedMethod::kAuto, RequestedMethod::kTriangular,
                                        RequestedMethod::kPolar, RequestedMethod::kBitsBack};

TEST(TorchModel, BecomesAFileOfTorchWithTheSameTensors) {
  const Files files = {{"model.pt", torch_file(small_model())}, {"model.json", "{}"}};
  for (const RequestedMethod method : kMethods) {
    const Outcome once = packed(files, {.method = method});
    ASSERT_TRUE(once.summary.record.has_value()) << once.summary.reason;
    EXPECT_TRUE(once.summary.record->rotated);
    ASSERT_EQ(once.order, (std::vector<std::string>{"model.json", "model.pt"}));
    EXPECT_EQ(once.files.at("model.json"), "{}");
    const Tensors before = tensors_of(files), after = tensors_of(once.files);
    expect_alike(before, after);
    EXPECT_NE(before, after);
    // The rotated tensors are those of a safetensors file of the same model.
    const Outcome other = packed(files, {.method = method, .format = OutputFormat::kSafetensors});
    ASSERT_EQ(other.order, (std::vector<std::string>{"model.json", "model.safetensors"}));
    EXPECT_EQ(tensors_of(other.files), after);
    EXPECT_EQ(other.records.at("model.safetensors"), once.records.at("model.pt"));
    // What is around the tensors is kept, and they are contiguous.
    const auto file = io::memory_source(std::as_bytes(std::span(once.files.at("model.pt"))));
    const auto state = torch::read_state_dict(*file).value();
    EXPECT_TRUE(std::ranges::all_of(state.tensors, torch::is_contiguous));
    const auto frame = torch::read_frame(*file, state).value();
    EXPECT_EQ(frame.note, once.records.at("model.pt"));
    EXPECT_THAT(frame.after, HasSubstr("step"));
    // So are the checksums of all tensors, in whatever form they were stored.
    EXPECT_EQ(torch::rewrite(*file, *frame.note).value(), once.files.at("model.pt"));
    if (method == RequestedMethod::kBitsBack) continue;
    EXPECT_EQ(packed(once.files, {.method = method}).archive, once.archive);
    EXPECT_EQ(packed(other.files, {.method = method}).archive, other.archive);
  }
}

TEST(TorchModel, IsPackedExactlyIfItHoldsWhatCannotBeWrittenAgain) {
  const std::string object = torch::pickle_global("argparse", "Namespace") + ")R";
  const Files files = {{"model.pt", torch_file(small_model(), object)}};
  for (const RequestedMethod method : {RequestedMethod::kAuto, RequestedMethod::kPolar}) {
    const Outcome exact = packed(files, {.method = method});
    EXPECT_FALSE(exact.summary.record.has_value());
    EXPECT_THAT(exact.summary.reason, HasSubstr("it holds an object below \"more\""));
    EXPECT_EQ(exact.files, files);
    EXPECT_TRUE(
        packed(files, {.method = method, .format = OutputFormat::kSafetensors}).summary.record);
  }
}

TEST(TorchModel, ANoteFromElsewhereIsNotKept) {
  const Outcome once = packed({{"model.pt", torch_file(small_model())}}, {});
  std::string changed = once.files.at("model.pt");
  const std::string& record = once.records.at("model.pt");
  const std::size_t at = changed.find(record);
  ASSERT_NE(at, changed.npos);
  changed[at] = '\xff';
  const Outcome again = packed({{"model.pt", changed}}, {});
  EXPECT_THAT(again.records.at("model.pt"), testing::StartsWith("{"));
}

TEST(Parts, AreRecognisedByTheirNames) {
  EXPECT_TRUE(are_parts({"m-00001-of-00002.safetensors", "m-00002-of-00002.safetensors"}));
  EXPECT_TRUE(are_parts({"a/b-2-of-3.bin", "a/b-1-of-3.bin", "a/b-3-of-3.bin"}));
  EXPECT_TRUE(are_parts({"m-1-of-1"}));
  EXPECT_FALSE(are_parts({}));
  EXPECT_FALSE(are_parts({"a.safetensors", "b.safetensors"}));
  EXPECT_FALSE(are_parts({"m-1-of-3.bin", "m-2-of-3.bin"}));
  EXPECT_FALSE(are_parts({"m-1-of-2.bin", "m-1-of-2.bin"}));
  EXPECT_FALSE(are_parts({"m-01-of-2.bin", "m-1-of-2.bin"}));
  EXPECT_FALSE(are_parts({"m-0-of-2.bin", "m-1-of-2.bin"}));
  EXPECT_FALSE(are_parts({"m-1-of-2.bin", "m-2-of-2.safetensors"}));
  EXPECT_FALSE(are_parts({"m-1-of-2.bin", "n-2-of-2.bin"}));
  EXPECT_FALSE(are_parts({"a/m-1-of-2.bin", "b/m-2-of-2.bin"}));
  EXPECT_FALSE(are_parts({"m-1-of-2/x.bin", "m-2-of-2/x.bin"}));
  EXPECT_FALSE(are_parts({"m1-of-2.bin", "m2-of-2.bin"}));
  EXPECT_FALSE(are_parts({"m-99999999999999999999-of-1.bin"}));
}

constexpr const char* kParts[] = {"model-00001-of-00003", "model-00002-of-00003",
                                  "model-00003-of-00003"};

// The part that has a tensor. Embedding and head are in the first, and what is written late is spread.
int part_number(const std::string& name) {
  if (name.find("layers.0.") != name.npos) return name.find("down_proj") != name.npos ? 2 : 1;
  if (name.find("layers.1.") != name.npos) return name.find("q_proj") != name.npos ? 0 : 2;
  return 0;
}

Files parted(const test_models::Model& model, const std::string& suffix) {
  Files files = {{"config.json", "{}"}, {"model-00001-of-00003.txt", "between"}, {"z", "last"}};
  for (int part = 0; part < 3; ++part) {
    const test_models::Model of_part =
        part_of(model, [&](const std::string& name) { return part_number(name) == part; });
    files[kParts[part] + suffix] =
        suffix == ".safetensors" ? text_of(rotation::file_of(of_part)) : torch_file(of_part);
  }
  return files;
}

TEST(Parts, AreRotatedAsOneModel) {
  const test_models::Model model = small_model();
  for (const std::string suffix : {".safetensors", ".bin"}) {
    const Files files = parted(model, suffix);
    for (const RequestedMethod method : kMethods) {
      const Outcome once = packed(files, {.method = method});
      if (method == RequestedMethod::kBitsBack) {
        EXPECT_EQ(once.summary.reason,
                  "bits-back writes a model in one file, and this one is in 3");
        EXPECT_EQ(once.files, files);
        continue;
      }
      ASSERT_TRUE(once.summary.record.has_value()) << once.summary.reason;
      EXPECT_EQ(once.summary.packed.files, files.size());
      // The parts follow each other, and the rest is as it was.
      EXPECT_EQ(once.order.size(), files.size());
      for (const char* exact : {"config.json", "model-00001-of-00003.txt", "z"}) {
        EXPECT_EQ(once.files.at(exact), files.at(exact));
      }
      for (int part = 0; part < 3; ++part) {
        const std::string path = kParts[part] + suffix;
        expect_alike(tensors_of({{path, files.at(path)}}),
                     tensors_of({{path, once.files.at(path)}}));
      }
      // The tensors are those of the whole model, rotated.
      const std::string whole =
          ".safetensors" == suffix ? text_of(rotation::file_of(model)) : torch_file(model);
      const Outcome one = packed({{"m" + suffix, whole}}, {.method = method});
      EXPECT_EQ(tensors_of(once.files), tensors_of(one.files));
      ASSERT_EQ(once.records.size(), 3u);
      EXPECT_EQ(once.records.at(kParts[2] + suffix), one.records.at("m" + suffix));
      const std::string reference = "{\"exact\":false,\"record\":\"" + (kParts[2] + suffix) + "\"}";
      EXPECT_EQ(once.records.at(kParts[0] + suffix), reference);
      EXPECT_EQ(once.records.at(kParts[1] + suffix), reference);
      EXPECT_EQ(packed(once.files, {.method = method}).archive, once.archive);
    }
  }
}

// The index names the file of each tensor, and its directory is that of the parts.
TEST(Parts, TheIndexNamesTheFilesThatTheyBecome) {
  const test_models::Model model = small_model();
  nlohmann::json index = {{"metadata", {{"total_size", 1000}, {"kind", 0.5}}}};
  for (const TensorInfo& info : model.infos) {
    index["weight_map"][info.name] = kParts[part_number(info.name)] + std::string(".bin");
  }
  index["weight_map"]["elsewhere"] = "other-00001-of-00003.bin";
  for (const std::string folder : {"", "sub/"}) {
    for (const char* name : {"a.index.json", "pytorch_model.bin.index.json"}) {
      Files files;
      for (const auto& [path, text] : parted(model, ".bin")) files[folder + path] = text;
      files[folder + name] = index.dump();
      files["elsewhere/" + std::string(name)] = index.dump();
      const Outcome same = packed(files, {});
      EXPECT_EQ(same.files.at(folder + name), index.dump());
      const Outcome changed = packed(files, {.format = OutputFormat::kSafetensors});
      ASSERT_TRUE(changed.summary.record.has_value()) << changed.summary.reason;
      EXPECT_EQ(changed.files.at("elsewhere/" + std::string(name)), index.dump());
      const auto found = nlohmann::json::parse(changed.files.at(folder + name));
      EXPECT_EQ(found.at("metadata"), index.at("metadata"));
      EXPECT_EQ(found.at("weight_map").at("elsewhere"), "other-00001-of-00003.bin");
      EXPECT_EQ(found.at("weight_map").size(), model.infos.size() + 1);
      for (const TensorInfo& info : model.infos) {
        const std::string path = found.at("weight_map").at(info.name);
        const Tensors there = tensors_of({{path, changed.files.at(folder + path)}});
        // The dict of such a file is below "model", which is part of the names.
        EXPECT_TRUE(there.contains("model." + info.name)) << info.name << " in " << path;
      }
      // What is unpacked is packed to the same archive.
      EXPECT_EQ(packed(changed.files, {}).archive, changed.archive);
    }
  }
}

TEST(Parts, TheIndexOfOneFileNamesWhatItBecomes) {
  const std::string index = R"({"weight_map":{"w":"model.bin"}})";
  Files files = {{"model.bin", torch_file(small_model())}, {"a.index.json", index}};
  files["z.index.json"] = index;
  const Outcome changed = packed(files, {.format = OutputFormat::kSafetensors});
  for (const char* name : {"a.index.json", "z.index.json"}) {
    EXPECT_EQ(nlohmann::json::parse(changed.files.at(name)),
              nlohmann::json::parse(R"({"weight_map":{"w":"model.safetensors"}})"));
  }
  // A model that is packed exactly keeps its name.
  files["model.bin"] = torch_file(
      part_of(small_model(), [](const std::string& name) { return name == "lm_head.weight"; }));
  EXPECT_EQ(packed(files, {.format = OutputFormat::kSafetensors}).files, files);
}

TEST(Parts, AnIndexThatIsNoneIsPackedAsItIs) {
  std::string deep = R"({"weight_map":{"w":"model.bin"},"x":)";
  for (int i = 0; i < 20; ++i) deep += '[';
  for (int i = 0; i < 20; ++i) deep += ']';
  for (const std::string& text :
       {std::string(), std::string("{"), std::string("[]"), std::string("no JSON"),
        std::string(R"({"weight_map":["model.bin"]})"), std::string(R"({"weight_map":{"w":1}})"),
        std::string(R"({"x":{"w":"model.bin"}})"), deep + "}"}) {
    const Files files = {{"model.bin", torch_file(small_model())}, {"m.index.json", text}};
    const Outcome changed = packed(files, {.format = OutputFormat::kSafetensors});
    EXPECT_TRUE(changed.summary.record.has_value());
    EXPECT_EQ(changed.files.at("m.index.json"), text);
  }
}

TEST(Parts, ArePackedExactlyIfTheyAreNotOneModel) {
  const Files parts = parted(small_model(), ".safetensors");
  Files files = parts;
  files.erase("model-00003-of-00003.safetensors");
  Outcome exact = packed(files, {});
  EXPECT_EQ(exact.files, files);
  EXPECT_EQ(exact.summary.reason,
            "2 files hold models, and their names do not say that they are the parts of one");
  // A tensor is in two of them.
  files = parts;
  files["model-00003-of-00003.safetensors"] = files["model-00002-of-00003.safetensors"];
  exact = packed(files, {});
  EXPECT_EQ(exact.files, files);
  EXPECT_THAT(exact.summary.reason, HasSubstr("is in two files"));
}

}  // namespace
}  // namespace bbz::ops
