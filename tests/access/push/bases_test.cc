// Archives that lean on a base, fed in every order, with the base, without it and with another.
#include <gmock/gmock.h>

#include "access/push/feeding.h"
#include "archive/leaning.h"

namespace bbz::push {
namespace {

using ::testing::HasSubstr;

class PushedOnBase : public Leaning {
 protected:
  // Feeds the archive in all ways, with a store and without, and calls `check` with what was passed on.
  template <class Check>
  void in_all_ways(const std::shared_ptr<Base>& base, Check&& check) {
    std::mt19937 random(1);
    for (const bool stored : {false, true}) {
      SCOPED_TRACE(stored);
      Options options;
      options.base = base;
      options.threads = 1;
      feed_in_all_ways(archive_, options, stored, random, check);
      if (HasFailure()) return;
    }
  }
};

TEST_F(PushedOnBase, WhatLeansIsDecodedOntoIt) {
  in_all_ways(base_, [&](const Collector& collector) {
    EXPECT_TRUE(collector.content.failed.empty()) << collector.message;
    ASSERT_EQ(collector.content.tensors.size(), tensors_.size());
    for (std::uint32_t i = 0; i < tensors_.size(); ++i) {
      EXPECT_TRUE(collector.content.tensors.at(i) == tensors_[i].bytes) << i;
    }
    EXPECT_EQ(collector.files.size(), 1u);
  });
}

TEST_F(PushedOnBase, TheBaseIsReadOnce) {
  const std::uint64_t before = base_->read(0);
  Options options;
  options.base = base_;
  Collector collector;
  const auto decoder = *Decoder::create(options, collector);
  BBZ_ASSERT_OK(decoder->feed(0, archive_));
  EXPECT_EQ(base_->read(0) - before, tensors_[0].bytes.size());
}

TEST_F(PushedOnBase, WithoutItWhatLeansIsRefusedByName) {
  in_all_ways(nullptr, [&](const Collector& collector) {
    EXPECT_EQ(collector.content.failed.size(), 3u);
    for (const auto& [tensor, code] : collector.content.failed) {
      EXPECT_EQ(code, Code::kUnsupported) << tensor;
    }
    EXPECT_THAT(collector.message, HasSubstr("hint.safetensors"));
    EXPECT_THAT(collector.message, HasSubstr("no base is given"));
    EXPECT_TRUE(collector.content.tensors.at(3) == tensors_[3].bytes);
  });
}

TEST_F(PushedOnBase, AnotherIsRefused) {
  base_->bytes(0)[19999] ^= std::byte{1};
  in_all_ways(base_, [&](const Collector& collector) {
    ASSERT_EQ(collector.content.failed.size(), 1u);
    EXPECT_EQ(collector.content.failed.at(0), Code::kBase);
    EXPECT_THAT(collector.message, HasSubstr("layers.0.w"));
    EXPECT_FALSE(collector.open.contains(0));  // not a byte was passed on
    EXPECT_TRUE(collector.content.tensors.at(1) == tensors_[1].bytes);
    EXPECT_TRUE(collector.content.tensors.at(2) == tensors_[2].bytes);
  });
}

// A chunk of the base may be damaged: then what leans on it fails, and all else comes.
TEST_F(PushedOnBase, ItsDamageIsAnErrorOfTheTensor) {
  base_->failure = Code::kChecksum;
  in_all_ways(base_, [&](const Collector& collector) {
    EXPECT_EQ(collector.content.failed.size(), 3u);
    for (const auto& [tensor, code] : collector.content.failed) {
      EXPECT_EQ(code, Code::kBase) << tensor;
    }
    EXPECT_TRUE(collector.content.tensors.at(3) == tensors_[3].bytes);
  });
}

// A view takes the bytes that a leaning tensor decodes to.
TEST_F(PushedOnBase, ViewsOfWhatLeansComeToo) {
  write([](Writer& writer) {
    TensorSpec view;
    view.name = "view";
    view.dtype = DType::kBF16;
    view.shape = {10, 100};
    view.place = catalog::View{4, 2000, {100, 1}};
    BBZ_ASSERT_OK(writer.begin_tensor(view));
    BBZ_ASSERT_OK(writer.end_tensor());
  });
  MemoryStore store;
  Options options;
  options.store = &store;
  options.base = base_;
  options.wants = [](const catalog::File&, const catalog::Tensor& tensor) {
    return tensor.meta.name == "view";
  };
  Collector collector;
  const auto decoder = *Decoder::create(options, collector);
  BBZ_ASSERT_OK(decoder->feed(0, archive_));
  ASSERT_TRUE(collector.content.tensors.contains(4)) << collector.message;
  const Bytes all(tensors_[0].bytes);
  EXPECT_TRUE(std::ranges::equal(collector.content.tensors.at(4), all.subspan(2000, 2000)));
}

}  // namespace
}  // namespace bbz::push
