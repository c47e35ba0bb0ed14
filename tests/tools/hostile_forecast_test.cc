// The worst that archives can do to predictions, which read all tensors and rotate some.
#include <random>

#include "bbz/base/wire.h"
#include "models/factored.h"
#include "tools/hostile_costs.h"
#include "tools/sliced_model.h"

namespace bbz::tools {
namespace {

const Commands kPredictions = {{"estimate", "$BBZ estimate in"},
                               {"report", "$BBZ report in --json -o /dev/null"}};

// Numbers from 0.5 to 1, again and again. Each period begins elsewhere in a row.
std::vector<std::byte> noise_of(std::uint64_t elements, unsigned seed,
                                std::size_t period = 28'001) {
  std::mt19937 random(seed);
  std::vector<std::byte> bytes(2 * elements);
  for (std::size_t i = 0; i < elements; ++i) {
    if (i < period) {
      store_le(bytes.data() + 2 * i, static_cast<std::uint16_t>(0x3800 | (random() & 0x83FF)));
    } else {
      std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(2 * (i - period)), 2,
                  bytes.begin() + static_cast<std::ptrdiff_t>(2 * i));
    }
  }
  return bytes;
}

std::vector<std::byte> identity(std::uint64_t rows, std::uint64_t columns) {
  std::vector<std::byte> bytes(2 * rows * columns);
  for (std::uint64_t i = 0; i < std::min(rows, columns); ++i) {
    store_le(bytes.data() + 2 * (i * columns + i), std::uint16_t{0x3C00});
  }
  return bytes;
}

// Adds the only chunk of a tensor. A coder of floats would not see what repeats.
void add_repeating_chunk(Forgery& archive, Bytes plain) {
  codec::ChunkShape shape;
  shape.dtype = DType::kU8;
  shape.elements = shape.row_length = plain.size();
  std::vector<std::byte> payload;
  if (!codec::find_codec(codec::CodecId::kZstd)
           ->encode(shape, plain, codec::Level::kDefault, plain.size(), payload)) {
    throw std::runtime_error("zstd has not encoded the chunk");
  }
  archive.chunk_as(codec::CodecId::kZstd, plain, payload);
}

// A model of low-rank pairs of a few repeated numbers.
void add_factored_model(Forgery& archive, std::uint64_t width, std::uint64_t rank) {
  test_models::Spec spec;
  spec.hidden = spec.inner = width;
  spec.vocabulary = 64;
  spec.layers = 4;
  archive.file("model.safetensors");
  unsigned seed = 0;
  for (const TensorInfo& info : test_models::factored_infos(spec, {.rank = rank})) {
    const std::uint64_t elements = element_count(info.shape).value();
    archive.tensor(info.name, DType::kF16, info.shape, elements);
    add_repeating_chunk(archive, noise_of(elements, ++seed, 7001));
  }
  archive.end_file();
}

// A sliced model of a few repeated numbers.
void add_sliced_model(Forgery& archive, std::uint64_t width, std::uint64_t inner,
                      std::uint64_t vocabulary, bool orthogonal) {
  test_models::Spec spec;
  spec.hidden = width + 64;
  spec.widths = {width};
  spec.inner = inner;
  spec.vocabulary = vocabulary;
  archive.file("model.safetensors");
  unsigned seed = 0;
  for (const TensorInfo& info : test_models::sliced_infos(spec)) {
    const std::uint64_t elements = element_count(info.shape).value();
    archive.tensor(info.name, DType::kF16, info.shape, elements);
    const bool shortcut = info.name.find("shortcut") != info.name.npos;
    const auto plain = shortcut && orthogonal ? identity(info.shape[0], info.shape[1])
                                              : noise_of(elements, ++seed);
    add_repeating_chunk(archive, plain);
  }
  archive.end_file();
}

using WorstCaseOfPredictions = WorstCase;

TEST_F(WorstCaseOfPredictions, ASlicedModelOfRepeatedNoise) {
  forge("a sliced model of 214 MB of repeated noise",
        [](Forgery& archive) { add_sliced_model(archive, 960, 8192, 24'000, false); });
  expect_bounded("in", kPredictions, 64);
}

// About as much work as pairs may take for a megabyte.
TEST_F(WorstCaseOfPredictions, AFactoredModelThatIsPredicted) {
  forge("a model of 16 MB of low-rank pairs that is predicted",
        [](Forgery& archive) { add_factored_model(archive, 512, 280); });
  expect_bounded("in", kPredictions, 64);
  EXPECT_EXIT_CODE(0, "$BBZ estimate in");
}

// As wide and as large as predictions take for a megabyte.
TEST_F(WorstCaseOfPredictions, ASlicedModelThatIsPredicted) {
  for (const bool orthogonal : {false, true}) {
    forge(orthogonal ? "one with shortcuts that are identities"
                     : "a sliced model of 8 MB that is predicted",
          [&](Forgery& archive) {
            add_sliced_model(archive, 320, orthogonal ? 600 : 850, 1000, orthogonal);
          });
    expect_bounded("in", kPredictions, 64);
    EXPECT_NE(sh("$BBZ estimate in").out.find("\nentries that need not be stored"),
              std::string::npos);
  }
}

}  // namespace
}  // namespace bbz::tools
