#include "bbz/files/torch/state_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "bbz/files/torch/internal/crc32.h"
#include "bbz/files/torch/internal/zip.h"
#include "files/torch/make_files.h"
#include "files/torch/reading.h"
#include "files/torch/rewriting.h"

namespace bbz::torch {
namespace {

using testing::HasSubstr;

TEST(Crc32, IsThatOfTheStandard) {
  const auto of = [](std::string_view text) { return crc32(std::as_bytes(std::span(text))); };
  EXPECT_EQ(of(""), 0u);
  EXPECT_EQ(of("123456789"), 0xcbf43926u);
  EXPECT_EQ(of("The quick brown fox jumps over the lazy dog"), 0x414fa339u);
  EXPECT_EQ(of(std::string(32, '\0')), 0x190a55adu);
}

Result<std::string> rewritten(const std::string& file, std::string_view note = "the note") {
  return rewrite(*source_of(file), note);
}

// What two files must have in common: names, types, shapes, elements.
void expect_same_tensors(const std::string& one, const std::string& other) {
  const auto a = read(one), b = read(other);
  ASSERT_TRUE(a.ok() && b.ok()) << b.error().message;
  ASSERT_EQ(a->tensors.size(), b->tensors.size());
  for (std::size_t i = 0; i < a->tensors.size(); ++i) {
    EXPECT_EQ(a->tensors[i].name, b->tensors[i].name);
    EXPECT_EQ(a->tensors[i].dtype, b->tensors[i].dtype);
    EXPECT_EQ(a->tensors[i].shape, b->tensors[i].shape);
    EXPECT_TRUE(is_contiguous(b->tensors[i]));
    EXPECT_EQ(elements_of(one, *a, a->tensors[i]).value(),
              elements_of(other, *b, b->tensors[i]).value());
  }
}

// Views of two storages in a nested dict: overlapping, transposed, without elements, a scalar.
std::string viewed_file() {
  const auto half = [](std::uint64_t offset, std::vector<std::uint64_t> shape,
                       std::vector<std::uint64_t> strides) {
    return pickle_view({"HalfStorage", "1", 300, offset, std::move(shape), std::move(strides)});
  };
  const std::string model = pickle_dict({{"a", pickle_view(kMatrix)},
                                         {"turned", half(7, {10, 20}, {1, 10})},
                                         {"cut", half(0, {10, 3}, {20, 1})},
                                         {"none", half(0, {0, 3}, {3, 1})},
                                         {"scalar", half(299, {}, {})},
                                         {"again", pickle_view(kMatrix)}});
  return make_torch(pickle(pickle_dict({{"model", model}, {"step", pickle_int(1u << 20)}})),
                    {counting_bytes(24), counting_bytes(600)});
}

TEST(StateWriter, KeepsNamesTypesShapesAndElements) {
  const auto out = rewritten(viewed_file());
  ASSERT_TRUE(out.ok()) << out.error().message;
  expect_same_tensors(viewed_file(), *out);
  const auto state = read(*out);
  ASSERT_EQ(state->storages.size(), 6u);  // one for each
  for (const Storage& storage : state->storages) EXPECT_EQ(storage.offset % 64, 0u);
  EXPECT_EQ(state->tensors[1].strides, (std::vector<std::uint64_t>{20, 1}));
  // What is written of what was written is the same.
  EXPECT_EQ(*rewritten(*out), *out);
  const auto frame = read_frame(*source_of(*out), *state);
  ASSERT_TRUE(frame.ok());
  EXPECT_EQ(frame->note, "the note");
  EXPECT_EQ(read_frame(*source_of(viewed_file()), read(viewed_file()).value())->note, std::nullopt);
}

TEST(StateWriter, TheChecksumsOfItsEntriesAreThoseOfTheirData) {
  const std::string out = rewritten(viewed_file()).value();
  const auto archive = read_zip(*source_of(out), out.size(), {});
  ASSERT_TRUE(archive.ok());
  ASSERT_EQ(archive->entries.size(), 10u);
  std::size_t central = out.find("PK\x01\x02");
  for (const ZipEntry& entry : archive->entries) {
    const std::uint32_t expected =
        crc32(std::as_bytes(std::span(out)).subspan(entry.offset, entry.size));
    const std::string descriptor = "PK\x07\x08" + little(expected, 4) + little(entry.size, 4);
    EXPECT_EQ(out.substr(entry.offset + entry.size, descriptor.size()), descriptor) << entry.name;
    EXPECT_EQ(out.substr(central + 16, 4), little(expected, 4)) << entry.name;
    EXPECT_EQ(out.substr(central + 46, entry.name.size()), entry.name);
    central = out.find("PK\x01\x02", central + 4);
  }
}

// A file of which only some ranges are not zero.
class Sparse final : public io::Source {
 public:
  explicit Sparse(std::vector<StateWriter::Piece> pieces) : pieces_(std::move(pieces)) {}
  Result<std::size_t> read_at(std::uint64_t offset, MutableBytes out) override {
    const std::uint64_t end = *size();
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), end - offset));
    for (std::size_t i = 0; i < count; ++i) {
      out[i] = std::byte{0};
      for (const auto& [begin, bytes] : pieces_) {
        const std::uint64_t at = offset + i - begin;
        if (offset + i >= begin && at < bytes.size()) out[i] = bytes[at];
      }
    }
    return count;
  }
  std::optional<std::uint64_t> size() const override {
    return pieces_.back().offset + pieces_.back().bytes.size();
  }
  bool seekable() const override { return true; }
  std::string_view name() const override { return "sparse"; }

 private:
  std::vector<StateWriter::Piece> pieces_;
};

TEST(StateWriter, FilesAndTensorsMayHaveMoreThanFourGibibytes) {
  const std::vector<StateWriter::Item> items = {
      {DType::kF32, {1u << 15, 1u << 15}}, {DType::kF16, {(1u << 31) - 8}},
      {DType::kBF16, {(1u << 31) - 1}},    {DType::kU8, {0xfffffffe}},
      {DType::kU8, {0xffffffff}},          {DType::kI64, {3}}};
  Frame frame;
  for (std::size_t i = 0; i < items.size(); ++i) {
    frame.before.push_back((i == 0 ? "\x80\x02}(" : "") + pickle_text(std::to_string(i)));
  }
  frame.after = "u.";
  const auto writer = StateWriter::create(frame, items);
  ASSERT_TRUE(writer.ok()) << writer.error().message;
  Sparse file(writer->pieces("x"));
  const auto state = read_state_dict(file);
  ASSERT_TRUE(state.ok()) << state.error().message;
  ASSERT_EQ(state->tensors.size(), items.size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    EXPECT_EQ(state->tensors[i].dtype, items[i].dtype);
    EXPECT_EQ(state->tensors[i].shape, items[i].shape);
    EXPECT_EQ(state->storages[i].offset, writer->offset(i));
  }
  EXPECT_GT(state->storages.back().offset, std::uint64_t{1} << 34);
  EXPECT_EQ(read_frame(file, *state)->before, frame.before);
}

TEST(StateWriter, RefusesWhatTorchCannotHoldAndSizesOfMoreThan64Bits) {
  const auto refused = [](StateWriter::Item item, std::size_t count = 1) {
    Frame frame;
    frame.before.resize(count);
    return StateWriter::create(frame, std::vector(count, item)).code();
  };
  EXPECT_EQ(refused({DType::kF8E4M3, {1}}), Code::kUnsupported);
  EXPECT_EQ(refused({DType::kU8, {1ull << 40, 1ull << 40}}), Code::kMalformed);
  EXPECT_EQ(refused({DType::kU8, {1ull << 62}}, 4), Code::kMalformed);
}

std::string metadata_dict(const std::string& attributes) {
  const std::string ordered = pickle_global("collections", "OrderedDict") + ")R";
  return ordered + '(' + pickle_text("w") + pickle_view(kMatrix) + "u}(" +
         pickle_text("_metadata") + ordered + '(' + pickle_text("") + attributes + "uub";
}

// The frame of a file whose pickle is this value, beside a tensor.
Result<Frame> frame_beside(const std::string& value, const ZipFiles& more = {}) {
  const std::string file =
      make_torch(pickle(pickle_dict({{"w", pickle_view(kMatrix)}, {"other", value}})),
                 {counting_bytes(24)}, {}, more);
  BBZ_ASSIGN(const StateDict state, read(file));
  return read_frame(*source_of(file), state);
}

TEST(Frame, HasEveryPlainValue) {
  const std::vector<std::string> values = {
      "N",
      "\x88",
      "\x89",
      pickle_int(3),
      "M" + little(300, 2),
      "J" + little(0xffffffff, 4),
      std::string("\x8a\x08") + little(~std::uint64_t{0} << 40, 8),
      std::string("G\x3f\xb9\x99\x99\x99\x99\x99\x9a"),
      pickle_text("caf\xc3\xa9"),
      "]",
      "](K\x01N"
      "e",
      ")",
      "((NtK\x02t",
      "}",
      pickle_global("torch", "float16"),
      pickle_global("collections", "OrderedDict") + ")R",
      "}(" + pickle_text("version") + pickle_int(1) + "u"};
  for (const std::string& value : values) {
    const auto frame = frame_beside(value);
    ASSERT_TRUE(frame.ok()) << frame.error().message;
    EXPECT_EQ(frame->before, std::vector{"\x80\x02}(" + pickle_text("w")});
    EXPECT_EQ(frame->after, pickle_text("other") + value + "u.");
  }
  const std::string state = metadata_dict("}(" + pickle_text("version") + pickle_int(1) + "u");
  const std::string file = make_torch(pickle(state), {counting_bytes(24)});
  const auto frame = read_frame(*source_of(file), read(file).value());
  ASSERT_TRUE(frame.ok()) << frame.error().message;
  EXPECT_EQ(frame->before.at(0) + pickle_view(kMatrix) + frame->after, pickle(state));
}

TEST(Frame, IsRefusedForWhatWouldBeLost) {
  const auto why = [](const std::string& value, const ZipFiles& more = {}) {
    const auto frame = frame_beside(value, more);
    EXPECT_EQ(frame.code(), Code::kUnsupported);
    return frame.ok() ? "" : frame.error().message;
  };
  const std::string set = pickle_global("__builtin__", "set");
  EXPECT_EQ(
      why("C\x01x"),
      "test.pt: it holds bytes below \"other\", and only tensors, numbers and texts in dicts, "
      "lists and tuples can be written again");
  EXPECT_THAT(why("\x8f"), HasSubstr("a set"));
  EXPECT_THAT(why(set + "(](K\x01"
                        "etR"),
              HasSubstr("a set"));
  EXPECT_THAT(why("U\x01x"), HasSubstr("Python 2"));
  EXPECT_THAT(why("X" + little(1, 4) + "\xff"), HasSubstr("not UTF-8"));
  EXPECT_THAT(why(std::string("\x8a\x09") + std::string(9, 'x')), HasSubstr("an unusual value"));
  EXPECT_THAT(why(pickle_global("argparse", "Namespace") + ")R"), HasSubstr("an object"));
  EXPECT_THAT(why(pickle_global("torch", "FloatStorage")), HasSubstr("a name of code"));
  EXPECT_THAT(why(pickle_storage("torch", "FloatStorage", "0", 6)), HasSubstr("a storage"));
  EXPECT_THAT(why(pickle_global("torch._utils", "_rebuild_parameter") + '(' + pickle_view(kMatrix) +
                  "\x89" + pickle_global("collections", "OrderedDict") + ")RtR"),
              HasSubstr("a parameter"));
  // One that needs a gradient, one with hooks, one that is negated.
  std::string view = pickle_view(kMatrix);
  std::string changed = view;
  changed[changed.rfind('\x89')] = '\x88';
  EXPECT_THAT(why(changed), HasSubstr("a tensor that is no usual one"));
  changed = view.substr(0, view.size() - 2) + "(NNutR";
  EXPECT_THAT(why(changed), HasSubstr("a tensor that is no usual one"));
  changed = pickle_view_open(kMatrix) + "}(" + pickle_text("neg") + "\x88utR";
  EXPECT_THAT(why(changed), HasSubstr("a tensor that is no usual one"));
  EXPECT_THAT(why("}}b"), HasSubstr("an object")) << "the state of a dict";
  // The same key twice: the first tensor has no name.
  EXPECT_THAT(why("}(K\x01" + view + "K\x01" + view + "u"), HasSubstr("another name"));
  EXPECT_THAT(why("N", {{"model/extra.txt", "x"}}), HasSubstr("the entry \"model/extra.txt\""));
}

TEST(Frame, ItsSizeIsBounded) {
  // A list of lists, each twice the one before it.
  std::string doubling = "]q" + std::string(1, '\x01') + "Na";
  for (char i = 2; i < 40; ++i) {
    doubling += std::string("0]q") + i + "(h" + static_cast<char>(i - 1) + "h" +
                static_cast<char>(i - 1) + "e";
  }
  const std::string file =
      make_torch("\x80\x02" + doubling + "0}(" + pickle_text("w") + pickle_view(kMatrix) +
                     pickle_text("x") + "h" + std::string(1, '\x27') + "u.",
                 {counting_bytes(24)});
  Limits limits;
  limits.pickle_bytes = 100'000;
  const auto state = read(file, limits);
  ASSERT_TRUE(state.ok()) << state.error().message;
  EXPECT_EQ(read_frame(*source_of(file), *state, limits).code(), Code::kLimit);
}

TEST(Frame, OlderFormatsHaveNone) {
  const std::string old = "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";
  const auto frame = read_frame(*source_of(old), {});
  EXPECT_EQ(frame.code(), Code::kUnsupported);
  EXPECT_THAT(frame.error().message, HasSubstr("before PyTorch 1.6"));
}

}  // namespace
}  // namespace bbz::torch
