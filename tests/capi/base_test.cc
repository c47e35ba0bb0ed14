// Archives relative to a base through the C interface: with a reader as base, and on the caller's bytes.
#include <gmock/gmock.h>
#include <sys/wait.h>

#include <cstring>

#include "capi/support.h"
#include "support/temp_dir.h"

namespace bbz::capi {
namespace {

// The sample archive is the base of another one, in which one tensor is changed.
class OnBase : public CInterface {
 protected:
  OnBase() {
    base_ =
        std::make_shared<const Reader>(Reader::open(io::memory_source(Bytes(archive_))).value());
    const std::shared_ptr<Base> base = base_of(base_, "sample.bbz");
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

  Owned<bbz_reader> open_update(const bbz_reader* base) {
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

TEST_F(OnBase, AReaderIsTheBaseOfAnother) {
  Owned<bbz_reader> base = open();
  const Owned<bbz_reader> reader = open_update(base.get());
  base.reset();
  std::vector<std::byte> out(changed_.size());
  EXPECT_EQ(bbz_reader_read_tensor(reader.get(), find(*reader, kChanged), out.data(), out.size(),
                                   error_.get()),
            BBZ_OK)
      << message();
  EXPECT_EQ(out, changed_);
  const Owned<bbz_reader> alone = open_update(nullptr);
  EXPECT_EQ(bbz_reader_read_tensor(alone.get(), find(*alone, kChanged), out.data(), out.size(),
                                   error_.get()),
            BBZ_ERROR_UNSUPPORTED);
  EXPECT_THAT(message(), testing::HasSubstr("no base is given"));
}

TEST_F(OnBase, UpdatesTheCallersBytesInPlace) {
  const Owned<bbz_reader> base = open();
  const Owned<bbz_reader> update = open_update(nullptr);
  const std::uint32_t number = find(*update, kChanged);
  std::vector<std::byte> weights(changed_.size());
  EXPECT_EQ(
      bbz_reader_update_tensor(update.get(), number, weights.data(), weights.size(), error_.get()),
      BBZ_ERROR_DIGEST_MISMATCH);
  EXPECT_EQ(weights, std::vector<std::byte>(changed_.size()));
  ASSERT_EQ(bbz_reader_read_tensor(base.get(), find(*base, kChanged), weights.data(),
                                   weights.size(), error_.get()),
            BBZ_OK);
  EXPECT_NE(weights, changed_);
  EXPECT_EQ(
      bbz_reader_update_tensor(update.get(), number, weights.data(), weights.size(), error_.get()),
      BBZ_OK)
      << message();
  EXPECT_EQ(weights, changed_);
  EXPECT_EQ(bbz_reader_update_tensor(nullptr, number, weights.data(), weights.size(), nullptr),
            BBZ_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(bbz_reader_update_tensor(update.get(), number, weights.data(), 3, nullptr),
            BBZ_ERROR_INVALID_ARGUMENT);
}

// What a push decoder passed on of the tensor that is changed, and the last failure.
struct Pushed {
  std::vector<std::byte> bytes;
  std::string failure;
  bbz_code code = BBZ_OK;
  int failures = 0;
};

// Feeds an archive to a push decoder with these options.
Pushed pushed(const std::vector<std::byte>& archive, const bbz_push_options& options,
              const char* name) {
  struct State {
    Pushed pushed;
    const char* name;
    std::uint32_t number = BBZ_NONE;
  } state{{}, name};
  auto receiver = sized<bbz_receiver>();
  receiver.user = &state;
  receiver.begin_tensor = [](void* user, std::uint32_t tensor, const bbz_tensor_info* info) {
    auto* const to = static_cast<State*>(user);
    if (std::string(info->name) != to->name) return 0;
    to->number = tensor;
    to->pushed.bytes.resize(info->byte_size);
    return 0;
  };
  receiver.data = [](void* user, std::uint32_t tensor, std::uint64_t offset, const void* bytes,
                     std::size_t size) {
    auto* const to = static_cast<State*>(user);
    if (tensor == to->number) std::memcpy(to->pushed.bytes.data() + offset, bytes, size);
    return 0;
  };
  receiver.failed = [](void* user, std::uint32_t, std::uint32_t, bbz_code code,
                       const char* message) {
    auto* const to = static_cast<State*>(user);
    to->pushed.code = code;
    to->pushed.failure = message;
    ++to->pushed.failures;
    return 0;
  };
  bbz_push* made = nullptr;
  EXPECT_EQ(bbz_push_new(&options, &receiver, &made, nullptr), BBZ_OK);
  const Owned<bbz_push> push(made);
  for (std::size_t at = 0; at < archive.size(); at += 100) {
    const std::size_t size = std::min<std::size_t>(100, archive.size() - at);
    EXPECT_EQ(bbz_push_feed(push.get(), at, archive.data() + at, size, nullptr), BBZ_OK);
  }
  EXPECT_EQ(bbz_push_finish(push.get(), nullptr), BBZ_OK);
  return state.pushed;
}

TEST_F(OnBase, APushDecoderDecodesOntoAReader) {
  const Owned<bbz_reader> base = open();
  auto options = sized<bbz_push_options>();
  options.base = base.get();
  const Pushed onto = pushed(update_, options, kChanged);
  EXPECT_EQ(onto.failures, 0) << onto.failure;
  EXPECT_EQ(onto.bytes, changed_);

  const Owned<bbz_reader> wrong =
      open_update(base.get());  // the changed tensor is another one there
  options.base = wrong.get();
  const Pushed refused = pushed(update_, options, kChanged);
  EXPECT_EQ(refused.failures, 1);
  EXPECT_EQ(refused.code, BBZ_ERROR_DIGEST_MISMATCH);
  EXPECT_THAT(refused.failure, testing::HasSubstr(kChanged));
  EXPECT_NE(refused.bytes, changed_);
}

TEST_F(OnBase, APushDecoderWithoutOneRefusesByName) {
  auto options = sized<bbz_push_options>();
  const Pushed alone = pushed(update_, options, kChanged);
  EXPECT_GT(alone.failures, 0);
  EXPECT_EQ(alone.code, BBZ_ERROR_UNSUPPORTED);
  EXPECT_THAT(alone.failure, testing::HasSubstr("\"sample.bbz\""));
  // A program that was compiled before there were bases does not have the field.
  const Owned<bbz_reader> base = open();
  options.base = base.get();
  options.struct_size = offsetof(bbz_push_options, base);
  EXPECT_EQ(pushed(update_, options, kChanged).code, BBZ_ERROR_UNSUPPORTED);
}

TEST_F(OnBase, OptionsOfTheFirstVersionHaveNoBase) {
  bbz_reader_options options{};
  options.struct_size = offsetof(bbz_reader_options, base);
  EXPECT_NE(open(&options), nullptr);
}

TEST_F(OnBase, TheExampleInCUpdatesAllWeights) {
  const io::TempDir dir;
  const auto write = [&](const char* name, const std::vector<std::byte>& bytes) {
    io::write_text(dir / name,
                   std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  };
  write("base.bbz", archive_);
  write("update.bbz", update_);
  const std::string at = dir.path().string();
  const std::string command =
      std::string(BBZ_UPDATE) + " " + at + "/base.bbz " + at + "/update.bbz";
  const int code = std::system((command + " > " + at + "/out").c_str());
  EXPECT_EQ(code, 0);
  EXPECT_THAT(io::read_text(dir / "out"), testing::HasSubstr("layers.0.w: 640 bytes"));
  const std::string wrong =
      std::string(BBZ_UPDATE) + " " + at + "/update.bbz " + at + "/update.bbz";
  EXPECT_NE(std::system((wrong + " > /dev/null 2>&1").c_str()), 0);
}

}  // namespace
}  // namespace bbz::capi
