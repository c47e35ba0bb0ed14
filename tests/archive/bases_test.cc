// Tensors that lean on a base: written, read in every way, and refused with another base.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "archive/leaning.h"
#include "support/assert.h"

namespace bbz {
namespace {

using ::testing::HasSubstr;

class Bases : public Leaning {
 protected:
  explicit Bases(DigestKind kind = DigestKind::kXxh3_128) : Leaning(kind) {}
};

class BasesSha256 : public Bases {
 protected:
  BasesSha256() : Bases(DigestKind::kSha256) {}
};

// Collects the bytes of a visit and what was damaged.
class Outcomes final : public Visitor {
 public:
  Status data(const catalog::Tensor&, std::uint64_t, Bytes bytes) override {
    all.insert(all.end(), bytes.begin(), bytes.end());
    return {};
  }
  Status damaged(const catalog::Tensor& tensor, const catalog::Chunk&,
                 const Error& error) override {
    failed[tensor.meta.name] = error;
    return {};
  }
  std::vector<std::byte> all;
  std::map<std::string, Error> failed;
};

TEST_F(Bases, AreReadInEveryWay) {
  const Reader reader = open(base_);
  EXPECT_EQ(reader.catalog().bases.at(0).hint, "hint.safetensors");
  for (std::uint32_t i = 0; i < tensors_.size(); ++i) {
    std::vector<std::byte> out(tensors_[i].bytes.size());
    BBZ_ASSERT_OK(reader.read_tensor(i, out));
    EXPECT_EQ(out, tensors_[i].bytes) << i;
    std::vector<std::byte> part(5000);
    if (i == 3) continue;
    BBZ_ASSERT_OK(reader.read_bytes(i, 501, part));
    EXPECT_TRUE(std::ranges::equal(part, Bytes(tensors_[i].bytes).subspan(501, 5000))) << i;
  }
  Outcomes visited;
  BBZ_ASSERT_OK(reader.visit_all(visited));
  EXPECT_EQ(visited.all, whole());
  std::vector<std::byte> placed;
  const auto sink = io::memory_sink(placed);
  BBZ_ASSERT_OK(reader.write_tensors(reader.catalog().files[0].tensors, *sink));
  EXPECT_EQ(placed, whole());
  Outcomes streamed;
  StreamOptions options;
  options.base = base_;
  BBZ_ASSERT_OK(read_stream(*io::memory_source(Bytes(archive_)), options, streamed));
  EXPECT_EQ(streamed.all, whole());
  EXPECT_TRUE(streamed.failed.empty());
}

TEST_F(BasesSha256, AreReadWithDigestsOfThatKind) {
  const Reader reader = open(base_);
  EXPECT_EQ(reader.catalog().tensors[0].meta.support->digest.kind, DigestKind::kSha256);
  Outcomes visited;
  BBZ_ASSERT_OK(reader.visit_all(visited));
  EXPECT_EQ(visited.all, whole());
}

TEST_F(Bases, UnchangedTensorsCostTheirRecords) {
  const Reader reader = open(nullptr);
  EXPECT_EQ(reader.catalog().tensors[1].stored_bytes, 0u);
  EXPECT_LT(reader.catalog().tensors[0].stored_bytes, tensors_[0].bytes.size() / 2);
  EXPECT_FALSE(reader.catalog().tensors[3].meta.leans());
}

TEST_F(Bases, WithoutTheBaseAllElseIsRead) {
  const Reader reader = open(nullptr);
  std::vector<std::byte> out(tensors_[3].bytes.size());
  BBZ_ASSERT_OK(reader.read_tensor(3, out));
  EXPECT_EQ(out, tensors_[3].bytes);
  out.resize(tensors_[0].bytes.size());
  const Status failed = reader.read_tensor(0, out);
  ASSERT_EQ(failed.code(), Code::kUnsupported);
  EXPECT_THAT(failed.error().message, HasSubstr("layers.0.w"));
  EXPECT_THAT(failed.error().message, HasSubstr("hint.safetensors"));
  Outcomes streamed;
  BBZ_ASSERT_OK(read_stream(*io::memory_source(Bytes(archive_)), {}, streamed));
  EXPECT_EQ(streamed.failed.size(), 3u);
  EXPECT_EQ(streamed.failed["new"].code, Code::kUnsupported);
}

TEST_F(Bases, ReadNothingOfOtherTensors) {
  const Reader reader = open(base_);
  const std::uint64_t before[] = {base_->read(0), base_->read(1), base_->read(2)};
  std::vector<std::byte> out(tensors_[0].bytes.size());
  BBZ_ASSERT_OK(reader.read_tensor(0, out));
  EXPECT_EQ(base_->read(0) - before[0], tensors_[0].bytes.size());  // once, hash included
  EXPECT_EQ(base_->read(1), before[1]);
  EXPECT_EQ(base_->read(2), before[2]);
  BBZ_ASSERT_OK(reader.read_tensor(0, out));
  EXPECT_EQ(base_->read(0) - before[0], tensors_[0].bytes.size());
}

TEST_F(Bases, RefuseAnotherBaseByName) {
  base_->bytes(0)[19999] ^= std::byte{1};  // the last byte
  const Reader reader = open(base_);
  std::vector<std::byte> out(100);
  const Status failed = reader.read_bytes(0, 0, out);
  ASSERT_EQ(failed.code(), Code::kBase);
  EXPECT_THAT(failed.error().message, HasSubstr("layers.0.w"));
  EXPECT_THAT(failed.error().message, HasSubstr("memory"));
  ASSERT_NE(failed.error().place, nullptr);
  EXPECT_EQ(failed.error().place->tensor, "layers.0.w");
  EXPECT_EQ(failed.error().place->chunk, 0u);
  EXPECT_EQ(failed.error().place->offset, reader.catalog().chunks[0].payload.offset);
  EXPECT_EQ(reader.check_support(0).error().place->tensor, "layers.0.w");
  EXPECT_EQ(reader.check_support(0).code(), Code::kBase);
  EXPECT_TRUE(reader.check_support(1).ok());
  EXPECT_TRUE(reader.check_support(3).ok());
  Outcomes visited;
  BBZ_ASSERT_OK(reader.visit_all(visited));
  EXPECT_EQ(visited.failed.size(), 1u);
  EXPECT_EQ(visited.all.size(), whole().size() - tensors_[0].bytes.size());
}

TEST_F(Bases, RefuseAnotherShapeAndAnotherDType) {
  base_->info(0).shape = {50, 200};
  base_->info(1).dtype = DType::kI32;
  base_->info(2).name = "other";
  const Reader reader = open(base_);
  ASSERT_EQ(reader.check_support(0).code(), Code::kBase);
  EXPECT_THAT(reader.check_support(0).error().message, HasSubstr("[50, 200]"));
  ASSERT_EQ(reader.check_support(1).code(), Code::kBase);
  EXPECT_THAT(reader.check_support(1).error().message, HasSubstr("I32"));
  ASSERT_EQ(reader.check_support(2).code(), Code::kBase);
  EXPECT_THAT(reader.check_support(2).error().message, HasSubstr("\"old\""));
}

TEST_F(Bases, TakeTheOneOfSeveralThatHasTheDigest) {
  const auto others = std::make_shared<MemoryBase>();
  others->add(changed(sample_tensor("layers.0.w", DType::kBF16, {100, 100}, 1)));
  others->add(sample_tensor("layers.0.w", DType::kF16, {100, 100}, 1));
  others->add(sample_tensor("layers.0.w", DType::kBF16, {100, 100}, 1));
  EXPECT_TRUE(open(others).check_support(0).ok());
}

TEST_F(Bases, TakeAnotherIfOneCannotBeRead) {
  const auto others = std::make_shared<MemoryBase>();
  others->add(sample_tensor("layers.0.w", DType::kBF16, {100, 100}, 1));
  others->add(sample_tensor("layers.0.w", DType::kBF16, {100, 100}, 1));
  others->failing = 0;
  EXPECT_TRUE(open(others).check_support(0).ok());
  others->bytes(1)[0] ^= std::byte{1};
  EXPECT_EQ(open(others).check_support(0).code(), Code::kBase);
}

TEST_F(Bases, ASupportOfAnotherSizeIsRefused) {
  archive_.clear();
  const auto sink = io::memory_sink(archive_);
  Writer writer = Writer::create(*sink, {}).value();
  BBZ_ASSERT_OK(writer.begin_file("model"));
  const auto found = base_->find("layers.0.w", nullptr).value();
  TensorSpec spec = tensors_[0].spec;
  spec.leans = LeansOn{*writer.add_base(*found[0].file), "layers.0.w",
                       *SupportBytes::load(found[0], 100, kind_)};
  EXPECT_EQ(writer.begin_tensor(spec).code(), Code::kInvalidArgument);
}

TEST_F(Bases, DamageOfTheBaseIsNoneOfTheArchive) {
  const Reader reader = open(base_);
  base_->failure = Code::kChecksum;
  std::vector<std::byte> out(tensors_[0].bytes.size());
  const Status failed = reader.read_tensor(0, out);
  ASSERT_EQ(failed.code(), Code::kBase);
  EXPECT_THAT(failed.error().message,
              HasSubstr("tensor \"layers.0.w\" leans on the tensor of that name of base "
                        "\"hint.safetensors\", which cannot be read: cannot read this"));
  ASSERT_NE(failed.error().place, nullptr);
  EXPECT_EQ(failed.error().place->tensor, "layers.0.w");
  EXPECT_TRUE(failed.error().place->chunk);
}

TEST_F(Bases, WhatMayPassKeepsItsCodeAndIsTriedAgain) {
  const Reader reader = open(base_);
  std::vector<std::byte> out(tensors_[0].bytes.size());
  for (const Code code : {Code::kIo, Code::kCancelled}) {
    base_->failure = code;
    const Status failed = reader.read_tensor(0, out);
    EXPECT_EQ(failed.code(), code);
    ASSERT_NE(failed.error().place, nullptr);
    EXPECT_EQ(failed.error().place->tensor, "layers.0.w");
  }
  base_->failure.reset();
  BBZ_ASSERT_OK(reader.read_tensor(0, out));
  EXPECT_EQ(out, tensors_[0].bytes);
}

TEST_F(Bases, UpdateResidentBytesInPlace) {
  const Reader reader = open(nullptr);
  std::vector<std::byte> resident = sample_tensor("", DType::kBF16, {100, 100}, 1).bytes;
  const std::vector<std::byte> old = resident;
  resident[7] ^= std::byte{4};
  std::vector<std::byte> wrong = resident;
  EXPECT_EQ(reader.update_tensor(0, wrong).code(), Code::kDigestMismatch);
  EXPECT_EQ(wrong, resident);
  resident = old;
  BBZ_ASSERT_OK(reader.update_tensor(0, resident));
  EXPECT_EQ(resident, tensors_[0].bytes);
  EXPECT_EQ(reader.update_tensor(0, resident).code(), Code::kDigestMismatch);
  EXPECT_EQ(reader.update_tensor(0, MutableBytes(resident).first(8)).code(),
            Code::kInvalidArgument);
  std::vector<std::byte> own(tensors_[3].bytes.size());
  BBZ_ASSERT_OK(reader.update_tensor(3, own));
  EXPECT_EQ(own, tensors_[3].bytes);
}

TEST_F(Bases, EveryFlippedBitIsFoundOrHarmless) {
  const std::vector<std::byte> good = archive_;
  const std::vector<std::byte> expected = whole();
  for (std::size_t at = 32; at < good.size(); at += 37) {
    archive_ = good;
    archive_[at] ^= std::byte{16};
    ReadOptions options;
    options.base = base_;
    options.threads = 1;
    const auto reader = Reader::open(io::memory_source(Bytes(archive_)), options);
    if (!reader.ok()) continue;
    Outcomes visited;
    BBZ_ASSERT_OK(reader->visit_all(visited));
    EXPECT_TRUE(!visited.failed.empty() || visited.all == expected) << at;
  }
}

TEST_F(Bases, AreNotRepeated) {
  tensors_.push_back(tensors_[1]);
  tensors_.back().spec.name = "tied";
  tensors_.push_back(tensors_[1]);
  tensors_.back().spec.name = "tied again";
  write();
  const Reader reader = open(base_);
  EXPECT_FALSE(reader.catalog().tensors[4].repeats);
  EXPECT_GT(reader.catalog().tensors[4].stored_bytes, 0u);
  EXPECT_TRUE(reader.catalog().tensors[5].repeats);
  Outcomes visited;
  BBZ_ASSERT_OK(reader.visit_all(visited));
  EXPECT_EQ(visited.all, whole());
}

}  // namespace
}  // namespace bbz
