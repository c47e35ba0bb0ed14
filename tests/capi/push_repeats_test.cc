// Archives with chunks that repeat others, pushed through the C interface.
#include <cerrno>

#include "archive/repeating.h"
#include "capi/pushing.h"

namespace bbz::capi {
namespace {

using testing::HasSubstr;

// A chunk repeats one that has passed. Programs that were compiled before `recall` was there have a
// smaller struct.
TEST_F(CPush, AsksForBytesThatAChunkRepeats) {
  const auto files = repeating_files();
  archive_ = *write_sample(files, repeating_options());
  enum class Caller { kGives, kFails, kNull, kOlder };
  for (const Caller caller : {Caller::kGives, Caller::kFails, Caller::kNull, Caller::kOlder}) {
    SCOPED_TRACE(static_cast<int>(caller));
    received_ = {};
    if (caller == Caller::kFails) received_.recall_result = -EIO;
    bbz_receiver receiver = received_.receiver();
    if (caller == Caller::kNull) receiver.recall = nullptr;
    if (caller == Caller::kOlder) receiver.struct_size = offsetof(bbz_receiver, recall);
    bbz_push* push = nullptr;
    ASSERT_EQ(bbz_push_new(nullptr, &receiver, &push, error_.get()), BBZ_OK) << message();
    const Owned<bbz_push> owned(push);
    for (std::uint64_t at = 0; at < archive_.size(); ++at) {
      ASSERT_EQ(feed(push, at, at + 1), BBZ_OK) << message();
    }
    EXPECT_EQ(bbz_push_finish(push, error_.get()), BBZ_OK) << message();
    const bool gives = caller == Caller::kGives;
    EXPECT_EQ(received_.recalls > 0, gives || caller == Caller::kFails);
    EXPECT_EQ(received_.failures.empty(), gives);
    EXPECT_EQ(received_.ended.size(), gives ? 6u : 1u);  // only layers.0.c repeats nothing
    std::uint32_t number = 0;
    for (const SampleFile& file : files) {
      for (const SampleTensor& tensor : file.tensors) {
        if (received_.ended.contains(number)) {
          EXPECT_EQ(received_.tensors[number], tensor.bytes);
        }
        ++number;
      }
    }
    if (gives) continue;
    EXPECT_THAT(received_.failures[0],
                HasSubstr(caller == Caller::kFails ? "has no bytes" : "store"));
  }
  received_ = {};
  bbz_receiver receiver = received_.receiver();
  receiver.struct_size = offsetof(bbz_receiver, failed);
  bbz_push* push = nullptr;
  EXPECT_EQ(bbz_push_new(nullptr, &receiver, &push, error_.get()), BBZ_ERROR_INVALID_ARGUMENT);
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
