// All damage of a rotated model is listed, whatever follows from what is damaged.
#include <set>

#include "bbz/ops/verify.h"
#include "bbz/symmetry/form.h"
#include "ops/rotation/packed.h"

namespace bbz::ops {
namespace {

using rotation::RequestedMethod;

class VerifyOfModel : public testing::TestWithParam<DigestKind> {
 protected:
  void SetUp() override {
    test_models::Spec spec = rotation::small_spec("llama", DType::kF16);
    spec.widths = {26};  // the same everywhere, so that every other shortcut can be derived
    const auto model = rotation::file_of(test_models::sliced_model(spec));
    auto packed = rotation::pack_file(model, RequestedMethod::kPolar, GetParam(), 512);
    ASSERT_TRUE(packed.ok()) << packed.error().message;
    archive_ = std::move(packed->archive);
    reader_ = *Reader::open(io::memory_source(Bytes(archive_)));
    file_ = *rotation::unpack_by_index(archive_);
  }

  const catalog::Catalog& catalog() const { return reader_->catalog(); }

  void damage(const catalog::Tensor& tensor) {
    const catalog::Chunk& chunk = catalog().chunks_of(tensor).front();
    archive_[chunk.payload.offset + chunk.payload.length / 2] ^= std::byte{1};
    expected_.insert({tensor.meta.name, chunk.payload.offset});
  }

  // Damages the operands of the first `count` groups that have one, and with them what is derived.
  void damage_operands(std::size_t count) {
    for (const catalog::Tensor& tensor : catalog().tensors) {
      if (tensor.meta.form != catalog::Form::kPolar || derived_.size() == count) continue;
      const catalog::Group& group = catalog().groups[tensor.meta.group];
      const catalog::Tensor& operand = catalog().tensors[group.first_tensor];
      if (!operand.is_operand()) continue;
      damage(operand);
      derived_.insert(tensor.meta.name);
      expected_.insert({tensor.meta.name, 0});
    }
    ASSERT_EQ(derived_.size(), count);
  }

  std::vector<std::byte> archive_;
  std::optional<Reader> reader_;  // of an archive that is whole: it has read its heads only
  std::vector<std::byte> file_;
  std::set<std::string> derived_;                             // that cannot be any more
  std::set<std::pair<std::string, std::uint64_t>> expected_;  // damages: tensor, archive offset
};

TEST_P(VerifyOfModel, DamagedOperandsHideNoOtherDamage) {
  damage_operands(2);
  damage(catalog().tensors[catalog().find_tensors("lm_head.weight").at(0)]);
  const auto source = io::memory_source(Bytes(archive_));
  const auto report = verify(*source, {});
  ASSERT_TRUE(report.ok());
  EXPECT_FALSE(report->broken) << report->broken->message;
  EXPECT_EQ(report->outcome().code(), Code::kChecksum);
  EXPECT_EQ(report->damaged, 5u);
  std::set<std::pair<std::string, std::uint64_t>> found;
  for (const Damage& entry : report->damages) {
    found.insert({entry.tensor, entry.archive_offset});
    EXPECT_EQ(entry.chunk.has_value(), entry.archive_offset != 0);
    if (entry.chunk) continue;
    EXPECT_EQ(entry.file, "model.safetensors");
    EXPECT_NE(entry.error.message.find(".factor\", which belongs to it, is missing or damaged"),
              std::string::npos)
        << entry.error.message;
  }
  EXPECT_EQ(found, expected_);
  EXPECT_EQ(report->root, reader_->root());
  EXPECT_EQ(report->chunks, catalog().chunks.size());
}

// Passes over what is damaged, and takes the rest.
class Tolerant final : public rotation::OneFile {
 public:
  Status data(const catalog::Tensor& tensor, std::uint64_t offset, Bytes bytes) override {
    if (!tensor.is_operand()) delivered[tensor.meta.number] += bytes.size();
    return OneFile::data(tensor, offset, bytes);
  }
  Status damaged(const catalog::Tensor&, const catalog::Chunk&, const Error&) override {
    return {};
  }
  Status not_derived(const catalog::Tensor& tensor, const Error&) override {
    failed.insert(tensor.meta.name);
    return {};
  }
  Status end_tensor(const catalog::Tensor&) override {
    ++ended;
    return {};
  }

  std::map<std::uint32_t, std::uint64_t> delivered;  // bytes of each tensor
  std::set<std::string> failed;
  std::size_t ended = 0;
};

TEST_P(VerifyOfModel, NothingIsDeliveredOfATensorThatCannotBeDerived) {
  damage_operands(1);
  Tolerant streamed;
  const auto source = io::memory_source(Bytes(archive_));
  ASSERT_TRUE(read_stream(*source, {}, streamed).ok());
  Tolerant sought;
  const auto reader = Reader::open(io::memory_source(Bytes(archive_)));
  ASSERT_TRUE(reader->visit_all(sought).ok());
  EXPECT_EQ(streamed.ended, catalog().tensors.size());
  for (const Tolerant& visitor : {streamed, sought}) {
    EXPECT_EQ(visitor.failed, derived_);
    std::vector<std::byte> expected = file_;
    for (const catalog::Tensor& tensor : catalog().tensors) {
      if (tensor.is_operand()) continue;
      const bool lost = derived_.contains(tensor.meta.name);
      const auto known = visitor.delivered.find(tensor.meta.number);
      const std::uint64_t delivered = known == visitor.delivered.end() ? 0 : known->second;
      EXPECT_EQ(delivered, lost ? 0 : tensor.byte_size) << tensor.meta.name;
      if (lost) {
        std::fill_n(expected.begin() + static_cast<std::ptrdiff_t>(tensor.meta.offset),
                    tensor.byte_size, std::byte{0});
      }
    }
    EXPECT_TRUE(visitor.file == expected);
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, VerifyOfModel,
                         testing::Values(DigestKind::kXxh3_128, DigestKind::kSha256));

}  // namespace
}  // namespace bbz::ops
