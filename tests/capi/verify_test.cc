#include "bbz/capi/verify.h"

#include "capi/support.h"
#include "support/temp_dir.h"

namespace bbz::capi {
namespace {

using testing::HasSubstr;

class CVerify : public CInterface {
 protected:
  bbz_code verify(const bbz_verify_options* options = nullptr) {
    bbz_report* report = nullptr;
    const bbz_code code = bbz_verify(memory().get(), options, &report, error_.get());
    report_.reset(report);
    info_ = sized<bbz_report_info>();
    if (report != nullptr) {
      Owned<bbz_error> other(bbz_error_new());
      EXPECT_EQ(bbz_report_get(report, &info_, other.get()), BBZ_OK);
    }
    return code;
  }

  // Flips a bit in a chunk of "layers.0.w", and returns the place of its payload.
  std::uint64_t damage(std::size_t chunk) {
    const auto reader = Reader::open(io::memory_source(Bytes(archive_)));
    const std::uint32_t number = reader->catalog().find_tensors("layers.0.w").at(0);
    const auto& hit = reader->catalog().chunks_of(reader->catalog().tensors[number])[chunk];
    archive_[hit.payload.offset] ^= std::byte{1};
    return hit.payload.offset;
  }

  Owned<bbz_report> report_;
  bbz_report_info info_{};
};

TEST_F(CVerify, ASoundArchive) {
  std::uint64_t read = 0;
  auto options = sized<bbz_verify_options>();
  options.threads = BBZ_ALL_CORES;
  options.user = &read;
  options.progress = [](void* user, std::uint64_t bytes) {
    *static_cast<std::uint64_t*>(user) = bytes;
  };
  ASSERT_EQ(verify(&options), BBZ_OK) << message();
  EXPECT_EQ(read, archive_.size());
  EXPECT_EQ(info_.archive_bytes, archive_.size());
  EXPECT_EQ(info_.damage_count, 0u);
  EXPECT_EQ(info_.broken, BBZ_OK);
  EXPECT_EQ(info_.file_count, 4u);
  EXPECT_EQ(info_.tensor_count, 6u);
  const auto reader = Reader::open(io::memory_source(Bytes(archive_)));
  EXPECT_EQ(info_.chunk_count, reader->catalog().chunks.size());
  EXPECT_EQ(info_.root, reader->root().to_string());
  EXPECT_EQ(bbz_verify(memory().get(), nullptr, nullptr, nullptr), BBZ_OK);
  // A program that was compiled before there was `watch`.
  options.struct_size = offsetof(bbz_verify_options, watch);
  options.watch = [](void*, std::uint32_t, std::uint64_t, std::uint64_t) { return 1; };
  EXPECT_EQ(bbz_verify(memory().get(), &options, nullptr, error_.get()), BBZ_OK) << message();
  options.struct_size = sizeof options;
  EXPECT_EQ(bbz_verify(memory().get(), &options, nullptr, error_.get()),
            BBZ_ERROR_INVALID_ARGUMENT);
  options.progress = nullptr;
  EXPECT_EQ(bbz_verify(memory().get(), &options, nullptr, error_.get()), BBZ_ERROR_CANCELLED);
}

// A safetensors file whose own header calls its tensors otherwise.
TEST_F(CVerify, RecordsThatTheFileContradictsAreDamage) {
  const std::string text = io::read_text(BBZ_VECTORS "/invalid/safetensors-swapped.bbz");
  const Bytes bytes = std::as_bytes(std::span(text));
  archive_.assign(bytes.begin(), bytes.end());
  ASSERT_FALSE(archive_.empty());
  EXPECT_EQ(verify(), BBZ_ERROR_MALFORMED) << message();
  EXPECT_EQ(info_.damage_count, 1u);
  EXPECT_THAT(message(), HasSubstr("file \"m.safetensors\": tensor \"b\" has another dtype"));
}

TEST_F(CVerify, EveryDamageIsNamed) {
  const std::uint64_t first = damage(1);
  const std::uint64_t second = damage(4);
  ASSERT_EQ(verify(), BBZ_ERROR_CHECKSUM);
  EXPECT_THAT(message(), HasSubstr("layers.0.w"));
  ASSERT_GE(info_.listed_count, 2u);
  auto damage = sized<bbz_damage>();
  ASSERT_EQ(bbz_report_damage(report_.get(), 0, &damage, error_.get()), BBZ_OK) << message();
  EXPECT_STREQ(damage.file, "model");
  EXPECT_STREQ(damage.tensor, "layers.0.w");
  EXPECT_EQ(damage.chunk, 1u);
  EXPECT_EQ(damage.archive_offset, first);
  EXPECT_EQ(damage.code, BBZ_ERROR_CHECKSUM);
  EXPECT_THAT(damage.message, HasSubstr("payload check"));
  ASSERT_EQ(bbz_report_damage(report_.get(), 1, &damage, error_.get()), BBZ_OK) << message();
  EXPECT_EQ(damage.chunk, 4u);
  EXPECT_EQ(damage.archive_offset, second);
  EXPECT_EQ(bbz_report_damage(report_.get(), info_.listed_count, &damage, error_.get()),
            BBZ_ERROR_INVALID_ARGUMENT);
}

TEST_F(CVerify, ACutIsTold) {
  archive_.resize(archive_.size() / 2);
  EXPECT_EQ(verify(), BBZ_ERROR_TRUNCATED);
  EXPECT_EQ(info_.broken, BBZ_ERROR_TRUNCATED);
  EXPECT_STREQ(info_.root, "");
}

TEST_F(CVerify, TheRootMustBeTheExpectedOne) {
  ASSERT_EQ(verify(), BBZ_OK);
  const std::string root = info_.root;
  auto options = sized<bbz_verify_options>();
  options.expected_root = root.c_str();
  EXPECT_EQ(verify(&options), BBZ_OK) << message();
  std::string other = root;
  other.back() = other.back() == '0' ? '1' : '0';
  options.expected_root = other.c_str();
  EXPECT_EQ(verify(&options), BBZ_ERROR_DIGEST_MISMATCH);
  EXPECT_STREQ(info_.root, root.c_str());
  options.expected_root = "no digest";
  EXPECT_EQ(verify(&options), BBZ_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(report_, nullptr);
}

TEST_F(CVerify, LimitsAndFastAreKept) {
  auto limits = sized<bbz_limits>();
  limits.name_bytes = 3;
  auto options = sized<bbz_verify_options>();
  options.limits = &limits;
  EXPECT_EQ(verify(&options), BBZ_ERROR_LIMIT);
  EXPECT_EQ(info_.broken, BBZ_ERROR_LIMIT);
  options.limits = nullptr;
  options.fast = 1;
  EXPECT_EQ(verify(&options), BBZ_OK) << message();
}

TEST_F(CVerify, AFailingSourceGivesNoReport) {
  auto given = sized<bbz_callbacks>();
  given.read = [](void*, std::uint64_t, void*, std::size_t) { return std::int64_t{-5}; };
  bbz_source* source = nullptr;
  ASSERT_EQ(bbz_source_open_callbacks(&given, &source, error_.get()), BBZ_OK) << message();
  bbz_report* report = nullptr;
  EXPECT_EQ(bbz_verify(source, nullptr, &report, error_.get()), BBZ_ERROR_IO);
  EXPECT_EQ(report, nullptr);
  bbz_source_free(source);
}

TEST_F(CVerify, NullsAndSizesAreArgumentErrors) {
  ASSERT_EQ(verify(), BBZ_OK);
  bbz_report* report = nullptr;
  EXPECT_EQ(bbz_verify(nullptr, nullptr, &report, error_.get()), BBZ_ERROR_INVALID_ARGUMENT);
  bbz_verify_options unsized{};
  EXPECT_EQ(bbz_verify(memory().get(), &unsized, &report, error_.get()),
            BBZ_ERROR_INVALID_ARGUMENT);
  auto damage = sized<bbz_damage>();
  EXPECT_EQ(bbz_report_get(nullptr, &info_, error_.get()), BBZ_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(bbz_report_get(report_.get(), nullptr, error_.get()), BBZ_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(bbz_report_damage(nullptr, 0, &damage, error_.get()), BBZ_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(bbz_report_damage(report_.get(), 0, nullptr, error_.get()), BBZ_ERROR_INVALID_ARGUMENT);
  bbz_report_free(nullptr);
}

}  // namespace
}  // namespace bbz::capi
