// The push decoder in C asks for bytes that it passed before, if a chunk repeats them (codec same).
#include <cerrno>
#include <cstring>

#include "archive/repeating.h"
#include "bbz/capi/push.h"
#include "capi/support.h"

namespace bbz::capi {
namespace {

using testing::HasSubstr;

// Keeps what it gets, and gives it back.
struct Recalling {
  std::map<std::uint32_t, std::vector<std::byte>> tensors;
  std::set<std::uint32_t> ended;
  std::vector<std::string> failures;
  int recalls = 0;
  int answer = 0;

  bbz_receiver receiver() {
    auto r = sized<bbz_receiver>();
    r.user = this;
    r.data = [](void* user, std::uint32_t tensor, std::uint64_t offset, const void* bytes,
                std::size_t size) {
      auto& all = static_cast<Recalling*>(user)->tensors[tensor];
      if (all.size() < offset + size) all.resize(offset + size);
      std::memcpy(all.data() + offset, bytes, size);
      return 0;
    };
    r.end_tensor = [](void* user, std::uint32_t tensor) {
      static_cast<Recalling*>(user)->ended.insert(tensor);
      return 0;
    };
    r.failed = [](void* user, std::uint32_t, std::uint32_t, bbz_code, const char* message) {
      static_cast<Recalling*>(user)->failures.emplace_back(message);
      return 0;
    };
    r.recall = [](void* user, std::uint32_t tensor, std::uint64_t offset, void* buffer,
                  std::size_t size) {
      auto* self = static_cast<Recalling*>(user);
      ++self->recalls;
      std::memcpy(buffer, self->tensors.at(tensor).data() + offset, size);
      return self->answer;
    };
    return r;
  }
};

class CRecall : public CInterface {
 protected:
  CRecall() { archive_ = *write_sample(repeated_, repeating_options()); }

  // Feeds the archive byte by byte.
  void run(const bbz_receiver& receiver) {
    bbz_push* push = nullptr;
    ASSERT_EQ(bbz_push_new(nullptr, &receiver, &push, error_.get()), BBZ_OK) << message();
    const Owned<bbz_push> owned(push);
    for (std::uint64_t at = 0; at < archive_.size(); ++at) {
      ASSERT_EQ(bbz_push_feed(push, at, archive_.data() + at, 1, error_.get()), BBZ_OK)
          << message();
    }
    EXPECT_EQ(bbz_push_finish(push, error_.get()), BBZ_OK) << message();
    // Whatever could not be read, the rest is right.
    std::uint32_t number = 0;
    for (const SampleFile& file : repeated_) {
      for (const SampleTensor& tensor : file.tensors) {
        if (received_.ended.contains(number)) {
          EXPECT_EQ(received_.tensors[number], tensor.bytes);
        }
        ++number;
      }
    }
  }

  const std::vector<SampleFile> repeated_ = repeating_files();
  Recalling received_;
};

TEST_F(CRecall, GivesEveryTensor) {
  run(received_.receiver());
  EXPECT_EQ(received_.recalls, 9);
  EXPECT_EQ(received_.ended.size(), 6u);
  EXPECT_TRUE(received_.failures.empty());
}

TEST_F(CRecall, FailsTheTensorIfItFails) {
  received_.answer = -EIO;
  run(received_.receiver());
  EXPECT_GT(received_.recalls, 0);
  EXPECT_EQ(received_.ended, std::set<std::uint32_t>{2});  // it repeats nothing
  ASSERT_EQ(received_.failures.size(), 5u);
  EXPECT_THAT(received_.failures[0], HasSubstr("has no bytes"));
}

TEST_F(CRecall, MayBeNull) {
  bbz_receiver receiver = received_.receiver();
  receiver.recall = nullptr;
  run(receiver);
  EXPECT_EQ(received_.ended, std::set<std::uint32_t>{2});
  ASSERT_EQ(received_.failures.size(), 5u);
  EXPECT_THAT(received_.failures[0], HasSubstr("store"));
}

// Programs that were compiled before it was there have a smaller struct.
TEST_F(CRecall, MayBeMissing) {
  bbz_receiver receiver = received_.receiver();
  receiver.struct_size = offsetof(bbz_receiver, recall);
  run(receiver);
  EXPECT_EQ(received_.recalls, 0);
  EXPECT_EQ(received_.failures.size(), 5u);
  receiver.struct_size = offsetof(bbz_receiver, failed);
  bbz_push* push = nullptr;
  EXPECT_EQ(bbz_push_new(nullptr, &receiver, &push, error_.get()), BBZ_ERROR_INVALID_ARGUMENT);
}

}  // namespace
}  // namespace bbz::capi
