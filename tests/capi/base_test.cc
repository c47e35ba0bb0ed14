// Archives relative to a base through the C interface: with a reader as base, and on the caller's bytes.
#include <gmock/gmock.h>
#include <sys/wait.h>

#include <cstring>

#include "capi/on_base.h"
#include "support/temp_dir.h"

namespace bbz::capi {
namespace {

TEST_F(OnBase, AReaderIsTheBaseOfAnother) {
  const Owned<bbz_reader> reader = open_update(base_of(open().get()).get());
  expect_changed(*reader);
  std::vector<std::byte> out(changed_.size());
  const Owned<bbz_reader> alone = open_update(nullptr);
  EXPECT_EQ(bbz_reader_read_tensor(alone.get(), find(*alone, kChanged), out.data(), out.size(),
                                   error_.get()),
            BBZ_ERROR_UNSUPPORTED);
  EXPECT_THAT(message(), testing::HasSubstr("no base is given"));
}

TEST_F(OnBase, UpdatesTheCallersBytesInPlace) {
  const Owned<bbz_reader> base = open();
  const Owned<bbz_reader> update = open_update(nullptr);
  const std::uint32_t number = find(*update, kChanged);
  std::vector<std::byte> weights(changed_.size());
  EXPECT_EQ(
      bbz_reader_update_tensor(update.get(), number, weights.data(), weights.size(), error_.get()),
      BBZ_ERROR_DIGEST_MISMATCH);
  EXPECT_EQ(weights, std::vector<std::byte>(changed_.size()));
  ASSERT_EQ(bbz_reader_read_tensor(base.get(), find(*base, kChanged), weights.data(),
                                   weights.size(), error_.get()),
            BBZ_OK);
  EXPECT_NE(weights, changed_);
  EXPECT_EQ(
      bbz_reader_update_tensor(update.get(), number, weights.data(), weights.size(), error_.get()),
      BBZ_OK)
      << message();
  EXPECT_EQ(weights, changed_);
  EXPECT_EQ(bbz_reader_update_tensor(nullptr, number, weights.data(), weights.size(), nullptr),
            BBZ_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(bbz_reader_update_tensor(update.get(), number, weights.data(), 3, nullptr),
            BBZ_ERROR_INVALID_ARGUMENT);
}

TEST_F(OnBase, ChecksTheCallersBytesAndChangesNone) {
  const Owned<bbz_reader> base = open();
  const Owned<bbz_reader> update = open_update(nullptr);
  const std::uint32_t number = find(*update, kChanged);
  std::vector<std::byte> weights(changed_.size());
  const auto check = [&](std::size_t size) {
    return bbz_reader_check_update(update.get(), number, weights.data(), size, error_.get());
  };
  EXPECT_EQ(check(weights.size()), BBZ_ERROR_DIGEST_MISMATCH);
  EXPECT_THAT(message(), testing::HasSubstr("the bytes to update have the digest"));
  ASSERT_EQ(bbz_reader_read_tensor(base.get(), find(*base, kChanged), weights.data(),
                                   weights.size(), error_.get()),
            BBZ_OK);
  const auto before = weights;
  EXPECT_EQ(check(weights.size()), BBZ_OK) << message();
  EXPECT_EQ(weights, before);
  EXPECT_EQ(check(3), BBZ_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(bbz_reader_check_update(update.get(), 99, weights.data(), 3, nullptr),
            BBZ_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(bbz_reader_check_update(update.get(), number, nullptr, 3, nullptr),
            BBZ_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(bbz_reader_check_update(nullptr, number, weights.data(), 3, nullptr),
            BBZ_ERROR_INVALID_ARGUMENT);
}

TEST_F(OnBase, IsFoundAtPathsInDirectoriesInSourcesAndAmongSeveral) {
  const io::TempDir dir;
  write_files(dir);
  const std::string path = dir / "base.bbz", folder = dir.path().string();
  const std::string update = dir / "update.bbz";
  for (const std::string& place : {path, folder}) {
    auto options = sized<bbz_base_options>();
    const char* const places[] = {place.c_str()};
    options.places = places;
    options.place_count = 1;
    options.archive = update.c_str();
    expect_changed(*open_update(base_at(options).get()));
  }
  auto options = sized<bbz_base_options>();
  const Owned<bbz_source> source = memory();
  const bbz_source* const sources[] = {source.get()};
  options.sources = sources;
  options.source_count = 1;
  expect_changed(*open_update(base_at(options).get()));
  // A reader that lacks the tensors comes first.
  const Owned<bbz_reader> alone = open_update(nullptr);
  const bbz_reader* const readers[] = {alone.get()};
  options.readers = readers;
  options.reader_count = 1;
  expect_changed(*open_update(base_at(options).get()));
}

TEST_F(OnBase, RefusesOptionsOfABaseThatCannotBe) {
  bbz_base* base = nullptr;
  EXPECT_EQ(bbz_base_open(nullptr, &base, error_.get()), BBZ_ERROR_INVALID_ARGUMENT);
  EXPECT_THAT(message(), testing::HasSubstr("nowhere to look"));
  auto options = sized<bbz_base_options>();
  EXPECT_EQ(bbz_base_open(&options, nullptr, nullptr), BBZ_ERROR_INVALID_ARGUMENT);
  const char* const places[] = {nullptr};
  for (int part = 0; part < 5; ++part) {
    options = sized<bbz_base_options>();
    options.place_count = part == 0;
    options.source_count = part == 1;
    options.reader_count = part == 2;
    options.reserved = part == 3;
    if (part == 4) {
      options.places = places;
      options.place_count = 1;
    }
    EXPECT_EQ(bbz_base_open(&options, &base, error_.get()), BBZ_ERROR_INVALID_ARGUMENT) << part;
    EXPECT_EQ(base, nullptr);
  }
  const char* const missing[] = {"/nonexistent/base.bbz"};
  options = sized<bbz_base_options>();
  options.places = missing;
  options.place_count = 1;
  const Owned<bbz_reader> reader = open_update(base_at(options).get());
  std::vector<std::byte> out(changed_.size());
  EXPECT_EQ(bbz_reader_read_tensor(reader.get(), find(*reader, kChanged), out.data(), out.size(),
                                   error_.get()),
            BBZ_ERROR_NOT_FOUND);
  EXPECT_THAT(message(), testing::HasSubstr("/nonexistent/base.bbz"));
}

TEST_F(OnBase, IsDescribed) {
  const Owned<bbz_reader> update = open_update(nullptr);
  auto archive = sized<bbz_archive_info>();
  auto tensor = sized<bbz_tensor_info>();
  auto info = sized<bbz_recorded_base>();
  ASSERT_EQ(bbz_reader_info(update.get(), &archive, nullptr), BBZ_OK);
  EXPECT_EQ(archive.base_count, 1u);
  ASSERT_EQ(bbz_reader_base(update.get(), 0, &info, nullptr), BBZ_OK);
  EXPECT_STREQ(info.name, "sample.bbz");
  EXPECT_EQ(info.name_length, 10u);
  EXPECT_EQ(info.root, base_->root().to_string());
  EXPECT_EQ(bbz_reader_base(update.get(), 1, &info, nullptr), BBZ_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(bbz_reader_base(nullptr, 0, &info, nullptr), BBZ_ERROR_INVALID_ARGUMENT);
  ASSERT_EQ(bbz_reader_tensor(update.get(), find(*update, kChanged), &tensor, nullptr), BBZ_OK);
  EXPECT_EQ(tensor.leans_on, 0u);
  const Owned<bbz_reader> base = open();
  ASSERT_EQ(bbz_reader_tensor(base.get(), find(*base, kChanged), &tensor, nullptr), BBZ_OK);
  EXPECT_EQ(tensor.leans_on, BBZ_NONE);
  archive.struct_size = offsetof(bbz_archive_info, base_count);
  archive.base_count = 77;
  ASSERT_EQ(bbz_reader_info(base.get(), &archive, nullptr), BBZ_OK);
  EXPECT_EQ(archive.base_count, 77u);
}

TEST_F(OnBase, VerifiesUnpacksAndOpensAsAModel) {
  const Owned<bbz_base> base = base_of(open().get());
  bbz_source* opened = nullptr;
  ASSERT_EQ(bbz_source_open_memory(update_.data(), update_.size(), &opened, nullptr), BBZ_OK);
  const Owned<bbz_source> source(opened);
  auto verify = sized<bbz_verify_options>();
  bbz_report* found = nullptr;
  EXPECT_EQ(bbz_verify(source.get(), &verify, &found, error_.get()), BBZ_ERROR_UNSUPPORTED);
  const Owned<bbz_report> report(found);
  auto info = sized<bbz_report_info>();
  ASSERT_EQ(bbz_report_get(report.get(), &info, nullptr), BBZ_OK);
  EXPECT_GT(info.without_base, 0u);
  EXPECT_EQ(info.damage_count, 0u);
  const Owned<bbz_base> other = base_of(open_update(base.get()).get());
  verify.base = other.get();
  EXPECT_EQ(bbz_verify(source.get(), &verify, nullptr, error_.get()), BBZ_ERROR_BASE);
  EXPECT_THAT(message(), testing::HasSubstr("another base"));
  verify.base = base.get();
  EXPECT_EQ(bbz_verify(source.get(), &verify, nullptr, error_.get()), BBZ_OK) << message();

  const io::TempDir dir;
  const std::string out = dir / "out";
  auto unpack = sized<bbz_unpack_options>();
  EXPECT_EQ(bbz_unpack(source.get(), out.c_str(), &unpack, nullptr, error_.get()),
            BBZ_ERROR_UNSUPPORTED);
  unpack.base = base.get();
  EXPECT_EQ(bbz_unpack(source.get(), out.c_str(), &unpack, nullptr, error_.get()), BBZ_OK)
      << message();
  EXPECT_NE(
      io::read_text(out + "/model")
          .find(std::string_view(reinterpret_cast<const char*>(changed_.data()), changed_.size())),
      std::string::npos);

  auto modelling = sized<bbz_model_options>();
  modelling.base = base.get();
  bbz_model* made = nullptr;
  ASSERT_EQ(bbz_model_open_source(source.get(), nullptr, &modelling, &made, error_.get()), BBZ_OK)
      << message();
  const Owned<bbz_model> model(made);
  std::uint32_t number = 0;
  std::vector<std::byte> bytes(changed_.size());
  ASSERT_EQ(bbz_model_find(model.get(), kChanged, 10, &number, nullptr), BBZ_OK);
  EXPECT_EQ(bbz_model_read_bytes(model.get(), number, 0, bytes.data(), bytes.size(), error_.get()),
            BBZ_OK)
      << message();
  EXPECT_EQ(bytes, changed_);
}

TEST_F(OnBase, PacksRelativeToIt) {
  const io::TempDir dir;
  write_files(dir);
  const Owned<bbz_base> base = base_of(open().get());
  auto unpack = sized<bbz_unpack_options>();
  unpack.base = base.get();
  bbz_source* opened = nullptr;
  ASSERT_EQ(bbz_source_open_memory(update_.data(), update_.size(), &opened, nullptr), BBZ_OK);
  const Owned<bbz_source> source(opened);
  const std::string plain = dir / "plain.safetensors";
  const char* const names[] = {kChanged};
  auto selection = sized<bbz_selection>();
  selection.tensors = names;
  selection.tensor_count = 1;
  unpack.selection = &selection;
  unpack.one_file = 1;
  ASSERT_EQ(bbz_unpack(source.get(), plain.c_str(), &unpack, nullptr, error_.get()), BBZ_OK)
      << message();
  auto pack = sized<bbz_pack_options>();
  pack.base = base.get();
  auto written = sized<bbz_written>();
  const std::string packed = dir / "packed.bbz";
  ASSERT_EQ(bbz_pack(plain.c_str(), packed.c_str(), &pack, &written, error_.get()), BBZ_OK)
      << message();
  EXPECT_EQ(written.tensor_count, 1u);
  EXPECT_EQ(written.leaning_count, 1u);
  pack.symmetry = BBZ_SYMMETRY_AUTO;
  EXPECT_EQ(bbz_pack(plain.c_str(), (packed + "2").c_str(), &pack, nullptr, error_.get()),
            BBZ_ERROR_INVALID_ARGUMENT);
  EXPECT_THAT(message(), testing::HasSubstr("base cannot be combined with symmetry"));
}

TEST_F(OnBase, OptionsOfTheFirstVersionHaveNoBase) {
  bbz_reader_options options{};
  options.struct_size = offsetof(bbz_reader_options, base);
  EXPECT_NE(open(&options), nullptr);
}

TEST_F(OnBase, TheExampleInCUpdatesAllWeights) {
  const io::TempDir dir;
  write_files(dir);
  const std::string at = dir.path().string();
  const std::string command =
      std::string(BBZ_UPDATE) + " " + at + "/base.bbz " + at + "/update.bbz";
  const int code = std::system((command + " > " + at + "/out").c_str());
  EXPECT_EQ(code, 0);
  EXPECT_THAT(io::read_text(dir / "out"), testing::HasSubstr("layers.0.w: 640 bytes"));
  const std::string wrong =
      std::string(BBZ_UPDATE) + " " + at + "/update.bbz " + at + "/update.bbz";
  EXPECT_NE(std::system((wrong + " > /dev/null 2>&1").c_str()), 0);
}

}  // namespace
}  // namespace bbz::capi
