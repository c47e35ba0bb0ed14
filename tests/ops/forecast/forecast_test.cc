// Predicted sizes beside those of archives.
#include "bbz/ops/forecast/forecast.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>

#include "bbz/files/safetensors/header.h"
#include "bbz/ops/symmetry.h"
#include "models/factored.h"
#include "models/models.h"
#include "support/assert.h"
#include "support/temp_dir.h"
#include "tools/polar_groups.h"

namespace bbz::forecast {
namespace {

namespace fs = std::filesystem;

// What packing made of a model.
struct Packed {
  std::uint64_t bytes = 0;
  bool changed = false;
};

Result<Packed> pack(const std::string& path, const Forecast& method) {
  BBZ_ASSIGN(const auto files, files::open(path));
  ops::PackOptions options;
  const auto sink = io::null_sink();
  if (method.method.starts_with("exact")) {
    if (method.method == "exact small") options.write.level = codec::Level::kSmall;
    BBZ_ASSIGN(const ops::PackSummary summary, ops::pack(*files, *sink, options));
    return Packed{summary.archive_bytes, false};
  }
  ops::SymmetryOptions symmetry;
  for (const auto one : {rotation::RequestedMethod::kTriangular, rotation::RequestedMethod::kPolar,
                         rotation::RequestedMethod::kBitsBack, rotation::RequestedMethod::kPivot}) {
    if (method_name(one) == method.method) symmetry.method = one;
  }
  symmetry.floor = method.floor == 0   ? gauge::Floor::kNone
                   : method.floor == 1 ? gauge::Floor::kOne
                                       : gauge::Floor::kHalf;
  BBZ_ASSIGN(const ops::SymmetrySummary summary,
             ops::pack_symmetric(*files, *sink, options, symmetry));
  return Packed{summary.packed.archive_bytes, summary.record.has_value()};
}

Result<Forecasts> predict(const std::string& path, const Options& options = {}) {
  BBZ_ASSIGN(const auto files, files::open(path));
  auto model = model::open(path);
  if (!model.ok()) return forecast({nullptr, nullptr, files.get()}, options);
  const rotation::Detection detection = rotation::detect(*model);
  return forecast({&*model, &detection, files.get()}, options);
}

// Packs with every method, and compares. `within` is a share of the archive, and `stated` the most that the
// prediction may say of itself.
void expect_within(const std::string& path, double within, const Options& options = {},
                   double stated = 0.01) {
  SCOPED_TRACE(path);
  const auto forecasts = predict(path, options);
  ASSERT_TRUE(forecasts.ok()) << forecasts.error().message;
  ASSERT_EQ(forecasts->methods.size(), 15u);
  for (const Forecast& one : forecasts->methods) {
    SCOPED_TRACE(one.method + " " + std::to_string(one.floor) + " " + one.note);
    // What is packed exactly anyway is packed once.
    const bool again = !one.note.empty() && one.bytes != 0 && one.floor != 0;
    if (again) continue;
    const auto packed = pack(path, one);
    EXPECT_EQ(packed.ok(), one.bytes != 0);
    if (!packed.ok()) continue;
    if (!one.method.starts_with("exact")) {
      EXPECT_EQ(packed->changed, one.note.empty());
    }
    const double error = static_cast<double>(one.bytes) / static_cast<double>(packed->bytes) - 1;
    EXPECT_LE(std::abs(error), within) << one.bytes << " predicted, " << packed->bytes;
    // The bound is one of two standard errors, so that a few may exceed it by a little.
    EXPECT_LE(std::abs(error), 1.5 * one.bytes_within + 1e-4) << "it says " << one.bytes_within;
    EXPECT_LE(one.bytes_within, stated);
    EXPECT_GE(one.seconds_within, 1);
    EXPECT_GT(one.seconds, 0);
  }
}

void write_model(const std::string& path, const test_models::Model& model) {
  std::vector<safetensors::Tensor> tensors;
  for (const TensorInfo& info : model.infos) {
    tensors.push_back({info.name, info.dtype, info.shape, 0, 0});
  }
  const auto header = *safetensors::build(tensors, {{"format", "pt"}});
  std::ofstream out(path, std::ios::binary);
  const auto put = [&](Bytes bytes) {
    out.write(reinterpret_cast<const char*>(bytes.data()),
              static_cast<std::streamsize>(bytes.size()));
  };
  put(header);
  for (const auto& bytes : model.bytes) put(bytes);
}

test_models::Spec spec_of(const std::string& family, DType dtype) {
  test_models::Spec spec;
  spec.family = family;
  spec.dtype = dtype;
  spec.layers = 3;
  spec.hidden = 256;
  spec.inner = 512;
  spec.vocabulary = 512;
  return spec;
}

test_models::Model sliced(const test_models::Spec& spec) {
  const test_models::LargeModel large(spec);
  test_models::Model model;
  model.infos = large.infos();
  for (std::size_t i = 0; i < model.infos.size(); ++i) model.bytes.push_back(large.make(i));
  return model;
}

// Options with which nothing is encoded whole only because there is little of it.
Options sampling() {
  Options options;
  options.whole_bytes = 0;
  return options;
}

class GeneratedModel : public testing::Test {
 protected:
  std::string path() const { return dir_ / "model.safetensors"; }
  io::TempDir dir_;
};

TEST_F(GeneratedModel, OfAFewMegabytesIsExactWithoutASymmetry) {
  for (const auto dtype : {DType::kF16, DType::kBF16, DType::kF32}) {
    test_models::Spec spec = spec_of("llama", dtype);
    spec.hidden = 128;
    spec.inner = 256;
    write_model(path(), test_models::plain_llama(spec));
    const auto forecasts = predict(path());
    ASSERT_TRUE(forecasts.ok()) << forecasts.error().message;
    EXPECT_EQ(forecasts->original_bytes, fs::file_size(path()));
    EXPECT_EQ(forecasts->methods[0].bytes, pack(path(), forecasts->methods[0])->bytes);
    EXPECT_EQ(forecasts->methods[1].bytes, pack(path(), forecasts->methods[1])->bytes);
    EXPECT_LT(forecasts->methods[0].bytes_within, 1e-3);
  }
}

TEST_F(GeneratedModel, OfEveryKindIsWithinOnePercentIfSampled) {
  for (const auto dtype : {DType::kF16, DType::kBF16, DType::kF32}) {
    for (const std::string family : {"llama", "opt"}) {
      const test_models::Spec spec = spec_of(family, dtype);
      write_model(path(),
                  family == "opt" ? test_models::plain_opt(spec) : test_models::plain_llama(spec));
      expect_within(path(), 0.01, sampling());
    }
  }
}

TEST_F(GeneratedModel, ThatIsSlicedIsWithinOnePercent) {
  for (const std::string family : {"llama", "opt"}) {
    test_models::Spec spec = spec_of(family, DType::kF16);
    spec.widths = {224};
    write_model(path(), sliced(spec));
    // Two of its few shortcuts are rotated, which differ by much if they are triangular.
    expect_within(path(), 0.01, {}, 0.025);
    expect_within(path(), 0.01, sampling(), 0.025);
  }
}

TEST_F(GeneratedModel, ThatIsFactoredIsWithinOnePercent) {
  for (const auto dtype : {DType::kF16, DType::kBF16}) {
    const test_models::Spec spec = spec_of("llama", dtype);
    write_model(path(), test_models::factored(test_models::plain_llama(spec), spec, {}));
    expect_within(path(), 0.01);
    expect_within(path(), 0.01, sampling());
  }
}

TEST_F(GeneratedModel, WithANanIsSaidToBeRefused) {
  test_models::Spec spec = spec_of("llama", DType::kF16);
  spec.hidden = 64;
  spec.inner = 128;
  spec.widths = {48};
  test_models::Model model = sliced(spec);
  auto& bytes = model.bytes[model.find("model.layers.0.mlp.up_proj.weight")];
  bytes[10] = bytes[11] = std::byte{0x7E};
  write_model(path(), model);
  expect_within(path(), 0.02);
}

TEST_F(GeneratedModel, IsCountedOnceIfItIsThereTwice) {
  write_model(path(), test_models::plain_llama(spec_of("llama", DType::kBF16)));
  const auto once = predict(path(), sampling());
  const fs::path folder = dir_.path() / "twice";
  fs::create_directory(folder);
  fs::copy_file(path(), folder / "a.safetensors");
  fs::copy_file(path(), folder / "b.safetensors");
  std::ofstream(folder / "notes.txt") << "Two copies.\n";
  const auto twice = predict(folder.string(), sampling());
  ASSERT_TRUE(once.ok() && twice.ok());
  EXPECT_LT(twice->methods[0].bytes, once->methods[0].bytes * 51 / 50);
  expect_within(folder.string(), 0.01, sampling());
}

TEST_F(GeneratedModel, GetsTheSameSizesWithAnyNumberOfThreads) {
  test_models::Spec spec = spec_of("llama", DType::kF16);
  spec.widths = {224};
  write_model(path(), sliced(spec));
  std::vector<std::uint64_t> first;
  for (const unsigned threads : {1u, 2u}) {
    Options options = sampling();
    options.threads = threads;
    const auto forecasts = predict(path(), options);
    ASSERT_TRUE(forecasts.ok()) << forecasts.error().message;
    std::vector<std::uint64_t> sizes;
    for (const Forecast& one : forecasts->methods) sizes.push_back(one.bytes / 64);
    if (first.empty()) first = sizes;
    EXPECT_EQ(sizes.front(), first.front());
  }
}

// Predicts for an archive, and counts by tensor how often a part of it was decoded.
Result<Forecasts> predict_archive(const std::string& path, std::map<std::string, int>& parts) {
  BBZ_ASSIGN(model::Model model, model::open(path));
  model.load_part = [&, load = model.load_part](std::size_t tensor, std::uint64_t offset) {
    ++parts[model.tensors[tensor].name];
    return load(tensor, offset);
  };
  const rotation::Detection detection = rotation::detect(model);
  return forecast({&model, &detection, nullptr}, sampling());
}

TEST_F(GeneratedModel, ThatIsAPolarArchiveIsPredictedAndDecodedOnceForEachLevel) {
  test_models::Spec spec = spec_of("llama", DType::kF16);
  spec.hidden = 800;
  spec.widths = {750};
  spec.layers = 1;
  spec.inner = 128;
  write_model(path(), sliced(spec));
  const std::string archive = dir_ / "model.bbz";
  const auto files = files::open(path());
  ASSERT_TRUE(files.ok());
  const auto sink = io::create_output(archive, {}).value();
  ops::SymmetryOptions symmetry;
  symmetry.method = rotation::RequestedMethod::kPolar;
  ASSERT_TRUE(ops::pack_symmetric(**files, *sink, {}, symmetry).ok());
  ASSERT_TRUE(sink->finish().ok());
  std::map<std::string, int> parts;
  const auto forecasts = predict_archive(archive, parts);
  ASSERT_TRUE(forecasts.ok()) << forecasts.error().message;
  for (const Forecast& one : forecasts->methods) {
    EXPECT_EQ(one.note.empty(), one.method != "pivot") << one.method << " " << one.note;
    EXPECT_GT(one.bytes, fs::file_size(archive) / 2) << one.method;
  }
  // It is derived as a whole, and has more bytes than a chunk.
  EXPECT_EQ(parts.at("model.layers.0.attn_shortcut_Q"), 2);
}

TEST_F(GeneratedModel, ThatIsAnArchiveIsReadIfDecodingItIsInProportionToItsBytes) {
  for (const bool much : {false, true}) {
    const std::string archive = dir_ / "model.bbz";
    tools::Forgery forged(archive);
    tools::add_polar_tensors(forged, 1, DType::kF16, 2700, 2700, much ? 250'000 : 1000);
    forged.finish();
    std::map<std::string, int> parts;
    const auto forecasts = predict_archive(archive, parts);
    ASSERT_TRUE(forecasts.ok()) << forecasts.error().message;
    const std::string& note = forecasts->methods.front().note;
    EXPECT_EQ(note.empty(), much) << note;
    EXPECT_EQ(parts["w0"], much ? 2 : 0);
    EXPECT_EQ(note.find(" stored bytes takes 2e+10 multiplications") == note.npos, much) << note;
  }
}

test_models::Model small_sliced() {
  test_models::Spec spec = spec_of("llama", DType::kF16);
  spec.hidden = 64;
  spec.inner = 128;
  spec.widths = {48};
  return sliced(spec);
}

TEST_F(GeneratedModel, TakesLongerBySecondsOfStarting) {
  write_model(path(), small_sliced());
  Options options;
  options.start_seconds = 1000;
  const auto forecasts = predict(path(), options);
  ASSERT_TRUE(forecasts.ok()) << forecasts.error().message;
  for (const Forecast& one : forecasts->methods) {
    EXPECT_GT(one.seconds, 1000) << one.method;
    EXPECT_LT(one.seconds, 1500) << one.method;
  }
}

TEST_F(GeneratedModel, ComesWithItsEstimate) {
  write_model(path(), small_sliced());
  auto model = model::open(path());
  ASSERT_TRUE(model.ok());
  const rotation::Detection detection = rotation::detect(*model);
  const auto estimate = rotation::estimate(*model, detection);
  ASSERT_TRUE(estimate.ok());
  const auto forecasts = forecast({&*model, &detection, nullptr});
  ASSERT_TRUE(forecasts.ok());
  ASSERT_TRUE(forecasts->estimate);
  ASSERT_EQ(forecasts->estimate->junctions.size(), estimate->junctions.size());
  for (std::size_t j = 0; j < estimate->junctions.size(); ++j) {
    EXPECT_EQ(forecasts->estimate->junctions[j].polar_entries,
              estimate->junctions[j].polar_entries);
  }
}

// All models of the directory whose names begin with "docs10m", or all others.
void expect_real_models_within(bool docs10m) {
  std::size_t found = 0;
  std::error_code error;
  for (const auto& entry : fs::recursive_directory_iterator(BBZ_SHARED_DATA, error)) {
    const std::string name = entry.path().filename().string();
    const std::string suffix = entry.path().extension().string();
    const bool model =
        suffix == ".safetensors" || suffix == ".pt" || suffix == ".pth" || suffix == ".tar";
    const bool large = entry.is_regular_file() && entry.file_size() > 5'000'000;
    if (!model || large != docs10m) continue;
    ++found;
    expect_within(entry.path().string(), 0.01);
  }
  if (found == 0) GTEST_SKIP() << "no real models here: " << BBZ_SHARED_DATA << " is missing";
}

TEST(RealModels, AreWithinOnePercent) {
  expect_real_models_within(false);
}

TEST(RealModels, OfMoreBytesSuchAs_docs10m_AreWithinOnePercent) {
  expect_real_models_within(true);
}

}  // namespace
}  // namespace bbz::forecast
