#include "bbz/capi/push.h"

#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "capi/support.h"
#include "support/assert.h"
#include "support/temp_dir.h"

namespace bbz::capi {
namespace {

using testing::HasSubstr;

// The data that was handed out, and the codes that a test makes the callbacks return.
struct Received {
  int structures = 0;
  std::map<std::string, std::string> metadata;
  std::map<std::uint32_t, std::vector<std::byte>> tensors;
  std::set<std::uint32_t> ended;
  std::map<std::uint32_t, std::string> files;  // that ended
  std::vector<std::string> failures;
  int result = 0;
  int throws = 0;

  int answer() const {
    if (throws != 0) throw std::runtime_error("of the test");
    return result;
  }

  bbz_receiver receiver() {
    auto r = sized<bbz_receiver>();
    r.user = this;
    r.structure = [](void* user) {
      ++static_cast<Received*>(user)->structures;
      return 0;
    };
    r.metadata = [](void* user, const bbz_metadata_info* info, const char* value, std::size_t n) {
      static_cast<Received*>(user)->metadata[info->key] = std::string(value, n);
      return 0;
    };
    r.begin_tensor = [](void* user, std::uint32_t tensor, const bbz_tensor_info* info) {
      static_cast<Received*>(user)->tensors[tensor].resize(info->byte_size);
      return 0;
    };
    r.data = [](void* user, std::uint32_t tensor, std::uint64_t offset, const void* bytes,
                std::size_t size) {
      auto* self = static_cast<Received*>(user);
      std::memcpy(self->tensors[tensor].data() + offset, bytes, size);
      return self->answer();
    };
    r.end_tensor = [](void* user, std::uint32_t tensor) {
      static_cast<Received*>(user)->ended.insert(tensor);
      return 0;
    };
    r.end_file = [](void* user, std::uint32_t file, const bbz_file_info* info) {
      static_cast<Received*>(user)->files[file] = info->path;
      return 0;
    };
    r.failed = [](void* user, std::uint32_t, std::uint32_t, bbz_code, const char* message) {
      static_cast<Received*>(user)->failures.emplace_back(message);
      return 0;
    };
    return r;
  }
};

class CPush : public CInterface {
 protected:
  Owned<bbz_push> make(const bbz_push_options* options = nullptr) {
    const bbz_receiver receiver = received_.receiver();
    bbz_push* push = nullptr;
    EXPECT_EQ(bbz_push_new(options, &receiver, &push, error_.get()), BBZ_OK) << message();
    return Owned<bbz_push>(push);
  }

  bbz_code feed(bbz_push* push, std::uint64_t begin, std::uint64_t end) {
    return bbz_push_feed(push, begin, archive_.data() + begin, end - begin, error_.get());
  }
  bbz_code feed_all(bbz_push* push) { return feed(push, 0, archive_.size()); }

  bbz_push_info info(const bbz_push* push) {
    auto info = sized<bbz_push_info>();
    EXPECT_EQ(bbz_push_get(push, &info, error_.get()), BBZ_OK) << message();
    return info;
  }

  std::vector<bbz_byte_range> needs(const bbz_push* push, std::size_t most = 16) {
    std::vector<bbz_byte_range> ranges(most);
    std::size_t count = 0;
    EXPECT_EQ(bbz_push_needs(push, 0, ranges.data(), most, &count, error_.get()), BBZ_OK);
    ranges.resize(count);
    return ranges;
  }

  // Flips a bit in a chunk of "embed".
  std::uint64_t damage() {
    const auto reader = Reader::open(io::memory_source(Bytes(archive_)));
    const auto& tensor = reader->catalog().tensors[reader->catalog().find_tensors("embed").at(0)];
    const std::uint64_t at = reader->catalog().chunks_of(tensor)[1].payload.offset;
    archive_[at] ^= std::byte{1};
    return at;
  }

  void expect_everything() {
    EXPECT_EQ(received_.structures, 1);
    EXPECT_EQ(received_.metadata["made-for"], "tests");
    EXPECT_TRUE(received_.failures.empty());
    const auto reader = Reader::open(io::memory_source(Bytes(archive_)));
    const auto& tensors = reader->catalog().tensors;
    EXPECT_EQ(received_.ended.size(), tensors.size());
    for (std::uint32_t number = 0; number < tensors.size(); ++number) {
      std::vector<std::byte> expected(tensors[number].byte_size);
      BBZ_ASSERT_OK(reader->read_tensor(number, expected));
      EXPECT_EQ(received_.tensors[number], expected) << number;
    }
    EXPECT_EQ(received_.files[0], "config.json");
    EXPECT_EQ(received_.files[3], "model");
  }

  Received received_;
};

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

TEST_F(CPush, WithoutACallbackAFailedTensorEndsIt) {
  // A tensor of a form that nobody knows: whole, and nothing can be made of it.
  files_[3].tensors[1].spec.stored = StoredForm{.form = catalog::Form{200}};
  WriteOptions write;
  write.chunk_bytes = 64;
  const auto archive = write_sample(files_, write);
  BBZ_ASSERT_OK(archive);
  archive_ = *archive;
  {
    const auto push = make();
    EXPECT_EQ(feed_all(push.get()), BBZ_OK) << message();
    EXPECT_EQ(received_.failures.size(), 1u);
  }
  bbz_receiver receiver = received_.receiver();
  receiver.failed = nullptr;
  bbz_push* push = nullptr;
  ASSERT_EQ(bbz_push_new(nullptr, &receiver, &push, error_.get()), BBZ_OK) << message();
  const Owned<bbz_push> owned(push);
  bbz_code code = feed_all(push);
  if (code == BBZ_OK) code = bbz_push_finish(push, error_.get());
  EXPECT_EQ(code, BBZ_ERROR_UNSUPPORTED);
  EXPECT_THAT(message(), HasSubstr("form 200"));
}

}  // namespace
}  // namespace bbz::capi
