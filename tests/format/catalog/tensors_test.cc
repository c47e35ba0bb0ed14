// How many tensors an archive may have.
#include "bbz/format/catalog/builder.h"

#include <gtest/gtest.h>

namespace bbz::catalog {
namespace {

// Each takes memory, even if it has no elements.
TEST(Catalog, AMillionTensorsAreTheMost) {
  CatalogBuilder builder{container::FileHeader(), Limits()};
  std::vector<std::byte> bytes;
  const auto add = [&](container::RecordType type, const auto& meta) {
    bytes.clear();
    encode_meta(meta, bytes);
    container::RecordHead head;
    head.type = type;
    head.meta_length = static_cast<std::uint16_t>(bytes.size());
    return builder.add({head, bytes});
  };
  FileMeta file;
  file.path = "f";
  ASSERT_TRUE(add(container::RecordType::kFile, file).ok());
  TensorRecord record;
  TensorMeta& tensor = record.tensor;
  tensor.file = 0;
  tensor.kind = TensorKind::kTensor;
  tensor.dtype = DType::kU8;
  tensor.element_bits = 8;
  tensor.chunk_elements = 1;
  tensor.shape = {0};
  for (; tensor.number < 1'000'000; ++tensor.number) {
    tensor.name = std::to_string(tensor.number);
    const Status added = add(container::RecordType::kTensor, record);
    ASSERT_TRUE(added.ok()) << added.error().message;
  }
  tensor.name = "one more";
  EXPECT_EQ(add(container::RecordType::kTensor, record).code(), Code::kLimit);
}

}  // namespace
}  // namespace bbz::catalog
