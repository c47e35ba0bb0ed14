// Packs a tensor into an archive in memory, and reads it back.
//   round_trip
#include <bbz/library.h>

#include <cstdio>

namespace {

bbz::Result<std::vector<std::byte>> pack(const std::vector<std::byte>& weights) {
  std::vector<std::byte> archive;
  const auto sink = bbz::io::memory_sink(archive);
  BBZ_ASSIGN(bbz::Writer writer, bbz::Writer::create(*sink));
  BBZ_TRY(writer.begin_file("model"));
  bbz::TensorSpec spec;
  spec.name = "weight";
  spec.dtype = bbz::DType::kBF16;
  spec.shape = {64, 64};
  BBZ_TRY(writer.begin_tensor(spec));
  BBZ_TRY(writer.write(weights));
  BBZ_TRY(writer.end_tensor());
  BBZ_TRY(writer.end_file());
  BBZ_TRY(writer.finish());
  return archive;
}

bbz::Status run() {
  std::vector<std::byte> weights(64 * 64 * 2);
  for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = static_cast<std::byte>(i * i >> 5);
  BBZ_ASSIGN(const std::vector<std::byte> archive, pack(weights));

  // The source refers to the archive's bytes, which must outlive the reader.
  BBZ_ASSIGN(const bbz::Reader reader,
             bbz::Reader::open(bbz::io::memory_source(bbz::Bytes(archive))));
  BBZ_ASSIGN(const std::uint32_t tensor, reader.find_tensor("weight"));
  std::vector<std::byte> back(reader.catalog().tensors[tensor].byte_size);
  BBZ_TRY(reader.read_tensor(tensor, back));
  if (back != weights) return bbz::Error{bbz::Code::kInternal, "the tensor came back changed"};
  std::printf("%zu bytes, packed in %zu\n", back.size(), archive.size());
  return {};
}

}  // namespace

int main() {
  const bbz::Status status = run();
  if (!status.ok()) std::fprintf(stderr, "round_trip: %s\n", status.error().message.c_str());
  return status.ok() ? 0 : 1;
}
