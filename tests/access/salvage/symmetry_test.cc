// Archives of rotated models: what follows from other tensors comes back, unless these are lost.
#include <algorithm>
#include <mutex>
#include <set>
#include <thread>

#include "bbz/access/salvage/salvage.h"
#include "bbz/format/container/index.h"
#include "bbz/symmetry/form.h"
#include "ops/rotation/packed.h"
#include "support/faulty.h"
#include "support/temp_dir.h"

namespace bbz::salvage {
namespace {

using rotation::RequestedMethod;

class SalvageOfModel : public testing::TestWithParam<std::tuple<RequestedMethod, DigestKind>> {
 protected:
  void SetUp() override {
    const auto model =
        rotation::file_of(test_models::sliced_model(rotation::small_spec("llama", DType::kF16)));
    auto packed = rotation::pack_file(model, method(), std::get<1>(GetParam()), 512);
    ASSERT_TRUE(packed.ok()) << packed.error().message;
    archive_ = std::move(packed->archive);
    reader_ = *Reader::open(io::memory_source(Bytes(archive_)));
    file_ = *rotation::unpack_by_index(archive_);
  }

  RequestedMethod method() const { return std::get<0>(GetParam()); }
  const catalog::Catalog& catalog() const { return reader_->catalog(); }

  Report run(Bytes bytes, std::optional<std::uint64_t> id = std::nullopt) {
    const auto source = io::memory_source(bytes);
    return run(*source, 0, id);
  }

  Report run(io::Source& source, unsigned threads, std::optional<std::uint64_t> id = std::nullopt) {
    Options options;
    options.threads = threads;
    options.id = id;
    std::filesystem::remove_all(out_ / "rescued");
    auto tree = *io::OutputTree::open(out_ / "rescued");
    auto report = salvage::salvage(source, tree, options);
    EXPECT_TRUE(report.ok()) << report.error().message;
    return report.ok() ? std::move(*report) : Report();
  }

  std::string written(const std::string& name) { return io::read_text(out_ / ("rescued/" + name)); }

  std::string unpacked() const {
    return {reinterpret_cast<const char*>(file_.data()), file_.size()};
  }

  // The archive up to the index at its end.
  std::vector<std::byte> without_index() const {
    const auto source = io::memory_source(Bytes(archive_));
    const auto opened = container::open_by_index(*source, {}, false);
    return {archive_.begin(),
            archive_.begin() + static_cast<std::ptrdiff_t>(opened->trailer->index_offset())};
  }

  // Expects that what is whole is right, in its place and as a tensor of its own, and that exactly
  // these bytes of the file are lost and zero.
  void expect_lost(const Report& report, std::vector<bool> lost) {
    const FileReport& file = report.files.at(0);
    EXPECT_EQ(file.outcome, Outcome::kPartial);
    const auto count = static_cast<std::uint64_t>(std::ranges::count(lost, true));
    EXPECT_EQ(file.recovered, file_.size() - count);
    std::string partial = written("model.safetensors.partial");
    std::string expected = unpacked();
    for (std::size_t i = 0; i < expected.size(); ++i) {
      if (lost[i]) expected[i] = '\0';
    }
    partial.resize(expected.size());  // it ends with the last byte that is back
    EXPECT_TRUE(partial == expected);
    const std::string rescued = written("model.safetensors.rescued.safetensors");
    const auto header = safetensors::parse(std::as_bytes(std::span(rescued)), rescued.size());
    ASSERT_TRUE(header.ok());
    std::size_t whole = 0;
    for (const catalog::Tensor& tensor : catalog().tensors) {
      if (tensor.is_operand() || tensor.meta.kind != catalog::TensorKind::kTensor) continue;
      const auto begin = lost.begin() + static_cast<std::ptrdiff_t>(tensor.meta.offset);
      if (std::find(begin, begin + static_cast<std::ptrdiff_t>(tensor.byte_size), true) ==
          begin + static_cast<std::ptrdiff_t>(tensor.byte_size)) {
        ++whole;
      }
    }
    EXPECT_EQ(header->tensors.size(), whole);
    for (const safetensors::Tensor& tensor : header->tensors) {
      const catalog::Tensor& entry = catalog().tensors[catalog().find_tensors(tensor.name).at(0)];
      EXPECT_TRUE(rescued.substr(header->header_size + tensor.begin, tensor.size()) ==
                  unpacked().substr(entry.meta.offset, entry.byte_size))
          << tensor.name;
    }
  }

  std::vector<bool> nothing() const { return std::vector<bool>(file_.size()); }

  // The bytes of the file that a chunk stands for, or the whole tensor.
  static void mark(std::vector<bool>& lost, const catalog::Tensor& tensor,
                   const catalog::Chunk* chunk = nullptr) {
    std::uint64_t begin = 0;
    std::uint64_t end = tensor.byte_size;
    if (chunk != nullptr) {
      const std::uint64_t size = tensor.meta.element_bits / 8;
      begin = chunk->first_element * size;
      end = begin + chunk->decoded_bytes;
      if (tensor.meta.form == catalog::Form::kLower) {
        const symmetry::DenseRange range = symmetry::dense_range(tensor.meta, *chunk);
        begin = range.begin * size;
        end = range.end * size;
      }
    }
    for (std::uint64_t i = begin; i < end; ++i) lost[tensor.meta.offset + i] = true;
  }

  // Everything that needs the group; the number of tensors of which something does.
  std::size_t mark_dependents(std::vector<bool>& lost, std::uint32_t group) const {
    std::size_t count = 0;
    for (const catalog::Tensor& tensor : catalog().tensors) {
      if (tensor.meta.group != group) continue;
      std::size_t marked = 0;
      if (tensor.meta.form == catalog::Form::kPolar) {
        mark(lost, tensor);
        ++marked;
      }
      for (const catalog::Chunk& chunk : catalog().chunks_of(tensor)) {
        if (!symmetry::is_carried(chunk)) continue;
        mark(lost, tensor, &chunk);
        ++marked;
      }
      if (marked != 0) ++count;
    }
    return count;
  }

  // How many tensors say of themselves that this is why.
  static std::size_t reasons(const Report& report, std::string_view why) {
    return static_cast<std::size_t>(
        std::ranges::count_if(report.files.at(0).tensors, [&](const TensorReport& tensor) {
          return !tensor.damage.empty() &&
                 std::ranges::all_of(tensor.damage, [&](const std::string& sentence) {
                   return sentence.find(why) != std::string::npos;
                 });
        }));
  }

  // The first group of which tensors follow, or nothing if the method has none.
  const catalog::Group* group() const {
    const auto found = std::ranges::find_if(catalog().groups, [&](const catalog::Group& group) {
      std::vector<bool> lost = nothing();
      return mark_dependents(lost, group.meta.number) != 0;
    });
    return found == catalog().groups.end() ? nullptr : &*found;
  }

  std::vector<std::byte> archive_;
  std::optional<Reader> reader_;
  std::vector<std::byte> file_;  // as it unpacks
  io::TempDir out_;
};

class SalvageOfGroups : public SalvageOfModel {};    // of the methods that have some
class SalvageOfOperands : public SalvageOfModel {};  // and of those that keep some in no file

TEST_P(SalvageOfModel, AnUndamagedArchiveComesBackWhole) {
  const Report report = run(archive_);
  EXPECT_TRUE(report.whole());
  EXPECT_TRUE(written("model.safetensors") == unpacked());
  for (const TensorReport& tensor : report.files.at(0).tensors) {
    EXPECT_EQ(tensor.outcome(), Outcome::kWhole) << tensor.name;
  }
}

TEST_P(SalvageOfModel, WithoutItsHeaderAndIndexToo) {
  std::vector<std::byte> bytes = without_index();
  std::fill_n(bytes.begin(), container::kFileHeaderSize, std::byte{0});
  const Report report = run(bytes, catalog().header.id);
  EXPECT_FALSE(report.had_index);
  EXPECT_EQ(report.files.at(0).outcome, Outcome::kWhole);
  EXPECT_TRUE(written("model.safetensors") == unpacked());
}

// The index has the heads of all records.
TEST_P(SalvageOfModel, WithDamagedHeadsOfGroupsAndOperandsToo) {
  std::vector<std::byte> bytes = archive_;
  for (const catalog::Group& entry : catalog().groups) {
    bytes[entry.payload.offset - 1] ^= std::byte{1};
    // The tensor's record follows the group's payload.
    bytes[entry.payload.offset + entry.payload.length + 5] ^= std::byte{1};
  }
  const Report report = run(bytes);
  EXPECT_EQ(report.gaps.empty(), catalog().groups.empty());
  EXPECT_EQ(report.files.at(0).outcome, Outcome::kWhole);
  EXPECT_TRUE(written("model.safetensors") == unpacked());
}

TEST_P(SalvageOfModel, ADamagedChunkCostsWhatFollowsFromIt) {
  std::vector<bool> lost = nothing();
  const catalog::Tensor* victim = nullptr;
  std::size_t dependents = 0;
  if (method() == RequestedMethod::kTriangular) {
    for (const catalog::Tensor& tensor : catalog().tensors) {
      if (tensor.meta.form == catalog::Form::kLower && tensor.chunk_count > 1) victim = &tensor;
    }
    ASSERT_NE(victim, nullptr);
  } else {
    ASSERT_NE(group(), nullptr);
    victim = &catalog().tensors[group()->first_tensor];
    dependents = mark_dependents(lost, group()->meta.number);
  }
  const catalog::Chunk& chunk = catalog().chunks_of(*victim).back();
  if (!victim->is_operand()) mark(lost, *victim, &chunk);
  std::vector<std::byte> bytes = archive_;
  bytes[chunk.payload.offset + chunk.payload.length / 2] ^= std::byte{4};
  const Report report = run(bytes);
  expect_lost(report, lost);
  const std::string place = "tensor \"" + victim->meta.name + "\", chunk " +
                            std::to_string(chunk.meta.number) + " at offset " +
                            std::to_string(chunk.payload.offset);
  EXPECT_EQ(reasons(report, place), dependents + (victim->is_operand() ? 0 : 1));
  if (method() == RequestedMethod::kTriangular) return;
  EXPECT_EQ(reasons(report, "group " + std::to_string(group()->meta.number) + ": " + place),
            dependents);
}

TEST_P(SalvageOfGroups, ADamagedGroupCostsWhatFollowsFromIt) {
  ASSERT_NE(group(), nullptr);
  std::vector<bool> lost = nothing();
  const std::size_t dependents = mark_dependents(lost, group()->meta.number);
  const std::string name = "group " + std::to_string(group()->meta.number);

  std::vector<std::byte> bytes = archive_;
  bytes[group()->payload.offset + group()->payload.length / 2] ^= std::byte{1};
  Report report = run(bytes);
  expect_lost(report, lost);
  EXPECT_EQ(reasons(report, name + ": payload at offset"), dependents);

  bytes = without_index();
  bytes[group()->payload.offset - 1] ^= std::byte{1};
  report = run(bytes);
  expect_lost(report, lost);
  EXPECT_EQ(reasons(report, name + ", which is lost"), dependents);
}

TEST_P(SalvageOfOperands, ALostOperandIsNotTakenForTheNextTensor) {
  ASSERT_NE(group(), nullptr);
  std::vector<bool> lost = nothing();
  EXPECT_EQ(mark_dependents(lost, group()->meta.number), 1u);
  std::vector<std::byte> bytes = without_index();
  bytes[group()->payload.offset + group()->payload.length + 5] ^= std::byte{1};
  const Report report = run(bytes);
  expect_lost(report, lost);
  EXPECT_EQ(reasons(report, "the record of the tensor that follows it is lost"), 1u);
  const catalog::Tensor& operand = catalog().tensors[group()->first_tensor];
  EXPECT_EQ(report.orphans, operand.chunk_count - 1);  // its record has the first one
  EXPECT_EQ(report.gaps.size(), 1u);
}

// Notes which threads read, and lets others read at the same time until several have.
class SlowSource final : public io::ForwardingSource {
 public:
  using ForwardingSource::ForwardingSource;

  Result<std::size_t> read_at(std::uint64_t offset, MutableBytes out) override {
    bool alone = false;
    {
      const std::lock_guard lock(mutex_);
      threads.insert(std::this_thread::get_id());
      alone = threads.size() == 1;
    }
    if (alone) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    return inner_.read_at(offset, out);
  }

  std::set<std::thread::id> threads;

 private:
  std::mutex mutex_;
};

TEST_P(SalvageOfModel, AsManyThreadsDecodeAsAreAskedFor) {
  const auto memory = io::memory_source(Bytes(archive_));
  for (const unsigned threads : {1u, 3u}) {
    SlowSource slow(*memory);
    EXPECT_TRUE(run(slow, threads).whole());
    EXPECT_TRUE(written("model.safetensors") == unpacked());
    EXPECT_LE(slow.threads.size(), threads);
    EXPECT_EQ(slow.threads.size() > 1, threads > 1);
  }
}

TEST_P(SalvageOfModel, WhatIsSaidToBeWholeIsRight) {
  std::size_t damaged = 0;
  for (std::size_t at = 3; at < archive_.size(); at += 997) {
    std::vector<std::byte> bytes = at % 2 == 0 ? archive_ : without_index();
    if (at >= bytes.size()) break;
    bytes[at] ^= std::byte{0x40};
    // Without header, index and trailer, nothing tells the id.
    std::optional<std::uint64_t> id;
    if (at % 2 != 0 && at < container::kFileHeaderSize) {
      id = catalog().header.id;
      EXPECT_EQ(survey(*io::memory_source(Bytes(bytes)), {}).code(), Code::kNotAnArchive);
    }
    const Report report = run(bytes, id);
    if (report.files.empty()) continue;
    const FileReport& file = report.files[0];
    if (file.outcome == Outcome::kWhole) {
      EXPECT_TRUE(written(file.path) == unpacked()) << at;
      continue;
    }
    ++damaged;
    const std::string partial = written(file.path + ".partial");
    for (const TensorReport& tensor : file.tensors) {
      if (tensor.outcome() != Outcome::kWhole) continue;
      EXPECT_TRUE(partial.substr(tensor.offset, tensor.bytes) ==
                  unpacked().substr(tensor.offset, tensor.bytes))
          << at << " " << tensor.name;
    }
  }
  EXPECT_GT(damaged, 5u);
}

const auto kKinds = testing::Values(DigestKind::kXxh3_128, DigestKind::kSha256);
INSTANTIATE_TEST_SUITE_P(Methods, SalvageOfModel,
                         testing::Combine(testing::Values(RequestedMethod::kTriangular,
                                                          RequestedMethod::kPolar,
                                                          RequestedMethod::kBitsBack),
                                          kKinds));
INSTANTIATE_TEST_SUITE_P(
    Methods, SalvageOfGroups,
    testing::Combine(testing::Values(RequestedMethod::kPolar, RequestedMethod::kBitsBack), kKinds));
INSTANTIATE_TEST_SUITE_P(Methods, SalvageOfOperands,
                         testing::Combine(testing::Values(RequestedMethod::kPolar), kKinds));

}  // namespace
}  // namespace bbz::salvage
