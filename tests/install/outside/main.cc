// Packs a tensor and reads it back, with nothing but the installed library.
//   outside [DIRECTORY]    if a directory is named, the archive and the tensor's bytes stay in it
#include <bbz/library.h>

#include <cstdio>
#include <fstream>

namespace {

bool write(const std::string& path, const std::vector<std::byte>& bytes) {
  std::ofstream out(path, std::ios::binary);
  out.write(reinterpret_cast<const char*>(bytes.data()),
            static_cast<std::streamsize>(bytes.size()));
  return out.flush().good();
}

bbz::Status run(const char* folder) {
  std::vector<std::byte> weights(64 * 64 * 2);
  for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = static_cast<std::byte>(i * i >> 5);

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
  BBZ_ASSIGN(const bbz::Digest root, writer.finish());
  std::printf("%zu bytes, %s\n", archive.size(), root.to_string().c_str());

  BBZ_ASSIGN(const bbz::Reader reader,
             bbz::Reader::open(bbz::io::memory_source(bbz::Bytes(archive))));
  std::vector<std::byte> back(weights.size());
  BBZ_TRY(reader.read_tensor(0, back));
  if (back != weights) return bbz::Error{bbz::Code::kInternal, "the tensor came back changed"};
  if (folder == nullptr) return {};
  const std::string prefix = std::string(folder) + "/";
  if (write(prefix + "model.bbz", archive) && write(prefix + "weight", weights)) return {};
  return bbz::Error{bbz::Code::kIo, "cannot write the archive"};
}

}  // namespace

int main(int argc, char** argv) {
  const bbz::Status status = run(argc > 1 ? argv[1] : nullptr);
  if (!status.ok()) std::printf("%s\n", status.error().message.c_str());
  return status.ok() ? 0 : 1;
}
