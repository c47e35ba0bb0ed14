// Arguments that the push decoder's functions refuse.
#include "bbz/capi/push.h"
#include "capi/support.h"

namespace bbz::capi {
namespace {

class CPushArguments : public CInterface {};

TEST_F(CPushArguments, BadOptionsAreRefused) {
  bbz_push* push = nullptr;
  auto options = sized<bbz_push_options>();
  auto store = sized<bbz_store>();
  options.store = &store;
  EXPECT_EQ(bbz_push_new(&options, nullptr, &push, error_.get()), BBZ_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(message(), "bbz_store: write or read is null");
  options.store_path = "partial";
  EXPECT_EQ(bbz_push_new(&options, nullptr, &push, error_.get()), BBZ_ERROR_INVALID_ARGUMENT);
  options.store = nullptr;
  options.store_path = "/nonexistent/partial";
  EXPECT_NE(bbz_push_new(&options, nullptr, &push, error_.get()), BBZ_OK);
  EXPECT_EQ(push, nullptr);
  options.struct_size = 8;
  EXPECT_EQ(bbz_push_new(&options, nullptr, &push, error_.get()), BBZ_ERROR_INVALID_ARGUMENT);
}

TEST_F(CPushArguments, NullsAreArgumentErrors) {
  bbz_push* p = nullptr;
  ASSERT_EQ(bbz_push_new(nullptr, nullptr, &p, error_.get()), BBZ_OK) << message();
  const Owned<bbz_push> owned(p);
  bbz_error* e = error_.get();
  bbz_byte_range range{};
  std::size_t count = 0;
  auto info = sized<bbz_push_info>();
  auto file = sized<bbz_file_info>();
  auto tensor = sized<bbz_tensor_info>();
  auto fault = sized<bbz_push_fault>();
  constexpr bbz_code kRefused = BBZ_ERROR_INVALID_ARGUMENT;
  EXPECT_EQ(bbz_push_new(nullptr, nullptr, nullptr, e), kRefused);
  EXPECT_EQ(bbz_push_feed(nullptr, 0, "", 1, e), kRefused);
  EXPECT_EQ(bbz_push_feed(p, 0, nullptr, 1, e), kRefused);
  EXPECT_EQ(bbz_push_feed(p, 0, nullptr, 0, e), BBZ_OK);
  EXPECT_EQ(bbz_push_adopt(nullptr, 0, 1, e), kRefused);
  EXPECT_EQ(bbz_push_set_total(nullptr, 1, e), kRefused);
  EXPECT_EQ(bbz_push_finish(nullptr, e), kRefused);
  EXPECT_EQ(bbz_push_needs(nullptr, 0, &range, 1, &count, e), kRefused);
  EXPECT_EQ(bbz_push_needs(p, 0, nullptr, 1, &count, e), kRefused);
  EXPECT_EQ(bbz_push_needs(p, 0, &range, 1, nullptr, e), kRefused);
  EXPECT_EQ(bbz_push_get(nullptr, &info, e), kRefused);
  EXPECT_EQ(bbz_push_get(p, nullptr, e), kRefused);
  EXPECT_EQ(bbz_push_file(nullptr, 0, &file, e), kRefused);
  EXPECT_EQ(bbz_push_file(p, 0, nullptr, e), kRefused);
  EXPECT_EQ(bbz_push_tensor(nullptr, 0, &tensor, e), kRefused);
  EXPECT_EQ(bbz_push_tensor(p, 0, nullptr, e), kRefused);
  EXPECT_EQ(bbz_push_faults(nullptr, &count, e), kRefused);
  EXPECT_EQ(bbz_push_faults(p, nullptr, e), kRefused);
  EXPECT_EQ(bbz_push_get_fault(nullptr, 0, &fault, e), kRefused);
  EXPECT_EQ(bbz_push_get_fault(p, 0, nullptr, e), kRefused);
  EXPECT_EQ(bbz_push_save(nullptr, "state", "", e), kRefused);
  EXPECT_EQ(bbz_push_save(p, nullptr, "", e), kRefused);
  EXPECT_EQ(bbz_push_restore(nullptr, "state", "", e), kRefused);
  EXPECT_EQ(bbz_push_restore(p, nullptr, "", e), kRefused);
  bbz_push_free(nullptr);
}

}  // namespace
}  // namespace bbz::capi
