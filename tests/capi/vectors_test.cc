// The archives of format-spec/vectors through the C interface, next to the C++ one.
#include <filesystem>

#include "capi/support.h"
#include "support/assert.h"

namespace bbz::capi {
namespace {

class CVectors : public CInterface {
 protected:
  static std::string path_of(const std::string& name) {
    return BBZ_VECTORS "/valid/" + name + ".bbz";
  }

  Owned<bbz_reader> open_vector(const std::string& name) {
    bbz_source* source = nullptr;
    EXPECT_EQ(bbz_source_open_file(path_of(name).c_str(), &source, error_.get()), BBZ_OK)
        << message();
    const Owned<bbz_source> owned(source);
    bbz_reader* reader = nullptr;
    EXPECT_EQ(bbz_reader_open(source, nullptr, &reader, error_.get()), BBZ_OK) << message();
    return Owned<bbz_reader>(reader);
  }

  std::vector<bbz_tensor_info> tensors(const bbz_reader* reader) {
    auto archive = sized<bbz_archive_info>();
    EXPECT_EQ(bbz_reader_info(reader, &archive, error_.get()), BBZ_OK) << message();
    std::vector<bbz_tensor_info> all(archive.tensor_count, sized<bbz_tensor_info>());
    for (std::uint32_t number = 0; number < all.size(); ++number) {
      EXPECT_EQ(bbz_reader_tensor(reader, number, &all[number], error_.get()), BBZ_OK);
    }
    return all;
  }
};

TEST_F(CVectors, EveryTensorIsThatOfTheReader) {
  int archives = 0;
  for (const auto& entry : std::filesystem::directory_iterator(BBZ_VECTORS "/valid")) {
    if (entry.path().extension() != ".bbz") continue;
    SCOPED_TRACE(entry.path().stem().string());
    ++archives;
    const auto reader = open_vector(entry.path().stem().string());
    const auto same = Reader::open(*io::open_file(entry.path().string()));
    const auto infos = tensors(reader.get());
    ASSERT_EQ(infos.size(), same->catalog().tensors.size());
    for (std::uint32_t number = 0; number < infos.size(); ++number) {
      std::vector<std::byte> expected(infos[number].byte_size);
      std::vector<std::byte> found(infos[number].byte_size);
      const Status status = same->read_tensor(number, expected);
      EXPECT_EQ(
          bbz_reader_read_tensor(reader.get(), number, found.data(), found.size(), error_.get()),
          static_cast<bbz_code>(status.code()));
      if (status.ok()) {
        EXPECT_EQ(found, expected);
      } else {
        EXPECT_EQ(message(), status.error().message);
      }
    }
  }
  EXPECT_GT(archives, 10);
}

// Every tensor in three parts, those of all tensors in one call.
TEST_F(CVectors, ManyPartsAreThoseOfTheTensors) {
  for (const auto& entry : std::filesystem::directory_iterator(BBZ_VECTORS "/valid")) {
    if (entry.path().extension() != ".bbz") continue;
    SCOPED_TRACE(entry.path().stem().string());
    const auto reader = open_vector(entry.path().stem().string());
    const auto same = Reader::open(*io::open_file(entry.path().string()));
    const auto infos = tensors(reader.get());
    std::vector<std::vector<std::byte>> expected(infos.size());
    std::vector<std::vector<std::byte>> found(infos.size());
    std::vector<bbz_target> targets;
    for (std::uint32_t number = 0; number < infos.size(); ++number) {
      expected[number].resize(infos[number].byte_size);
      if (!same->read_tensor(number, expected[number]).ok()) {
        expected[number].clear();
        continue;
      }
      found[number].resize(infos[number].byte_size);
      const std::uint64_t third = infos[number].byte_size / 3;
      std::byte* const to = found[number].data();
      targets.push_back({to + third, third, third, number, 0});
      targets.push_back({to, 0, third, number, 0});
      targets.push_back(
          {to + 2 * third, 2 * third, infos[number].byte_size - 2 * third, number, 0});
    }
    EXPECT_EQ(
        bbz_reader_read_many(reader.get(), targets.data(), targets.size(), nullptr, error_.get()),
        BBZ_OK)
        << message();
    EXPECT_EQ(found, expected);
  }
}

TEST_F(CVectors, OperandsBelongToNoFile) {
  const auto reader = open_vector("operands");
  const auto infos = tensors(reader.get());
  const auto operand =
      std::ranges::find(infos, std::uint32_t{BBZ_KIND_OPERAND}, &bbz_tensor_info::kind);
  ASSERT_NE(operand, infos.end());
  EXPECT_EQ(operand->file, BBZ_NONE);
  EXPECT_GT(operand->name_length, 0u);
  std::uint32_t number = 0;
  EXPECT_EQ(bbz_reader_find_tensor(reader.get(), operand->name, operand->name_length, BBZ_NONE,
                                   &number, error_.get()),
            BBZ_ERROR_NOT_FOUND);
}

TEST_F(CVectors, ViewsSayWhatTheyAreOf) {
  const auto reader = open_vector("views-of-other-dtypes");
  const auto infos = tensors(reader.get());
  const auto named = [&](std::string_view name) {
    return *std::ranges::find(infos, name, [](const bbz_tensor_info& info) {
      return std::string_view(info.name, info.name_length);
    });
  };
  const bbz_tensor_info halves = named("halves");
  EXPECT_EQ(halves.kind, std::uint32_t{BBZ_KIND_TENSOR});
  ASSERT_EQ(halves.rank, 2u);
  ASSERT_NE(halves.strides, nullptr);
  EXPECT_EQ(halves.strides[0], 1u);
  EXPECT_EQ(halves.strides[1], 2u);
  EXPECT_EQ(halves.base_offset, 0u);
  ASSERT_LT(halves.base, infos.size());
  EXPECT_EQ(std::string_view(infos[halves.base].name), "w");
  EXPECT_EQ(named("between").base_offset, 1u);
  EXPECT_EQ(named("w").base, BBZ_NONE);
  EXPECT_EQ(named("w").strides, nullptr);
  EXPECT_EQ(named("data/0").kind, std::uint32_t{BBZ_KIND_STORAGE});

  // A program that was compiled before there were views gets what it knows.
  bbz_tensor_info old{};
  old.struct_size = offsetof(bbz_tensor_info, block_type);
  old.base = 77;
  ASSERT_EQ(bbz_reader_tensor(reader.get(), 2, &old, error_.get()), BBZ_OK) << message();
  EXPECT_EQ(old.base, 77u);
}

TEST_F(CVectors, ATypeOfALaterVersionHasNoName) {
  const auto reader = open_vector("unknown-dtype");
  const auto infos = tensors(reader.get());
  EXPECT_TRUE(std::ranges::any_of(infos, [](const bbz_tensor_info& info) {
    return info.kind == BBZ_KIND_TENSOR && bbz_dtype_name(info.dtype) == nullptr;
  }));
}

TEST_F(CVectors, ARotatedModelIsNotExact) {
  archive_.clear();
  const auto sink = io::memory_sink(archive_);
  auto writer = Writer::create(*sink).value();
  BBZ_ASSERT_OK(writer.begin_file("model"));
  BBZ_ASSERT_OK(writer.add_metadata("symmetry", "{}"));
  BBZ_ASSERT_OK(writer.end_file());
  BBZ_ASSERT_OK(writer.finish());
  const auto reader = open();
  auto info = sized<bbz_archive_info>();
  ASSERT_EQ(bbz_reader_info(reader.get(), &info, error_.get()), BBZ_OK) << message();
  EXPECT_EQ(info.exact, 0u);
  auto metadata = sized<bbz_metadata_info>();
  ASSERT_EQ(bbz_reader_metadata(reader.get(), 0, &metadata, error_.get()), BBZ_OK) << message();
  EXPECT_EQ(metadata.file, 0u);
}

}  // namespace
}  // namespace bbz::capi
