#include "bbz/symmetry/junction/detect.h"

#include <fmt/format.h>
#include <algorithm>
#include <charconv>
#include <iterator>
#include <map>
#include <optional>
#include <set>

#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/base/tensor_text.h"
#include "bbz/symmetry/junction/family.h"

namespace bbz::junction {
namespace {

using Index = std::map<std::string_view, std::size_t>;

// Returns the layer number of a name such as "model.layers.12.mlp..." with prefix "model.layers.".
std::optional<std::uint32_t> layer_after(std::string_view name, std::string_view prefix) {
  if (!name.starts_with(prefix)) return std::nullopt;
  name.remove_prefix(prefix.size());
  std::uint32_t layer = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), layer);
  const bool dot = error == std::errc() && end != name.data() + name.size() && *end == '.';
  return dot ? std::optional(layer) : std::nullopt;
}

// Returns what stands before a family's own names in that of a layer's tensor: "module." for
// "module.model.layers.12.mlp...".
std::optional<std::string_view> before_layers(std::string_view name, std::string_view layers) {
  for (std::size_t at = name.find(layers); at != name.npos; at = name.find(layers, at + 1)) {
    const bool begins = at == 0 || name[at - 1] == '.';
    if (begins && layer_after(name.substr(at), layers)) return name.substr(0, at);
  }
  return std::nullopt;
}

// Returns whether a layer has the inputs and outputs of all sub-blocks of a family.
bool fits(const Family& family, const Index& index, std::string_view layer_prefix) {
  for (const SubBlock& sub : family.sub_blocks) {
    for (const auto names : {sub.reads, sub.writes}) {
      for (const std::string_view name : names) {
        if (!index.contains(fmt::format("{}{}.weight", layer_prefix, name))) return false;
      }
    }
  }
  return true;
}

bool is_float(DType dtype) {
  return dtype == DType::kF16 || dtype == DType::kBF16 || dtype == DType::kF32 ||
         dtype == DType::kF64;
}

// Builds one junction. Each add_* and forbid_* checks a condition; the first that fails becomes the
// refusal.
class Prover {
 public:
  Prover(std::span<const TensorInfo> tensors, const Index& index)
      : tensors_(tensors), index_(index) {}

  void start(std::string name, std::uint32_t block) {
    junction_ = Junction{std::move(name), block, 0, {}, {}};
  }

  void add(const std::string& name, Role role) {
    const auto found = index_.find(name);
    if (found == index_.end()) {
      refuse(fmt::format("{}: expected a tensor ({}), found none", quoted(name), role_name(role)));
      return;
    }
    const TensorInfo& info = tensors_[found->second];
    const std::size_t axes = role == Role::kBias ? 1 : 2;
    if (!is_float(info.dtype)) {
      refuse(fmt::format("{}: expected F16, BF16, F32 or F64, found {}", quoted(name),
                         tensor_text(info)));
    } else if (info.shape.size() != axes || std::ranges::count(info.shape, 0u) != 0) {
      refuse(fmt::format("{}: expected {} with no empty axis, found {}", quoted(name),
                         axes == 2 ? "a matrix" : "a vector", tensor_text(info)));
    } else {
      const std::uint64_t extent = info.shape[role_axis(role)];
      if (junction_.width == 0) junction_.width = extent;
      if (extent != junction_.width) {
        refuse(fmt::format("{}: expected {} along axis {} as in {}, found {}", quoted(name),
                           junction_.width, role_axis(role),
                           quoted(tensors_[junction_.members.front().tensor].name),
                           tensor_text(info)));
      }
      if (extent > kMaxWidth) {
        refuse(fmt::format("{}: expected a width of at most {}, found {}", quoted(name), kMaxWidth,
                           tensor_text(info)));
      }
      junction_.members.push_back({found->second, role});
    }
  }

  void add_if_there(const std::string& name, Role role) {
    if (index_.contains(name)) add(name, role);
  }

  void forbid_norm(std::string_view norm) {
    for (const std::string_view part : {".weight", ".bias"}) {
      const std::string name = fmt::format("{}{}", norm, part);
      if (const auto found = index_.find(name); found != index_.end()) {
        refuse(
            fmt::format("{}: expected no norm {} on the junction (fused into the next "
                        "projection), found {}",
                        quoted(name), part.substr(1), tensor_text(tensors_[found->second])));
      }
    }
  }

  // Forbids tensors that the family's row does not name if they could touch the junction.
  void forbid_strangers(const std::vector<std::size_t>& strangers) {
    for (const std::size_t stranger : strangers) {
      const TensorInfo& info = tensors_[stranger];
      if (std::ranges::count(info.shape, junction_.width) != 0) {
        refuse(
            fmt::format("{}: expected no tensor unknown to the family with an axis of the "
                        "junction's width {}, found {}",
                        quoted(info.name), junction_.width, tensor_text(info)));
      }
    }
  }

  void refuse(std::string why) {
    if (junction_.refusal.empty()) junction_.refusal = std::move(why);
  }

  Junction finish() {
    if (!junction_.proven()) {
      junction_.width = 0;
      junction_.members.clear();
    }
    return std::move(junction_);
  }

 private:
  std::span<const TensorInfo> tensors_;
  const Index& index_;
  Junction junction_;
};

// A model of a family among the tensors.
struct Place {
  const Family* family = nullptr;
  std::string_view prefix;         // before the family's own names
  std::set<std::uint32_t> layers;  // the numbers that occur
};

// Finds the models of a family: the layers after each prefix, if one of them has the family's projections.
std::vector<Place> find_models(std::span<const TensorInfo> tensors, const Index& index,
                               const Family& family) {
  std::map<std::string_view, std::set<std::uint32_t>> layers;  // by prefix
  for (const TensorInfo& info : tensors) {
    const auto prefix = before_layers(info.name, family.layers);
    if (!prefix) continue;
    const std::string_view name = std::string_view(info.name).substr(prefix->size());
    layers[*prefix].insert(*layer_after(name, family.layers));
  }
  std::vector<Place> found;
  for (auto& [prefix, numbers] : layers) {
    const bool fitting = std::ranges::any_of(numbers, [&, &before = prefix](std::uint32_t layer) {
      return fits(family, index, fmt::format("{}{}{}.", before, family.layers, layer));
    });
    if (fitting) found.push_back({&family, prefix, std::move(numbers)});
  }
  return found;
}

// Goes through a model of one family, junction by junction.
class Walk {
 public:
  Walk(std::span<const TensorInfo> tensors, const Index& index, const Place& place)
      : tensors_(tensors),
        index_(index),
        family_(*place.family),
        prefix_(place.prefix),
        layers_(static_cast<std::uint32_t>(place.layers.size())),
        strangers_(layers_ + std::size_t{1}),
        prover_(tensors, index) {
    find_strangers();
  }

  std::vector<Junction> run() {
    std::vector<Junction> junctions;
    const std::size_t subs = family_.sub_blocks.size();
    for (std::size_t i = 0; i <= layers_ * subs; ++i) junctions.push_back(junction(i));
    return junctions;
  }

 private:
  std::string in_layer(std::size_t layer, std::string_view name, std::string_view part = {}) const {
    return fmt::format("{}{}{}.{}{}", prefix_, family_.layers, layer, name, part);
  }
  // Returns the full name of a tensor outside the layers.
  std::string outside(std::string_view name, std::string_view part = {}) const {
    return fmt::format("{}{}{}", prefix_, name, part);
  }

  // Builds the junction before sub-block i of the model, counted through all layers.
  Junction junction(std::size_t i) {
    const std::size_t subs = family_.sub_blocks.size();
    const auto layer = static_cast<std::uint32_t>(i / subs);
    const bool last = layer == layers_;
    const SubBlock* after = last ? nullptr : &family_.sub_blocks[i % subs];
    prover_.start(last ? "head" : fmt::format("layer {} {}", layer, after->name), layer);
    if (i == 0) {
      enter_from_embeddings();
    } else {
      enter_from(family_.sub_blocks[(i - 1) % subs], (i - 1) / subs);
    }
    if (last) {
      prover_.add(outside(family_.head, ".weight"), Role::kHead);
      prover_.forbid_norm(outside(family_.final_norm));
    } else {
      prover_.add(in_layer(layer, after->shortcut), Role::kShortcutOut);
      for (const std::string_view name : after->reads) {
        prover_.add(in_layer(layer, name, ".weight"), Role::kReads);
      }
      prover_.forbid_norm(in_layer(layer, after->norm));
      prover_.forbid_strangers(strangers_[layer]);
    }
    if (i > 0) prover_.forbid_strangers(strangers_[(i - 1) / subs]);
    prover_.forbid_strangers(strangers_[layers_]);
    return prover_.finish();
  }

  void enter_from_embeddings() {
    for (const std::string_view name : family_.embeddings) {
      prover_.add(outside(name), Role::kEmbedding);
    }
    const std::string head = outside(family_.head, ".weight");
    if (!index_.contains(head)) {
      prover_.refuse(fmt::format(
          "{}: expected a head of its own, found none (tied to the embedding)", quoted(head)));
    }
  }

  void enter_from(const SubBlock& before, std::size_t layer) {
    prover_.add(in_layer(layer, before.shortcut), Role::kShortcutIn);
    for (const std::string_view name : before.writes) {
      prover_.add(in_layer(layer, name, ".weight"), Role::kWrites);
      prover_.add_if_there(in_layer(layer, name, ".bias"), Role::kBias);
    }
  }

  void find_strangers() {
    std::set<std::string> known_outside;
    for (const std::string_view name : family_.embeddings) known_outside.insert(outside(name));
    std::set<std::string> inside;  // without the layer's prefix
    const auto know = [](std::set<std::string>& known, const std::string& stem) {
      known.insert(stem + ".weight");
      known.insert(stem + ".bias");
    };
    know(known_outside, outside(family_.head));
    know(known_outside, outside(family_.final_norm));
    for (const SubBlock& sub : family_.sub_blocks) {
      for (const auto names : {sub.reads, sub.writes}) {
        for (const std::string_view name : names) know(inside, std::string(name));
      }
      know(inside, std::string(sub.norm));
      inside.insert(std::string(sub.shortcut));
    }
    const std::string layers = outside(family_.layers);
    for (std::size_t t = 0; t < tensors_.size(); ++t) {
      const std::string& name = tensors_[t].name;
      const auto layer = layer_after(name, layers);
      if (layer && *layer < layers_) {
        const std::size_t stem = in_layer(*layer, "").size();
        if (name.size() < stem || !inside.contains(name.substr(stem))) {
          strangers_[*layer].push_back(t);
        }
      } else if (!known_outside.contains(name)) {
        strangers_[layers_].push_back(t);
      }
    }
  }

  std::span<const TensorInfo> tensors_;
  const Index& index_;
  const Family& family_;
  std::string_view prefix_;
  std::uint32_t layers_;
  std::vector<std::vector<std::size_t>> strangers_;  // by layer; those outside the layers last
  Prover prover_;
};

}  // namespace

std::string_view role_name(Role role) {
  switch (role) {
    case Role::kReads:
      return "reads";
    case Role::kWrites:
      return "writes";
    case Role::kBias:
      return "bias";
    case Role::kShortcutIn:
      return "shortcut in";
    case Role::kShortcutOut:
      return "shortcut out";
    case Role::kEmbedding:
      return "embedding";
    case Role::kHead:
      return "head";
  }
  return "unknown";
}

int role_axis(Role role) {
  return role == Role::kWrites || role == Role::kBias || role == Role::kShortcutOut ? 0 : 1;
}

const Member* Junction::find(Role role) const {
  const auto found = std::ranges::find(members, role, &Member::role);
  return found == members.end() ? nullptr : &*found;
}

Detection detect(std::span<const TensorInfo> tensors) {
  Detection found;
  Index index;
  for (std::size_t t = 0; t < tensors.size(); ++t) {
    if (!index.emplace(tensors[t].name, t).second) {
      found.refusal =
          fmt::format("{}: expected one tensor of this name, found two", quoted(tensors[t].name));
      return found;
    }
  }
  std::vector<Place> places;
  for (const Family& family : families()) {
    std::ranges::move(find_models(tensors, index, family), std::back_inserter(places));
  }
  if (places.size() > 1) {
    const auto layers_of = [](const Place& place) {
      return quoted(fmt::format("{}{}", place.prefix, place.family->layers));
    };
    found.refusal = fmt::format("expected the layers of one model, found those of {}: {} and {}",
                                places.size(), layers_of(places[0]), layers_of(places[1]));
    return found;
  }
  if (places.size() == 1) {
    const Place& place = places.front();
    const std::size_t count = place.layers.size();
    found.family = place.family->name;
    found.prefix = place.prefix;
    if (*place.layers.rbegin() != count - 1) {
      found.refusal = fmt::format(
          "{}: expected layers numbered without a gap, found {} layers",
          quoted(fmt::format("{}{}{}", place.prefix, place.family->layers, *place.layers.rbegin())),
          count);
      return found;
    }
    found.layers = static_cast<std::uint32_t>(count);
    found.junctions = Walk(tensors, index, place).run();
    if (std::ranges::none_of(found.junctions, &Junction::proven)) {
      found.refusal = found.junctions.front().refusal;
    }
    return found;
  }
  std::vector<std::string_view> names;
  for (const Family& family : families()) names.push_back(family.name);
  found.refusal = fmt::format(
      "expected the projections of a layer of a known family ({}), found none among {} tensors",
      fmt::join(names, ", "), tensors.size());
  return found;
}

}  // namespace bbz::junction
