#include "bbz/base/zstd_frame.h"

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <new>
#include <thread>

namespace {

// While it is set, libzstd has no memory.
bool no_memory = false;

// Returns the function of libzstd that one of this file stands in for.
template <class Function>
Function* real(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

ZSTD_CCtx* ZSTD_createCCtx() {
  static auto* const create = real<ZSTD_CCtx*()>("ZSTD_createCCtx");
  return no_memory ? nullptr : create();
}

ZSTD_DCtx* ZSTD_createDCtx() {
  static auto* const create = real<ZSTD_DCtx*()>("ZSTD_createDCtx");
  return no_memory ? nullptr : create();
}

std::size_t ZSTD_compress2(ZSTD_CCtx* context, void* out, std::size_t capacity, const void* in,
                           std::size_t size) {
  static auto* const compress = real<decltype(ZSTD_compress2)>("ZSTD_compress2");
  if (no_memory) return static_cast<std::size_t>(-ZSTD_error_memory_allocation);
  return compress(context, out, capacity, in, size);
}

namespace bbz {
namespace {

class ZstdFrame : public testing::Test {
 protected:
  void TearDown() override { no_memory = false; }

  const std::vector<std::byte> plain_ = std::vector<std::byte>(1000, std::byte{7});
  std::vector<std::byte> frame_;
  std::vector<std::byte> back_ = std::vector<std::byte>(1000);
};

TEST_F(ZstdFrame, ComesBack) {
  ASSERT_TRUE(encode_zstd_frame(plain_, 3, plain_.size(), frame_));
  ASSERT_TRUE(decode_zstd_frame(frame_, 1 << 20, back_).ok());
  EXPECT_EQ(back_, plain_);
}

// The window of a frame whose only segment is its content has the size of that.
TEST_F(ZstdFrame, ItsWindowMayBeAsLargeAsTheLimit) {
  ASSERT_TRUE(encode_zstd_frame(plain_, 3, plain_.size(), frame_));
  EXPECT_TRUE(decode_zstd_frame(frame_, plain_.size(), back_).ok());
  EXPECT_EQ(decode_zstd_frame(frame_, plain_.size() - 1, back_).code(), Code::kMalformed);
}

// A thread makes its contexts when it needs them first.
TEST_F(ZstdFrame, LackOfMemoryForAContextIsThrownAndTheNextCallMayHaveIt) {
  ASSERT_TRUE(encode_zstd_frame(plain_, 3, plain_.size(), frame_));
  std::thread([&] {
    std::vector<std::byte> again;
    no_memory = true;
    EXPECT_THROW((void)encode_zstd_frame(plain_, 3, plain_.size(), again), std::bad_alloc);
    EXPECT_THROW((void)decode_zstd_frame(frame_, 1 << 20, back_), std::bad_alloc);
    no_memory = false;
    EXPECT_TRUE(encode_zstd_frame(plain_, 3, plain_.size(), again));
    EXPECT_EQ(again, frame_);
    EXPECT_TRUE(decode_zstd_frame(frame_, 1 << 20, back_).ok());
  }).join();
}

// Otherwise the bytes of an archive would depend on the memory of the machine.
TEST_F(ZstdFrame, LackOfMemoryForEncodingIsThrown) {
  ASSERT_TRUE(encode_zstd_frame(plain_, 3, plain_.size(), frame_));
  no_memory = true;
  EXPECT_THROW((void)encode_zstd_frame(plain_, 3, plain_.size(), frame_), std::bad_alloc);
}

}  // namespace
}  // namespace bbz
