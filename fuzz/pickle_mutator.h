// Mutates pickles by whole opcodes and values: inserts, repeats, moves and removes them.
#pragma once

#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "../tests/files/torch/make_old_files.h"

namespace bbz::fuzz {

// Makes mutants of a pickle, the same ones for a seed.
class PickleMutator {
 public:
  explicit PickleMutator(unsigned seed) : random_(seed) {}

  std::string mutate(std::string_view pickle) {
    std::string text(pickle);
    const std::size_t at = below(text.size() + 1);
    const std::size_t size = below(std::min<std::size_t>(text.size() - at, 64) + 1);
    switch (below(4)) {
      case 0:
        return text.erase(at, size);
      case 1:
        return text.insert(below(text.size() + 1), text.substr(at, size));
      default:
        for (std::size_t i = below(4) + 1; i > 0; --i) {
          text.insert(below(text.size() + 1), piece());
        }
        return text;
    }
  }

 private:
  std::size_t below(std::size_t end) { return random_() % end; }

  std::string piece() {
    using namespace torch;  // NOLINT: a handful of names
    static const std::vector<std::string> pieces = {
        pickle_view(kMatrix),
        pickle_view({"HalfStorage", "1", 5, 1, {2, 2}, {1, 2}}),
        pickle_view({"FloatStorage", "0", 6, 0, {1000, 6}, {0, 1}}),
        pickle_view({"FloatStorage", "0", 6, 0, {0, 3}, {3, 1}}),
        pickle_storage("torch", "FloatStorage", "0", 6),
        pickle_storage("torch.storage", "UntypedStorage", "1", 10),
        pickle_global("torch._utils", "_rebuild_qtensor"),
        pickle_global("torch._utils", "_rebuild_sparse_tensor"),
        pickle_global("torch._utils", "_rebuild_tensor_v3"),
        pickle_global("torch._utils", "_rebuild_parameter_with_state"),
        pickle_global("torch._tensor", "_rebuild_from_type_v2"),
        pickle_global("torch.nn.parameter", "Parameter"),
        pickle_global("collections", "OrderedDict"),
        pickle_global("some", "Thing"),
        pickle_text("weight"),
        pickle_text("_modules"),
        pickle_text("_parameters"),
        pickle_text("storage"),
        pickle_tuple({2, 3}),
        pickle_int(7),
    };
    // Opcodes without operands, and places of the memo.
    constexpr std::string_view kOpcodes =
        "().01Nabde}]lostuQR\x81\x85\x86\x87\x88\x89\x8f\x90\x91\x92\x93\x94\x97\x98";
    switch (below(3)) {
      case 0:
        return pieces[below(pieces.size())];
      case 1:
        return std::string(1, "hq"[below(2)]) + static_cast<char>(below(8));
      default:
        return std::string(1, kOpcodes[below(kOpcodes.size())]);
    }
  }

  std::minstd_rand random_;
};

}  // namespace bbz::fuzz
