// Walks through a model layer by layer, with the next layers decoded while one is used, and never
// more of the model in memory than was asked for.
//   layers ARCHIVE [MEMORY-IN-MIB]
#include <bbz/access/loader/layer_loader.h>

#include <cstdio>
#include <cstdlib>

namespace {

bbz::Status walk(const char* path, std::uint64_t memory) {
  BBZ_ASSIGN(const bbz::Reader reader, bbz::Reader::open(path));
  BBZ_ASSIGN(const auto loader, bbz::loader::LayerLoader::start(
                                    reader, bbz::loader::plan_layers(reader.catalog()), {memory}));
  while (true) {
    BBZ_ASSIGN(const std::optional<bbz::loader::Layer> layer, loader->next());
    if (!layer) break;
    std::uint64_t bytes = 0;
    for (const bbz::loader::LayerTensor& tensor : layer->tensors()) bytes += tensor.bytes.size();
    std::printf(
        "%s: %zu tensors, %llu bytes\n",
        layer->number() ? ("layer " + std::to_string(*layer->number())).c_str() : "no layer",
        layer->tensors().size(), static_cast<unsigned long long>(bytes));
    // Here the layer would be copied to a device, or computed with. Its memory is free for another
    // one at the end of the loop.
  }
  std::printf("at most %llu bytes in memory\n",
              static_cast<unsigned long long>(loader->most_bytes()));
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2 && argc != 3) {
    std::fprintf(stderr, "usage: layers ARCHIVE [MEMORY-IN-MIB]\n");
    return 2;
  }
  const std::uint64_t mib = argc == 3 ? std::strtoull(argv[2], nullptr, 10) : 1024;
  const bbz::Status walked = walk(argv[1], mib << 20);
  if (!walked.ok()) std::fprintf(stderr, "layers: %s\n", walked.error().message.c_str());
  return walked.ok() ? 0 : 1;
}
