// The sample archive, and one that leans on it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "capi/support.h"
#include "support/temp_dir.h"

namespace bbz::capi {

// The sample archive is the base of another one, in which one tensor is changed.
class OnBase : public CInterface {
 protected:
  OnBase() {
    base_ =
        std::make_shared<const Reader>(Reader::open(io::memory_source(Bytes(archive_))).value());
    const std::shared_ptr<Base> base = bbz::base_of(base_, "sample.bbz");
    const auto sink = io::memory_sink(update_);
    WriteOptions options;
    options.chunk_bytes = 64;
    Writer writer = Writer::create(*sink, options).value();
    EXPECT_TRUE(writer.begin_file("model").ok());
    for (const SampleFile& file : files_) {
      for (SampleTensor t : file.tensors) {
        if (t.spec.kind == catalog::TensorKind::kBytes) continue;
        const auto found = base->find(t.spec.name, nullptr).value();
        const bool leans = !t.bytes.empty() && !found.empty();
        if (leans && !known_) known_ = writer.add_base(*found[0].file).value();
        if (leans) {
          t.spec.leans =
              LeansOn{*known_, t.spec.name,
                      SupportBytes::load(found[0], t.bytes.size(), DigestKind::kXxh3_128).value()};
        }
        if (t.spec.name == kChanged) {
          t.bytes[0] ^= std::byte{1};  // all chunks but the first are unchanged
          changed_ = t.bytes;
        }
        EXPECT_TRUE(writer.begin_tensor(t.spec).ok());
        EXPECT_TRUE(writer.write(t.bytes).ok());
        EXPECT_TRUE(writer.end_tensor().ok());
      }
    }
    EXPECT_TRUE(writer.end_file().ok());
    EXPECT_TRUE(writer.finish().ok());
  }

  Owned<bbz_base> base_at(const bbz_base_options& options) {
    bbz_base* base = nullptr;
    EXPECT_EQ(bbz_base_open(&options, &base, error_.get()), BBZ_OK) << message();
    return Owned<bbz_base>(base);
  }

  // Makes a base of a reader.
  Owned<bbz_base> base_of(const bbz_reader* reader) {
    auto options = sized<bbz_base_options>();
    options.readers = &reader;
    options.reader_count = 1;
    return base_at(options);
  }

  // Writes the base and the update to a directory.
  void write_files(const io::TempDir& dir) {
    const auto write = [&](const char* name, const std::vector<std::byte>& bytes) {
      io::write_text(dir / name,
                     std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
    };
    write("base.bbz", archive_);
    write("update.bbz", update_);
  }

  // Checks that a reader gives the changed tensor.
  void expect_changed(const bbz_reader& reader) {
    std::vector<std::byte> out(changed_.size());
    EXPECT_EQ(bbz_reader_read_tensor(&reader, find(reader, kChanged), out.data(), out.size(),
                                     error_.get()),
              BBZ_OK)
        << message();
    EXPECT_EQ(out, changed_);
  }

  Owned<bbz_reader> open_update(const bbz_base* base) {
    bbz_source* source = nullptr;
    bbz_reader* reader = nullptr;
    auto options = sized<bbz_reader_options>();
    options.base = base;
    EXPECT_EQ(bbz_source_open_memory(update_.data(), update_.size(), &source, error_.get()),
              BBZ_OK);
    EXPECT_EQ(bbz_reader_open(source, &options, &reader, error_.get()), BBZ_OK) << message();
    bbz_source_free(source);
    return Owned<bbz_reader>(reader);
  }

  static constexpr const char* kChanged = "layers.0.w";
  std::shared_ptr<const Reader> base_;
  std::optional<std::uint32_t> known_;
  std::vector<std::byte> update_;
  std::vector<std::byte> changed_;
};

}  // namespace bbz::capi
