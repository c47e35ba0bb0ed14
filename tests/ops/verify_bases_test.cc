// What verify() says of archives that lean on a base which does not serve.
#include <gmock/gmock.h>

#include "archive/leaning.h"
#include "bbz/ops/verify.h"

namespace bbz::ops {
namespace {

using ::testing::HasSubstr;

class VerifyBases : public Leaning {
 protected:
  Result<VerifyReport> verified(std::size_t max_damages = 100) {
    VerifyOptions options;
    options.base = base_;
    options.max_damages = max_damages;
    return verify(*io::memory_source(Bytes(archive_)), options);
  }
  // Expects that the archive counts as whole, and that these tensors were not decoded.
  void expect_not_decoded(const std::vector<std::string>& tensors, const std::string& why) {
    const auto report = verified();
    BBZ_ASSERT_OK(report);
    EXPECT_EQ(report->damaged, 0u);
    EXPECT_FALSE(report->broken);
    EXPECT_TRUE(report->root);
    EXPECT_EQ(report->outcome().code(), Code::kBase);
    EXPECT_GE(report->without_base, tensors.size());
    ASSERT_EQ(report->not_decoded.size(), tensors.size());
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      const Error& error = report->not_decoded[i];
      ASSERT_NE(error.place, nullptr);
      EXPECT_EQ(error.place->tensor, tensors[i]);
      EXPECT_THAT(error.message, HasSubstr("tensor \"" + tensors[i] + "\" leans on"));
      EXPECT_THAT(error.message, HasSubstr("of base \"hint.safetensors\""));
      EXPECT_THAT(error.message, HasSubstr(why));
    }
  }
};

TEST_F(VerifyBases, AnotherBaseIsNoDamageOfTheArchive) {
  base_->bytes(0)[19999] ^= std::byte{1};
  expect_not_decoded({"layers.0.w"}, "this is another base: that of memory has the digest");
}

TEST_F(VerifyBases, ATensorThatTheBaseLacksIsNoDamageOfTheArchive) {
  base_->info(2).name = "other";
  expect_not_decoded({"new"}, "which memory does not have");
}

TEST_F(VerifyBases, DamageOfTheBaseIsNoDamageOfTheArchive) {
  base_->failure = Code::kChecksum;
  expect_not_decoded({"layers.0.w", "layers.1.w", "new"}, "which cannot be read: cannot read this");
  const auto report = verified(0);
  BBZ_ASSERT_OK(report);
  EXPECT_EQ(report->outcome().code(), Code::kBase);
}

TEST_F(VerifyBases, ViewsOfWhatLeansAreNoDamageEither) {
  write([](Writer& writer) {
    TensorSpec view;
    view.name = "view";
    view.dtype = DType::kBF16;
    view.shape = {10};
    view.place = catalog::View{4, 40, {1}};
    BBZ_ASSERT_OK(writer.begin_tensor(view));
    BBZ_ASSERT_OK(writer.end_tensor());
  });
  base_->bytes(0)[19999] ^= std::byte{1};
  const auto report = verified();
  BBZ_ASSERT_OK(report);
  EXPECT_EQ(report->damaged, 0u);
  EXPECT_EQ(report->outcome().code(), Code::kBase);
}

TEST_F(VerifyBases, DamageOfTheArchiveIsToldBesideThatOfTheBase) {
  base_->bytes(0)[19999] ^= std::byte{1};
  const Reader reader = open(base_);
  const catalog::Tensor& alone = reader.catalog().tensors[3];
  const catalog::Payload& payload = reader.catalog().chunks[alone.first_chunk].payload;
  archive_[payload.offset] ^= std::byte{1};
  const auto report = verified();
  BBZ_ASSERT_OK(report);
  EXPECT_EQ(report->damaged, 1u);
  EXPECT_EQ(report->outcome().code(), Code::kChecksum);
  EXPECT_GT(report->without_base, 0u);
}

TEST_F(VerifyBases, WhatKeepsTheBaseFromBeingReadEndsIt) {
  for (const Code code : {Code::kIo, Code::kNotFound, Code::kInvalidArgument}) {
    base_->failure = code;
    const auto report = verified();
    EXPECT_EQ(report.code(), code);
  }
}

}  // namespace
}  // namespace bbz::ops
