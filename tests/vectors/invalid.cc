#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>

#include "vectors/collector.h"

namespace bbz::vectors {

std::vector<Invalid> invalid_vectors() {
  Collector c;
  add_container_vectors(c);
  add_extension_vectors(c);
  add_catalog_vectors(c);
  add_tensor_vectors(c);
  add_chunk_vectors(c);
  add_payload_vectors(c);
  add_safetensors_vectors(c);
  add_codec_vectors(c);
  add_split_vectors(c);
  add_number_vectors(c);
  add_field_vectors(c);
  add_symmetry_vectors(c);
  add_pivot_vectors(c);
  add_bits_back_vectors(c);
  add_view_vectors(c);
  add_base_vectors(c);
  add_order_vectors(c);
  add_repeat_vectors(c);
  add_block_vectors(c);
  return c.all;
}

// Whether only a check in full finds the fault of an archive (format-spec/README.md).
bool only_in_full(std::string_view name) {
  constexpr std::string_view kHeads[] = {"head-checksum", "pad-not-zero", "record-id",
                                         "record-sync"};
  constexpr std::string_view kPayloads[] = {"chunk-payload-checksum",
                                            "chunk-payload-checksum-later",
                                            "same-payload-check",
                                            "metadata-check",
                                            "metadata-digest",
                                            "metadata-not-utf8",
                                            "metadata-payload-check",
                                            "unknown-check",
                                            "unknown-digest",
                                            "unknown-payload-check",
                                            "group-check",
                                            "group-digest",
                                            "group-payload-check"};
  constexpr std::string_view kViews[] = {"block-view", "view-of-lower", "view-expansion-limit",
                                         "view-span-limit"};
  constexpr std::string_view kFiles[] = {"directory-digest", "file-digest", "file-digest-xxh3"};
  const auto has = [&](const auto& names) {
    return std::ranges::find(names, name) != std::end(names);
  };
  return has(kHeads) || has(kPayloads) || has(kFiles) || has(kViews) ||
         name.starts_with("safetensors-");
}

std::string manifest(const std::vector<Invalid>& vectors) {
  nlohmann::ordered_json all = nlohmann::ordered_json::object();
  for (const Invalid& v : vectors) {
    all[v.name + ".bbz"] = {
        {"rule", v.rule}, {"open", v.open}, {"stream", v.stream}, {"verify", v.verify}};
    if (only_in_full(v.name)) all[v.name + ".bbz"]["in-full"] = true;
  }
  return all.dump(2) + "\n";
}

}  // namespace bbz::vectors
