#include "bbz/symmetry/pair/family.h"

#include <array>

namespace bbz::pair {
namespace {

using Names1 = std::array<std::string_view, 1>;
using Names2 = std::array<std::string_view, 2>;

constexpr Names1 kAsvdWholes = {".weight"};
constexpr Names2 kSvdLlmWholes = {"_proj.weight",
                                  ".weight"};  // q_u_proj, but also OPT's fc1_u_proj

constexpr std::array<Family, 4> kFamilies = {{
    {"asvd", ".ALinear.weight", ".BLinear.weight", kAsvdWholes, "."},
    {"svd-llm", "_u_proj.weight", "_v_proj.weight", kSvdLlmWholes, "_."},
    {"lora", ".lora_B.weight", ".lora_A.weight", {}, "."},
    {"lora", ".lora_B.default.weight", ".lora_A.default.weight", {}, "."},
}};

}  // namespace

std::span<const Family> families() {
  return kFamilies;
}

}  // namespace bbz::pair
