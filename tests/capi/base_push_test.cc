// Push decoders with a base through the C interface.
#include <gmock/gmock.h>

#include <cstring>

#include "capi/on_base.h"

namespace bbz::capi {
namespace {

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
  const Owned<bbz_base> sample = base_of(base.get());
  options.base = sample.get();
  const Pushed onto = pushed(update_, options, kChanged);
  EXPECT_EQ(onto.failures, 0) << onto.failure;
  EXPECT_EQ(onto.bytes, changed_);

  const Owned<bbz_reader> wrong =
      open_update(sample.get());  // the changed tensor is another one there
  const Owned<bbz_base> other = base_of(wrong.get());
  options.base = other.get();
  const Pushed refused = pushed(update_, options, kChanged);
  EXPECT_EQ(refused.failures, 1);
  EXPECT_EQ(refused.code, BBZ_ERROR_BASE);
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
  const Owned<bbz_base> sample = base_of(base.get());
  options.base = sample.get();
  options.struct_size = offsetof(bbz_push_options, base);
  EXPECT_EQ(pushed(update_, options, kChanged).code, BBZ_ERROR_UNSUPPORTED);
}

}  // namespace
}  // namespace bbz::capi
