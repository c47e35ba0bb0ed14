// Updates weights that are in memory, as a server does that follows a training run.
// Usage: update BASE.bbz UPDATE.bbz
// Reads all tensors of BASE, and makes those of UPDATE of them, in place: UPDATE is an archive that
// bbz pack --base made.
#include <bbz/library.h>

#include <iostream>
#include <map>

namespace {

using Weights = std::map<std::string, std::vector<std::byte>>;

bbz::Result<Weights> load(const std::string& path) {
  BBZ_ASSIGN(const bbz::Reader reader, bbz::Reader::open(path));
  Weights weights;
  for (const bbz::catalog::Tensor& tensor : reader.catalog().tensors) {
    if (!tensor.meta.is_named()) continue;
    std::vector<std::byte>& bytes = weights[tensor.meta.name];
    bytes.resize(tensor.byte_size);
    BBZ_TRY(reader.read_tensor(tensor.meta.number, bytes));
  }
  return weights;
}

bbz::Status update(const std::string& path, Weights& weights) {
  BBZ_ASSIGN(const bbz::Reader reader, bbz::Reader::open(path));
  for (const bbz::catalog::Tensor& tensor : reader.catalog().tensors) {
    if (!tensor.meta.is_named()) continue;
    // Checks that these are the weights on which the update leans, before it changes them.
    std::vector<std::byte>& bytes = weights[tensor.meta.name];
    bytes.resize(tensor.byte_size);
    BBZ_TRY(reader.update_tensor(tensor.meta.number, bytes));
    std::cout << tensor.meta.name << ": " << bytes.size() << " bytes\n";
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: " << argv[0] << " BASE.bbz UPDATE.bbz\n";
    return 2;
  }
  auto weights = load(argv[1]);
  const bbz::Status done = weights.ok() ? update(argv[2], *weights) : bbz::Status(weights.error());
  if (!done.ok()) std::cerr << done.error().message << "\n";
  return done.ok() ? 0 : 1;
}
