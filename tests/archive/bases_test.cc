// Tensors that lean on a base: written, read in every way, and refused with another base.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "archive/sample.h"
#include "support/assert.h"

namespace bbz {
namespace {

using ::testing::HasSubstr;

// Tensors in memory, which counts what is read of each.
class MemoryBase final : public Base {
 public:
  void add(const SampleTensor& tensor, const std::string& name = {}) {
    Entry entry;
    entry.info = {name.empty() ? tensor.spec.name : name, tensor.spec.dtype, tensor.spec.shape,
                  tensor.spec.block};
    entry.bytes = std::make_shared<std::vector<std::byte>>(tensor.bytes);
    entry.read = std::make_shared<std::atomic<std::uint64_t>>(0);
    entries_.push_back(std::move(entry));
  }

  Result<std::vector<BaseTensor>> find(std::string_view name, const catalog::BaseMeta*) override {
    std::vector<BaseTensor> found;
    for (const Entry& entry : entries_) {
      if (entry.info.name != name) continue;
      BaseTensor tensor;
      tensor.info = entry.info;
      tensor.origin = "memory";
      tensor.file = file_;
      tensor.read = [this, bytes = entry.bytes, read = entry.read](std::uint64_t offset,
                                                                   MutableBytes out) -> Status {
        if (fails) return error_with_message(Code::kChecksum, "a damaged chunk");
        *read += out.size();
        std::ranges::copy(Bytes(*bytes).subspan(offset, out.size()), out.begin());
        return {};
      };
      found.push_back(std::move(tensor));
    }
    return found;
  }
  std::string shown() const override { return "memory"; }

  std::vector<std::byte>& bytes(std::size_t index) { return *entries_[index].bytes; }
  TensorInfo& info(std::size_t index) { return entries_[index].info; }
  std::uint64_t read(std::size_t index) const { return *entries_[index].read; }

  bool fails = false;

 private:
  struct Entry {
    TensorInfo info;
    std::shared_ptr<std::vector<std::byte>> bytes;
    std::shared_ptr<std::atomic<std::uint64_t>> read;
  };
  std::vector<Entry> entries_;
  std::shared_ptr<const catalog::BaseMeta> file_ = [] {
    catalog::BaseMeta meta;
    meta.hint = "hint.safetensors";
    return std::make_shared<const catalog::BaseMeta>(meta);
  }();
};

// Returns the tensor with every tenth element changed a little.
SampleTensor changed(SampleTensor tensor) {
  for (std::size_t i = 0; i < tensor.bytes.size(); i += 20) {
    tensor.bytes[i] = static_cast<std::byte>(std::to_integer<unsigned>(tensor.bytes[i]) ^ 1);
  }
  return tensor;
}

// An archive of a changed tensor, one that is the same, one under another name, and one that leans on
// nothing; of chunks of 4 KiB.
class Bases : public testing::Test {
 protected:
  explicit Bases(DigestKind kind = DigestKind::kXxh3_128) : kind_(kind) {
    tensors_ = {changed(sample_tensor("layers.0.w", DType::kBF16, {100, 100}, 1)),
                sample_tensor("layers.1.w", DType::kF32, {70, 100}, 2),
                changed(sample_tensor("new", DType::kF16, {50, 60}, 3)),
                sample_tensor("alone", DType::kBF16, {10, 100}, 4)};
    base_->add(sample_tensor("layers.0.w", DType::kBF16, {100, 100}, 1));
    base_->add(sample_tensor("layers.1.w", DType::kF32, {70, 100}, 2));
    base_->add(sample_tensor("old", DType::kF16, {50, 60}, 3));
    write();
  }

  void write() {
    archive_.clear();
    const auto sink = io::memory_sink(archive_);
    WriteOptions options;
    options.chunk_bytes = 4096;
    options.digest = kind_;
    Writer writer = Writer::create(*sink, options).value();
    BBZ_ASSERT_OK(writer.begin_file("model"));
    for (std::size_t i = 0; i < tensors_.size(); ++i) {
      TensorSpec spec = tensors_[i].spec;
      const std::string name = i == 2 ? "old" : spec.name;
      const auto found = base_->find(name, nullptr).value();
      if (!found.empty()) {
        const auto number = i == 0 ? writer.add_base(*found[0].file) : Result<std::uint32_t>(0u);
        spec.leans =
            LeansOn{*number, name, *SupportBytes::load(found[0], tensors_[i].bytes.size(), kind_)};
      }
      BBZ_ASSERT_OK(writer.begin_tensor(spec));
      BBZ_ASSERT_OK(writer.write(tensors_[i].bytes));
      BBZ_ASSERT_OK(writer.end_tensor());
    }
    BBZ_ASSERT_OK(writer.end_file());
    BBZ_ASSERT_OK(writer.finish());
  }

  Reader open(const std::shared_ptr<Base>& base) {
    ReadOptions options;
    options.base = base;
    options.threads = 3;
    return Reader::open(io::memory_source(Bytes(archive_)), options).value();
  }
  std::vector<std::byte> whole() const {
    std::vector<std::byte> all;
    for (const SampleTensor& t : tensors_) all.insert(all.end(), t.bytes.begin(), t.bytes.end());
    return all;
  }

  DigestKind kind_;
  std::vector<SampleTensor> tensors_;
  std::shared_ptr<MemoryBase> base_ = std::make_shared<MemoryBase>();
  std::vector<std::byte> archive_;
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
  EXPECT_EQ(failed.code(), Code::kUnsupported);
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
  EXPECT_EQ(failed.code(), Code::kDigestMismatch);
  EXPECT_THAT(failed.error().message, HasSubstr("layers.0.w"));
  EXPECT_THAT(failed.error().message, HasSubstr("memory"));
  EXPECT_EQ(reader.check_support(0).code(), Code::kDigestMismatch);
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
  EXPECT_EQ(reader.check_support(0).code(), Code::kDigestMismatch);
  EXPECT_THAT(reader.check_support(0).error().message, HasSubstr("[50, 200]"));
  EXPECT_EQ(reader.check_support(1).code(), Code::kDigestMismatch);
  EXPECT_THAT(reader.check_support(1).error().message, HasSubstr("I32"));
  EXPECT_EQ(reader.check_support(2).code(), Code::kUnsupported);
  EXPECT_THAT(reader.check_support(2).error().message, HasSubstr("\"old\""));
}

TEST_F(Bases, TakeTheOneOfSeveralThatHasTheDigest) {
  const auto others = std::make_shared<MemoryBase>();
  others->add(changed(sample_tensor("layers.0.w", DType::kBF16, {100, 100}, 1)));
  others->add(sample_tensor("layers.0.w", DType::kF16, {100, 100}, 1));
  others->add(sample_tensor("layers.0.w", DType::kBF16, {100, 100}, 1));
  EXPECT_TRUE(open(others).check_support(0).ok());
}

TEST_F(Bases, DamageOfTheBaseIsAnErrorOfTheTensor) {
  const Reader reader = open(base_);
  base_->fails = true;
  std::vector<std::byte> out(tensors_[0].bytes.size());
  EXPECT_EQ(reader.read_tensor(0, out).code(), Code::kChecksum);
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
