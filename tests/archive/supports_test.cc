// The memory for the tensors on which others lean.
#include "bbz/archive/supports.h"

#include "archive/leaning.h"

namespace bbz {
namespace {

class KeptSupports : public Leaning {
 protected:
  KeptSupports() : reader_(open(nullptr)) {}

  // Fills in what the first chunk of a tensor leans on, and returns how many bytes were read for it.
  std::uint64_t read_for(Supports& supports, std::uint32_t number) {
    const catalog::Catalog& catalog = reader_.catalog();
    const catalog::Tensor& tensor = catalog.tensors[number];
    const catalog::Chunk& chunk = catalog.chunks[tensor.first_chunk];
    const std::uint64_t before = base_->read(number);
    std::vector<std::byte> out(chunk.decoded_bytes);
    EXPECT_TRUE(supports.fill(tensor, catalog.bases[0], chunk, out).ok());
    EXPECT_TRUE(std::ranges::equal(out, Bytes(base_->bytes(number)).first(out.size())));
    return base_->read(number) - before;
  }

  const Reader reader_;
};

TEST_F(KeptSupports, AreReadOnceIfThereIsRoom) {
  Supports supports(base_);
  EXPECT_EQ(read_for(supports, 0), base_->bytes(0).size());
  EXPECT_EQ(read_for(supports, 1), base_->bytes(1).size());
  EXPECT_EQ(read_for(supports, 0), 0u);
  EXPECT_EQ(read_for(supports, 1), 0u);
}

// Otherwise two would be in memory at once, where there is room for one.
TEST_F(KeptSupports, AreDroppedBeforeTheNextOneIsRead) {
  Supports supports(base_, base_->bytes(1).size() + 100);
  EXPECT_EQ(read_for(supports, 0), base_->bytes(0).size());
  std::uint64_t meanwhile = 0;
  base_->reading = [&](std::size_t index) {
    if (index != 1) return;
    base_->reading = nullptr;
    meanwhile = read_for(supports, 0);
  };
  EXPECT_EQ(read_for(supports, 1), base_->bytes(1).size());
  EXPECT_GT(meanwhile, 0u);
  EXPECT_EQ(read_for(supports, 1), 0u);
}

}  // namespace
}  // namespace bbz
