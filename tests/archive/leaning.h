// An archive that leans on a base in memory, for the tests of all that read it.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <optional>

#include "archive/sample.h"
#include "support/assert.h"

namespace bbz {

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
    for (std::size_t index = 0; index < entries_.size(); ++index) {
      const Entry& entry = entries_[index];
      if (entry.info.name != name) continue;
      BaseTensor tensor;
      tensor.info = entry.info;
      tensor.origin = "memory";
      tensor.file = file_;
      tensor.read = [this, index, bytes = entry.bytes, read = entry.read](
                        std::uint64_t offset, MutableBytes out) -> Status {
        if (failure || failing == index)
          return error_with_message(failure.value_or(Code::kChecksum), "cannot read this");
        if (const auto call = reading) call(index);
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

  std::optional<Code> failure;               // no tensor can be read, for this reason
  std::optional<std::size_t> failing;        // nor this one
  std::function<void(std::size_t)> reading;  // called before a tensor is read, with its index

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
inline SampleTensor changed(SampleTensor tensor) {
  for (std::size_t i = 0; i < tensor.bytes.size(); i += 20) {
    tensor.bytes[i] = static_cast<std::byte>(std::to_integer<unsigned>(tensor.bytes[i]) ^ 1);
  }
  return tensor;
}

// An archive of a changed tensor, one that is the same, one under another name, and one that leans on
// nothing; of chunks of 4 KiB.
class Leaning : public testing::Test {
 protected:
  explicit Leaning(DigestKind kind = DigestKind::kXxh3_128) : kind_(kind) {
    tensors_ = {changed(sample_tensor("layers.0.w", DType::kBF16, {100, 100}, 1)),
                sample_tensor("layers.1.w", DType::kF32, {70, 100}, 2),
                changed(sample_tensor("new", DType::kF16, {50, 60}, 3)),
                sample_tensor("alone", DType::kBF16, {10, 100}, 4)};
    base_->add(sample_tensor("layers.0.w", DType::kBF16, {100, 100}, 1));
    base_->add(sample_tensor("layers.1.w", DType::kF32, {70, 100}, 2));
    base_->add(sample_tensor("old", DType::kF16, {50, 60}, 3));
    write();
  }

  // Writes the archive. `more` writes what follows its tensors in their file.
  void write(const std::function<void(Writer&)>& more = {}) {
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
    if (more) more(writer);
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

}  // namespace bbz
