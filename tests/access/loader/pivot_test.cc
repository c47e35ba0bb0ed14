// The loader gives tensors of form pivot as the matrices that they are.
#include "archive/pivoting.h"
#include "bbz/access/loader/layer_loader.h"
#include "support/assert.h"
#include "support/faulty.h"

namespace bbz::loader {
namespace {

class LayersOfPivots : public testing::Test {
 protected:
  LayersOfPivots() {
    WriteOptions options;
    options.chunk_bytes = 96;
    archive_ = *write_sample({made_.file}, options);
    memory_ = io::memory_source(Bytes(archive_));
    counting_ = std::make_shared<io::CountingSource>(*memory_);
    reader_ = *Reader::open(counting_);
  }

  // What a tensor of the catalog is read as.
  Bytes expected(const catalog::Tensor& tensor) const {
    return Bytes(made_.bytes).subspan(tensor.meta.offset, tensor.byte_size);
  }

  const PivotFile made_ = pivot_file();
  std::vector<std::byte> archive_;
  std::unique_ptr<io::Source> memory_;
  std::shared_ptr<io::CountingSource> counting_;
  std::optional<Reader> reader_;
};

TEST_F(LayersOfPivots, AreTheMatrices) {
  const catalog::Catalog& catalog = reader_->catalog();
  const auto loader = LayerLoader::start(*reader_, plan_layers(catalog));
  BBZ_ASSERT_OK(loader);
  for (std::uint32_t number = 0; number < 2; ++number) {
    const auto layer = (*loader)->next();
    BBZ_ASSERT_OK(layer);
    ASSERT_TRUE(layer->has_value());
    EXPECT_EQ((*layer)->number(), number);
    ASSERT_EQ((*layer)->tensors().size(), 4u);
    for (const LayerTensor& tensor : (*layer)->tensors()) {
      const catalog::Tensor& of_catalog = catalog.tensors[tensor.number];
      EXPECT_EQ(of_catalog.meta.form, catalog::Form::kPivot);
      EXPECT_EQ(tensor.shape, of_catalog.meta.shape);
      EXPECT_TRUE(std::ranges::equal(tensor.bytes, expected(of_catalog))) << tensor.name;
    }
  }
  const auto end = (*loader)->next();
  BBZ_ASSERT_OK(end);
  EXPECT_FALSE(end->has_value());
}

// A layer needs no chunk of another, and each of its own once.
TEST_F(LayersOfPivots, ReadTheirOwnChunksOnly) {
  const catalog::Catalog& catalog = reader_->catalog();
  for (const LayerPlan& plan : plan_layers(catalog)) {
    counting_->forget();
    const auto loader = LayerLoader::start(*reader_, {plan});
    BBZ_ASSERT_OK(loader);
    const auto layer = (*loader)->next();
    BBZ_ASSERT_OK(layer);
    ASSERT_TRUE(layer->has_value());
    std::uint64_t own = 0;
    for (const catalog::Tensor& tensor : catalog.tensors) {
      const bool of_layer = tensor.meta.layer == plan.layer;
      for (const catalog::Chunk& chunk : catalog.chunks_of(tensor)) {
        const catalog::Payload& payload = chunk.payload;
        EXPECT_EQ(counting_->touched(payload.offset, payload.offset + payload.length), of_layer)
            << tensor.meta.name;
        if (of_layer) own += payload.length;
      }
    }
    EXPECT_EQ(counting_->bytes_read(), own);
    EXPECT_GT(own, 0u);
  }
}

}  // namespace
}  // namespace bbz::loader
