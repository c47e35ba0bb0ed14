// Shared by the tests of the C interface: handles that free themselves, and a sample archive.
#pragma once

#include <gmock/gmock.h>

#include <functional>
#include <memory>

#include "archive/sample.h"
#include "bbz.h"

namespace bbz::capi {

struct Free {
  void operator()(bbz_error* error) const { bbz_error_free(error); }
  void operator()(bbz_source* source) const { bbz_source_free(source); }
  void operator()(bbz_reader* reader) const { bbz_reader_free(reader); }
  void operator()(bbz_base* base) const { bbz_base_free(base); }
  void operator()(bbz_model* model) const { bbz_model_free(model); }
  void operator()(bbz_report* report) const { bbz_report_free(report); }
  void operator()(bbz_plan* plan) const { bbz_plan_free(plan); }
  void operator()(bbz_push* push) const { bbz_push_free(push); }
};
template <class Handle>
using Owned = std::unique_ptr<Handle, Free>;

// A struct of the interface with its size filled in.
template <class Struct>
Struct sized() {
  Struct value{};
  value.struct_size = sizeof(Struct);
  return value;
}

class CInterface : public testing::Test {
 protected:
  CInterface() {
    WriteOptions options;
    options.chunk_bytes = 64;
    options.digest = DigestKind::kSha256;
    archive_ = *write_sample(files_, options);
  }

  Owned<bbz_source> memory() {
    bbz_source* source = nullptr;
    EXPECT_EQ(bbz_source_open_memory(archive_.data(), archive_.size(), &source, error_.get()),
              BBZ_OK)
        << message();
    return Owned<bbz_source>(source);
  }

  Owned<bbz_reader> open(const bbz_reader_options* options = nullptr) {
    bbz_reader* reader = nullptr;
    EXPECT_EQ(bbz_reader_open(memory().get(), options, &reader, error_.get()), BBZ_OK) << message();
    return Owned<bbz_reader>(reader);
  }

  std::uint32_t find(const bbz_reader& reader, std::string_view name) {
    std::uint32_t number = BBZ_NONE;
    EXPECT_EQ(
        bbz_reader_find_tensor(&reader, name.data(), name.size(), BBZ_NONE, &number, error_.get()),
        BBZ_OK)
        << message();
    return number;
  }

  // Of the last call that was given error_.
  std::string message() const { return bbz_error_message(error_.get()); }

  // The bytes of a tensor of the file "model".
  const std::vector<std::byte>& expected(std::string_view name) const {
    for (const SampleTensor& tensor : files_[3].tensors) {
      if (tensor.spec.name == name) return tensor.bytes;
    }
    return files_[3].tensors.front().bytes;
  }

  std::vector<SampleFile> files_ = sample_files();
  std::vector<std::byte> archive_;
  Owned<bbz_error> error_{bbz_error_new()};
};

}  // namespace bbz::capi
