// What Writer refuses, and how it says so.
#include "archive/pivoting.h"
#include "support/assert.h"

namespace bbz {
namespace {

TEST(Writer, RefusesCallsOutOfOrderForGood) {
  std::vector<std::byte> out;
  const auto sink = io::memory_sink(out);
  auto writer = Writer::create(*sink);
  BBZ_ASSERT_OK(writer);
  EXPECT_EQ(writer->begin_tensor(TensorSpec::bytes(1)).code(), Code::kInvalidArgument);
  EXPECT_EQ(writer->begin_file("a").code(), Code::kInvalidArgument);
  EXPECT_EQ(writer->write({}).code(), Code::kInvalidArgument);
  EXPECT_EQ(writer->finish().code(), Code::kInvalidArgument);
}

TEST(Writer, RefusesPermissionsAndTimesThatAreNone) {
  const auto code = [](const io::FileAttributes& attributes) {
    std::vector<std::byte> out;
    const auto sink = io::memory_sink(out);
    auto writer = Writer::create(*sink).value();
    return writer.begin_file("a", catalog::FileKind::kRegular, attributes).code();
  };
  EXPECT_EQ(code({.mode = 0777, .time = io::FileTime{0, 999'999'999}}), Code::kOk);
  EXPECT_EQ(code({.mode = 01000, .time = {}}), Code::kMalformed);
  EXPECT_EQ(code({.mode = 04755, .time = {}}), Code::kMalformed);
  EXPECT_EQ(code({.mode = {}, .time = io::FileTime{0, 1'000'000'000}}), Code::kMalformed);
}

TEST(Writer, MakesNoChunksThatNoReaderTakes) {
  std::vector<std::byte> out;
  const auto sink = io::memory_sink(out);
  WriteOptions options;
  options.limits.chunk_bytes = 2 * codec::kMaxChunkBytes;
  options.chunk_bytes = codec::kMaxChunkBytes;
  EXPECT_TRUE(Writer::create(*sink, options).ok());
  options.chunk_bytes = codec::kMaxChunkBytes + 1;
  EXPECT_EQ(Writer::create(*sink, options).code(), Code::kInvalidArgument);
  options.limits.chunk_bytes = 1 << 20;
  options.chunk_bytes = (1 << 20) + 1;
  EXPECT_EQ(Writer::create(*sink, options).code(), Code::kInvalidArgument);
}

TEST(Writer, RefusesTooManyAndTooFewBytesAndBadNames) {
  const auto attempt = [](const std::function<Status(Writer&)>& calls) {
    std::vector<std::byte> out;
    const auto sink = io::memory_sink(out);
    auto writer = Writer::create(*sink);
    if (!writer.ok()) return writer.code();
    const Status begun = writer->begin_file("a");
    return begun.ok() ? calls(*writer).code() : begun.code();
  };
  const std::byte byte{};
  EXPECT_EQ(attempt([&](Writer& w) -> Status {
              BBZ_TRY(w.begin_tensor(TensorSpec::bytes(2)));
              BBZ_TRY(w.write(Bytes(&byte, 1)));
              return w.end_tensor();
            }),
            Code::kInvalidArgument);
  EXPECT_EQ(attempt([&](Writer& w) -> Status {
              BBZ_TRY(w.begin_tensor(TensorSpec::bytes(0)));
              return w.write(Bytes(&byte, 1));
            }),
            Code::kInvalidArgument);
  EXPECT_EQ(attempt([&](Writer& w) { return w.end_tensor(); }), Code::kInvalidArgument);
  EXPECT_EQ(attempt([&](Writer& w) -> Status {
              BBZ_TRY(w.begin_tensor(TensorSpec::bytes(1)));
              return w.end_file();
            }),
            Code::kInvalidArgument);
  EXPECT_EQ(attempt([&](Writer& w) -> Status {
              TensorSpec spec;
              spec.name = "\xff";
              return w.begin_tensor(spec);
            }),
            Code::kInvalidArgument);
  EXPECT_EQ(attempt([&](Writer& w) -> Status {
              BBZ_TRY(w.end_file());
              return w.begin_file("../b");
            }),
            Code::kUnsafePath);
  // The catalog's rules are checked as the records are written, so at the latest when finishing.
  EXPECT_EQ(attempt([&](Writer& w) -> Status {
              BBZ_TRY(w.end_file());
              BBZ_TRY(w.begin_file("a"));
              BBZ_TRY(w.end_file());
              const auto root = w.finish();
              return root.ok() ? Status() : Status(root.error());
            }),
            Code::kMalformed);
}

TEST(Writer, TakesPivotsOfFormPivotAlone) {
  const auto code = [](catalog::Form form, bool pivots) {
    std::vector<std::byte> out;
    const auto sink = io::memory_sink(out);
    auto writer = Writer::create(*sink).value();
    EXPECT_TRUE(writer.begin_file("a").ok());
    TensorSpec spec = pivot_sample("w", DType::kF16, 3, 1, {1}, 1).tensor.spec;
    spec.stored->form = form;
    if (!pivots) spec.stored->pivots = nullptr;
    return writer.begin_tensor(spec).code();
  };
  EXPECT_EQ(code(catalog::Form::kPivot, true), Code::kOk);
  EXPECT_EQ(code(catalog::Form::kPivot, false), Code::kInvalidArgument);
  EXPECT_EQ(code(catalog::Form::kLower, true), Code::kInvalidArgument);
  EXPECT_EQ(code(catalog::Form::kDense, true), Code::kInvalidArgument);
  EXPECT_EQ(code(catalog::Form::kLower, false), Code::kOk);
}

// What a writer says of the last of these calls, made after "a" was begun; nothing if it is
// content.
std::string message_of(const std::function<Status(Writer&)>& calls, WriteOptions options = {}) {
  std::vector<std::byte> out;
  const auto sink = io::memory_sink(out);
  auto writer = Writer::create(*sink, options);
  if (!writer.ok()) return writer.error().message;
  if (const Status begun = writer->begin_file("a"); !begun.ok()) return begun.error().message;
  const Status status = calls(*writer);
  return status.ok() ? "" : status.error().message;
}

template <class T>
Status without_value(Result<T> result) {
  if (!result.ok()) return std::move(result).error();
  return {};
}

Status begin_bytes(Writer& writer, std::uint64_t size, std::uint64_t written) {
  BBZ_TRY(writer.begin_tensor(TensorSpec::bytes(size)));
  return writer.write(std::vector<std::byte>(written));
}

TEST(Writer, SaysHowManyBytesOfATensorAreMissing) {
  WriteOptions options;
  options.chunk_bytes = 40;
  for (const std::uint64_t written : {0, 1, 39, 40, 50, 80, 99}) {
    const auto calls = [&](Writer& w) -> Status {
      BBZ_TRY(begin_bytes(w, 100, written));
      return w.end_tensor();
    };
    EXPECT_EQ(message_of(calls, options),
              "end_tensor: tensor \"\": " + std::to_string(100 - written) + " bytes are missing");
  }
}

TEST(Writer, NamesWhatACallOutOfOrderLacks) {
  constexpr auto kRaw = codec::CodecId::kRaw;
  const std::vector<std::byte> two(2);
  const auto finished = [](Writer& w) -> Status {
    BBZ_TRY(w.end_file());
    return without_value(w.finish());
  };
  const auto after = [&](auto&& call) {
    return message_of([&](Writer& w) -> Status {
      BBZ_TRY(finished(w));
      return call(w);
    });
  };
  const auto within = [&](std::uint64_t written, auto&& call) {
    return message_of([&](Writer& w) -> Status {
      BBZ_TRY(begin_bytes(w, 2, written));
      return call(w);
    });
  };

  EXPECT_EQ(message_of([](Writer& w) { return w.begin_file("b"); }),
            "begin_file \"b\": another file is open");
  EXPECT_EQ(after([](Writer& w) { return w.begin_file("b"); }),
            "begin_file \"b\": the archive is finished");
  EXPECT_EQ(after([](Writer& w) { return w.end_file(); }), "end_file: no file is open");
  EXPECT_EQ(within(2, [](Writer& w) { return w.end_file(); }),
            "end_file: tensor \"\" is still open");
  EXPECT_EQ(after([](Writer& w) { return w.begin_tensor(TensorSpec::bytes(1)); }),
            "begin_tensor \"\": the archive is finished");
  EXPECT_EQ(within(2, [](Writer& w) { return w.begin_tensor(TensorSpec::bytes(1)); }),
            "begin_tensor \"\": tensor \"\" is still open");
  EXPECT_EQ(message_of([](Writer& w) -> Status {
              BBZ_TRY(w.end_file());
              return w.begin_tensor(TensorSpec::bytes(1));
            }),
            "begin_tensor \"\": no file is open");
  EXPECT_EQ(within(2,
                   [](Writer& w) -> Status {
                     BBZ_TRY(w.end_tensor());
                     return w.end_tensor();
                   }),
            "end_tensor: no tensor is open");
  EXPECT_EQ(within(0, [](Writer& w) { return without_value(w.finish()); }),
            "finish: tensor \"\" is still open");
  EXPECT_EQ(message_of([](Writer& w) { return without_value(w.finish()); }),
            "finish: a file is still open");
  EXPECT_EQ(after([](Writer& w) { return without_value(w.finish()); }),
            "finish: the archive is finished");
  EXPECT_EQ(after([](Writer& w) { return w.add_metadata("k", "v"); }),
            "add_metadata \"k\": the archive is finished");
  EXPECT_EQ(after([](Writer& w) {
              return without_value(w.add_group(catalog::GroupMethod::kBitsBack, {}));
            }),
            "add_group: the archive is finished");

  EXPECT_EQ(within(0, [](Writer& w) { return w.commit(3); }), "commit: 3 bytes, 0 were reserved");
  EXPECT_EQ(within(1, [](Writer& w) { return w.commit(3); }), "commit: 3 bytes, 1 were reserved");
  EXPECT_EQ(within(2, [&](Writer& w) { return w.write_coded(two, kRaw, two); }),
            "write_coded: 2 bytes after the end of the tensor");
  EXPECT_EQ(within(1, [&](Writer& w) { return w.write_coded(two, kRaw, two); }),
            "write_coded: 1 bytes of the chunk are already written");
  EXPECT_EQ(within(0, [&](Writer& w) { return w.write_coded(Bytes(two).first(1), kRaw, {}); }),
            "write_coded: 1 bytes, expected a chunk of 2");
  EXPECT_EQ(
      within(0, [&](Writer& w) { return w.write_coded(two, kRaw, std::vector<std::byte>(3)); }),
      "write_coded: a payload of 3 bytes for a chunk of 2");
}

TEST(Writer, SaysWhatIsWrongWithATensorsNameOrRank) {
  const auto begin = [](std::string name, Shape shape) {
    TensorSpec spec;
    spec.name = std::move(name);
    spec.shape = std::move(shape);
    WriteOptions options;
    options.limits.name_bytes = 4;
    options.limits.rank = 2;
    return message_of([&](Writer& w) { return w.begin_tensor(spec); }, options);
  };
  EXPECT_EQ(begin("abcd", {1, 1}), "");
  EXPECT_EQ(begin("abcde", {}), "tensor \"abcde\": a name of 5 bytes, the limit is 4");
  EXPECT_NE(begin("\xff", {}).find("the name is not UTF-8"), std::string::npos);
  EXPECT_EQ(begin("abcd", {1, 1, 1}), "tensor \"abcd\": rank 3, the limit is 2");
}

TEST(Writer, WhatExceedsALimitIsOfOneCode) {
  const auto code_of = [](const std::function<Status(Writer&)>& call) {
    WriteOptions options;
    options.limits.name_bytes = 4;
    options.limits.rank = 2;
    std::vector<std::byte> out;
    const auto sink = io::memory_sink(out);
    auto writer = Writer::create(*sink, options);
    if (const Status begun = writer->begin_file("a"); !begun.ok()) return begun.code();
    return call(*writer).code();
  };
  const auto begin = [](std::string name, Shape shape) {
    return [name, shape](Writer& writer) {
      TensorSpec spec;
      spec.name = name;
      spec.shape = shape;
      return writer.begin_tensor(spec);
    };
  };
  EXPECT_EQ(code_of(begin("abcd", {1, 1})), Code::kOk);
  EXPECT_EQ(code_of(begin("abcde", {})), Code::kLimit);
  EXPECT_EQ(code_of(begin("abcd", {1, 1, 1})), Code::kLimit);
  EXPECT_EQ(code_of([](Writer& writer) -> Status {
              BBZ_TRY(writer.end_file());
              return writer.begin_file("abcde");
            }),
            Code::kLimit);
}

}  // namespace
}  // namespace bbz
