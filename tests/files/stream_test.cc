#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <thread>

#include "files/make_files.h"
#include "files/reading.h"
#include "support/faulty.h"
#include "support/temp_dir.h"

namespace bbz::files {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string kTwoTensors = make_safetensors(
    {{"h.0.w", DType::kBF16, {200, 3}, 0, 0}, {"scale", DType::kF64, {}, 0, 0}}, {{"k", "v"}});

// Owns a text and gives it like a pipe: no seeking, no size, short reads.
class TextPipe final : public io::Source {
 public:
  explicit TextPipe(std::string text) : text_(std::move(text)) {}
  Result<std::size_t> read_at(std::uint64_t offset, MutableBytes out) override {
    return short_.read_at(offset, out);
  }
  std::optional<std::uint64_t> size() const override { return std::nullopt; }
  bool seekable() const override { return false; }
  std::string_view name() const override { return "pipe"; }

 private:
  std::string text_;
  std::unique_ptr<io::Source> memory_ =
      io::memory_source(std::as_bytes(std::span(std::as_const(text_))));
  io::SequentialSource sequential_{*memory_};
  io::ShortReadSource short_{sequential_, 700};
};

Result<std::vector<Found>> read_stream(const std::string& text, const Options& options = {}) {
  return read_all(open_stream(std::make_unique<TextPipe>(text), options));
}

void expect_refused(const std::string& text, Code code, const std::string& message,
                    const Options& options = {}) {
  const auto found = read_stream(text, options);
  ASSERT_FALSE(found.ok()) << message;
  EXPECT_EQ(found.code(), code) << found.error().message;
  EXPECT_THAT(found.error().message, HasSubstr(message));
}

TEST(OpenStream, TellsSafetensorsFromBytes) {
  EXPECT_THAT(*read_stream(kTwoTensors),
              ElementsAre(Found{"stdin.safetensors", "safetensors", kTwoTensors}));
  EXPECT_THAT(*read_stream("anything"), ElementsAre(Found{"stdin", "bytes", "anything"}));
  EXPECT_THAT(*read_stream(""), ElementsAre(Found{"stdin", "bytes", ""}));
  EXPECT_THAT(*read_stream(kTwoTensors, {.opaque = true, .stream_name = "m"}),
              ElementsAre(Found{"m", "bytes", kTwoTensors}));
  EXPECT_THAT(*read_stream("anything", {.stream_name = "dir/name"}),
              ElementsAre(Found{"dir/name", "bytes", "anything"}));
  const std::string none = make_safetensors({});
  EXPECT_THAT(*read_stream(none), ElementsAre(Found{"stdin.safetensors", "safetensors", none}));
  expect_refused("anything", Code::kUnsafePath, "pipe: unsafe path \"../x\"",
                 {.stream_name = "../x"});
}

TEST(OpenStream, AnUnreadableHeaderIsBytes) {
  const std::string cut = kTwoTensors.substr(0, 60);
  EXPECT_THAT(*read_stream(cut), ElementsAre(Found{"stdin", "bytes", cut}));
  // Its length field declares 100 MB, but only the existing bytes are held.
  std::string huge("\x00\xE1\xF5\x05\x00\x00\x00\x00{", 9);
  EXPECT_THAT(*read_stream(huge), ElementsAre(Found{"stdin", "bytes", huge}));
}

TEST(OpenStream, ASafetensorsStreamMustHaveTheSizeThatItsHeaderSays) {
  expect_refused(kTwoTensors.substr(0, kTwoTensors.size() - 1), Code::kTruncated,
                 "pipe: ends at offset");
  expect_refused(kTwoTensors + "x", Code::kMalformed, "by its header, found more");
  expect_refused(make_safetensors({}) + "x", Code::kMalformed,
                 "pipe: expected 16 bytes by its header, found more");
  const auto files = std::move(open_stream(std::make_unique<TextPipe>(kTwoTensors))).value();
  EXPECT_EQ(files->total_size(), kTwoTensors.size());
}

TEST(OpenStream, AFifoIsAStream) {
  const io::TempDir dir;
  ASSERT_EQ(::mkfifo((dir / "fifo").c_str(), 0600), 0);
  std::thread writer(
      [&] { io::write_text(dir / "fifo", tar_member("a", "in a tar") + tar_end()); });
  EXPECT_THAT(*read_all(open(dir / "fifo")), ElementsAre(Found{"a", "bytes", "in a tar"}));
  writer.join();
}

TEST(OpenStream, AFailingStreamIsAnErrorOfTheStream) {
  const std::string tar = tar_member("model.safetensors", kTwoTensors) + tar_end();
  for (const std::string& text : {kTwoTensors, tar}) {
    const auto memory = io::memory_source(std::as_bytes(std::span(text)));
    for (const std::size_t at :
         {std::size_t{0}, std::size_t{5}, std::size_t{600}, text.size() - 1}) {
      auto pipe = std::make_unique<io::FailingSource>(*memory, at);
      const auto found = read_all(open_stream(std::move(pipe)));
      ASSERT_FALSE(found.ok()) << at;
      EXPECT_EQ(found.code(), Code::kIo) << at;
      EXPECT_EQ(found.error().message, "failing source: EIO") << at;
    }
  }
}

TEST(OpenTar, GivesItsMembersAsFilesAndItsEmptyFoldersAtTheEnd) {
  const std::string large(200001, 'x');
  const auto found = read_stream(
      tar_member("./", "", '5') + tar_member("./empty/", "", '5') + tar_member("full/", "", '5') +
      tar_member("./full/model.safetensors", kTwoTensors) + tar_member("z", large) +
      tar_member("a", "") + tar_end() + std::string(9 * 512, '\0'));
  ASSERT_TRUE(found.ok()) << found.error().message;
  EXPECT_THAT(*found, ElementsAre(Found{"full/model.safetensors", "safetensors", kTwoTensors},
                                  Found{"z", "bytes", large}, Found{"a", "bytes", ""},
                                  Found{"empty", "/", ""}));
  EXPECT_THAT(*read_stream(tar_member("./", "", '5') + tar_end()), IsEmpty());
}

TEST(OpenTar, AMemberThatIsNotReadIsPassedOver) {
  const auto files =
      std::move(open_stream(std::make_unique<TextPipe>(tar_member("a", std::string(5000, 'a')) +
                                                       tar_member("b", "b") + tar_end())))
          .value();
  EXPECT_EQ(files->total_size(), std::nullopt);
  EXPECT_EQ((*files->next())->path, "a");
  auto second = std::move(files->next()).value();
  EXPECT_EQ(second->source->size(), 1u);
  EXPECT_EQ(*read_file(*second), "b");
}

TEST(OpenTar, NamesAreUtf8InAnyLocale) {
  const auto found = read_stream(tar_member("é 重み", "x") + tar_end());
  ASSERT_TRUE(found.ok()) << found.error().message;
  EXPECT_EQ(found->at(0).path, "é 重み");
  const std::string name = std::string(120, 'n') + "é";
  const std::string record = " path=" + name + "\n";
  const std::string pax = std::to_string(record.size() + 3) + record;
  const auto extended =
      read_stream(tar_member("x", pax, 'x') + tar_member("short", "x") + tar_end());
  ASSERT_TRUE(extended.ok()) << extended.error().message;
  EXPECT_EQ(extended->at(0).path, name);
  expect_refused(tar_member("\xFF", "x") + tar_end(), Code::kUnsafePath, "not UTF-8");
}

TEST(OpenTar, RefusesMembersThatAreNotFilesOrWouldLeaveTheFolder) {
  expect_refused(tar_member("link", "", '2', "target") + tar_end(), Code::kInvalidArgument,
                 "pipe: \"link\": is a symbolic link to \"target\"");
  expect_refused(tar_member("link", "", '2', "target") + tar_end(), Code::kInvalidArgument,
                 "tar -h --hard-dereference");
  expect_refused(tar_member("device", "", '3') + tar_end(), Code::kInvalidArgument, "a device");
  for (const char* name : {"/etc/passwd", "../x", "a/../../x", "a//b", "a\\b"}) {
    expect_refused(tar_member(name, "x") + tar_end(), Code::kUnsafePath, "pipe: unsafe path");
  }
  expect_refused(tar_member("a", "1") + tar_member("./a", "2") + tar_end(), Code::kMalformed,
                 "\"a\": occurs twice in the tar");
  expect_refused(tar_member("a", "1") + tar_member("b", "2") + tar_end(), Code::kLimit,
                 "more than 1 members", {.max_files = 1});
  expect_refused(tar_member("m.safetensors", "broken") + tar_end(), Code::kTruncated,
                 "pipe: \"m.safetensors\": safetensors header: ");
}

TEST(OpenTar, HardLinksAreFilesOfTheSameContent) {
  const io::TempDir dir;
  const Options options{.temporary_folder = dir.path()};
  const std::string large(3000001, 'l');
  const auto found = read_stream(
      tar_member("blob", kTwoTensors) + tar_member("large", large) + tar_member("empty", "") +
          tar_member("m.safetensors", "", '1', "./blob") + tar_member("a/l", "", '1', "large") +
          tar_member("again", "", '1', "a/l") + tar_member("none", "", '1', "empty") + tar_end(),
      options);
  ASSERT_TRUE(found.ok()) << found.error().message;
  EXPECT_THAT(*found, ElementsAre(Found{"blob", "safetensors", kTwoTensors},
                                  Found{"large", "bytes", large}, Found{"empty", "bytes", ""},
                                  Found{"m.safetensors", "safetensors", kTwoTensors},
                                  Found{"a/l", "bytes", large}, Found{"again", "bytes", large},
                                  Found{"none", "bytes", ""}));
  EXPECT_THAT(dir.entries(), IsEmpty());
}

// Some programs write tars of the pax kind so.
TEST(OpenTar, AHardLinkWithDataIsAFileOfThatData) {
  const std::string pax = "18 comment=a link\n";
  const auto found =
      read_stream(tar_member("a", "first") + tar_member("x", pax, 'x') +
                  tar_member("link", "its own", '1', "a") + tar_member("z", "last") + tar_end());
  ASSERT_TRUE(found.ok()) << found.error().message;
  EXPECT_THAT(*found, ElementsAre(Found{"a", "bytes", "first"}, Found{"link", "bytes", "its own"},
                                  Found{"z", "bytes", "last"}));
}

TEST(OpenTar, LeavesOutWhatMatchesAndTakesWhatMatchesAsBytes) {
  const std::string tar = tar_member("d/", "", '5') + tar_member("d/a.pt", "x") +
                          tar_member("d/link", "", '2', "x") +
                          tar_member("m.safetensors", "broken") + tar_member("e/", "", '5') +
                          tar_member("e/bad\\name", "x") + tar_member("dd", "kept") + tar_end();
  const auto found =
      read_stream(tar, {.excluded = {"d", "bad*"}, .opaque_paths = {"*.safetensors"}});
  ASSERT_TRUE(found.ok()) << found.error().message;
  EXPECT_THAT(*found, ElementsAre(Found{"m.safetensors", "bytes", "broken"},
                                  Found{"dd", "bytes", "kept"}, Found{"e", "/", ""}));
  expect_refused(tar_member("a", "x") + tar_member("b", "", '1', "a") + tar_end(),
                 Code::kInvalidArgument, "which was left out", {.excluded = {"a"}});
}

TEST(OpenTar, HardLinksToWhatWasNotKeptAreRefused) {
  const io::TempDir dir;
  const Options options{.temporary_folder = dir.path(), .kept_bytes = 1000};
  const std::string members = tar_member("large", std::string(1001, 'x')) +
                              tar_member("a", std::string(600, 'a')) +
                              tar_member("b", std::string(600, 'b'));
  const auto link_to = [&](const std::string& target) {
    return members + tar_member("dir/link", "", '1', target) + tar_end();
  };
  EXPECT_TRUE(read_stream(link_to("a"), options).ok());
  for (const char* target : {"large", "b"}) {
    expect_refused(link_to(target), Code::kInvalidArgument,
                   "pipe: \"dir/link\": is a hard link to \"" + std::string(target) + "\"",
                   options);
  }
  expect_refused(link_to("large"), Code::kInvalidArgument, "tar --hard-dereference", options);
  expect_refused(link_to("nowhere"), Code::kMalformed, "not an earlier file of the tar", options);
  expect_refused(link_to("dir/link"), Code::kMalformed, "not an earlier file of the tar", options);
  expect_refused(link_to("a"), Code::kInvalidArgument, "of which no copy was kept");
  // A disk without space for a file is not an error until a copy is needed.
  const Options nowhere{.temporary_folder = dir / "nowhere"};
  EXPECT_TRUE(read_stream(members + tar_end(), nowhere).ok());
  expect_refused(link_to("a"), Code::kInvalidArgument, "of which no copy was kept", nowhere);
}

TEST(OpenTar, IsNoTarWhereItIsTakenAsBytes) {
  const std::string tar = tar_member("a", "x") + tar_end();
  EXPECT_THAT(*read_stream(tar, {.opaque = true}), ElementsAre(Found{"stdin", "bytes", tar}));
}

// Wherever the stream is cut after its first header, the tar is not taken for a whole one.
TEST(OpenTar, IsNotCutUnnoticed) {
  const std::string tar =
      tar_member("a", std::string(700, 'a')) + tar_member("b", "b") + std::string(512, '\0');
  ASSERT_TRUE(read_stream(tar).ok());
  for (std::size_t size = 512; size < tar.size(); ++size) {
    ASSERT_FALSE(read_stream(tar.substr(0, size)).ok()) << size;
  }
  expect_refused(tar.substr(0, 512 + 1024), Code::kTruncated, "without its end marker");
}

TEST(OpenTar, NothingMayFollowItsEnd) {
  const std::string tar = tar_member("a", "x") + tar_end();
  // In the block that the end was read with, and in one of its own.
  const auto memory = io::memory_source(std::as_bytes(std::span(tar)));
  EXPECT_TRUE(read_all(open_stream(std::make_unique<io::SequentialSource>(*memory))).ok());
  const std::string more = tar + "x";
  const auto longer = io::memory_source(std::as_bytes(std::span(more)));
  EXPECT_EQ(read_all(open_stream(std::make_unique<io::SequentialSource>(*longer))).code(),
            Code::kMalformed);
  expect_refused(tar + "x", Code::kMalformed, "pipe: data follows the end of the tar");
  expect_refused(tar + std::string(300000, '\0') + "x", Code::kMalformed, "data follows the end");
  expect_refused(tar + tar, Code::kMalformed, "data follows the end");
}

}  // namespace
}  // namespace bbz::files
