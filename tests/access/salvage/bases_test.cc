// Damaged archives that lean on a base.
#include <gmock/gmock.h>

#include "archive/leaning.h"
#include "bbz/access/salvage/salvage.h"
#include "bbz/format/container/scan.h"
#include "support/temp_dir.h"

namespace bbz::salvage {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class SalvagedOnBase : public Leaning {
 protected:
  Report salvaged(const std::shared_ptr<Base>& base) {
    const auto source = io::memory_source(Bytes(archive_));
    auto tree = io::OutputTree::open(out_ / "rescued").value();
    Options options;
    options.sync = false;
    options.replace = true;
    options.base = base;
    return salvage::salvage(*source, tree, options).value();
  }
  bool is_written_right() {
    const std::string written = io::read_text(out_ / "rescued/model");
    return std::ranges::equal(std::as_bytes(std::span(written)), whole());
  }
  // Overwrites the heads of all base records, and the index, which has them too.
  void lose_base_records() {
    const auto source = io::memory_source(Bytes(archive_));
    std::vector<std::uint64_t> lost;
    const Reader reader = open(nullptr);
    BBZ_ASSERT_OK(container::scan_records(
        *source, reader.catalog().header.id, Limits(),
        [&](const container::RecordView& record) -> Status {
          const bool is_base = record.head.type == container::RecordType::kBase;
          if (is_base || record.head.type == container::RecordType::kIndex) {
            lost.push_back(record.head.offset);
          }
          return {};
        },
        [](const container::Gap&) {}));
    ASSERT_EQ(lost.size(), 2u);
    for (const std::uint64_t offset : lost) archive_[offset + 2] ^= std::byte{1};
  }

  io::TempDir out_;
};

TEST_F(SalvagedOnBase, WithItAllComesBack) {
  const Report report = salvaged(base_);
  EXPECT_TRUE(report.whole());
  EXPECT_TRUE(is_written_right());
}

TEST_F(SalvagedOnBase, WithoutItTheReportNamesItOnce) {
  for (const bool another : {false, true}) {
    if (another) {
      for (std::size_t i = 0; i < 3; ++i) base_->bytes(i)[0] ^= std::byte{1};
    }
    const Report report = salvaged(another ? base_ : nullptr);
    EXPECT_FALSE(report.whole());
    ASSERT_EQ(report.files.size(), 1u);
    ASSERT_EQ(report.files[0].tensors.size(), 4u);
    for (const TensorReport& tensor : report.files[0].tensors) {
      if (tensor.name == "alone") {
        EXPECT_EQ(tensor.outcome(), Outcome::kWhole);
        EXPECT_EQ(tensor.lacks_base, "");
        continue;
      }
      EXPECT_EQ(tensor.outcome(), Outcome::kLost);
      EXPECT_THAT(tensor.damage, ElementsAre(tensor.lacks_base));
      EXPECT_THAT(tensor.lacks_base, HasSubstr(tensor.name));
      EXPECT_THAT(tensor.lacks_base, HasSubstr("hint.safetensors"));
      EXPECT_THAT(tensor.lacks_base, HasSubstr(another ? "another base" : "no base is given"));
    }
  }
}

TEST_F(SalvagedOnBase, DamageIsToldFromALackOfTheBase) {
  const Reader reader = open(nullptr);
  const catalog::Tensor& tensor = reader.catalog().tensors[0];
  archive_[reader.catalog().chunks[tensor.first_chunk + 1].payload.offset] ^= std::byte{1};
  const Report report = salvaged(nullptr);
  const TensorReport& alone = report.files.at(0).tensors.at(0);
  ASSERT_EQ(alone.damage.size(), 2u);
  EXPECT_EQ(alone.damage[0], alone.lacks_base);
  EXPECT_THAT(alone.damage[1], HasSubstr("payload check"));
  const Report based = salvaged(base_);
  const TensorReport& with = based.files.at(0).tensors.at(0);
  EXPECT_EQ(with.outcome(), Outcome::kPartial);
  EXPECT_EQ(with.lacks_base, "");
  ASSERT_EQ(with.damage.size(), 1u);
  EXPECT_EQ(based.files[0].tensors[1].outcome(), Outcome::kWhole);
}

// The tensor's record has the digest, and the base's record only its name.
TEST_F(SalvagedOnBase, ALostRecordOfTheBaseCostsNothing) {
  lose_base_records();
  const Report report = salvaged(base_);
  ASSERT_EQ(report.files.size(), 1u);
  EXPECT_FALSE(report.gaps.empty());
  for (const TensorReport& tensor : report.files[0].tensors) {
    EXPECT_EQ(tensor.outcome(), Outcome::kWhole) << tensor.name;
  }
  EXPECT_TRUE(is_written_right());
}

}  // namespace
}  // namespace bbz::salvage
