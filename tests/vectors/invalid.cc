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
  add_symmetry_vectors(c);
  add_bits_back_vectors(c);
  add_order_vectors(c);
  add_repeat_vectors(c);
  return c.all;
}

std::string manifest(const std::vector<Invalid>& vectors) {
  nlohmann::ordered_json all = nlohmann::ordered_json::object();
  for (const Invalid& v : vectors) {
    all[v.name + ".bbz"] = {
        {"rule", v.rule}, {"open", v.open}, {"stream", v.stream}, {"verify", v.verify}};
  }
  return all.dump(2) + "\n";
}

}  // namespace bbz::vectors
