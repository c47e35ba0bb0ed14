// Writes an archive of one file, whose tensors are vectors of F32: the contents of the files that
// are named, under their names.
//   write_archive ARCHIVE FILE...
#include <bbz/archive/writer.h>
#include <bbz/io/atomic_file.h>

#include <cstdio>
#include <filesystem>
#include <memory>

namespace {

// Each chunk of the file is read and encoded on one of the writer's threads.
bbz::Status add(bbz::Writer& writer, const std::string& path) {
  BBZ_ASSIGN(std::shared_ptr<bbz::io::Source> source, bbz::io::open_file(path));
  if (source->size().value_or(1) % sizeof(float) != 0) {
    return bbz::Error{bbz::Code::kInvalidArgument, path + ": not a file of whole F32 values"};
  }
  bbz::TensorSpec spec;
  spec.name = std::filesystem::path(path).filename().string();
  spec.dtype = bbz::DType::kF32;
  spec.shape = {*source->size() / sizeof(float)};
  BBZ_TRY(writer.begin_tensor(spec));
  for (std::uint64_t offset = 0;;) {
    BBZ_ASSIGN(const std::uint64_t written, writer.write_from(source, offset));
    if (written == 0) return writer.end_tensor();
    offset += written;
  }
}

bbz::Status write(const char* archive, char** begin, char** end) {
  BBZ_ASSIGN(const auto file, bbz::io::AtomicFile::create(archive, {}));
  BBZ_ASSIGN(bbz::Writer writer, bbz::Writer::create(*file));
  BBZ_TRY(writer.begin_file("model"));
  for (char** path = begin; path != end; ++path) BBZ_TRY(add(writer, *path));
  BBZ_TRY(writer.end_file());
  BBZ_ASSIGN(const bbz::Digest root, writer.finish());
  BBZ_TRY(file->finish());  // the archive appears under its name
  std::printf("%s\n", root.to_string().c_str());
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: write_archive ARCHIVE FILE...\n");
    return 2;
  }
  const bbz::Status written = write(argv[1], argv + 2, argv + argc);
  if (!written.ok()) std::fprintf(stderr, "write_archive: %s\n", written.error().message.c_str());
  return written.ok() ? 0 : 1;
}
