#include "bbz/capi/push.h"

#include <cerrno>
#include <stdexcept>

#include "capi/pushing.h"
#include "support/temp_dir.h"

namespace bbz::capi {
namespace {

using testing::HasSubstr;

TEST_F(CPush, InOrderByteByByte) {
  const auto push = make();
  for (std::uint64_t at = 0; at < archive_.size(); ++at) {
    ASSERT_EQ(feed(push.get(), at, at + 1), BBZ_OK) << message();
  }
  EXPECT_EQ(bbz_push_finish(push.get(), error_.get()), BBZ_OK) << message();
  expect_everything();
  const bbz_push_info done = info(push.get());
  EXPECT_EQ(done.complete, 1u);
  EXPECT_EQ(done.has_structure, 1u);
  EXPECT_EQ(done.total, archive_.size());
  EXPECT_EQ(done.verified_bytes, archive_.size());
  EXPECT_EQ(done.file_count, 4u);
  const auto reader = Reader::open(io::memory_source(Bytes(archive_)));
  EXPECT_EQ(done.root, reader->root().to_string());
  EXPECT_TRUE(needs(push.get()).empty());
}

TEST_F(CPush, WhatItNeedsUntilThereIsNothing) {
  auto options = sized<bbz_push_options>();
  options.total = archive_.size();
  options.structure_first = 1;
  const auto push = make(&options);
  int requests = 0;
  for (auto ranges = needs(push.get(), 3); !ranges.empty(); ranges = needs(push.get(), 3)) {
    ASSERT_LT(++requests, 1000);
    for (const bbz_byte_range& range : ranges) {
      ASSERT_NE(range.end, BBZ_UNKNOWN);
      ASSERT_EQ(feed(push.get(), range.begin, range.end), BBZ_OK) << message();
    }
  }
  EXPECT_EQ(bbz_push_finish(push.get(), error_.get()), BBZ_OK) << message();
  expect_everything();
}

TEST_F(CPush, TheEndIsUnknownUntilItIsTold) {
  const auto push = make();
  ASSERT_EQ(needs(push.get()).size(), 1u);
  EXPECT_EQ(needs(push.get())[0].end, BBZ_UNKNOWN);
  EXPECT_EQ(bbz_push_set_total(push.get(), archive_.size(), error_.get()), BBZ_OK) << message();
  EXPECT_EQ(info(push.get()).total, archive_.size());
  EXPECT_EQ(bbz_push_set_total(push.get(), 1, error_.get()), BBZ_ERROR_INVALID_ARGUMENT);
  ASSERT_EQ(feed(push.get(), 0, 100), BBZ_OK) << message();
  EXPECT_EQ(bbz_push_finish(push.get(), error_.get()), BBZ_ERROR_TRUNCATED);
}

TEST_F(CPush, OnlyWhatIsSelected) {
  const bbz_layers layer[] = {{1, 1}};
  auto selection = sized<bbz_selection>();
  selection.layers = layer;
  selection.layer_count = 1;
  auto options = sized<bbz_push_options>();
  options.total = archive_.size();
  options.only_selected = 1;
  options.selection = &selection;
  const auto push = make(&options);
  std::uint64_t moved = 0;
  for (auto ranges = needs(push.get(), 1); !ranges.empty(); ranges = needs(push.get(), 1)) {
    ASSERT_EQ(feed(push.get(), ranges[0].begin, ranges[0].end), BBZ_OK) << message();
    moved += ranges[0].end - ranges[0].begin;
  }
  EXPECT_EQ(bbz_push_finish(push.get(), error_.get()), BBZ_OK) << message();
  EXPECT_LT(moved, archive_.size());
  const auto reader = open();
  const std::set<std::uint32_t> selected = {find(*reader, "layers.1.w"),
                                            find(*reader, "layers.1.scale")};
  EXPECT_EQ(received_.ended, selected);
  EXPECT_EQ(received_.tensors[find(*reader, "layers.1.w")], expected("layers.1.w"));
}

TEST_F(CPush, DamageIsNamedAndTakenAgain) {
  const std::vector<std::byte> right = archive_;
  const std::uint64_t at = damage();
  const auto push = make();
  ASSERT_EQ(feed_all(push.get()), BBZ_OK) << message();
  EXPECT_EQ(bbz_push_finish(push.get(), error_.get()), BBZ_ERROR_CHECKSUM);
  std::size_t count = 0;
  ASSERT_EQ(bbz_push_faults(push.get(), &count, error_.get()), BBZ_OK);
  ASSERT_EQ(count, 1u);
  auto fault = sized<bbz_push_fault>();
  ASSERT_EQ(bbz_push_get_fault(push.get(), 0, &fault, error_.get()), BBZ_OK) << message();
  EXPECT_LE(fault.begin, at);
  EXPECT_GT(fault.end, at);
  EXPECT_EQ(fault.code, BBZ_ERROR_CHECKSUM);
  EXPECT_EQ(fault.times, 1u);
  EXPECT_THAT(fault.message, HasSubstr("payload check"));
  EXPECT_EQ(bbz_push_get_fault(push.get(), 1, &fault, error_.get()), BBZ_ERROR_INVALID_ARGUMENT);

  archive_ = right;
  const auto ranges = needs(push.get());
  ASSERT_EQ(ranges.size(), 1u);
  EXPECT_EQ(ranges[0].begin, fault.begin);
  ASSERT_EQ(feed(push.get(), ranges[0].begin, ranges[0].end), BBZ_OK) << message();
  EXPECT_EQ(bbz_push_finish(push.get(), error_.get()), BBZ_OK) << message();
  ASSERT_EQ(bbz_push_faults(push.get(), &count, error_.get()), BBZ_OK);
  EXPECT_EQ(count, 0u);
  expect_everything();
}

TEST_F(CPush, ACallbackCanStopIt) {
  received_.result = -ECANCELED;
  const auto push = make();
  EXPECT_EQ(feed_all(push.get()), BBZ_ERROR_CANCELLED);
  EXPECT_THAT(message(), HasSubstr("data: "));
  received_.result = 0;
  EXPECT_EQ(bbz_push_finish(push.get(), error_.get()), BBZ_ERROR_CANCELLED);
}

TEST_F(CPush, AnExceptionOutOfACallbackBecomesACode) {
  received_.throws = 1;
  const auto push = make();
  EXPECT_EQ(feed_all(push.get()), BBZ_ERROR_INTERNAL);
  EXPECT_EQ(message(), "of the test");
}

TEST_F(CPush, MayOnlyCheck) {
  auto options = sized<bbz_push_options>();
  options.check_only = 1;
  bbz_push* push = nullptr;
  ASSERT_EQ(bbz_push_new(&options, nullptr, &push, error_.get()), BBZ_OK) << message();
  const Owned<bbz_push> owned(push);
  ASSERT_EQ(feed_all(push), BBZ_OK) << message();
  EXPECT_EQ(bbz_push_finish(push, error_.get()), BBZ_OK) << message();
}

TEST_F(CPush, KnowsItsContent) {
  const auto push = make();
  auto file = sized<bbz_file_info>();
  EXPECT_EQ(bbz_push_file(push.get(), 0, &file, error_.get()), BBZ_ERROR_INVALID_ARGUMENT);
  ASSERT_EQ(feed_all(push.get()), BBZ_OK) << message();
  ASSERT_EQ(bbz_push_file(push.get(), 3, &file, error_.get()), BBZ_OK) << message();
  EXPECT_STREQ(file.path, "model");
  auto tensor = sized<bbz_tensor_info>();
  const std::uint32_t number = find(*open(), "layers.0.w");
  ASSERT_EQ(bbz_push_tensor(push.get(), number, &tensor, error_.get()), BBZ_OK) << message();
  EXPECT_STREQ(tensor.name, "layers.0.w");
  EXPECT_EQ(bbz_push_tensor(push.get(), 1000, &tensor, error_.get()), BBZ_ERROR_INVALID_ARGUMENT);
}

TEST_F(CPush, AStateIsSavedAndRestored) {
  const io::TempDir dir;
  const std::string store = dir / "partial";
  const std::string state = dir / "state";
  auto options = sized<bbz_push_options>();
  options.total = archive_.size();
  options.store_path = store.c_str();
  const std::uint64_t half = archive_.size() / 2;
  {
    const auto push = make(&options);
    ASSERT_EQ(feed(push.get(), 0, half), BBZ_OK) << message();
    ASSERT_EQ(bbz_push_save(push.get(), state.c_str(), "etag-1", error_.get()), BBZ_OK)
        << message();
  }
  std::set<std::uint32_t> ended = received_.ended;
  std::erase_if(ended, [&](std::uint32_t tensor) { return received_.tensors[tensor].empty(); });
  EXPECT_FALSE(ended.empty());
  received_ = {};
  const auto push = make(&options);
  EXPECT_EQ(bbz_push_restore(push.get(), state.c_str(), "etag-2", error_.get()),
            BBZ_ERROR_DIGEST_MISMATCH);
  EXPECT_THAT(message(), HasSubstr("etag-1"));
  ASSERT_EQ(bbz_push_restore(push.get(), state.c_str(), "etag-1", error_.get()), BBZ_OK)
      << message();
  EXPECT_EQ(info(push.get()).there_bytes, half);
  ASSERT_EQ(feed(push.get(), half, archive_.size()), BBZ_OK) << message();
  EXPECT_EQ(bbz_push_finish(push.get(), error_.get()), BBZ_OK) << message();
  for (const std::uint32_t tensor : ended) EXPECT_FALSE(received_.ended.contains(tensor));

  EXPECT_EQ(bbz_push_restore(push.get(), (dir / "absent").c_str(), nullptr, error_.get()),
            BBZ_ERROR_NOT_FOUND);
  EXPECT_EQ(bbz_push_save(make().get(), state.c_str(), nullptr, error_.get()),
            BBZ_ERROR_INVALID_ARGUMENT);
}

TEST_F(CPush, AStoreOfCallbacks) {
  struct Memory {
    std::vector<std::byte> bytes;
    int syncs = 0;
    int fails = 0;
  } memory;
  memory.bytes.resize(archive_.size());
  auto store = sized<bbz_store>();
  store.user = &memory;
  store.write = [](void* user, std::uint64_t offset, const void* bytes, std::size_t size) {
    auto* m = static_cast<Memory*>(user);
    if (m->fails == 0) std::memcpy(m->bytes.data() + offset, bytes, size);
    return m->fails;
  };
  store.read = [](void* user, std::uint64_t offset, void* buffer, std::size_t size) {
    std::memcpy(buffer, static_cast<Memory*>(user)->bytes.data() + offset, size);
    return 0;
  };
  store.sync = [](void* user) {
    ++static_cast<Memory*>(user)->syncs;
    return 0;
  };
  auto options = sized<bbz_push_options>();
  options.store = &store;
  const auto push = make(&options);
  memory.fails = -ENOSPC;
  EXPECT_EQ(feed(push.get(), 0, 100), BBZ_ERROR_IO);
  EXPECT_THAT(message(), HasSubstr("the store: cannot write: No space left on device"));
  memory.fails = 0;
  for (std::uint64_t at = 0; at < archive_.size(); at += 100) {  // from the back
    const std::uint64_t end = archive_.size() - at;
    ASSERT_EQ(feed(push.get(), end > 100 ? end - 100 : 0, end), BBZ_OK) << message();
  }
  EXPECT_EQ(bbz_push_finish(push.get(), error_.get()), BBZ_OK) << message();
  EXPECT_EQ(memory.bytes, archive_);
  expect_everything();
  const io::TempDir dir;
  EXPECT_EQ(bbz_push_save(push.get(), (dir / "state").c_str(), "", error_.get()), BBZ_OK);
  EXPECT_EQ(memory.syncs, 1);

  // Bytes that are there already are taken from the store.
  received_ = {};
  const auto again = make(&options);
  ASSERT_EQ(bbz_push_adopt(again.get(), 0, archive_.size(), error_.get()), BBZ_OK) << message();
  EXPECT_EQ(bbz_push_finish(again.get(), error_.get()), BBZ_OK) << message();
  expect_everything();
}

}  // namespace
}  // namespace bbz::capi
