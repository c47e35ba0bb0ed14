#include "bbz/base/names.h"
#include "bbz/symmetry/group.h"
#include "bbz/symmetry/linalg/product.h"
#include "ops/rotation/packed.h"
#include "support/faulty.h"

namespace bbz::rotation {
namespace {

constexpr RequestedMethod kMethods[] = {RequestedMethod::kTriangular, RequestedMethod::kPolar,
                                        RequestedMethod::kBitsBack};

class EveryFamily : public testing::TestWithParam<std::tuple<std::string_view, DType>> {
 protected:
  std::vector<std::byte> file() const {
    const auto [family, dtype] = GetParam();
    return file_of(test_models::sliced_model(small_spec(std::string(family), dtype)));
  }
};

TEST_P(EveryFamily, IndexAndStreamGiveTheSameValidFile) {
  const std::vector<std::byte> source = file();
  const auto before = safetensors::parse(source, source.size());
  for (const RequestedMethod method : kMethods) {
    for (const DigestKind digest : {DigestKind::kXxh3_128, DigestKind::kSha256}) {
      const auto packed = pack_file(source, method, digest, 512);
      ASSERT_TRUE(packed.ok()) << packed.error().message;
      EXPECT_TRUE(packed->record.rotated);
      const auto by_index = unpack_by_index(packed->archive);
      ASSERT_TRUE(by_index.ok()) << by_index.error().message;
      const auto by_stream = unpack_stream(packed->archive);
      ASSERT_TRUE(by_stream.ok()) << by_stream.error().message;
      EXPECT_EQ(*by_index, *by_stream);
      for (const unsigned threads : {1u, 4u}) {
        const auto in_places = unpack_in_places(packed->archive, threads);
        ASSERT_TRUE(in_places.ok()) << in_places.error().message;
        EXPECT_EQ(*by_index, *in_places) << threads << " threads";
      }
      const auto after = safetensors::parse(*by_index, by_index->size());
      ASSERT_TRUE(after.ok()) << after.error().message;
      ASSERT_EQ(after->tensors.size(), before->tensors.size());
      for (std::size_t i = 0; i < before->tensors.size(); ++i) {
        EXPECT_EQ(after->tensors[i].name, before->tensors[i].name);
        EXPECT_EQ(after->tensors[i].shape, before->tensors[i].shape);
      }
    }
  }
}

TEST_P(EveryFamily, PackingWhatWasUnpackedGivesTheSameArchive) {
  const std::vector<std::byte> source = file();
  for (const RequestedMethod method :
       {RequestedMethod::kTriangular, RequestedMethod::kPolar, RequestedMethod::kAuto}) {
    const auto packed = pack_file(source, method);
    ASSERT_TRUE(packed.ok()) << packed.error().message;
    const auto unpacked = unpack_by_index(packed->archive);
    const auto again = pack_file(*unpacked, method);
    ASSERT_TRUE(again.ok()) << again.error().message;
    EXPECT_FALSE(again->record.rotated);
    EXPECT_EQ(again->archive, packed->archive) << method_name(method);
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, EveryFamily,
    testing::Combine(testing::ValuesIn(family_names()),
                     testing::Values(DType::kF16, DType::kBF16, DType::kF32)),
    [](const auto& row) {
      return test_name({std::get<0>(row.param), dtype_info(std::get<1>(row.param)).name});
    });

// One layer is put together from its own chunks and groups.
TEST(Layers, NeedNothingOfOtherLayers) {
  const auto source = file_of(test_models::sliced_model(small_spec("llama", DType::kF16)));
  for (const RequestedMethod method : kMethods) {
    const auto packed = pack_file(source, method, DigestKind::kXxh3_128, 512);
    ASSERT_TRUE(packed.ok()) << packed.error().message;
    const auto memory = io::memory_source(Bytes(packed->archive));
    const auto counting = std::make_shared<io::CountingSource>(*memory);
    const auto reader = Reader::open(counting);
    ASSERT_TRUE(reader.ok());
    counting->forget();
    const catalog::Catalog& catalog = reader->catalog();
    for (const catalog::Tensor& t : catalog.tensors) {
      if (t.meta.layer != 1) continue;
      std::vector<std::byte> out(t.byte_size);
      const Status read = reader->read_tensor(t.meta.number, out);
      ASSERT_TRUE(read.ok()) << read.error().message;
    }
    for (const catalog::Tensor& t : catalog.tensors) {
      if (t.meta.layer == 1) continue;
      for (const catalog::Chunk& chunk : catalog.chunks_of(t)) {
        EXPECT_FALSE(
            counting->touched(chunk.payload.offset, chunk.payload.offset + chunk.payload.length))
            << method_name(method) << ": " << t.meta.name;
      }
    }
  }
}

TEST(Reading, AnyRangeOfATensorOfAnyForm) {
  const auto source = file_of(test_models::sliced_model(small_spec("opt", DType::kF16)));
  for (const RequestedMethod method : kMethods) {
    const auto packed = pack_file(source, method, DigestKind::kXxh3_128, 300);
    ASSERT_TRUE(packed.ok()) << packed.error().message;
    const auto whole = unpack_by_index(packed->archive);
    ASSERT_TRUE(whole.ok()) << whole.error().message;
    const auto reader = Reader::open(io::memory_source(Bytes(packed->archive)));
    std::set<catalog::Form> forms;
    for (const catalog::Tensor& t : reader->catalog().tensors) {
      if (t.is_operand()) continue;
      forms.insert(t.meta.form);
      for (std::uint64_t at = 0; at < t.byte_size; at += 131) {
        std::vector<std::byte> out(std::min<std::uint64_t>(257, t.byte_size - at));
        const Status read = reader->read_bytes(t.meta.number, at, out);
        ASSERT_TRUE(read.ok()) << read.error().message;
        EXPECT_TRUE(std::ranges::equal(out, Bytes(*whole).subspan(t.meta.offset + at, out.size())))
            << t.meta.name << " at " << at;
      }
    }
    EXPECT_TRUE(forms.contains(method == RequestedMethod::kBitsBack ? catalog::Form::kRider
                                                                    : catalog::Form::kLower));
    EXPECT_EQ(forms.contains(catalog::Form::kPolar), method == RequestedMethod::kPolar);
  }
}

// A safetensors file cannot hold them, and nothing is written.
TEST(Blocks, OfAModelAreRefused) {
  const auto source = file_of(test_models::sliced_model(small_spec("llama", DType::kF16)));
  auto model = model_of(source);
  model->tensors.back().dtype = DType::kBlock;
  model->tensors.back().block =
      std::make_shared<const BlockType>(BlockType{"two", 1, {BlockField::of("f", DType::kF16, 1)}});
  const Detection detection = detect(*model);
  ASSERT_EQ(detection.refusal(RequestedMethod::kAuto), "");
  for (const RequestedMethod method : kMethods) {
    std::vector<std::byte> archive;
    const auto sink = io::memory_sink(archive);
    auto writer = Writer::create(*sink, {});
    PackOptions options;
    options.method = method;
    const auto packed = pack(*model, detection, *writer, options);
    ASSERT_EQ(packed.code(), Code::kUnsupported);
    EXPECT_NE(packed.error().message.find(model->tensors.back().name), std::string::npos);
    EXPECT_NE(packed.error().message.find("blocks of \"two\""), std::string::npos);
  }
}

TEST(Threads, AreThoseThatWereAskedFor) {
  const auto source = file_of(test_models::sliced_model(small_spec("llama", DType::kF16)));
  const auto model = model_of(source);
  for (const unsigned threads : {1u, 2u}) {
    const unsigned expected = linalg::has_lapack() ? std::min(threads, processors()) : 1;
    std::vector<std::byte> archive;
    const auto sink = io::memory_sink(archive);
    WriteOptions write;
    write.threads = threads;
    auto writer = Writer::create(*sink, write);
    ASSERT_TRUE(pack(*model, detect(*model), *writer, {}).ok());
    EXPECT_EQ(linalg::threads(), expected);
    linalg::set_threads(3 - threads);
    ASSERT_TRUE(estimate(*model, detect(*model), threads).ok());
    EXPECT_EQ(linalg::threads(), expected);
  }
}

// Of the writer, and of the linear algebra if products are large enough for BLAS to share.
TEST(Archives, DoNotDependOnTheNumberOfThreads) {
  test_models::Spec wide;
  wide.layers = 1;
  wide.hidden = 352;
  wide.widths = {320};
  wide.inner = 352;
  wide.vocabulary = 400;
  for (const test_models::Spec& spec : {small_spec("llama", DType::kF16), wide}) {
    const auto source = file_of(test_models::sliced_model(spec));
    const auto model = model_of(source);
    for (const RequestedMethod method : kMethods) {
      std::vector<std::vector<std::byte>> archives;
      for (const unsigned threads : {1u, 4u}) {
        std::vector<std::byte>& archive = archives.emplace_back();
        const auto sink = io::memory_sink(archive);
        WriteOptions write;
        write.threads = threads;
        auto writer = Writer::create(*sink, write);
        PackOptions options;
        options.method = method;
        ASSERT_TRUE(pack(*model, detect(*model), *writer, options).ok());
        ASSERT_TRUE(writer->finish().ok());
      }
      EXPECT_EQ(archives[0], archives[1]) << method_name(method) << ' ' << spec.hidden;
    }
  }
}

TEST(Progress, EndsAtTheBytesOfTheUnpackedFile) {
  const auto source = file_of(test_models::sliced_model(small_spec("llama", DType::kF16)));
  const auto model = model_of(source);
  for (const RequestedMethod method : kMethods) {
    std::vector<std::byte> archive;
    const auto sink = io::memory_sink(archive);
    auto writer = Writer::create(*sink);
    PackOptions options;
    options.method = method;
    std::vector<std::uint64_t> said;
    options.progress = [&](std::uint64_t bytes) { said.push_back(bytes); };
    ASSERT_TRUE(pack(*model, detect(*model), *writer, options).ok());
    ASSERT_TRUE(writer->finish().ok());
    EXPECT_TRUE(std::ranges::is_sorted(said));
    EXPECT_GE(said.size(), model->tensors.size());
    EXPECT_EQ(said.back(), writer->catalog().files[0].size) << method_name(method);
  }
}

TEST(Records, ShowFourDigitsOfADifference) {
  Record record;
  JunctionRecord& junction = record.junctions.emplace_back();
  junction.largest_difference = 0.000123456789;
  junction.rms_difference = 1.23456789e-12;
  const std::string json = to_json(record);
  EXPECT_NE(json.find("\"largest_difference\":0.0001235,"), std::string::npos) << json;
  EXPECT_NE(json.find("\"rms_difference\":1.235e-12}"), std::string::npos) << json;
  junction.rms_difference *= 1 + 1e-11;
  EXPECT_EQ(to_json(record), json);
}

// A tensor that the family does not know makes junctions exact, and its name is in their notes,
// which are cut if they are too long.
TEST(Refusals, AnyNameOfAStrangerCanBeNoted) {
  std::string accents, controls, quotes;
  for (int i = 0; i < 80; ++i) accents += "\xc3\xa9";
  for (int i = 0; i < 190; ++i) controls += '\x01';
  for (int i = 0; i < 190; ++i) quotes += i % 2 == 0 ? '"' : '\\';
  for (const std::string& text : {accents, "x" + accents, controls, quotes}) {
    for (const std::string prefix : {"model.layers.1.", "z"}) {
      test_models::Model model = test_models::sliced_model(small_spec("llama", DType::kF16));
      model.infos.push_back({prefix + text, DType::kF16, {25}});
      model.bytes.emplace_back(50);
      const auto packed = pack_file(file_of(model), RequestedMethod::kTriangular);
      ASSERT_TRUE(packed.ok()) << packed.error().message;
      std::string note;
      for (const JunctionRecord& junction : packed->record.junctions) note += junction.note;
      EXPECT_NE(note, "");
      EXPECT_TRUE(is_utf8(note)) << note;
      EXPECT_TRUE(unpack_by_index(packed->archive).ok());
    }
  }
}

TEST(Refusals, InfinitiesAreNamed) {
  test_models::Model model = test_models::sliced_model(small_spec("llama", DType::kF16));
  const std::size_t victim = model.find("model.layers.1.mlp.up_proj.weight");
  model.bytes[victim][0] = std::byte{0x00};
  model.bytes[victim][1] = std::byte{0x7C};
  for (const RequestedMethod method : kMethods) {
    const auto packed = pack_file(file_of(model), method);
    EXPECT_EQ(packed.code(), Code::kUnsupported);
    EXPECT_NE(packed.error().message.find("layers.1.mlp.up_proj"), std::string::npos)
        << packed.error().message;
  }
}

TEST(Estimates, AgreeWithWhatPackingSaves) {
  const auto source = file_of(test_models::sliced_model(small_spec("llama", DType::kF16)));
  const auto model = model_of(source);
  const auto estimated = estimate(*model, detect(*model));
  ASSERT_TRUE(estimated.ok()) << estimated.error().message;
  std::uint64_t triangular = 0;
  std::uint64_t polar = 0;
  for (const Estimate::Junction& junction : estimated->junctions) {
    triangular += junction.triangular_entries;
    polar += junction.polar_entries;
  }
  const auto saved = [&](RequestedMethod method) {
    std::uint64_t sum = 0;
    const auto packed = pack_file(source, method);
    for (const JunctionRecord& junction : packed->record.junctions) {
      sum += junction.entries_saved;
    }
    return sum;
  };
  EXPECT_EQ(triangular, saved(RequestedMethod::kTriangular));
  EXPECT_EQ(polar, saved(RequestedMethod::kPolar));
}

}  // namespace
}  // namespace bbz::rotation
