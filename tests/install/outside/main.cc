// Packs a tensor and reads it back, with nothing but the installed library.
#include <bbz/bbz.h>

#include <cstdio>

namespace {

bbz::Status run() {
  std::vector<std::byte> weights(64 * 64 * 2);
  for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = static_cast<std::byte>(i * i >> 5);

  std::vector<std::byte> archive;
  const auto sink = bbz::io::memory_sink(archive);
  BBZ_ASSIGN(const auto writer, bbz::Writer::create(*sink, {}));
  BBZ_TRY(writer->begin_file("model"));
  bbz::TensorSpec spec;
  spec.name = "weight";
  spec.dtype = bbz::tensor::DType::kBF16;
  spec.shape = {64, 64};
  BBZ_TRY(writer->begin_tensor(spec));
  BBZ_TRY(writer->write(weights));
  BBZ_TRY(writer->end_tensor());
  BBZ_TRY(writer->end_file());
  BBZ_ASSIGN(const bbz::Digest root, writer->finish());
  std::printf("%zu bytes, %s\n", archive.size(), root.to_string().c_str());

  BBZ_ASSIGN(const auto reader, bbz::Reader::open(bbz::io::memory_source(bbz::Bytes(archive))));
  std::vector<std::byte> back(weights.size());
  BBZ_TRY(reader->read_tensor(0, back));
  if (back != weights) return bbz::Error{bbz::Code::kInternal, "the tensor came back changed"};
  return {};
}

}  // namespace

int main() {
  const bbz::Status status = run();
  if (!status.ok()) std::printf("%s\n", status.error().message.c_str());
  return status.ok() ? 0 : 1;
}
