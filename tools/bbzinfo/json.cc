#include <fmt/format.h>

#include "bbz/format/catalog/pivots.h"
#include "bbz/format/container/constants.h"
#include "bbzinfo/summary.h"
#include "common/json.h"

namespace bbz::tools {
namespace {

Json sizes(const ops::Tally& tally) {
  return {{"tensors", tally.tensors},
          {"elements", tally.elements},
          {"chunks", tally.chunks},
          {"bytes", tally.bytes},
          {"stored_bytes", tally.stored}};
}

Json named(const std::vector<ops::NamedTally>& rows) {
  Json object = Json::object();
  for (const ops::NamedTally& row : rows) object[row.name] = sizes(row);
  return object;
}

Json number_or_null(std::uint32_t number) {
  return number == catalog::kNone ? Json() : Json(number);
}

Json metadata_of(const Summary& summary, std::uint32_t file) {
  Json object = Json::object();
  for (const auto& [place, value] : summary.metadata) {
    if (place.first == file) object[place.second] = value.text ? Json(*value.text) : Json();
  }
  return object;
}

Json files_of(const Summary& summary) {
  Json list = Json::array();
  for (std::size_t i = 0; i < summary.catalog->files.size(); ++i) {
    const catalog::File& file = summary.catalog->files[i];
    const bool directory = file.kind == catalog::FileKind::kDirectory;
    const auto& [mode, time] = file.attributes();
    list.push_back(
        {{"path", file.path},
         {"kind", directory ? "directory" : "file"},
         {"bytes", file.size},
         {"stored_bytes", summary.info.by_file[i].stored},
         {"digest", file.digest ? Json(file.digest->to_string()) : Json()},
         {"mode", mode ? Json(fmt::format("{:04o}", *mode)) : Json()},
         {"time",
          time ? Json({{"seconds", time->seconds}, {"nanoseconds", time->nanoseconds}}) : Json()},
         {"metadata", metadata_of(summary, static_cast<std::uint32_t>(i))}});
  }
  return list;
}

// Returns the chunk that another one repeats, or null.
Json repeated(const catalog::Catalog& catalog, const catalog::Chunk& chunk) {
  if (!chunk.same_as) return {};
  const catalog::ChunkMeta& other = catalog.chunks[*chunk.same_as].meta;
  return {{"tensor", other.tensor}, {"chunk", other.number}};
}

// Returns what a view has of which tensor, or null.
Json view_of(const catalog::TensorMeta& meta) {
  if (!meta.is_view()) return {};
  return {{"tensor", meta.base()}, {"offset", meta.view->offset}, {"strides", meta.view->strides}};
}

// Returns along which axis a tensor has how many pivots, or null.
Json pivots_of(const catalog::TensorMeta& meta) {
  if (meta.pivots == nullptr) return {};
  return {{"axis", meta.pivots->axis()}, {"rank", meta.pivots->count()}};
}

Json leaning_sizes(const ops::LeaningTally& tally) {
  return {{"tensors", tally.tensors},
          {"bytes", tally.bytes},
          {"stored_bytes", tally.stored},
          {"unchanged_bytes", tally.unchanged},
          {"own_bytes", tally.own}};
}

Json bases_of(const Summary& summary) {
  Json list = Json::array();
  for (const catalog::BaseMeta& base : summary.catalog->bases) {
    Json entry = {{"hint", base.hint},
                  {"root_digest", base.root ? Json(base.root->to_string()) : Json()}};
    entry["tensors_total"] = leaning_sizes(summary.info.bases[base.number]);
    list.push_back(std::move(entry));
  }
  return list;
}

// Returns on what a tensor leans, or null.
Json leaning_of(const catalog::Catalog& catalog, const catalog::Tensor& tensor) {
  if (!tensor.meta.leans()) return {};
  const ops::LeaningTally tally = ops::leaning_of(catalog, tensor);
  return {{"base", tensor.meta.support->base},
          {"name", tensor.meta.support->name},
          {"digest", tensor.meta.support->digest.to_string()},
          {"unchanged_bytes", tally.unchanged},
          {"own_bytes", tally.own}};
}

Json chunks_of(const Summary& summary, const catalog::Tensor& tensor) {
  Json list = Json::array();
  for (const catalog::Chunk& chunk : summary.catalog->chunks_of(tensor)) {
    list.push_back({{"number", chunk.meta.number},
                    {"first_element", chunk.first_element},
                    {"elements", chunk.element_count},
                    {"codec", ops::codec_name(ops::stored_codec(chunk))},
                    {"bytes", chunk.decoded_bytes},
                    {"stored_bytes", ops::stored_bytes(chunk)},
                    {"same_as", repeated(*summary.catalog, chunk)},
                    {"offset", chunk.payload.offset},
                    {"checksum", fmt::format("{:016x}", chunk.meta.decoded_checksum)}});
  }
  return list;
}

Json tensors_of(const Summary& summary, bool chunks) {
  Json list = Json::array();
  for (const catalog::Tensor& tensor : summary.catalog->tensors) {
    const bool bytes = tensor.meta.kind == catalog::TensorKind::kBytes;
    Json entry = {{"kind", bytes ? "bytes" : "tensor"},
                  {"name", tensor.meta.name},
                  {"file", number_or_null(tensor.meta.file)},
                  {"offset", tensor.meta.offset},
                  {"dtype", ops::dtype_name(tensor.meta.dtype)},
                  {"shape", tensor.meta.shape},
                  {"layer", number_or_null(tensor.meta.layer)},
                  {"form", static_cast<int>(tensor.meta.form)},
                  {"form_name", ops::form_name(tensor.meta.form)},
                  {"pivots", pivots_of(tensor.meta)},
                  {"group", number_or_null(tensor.meta.group)},
                  {"bytes", tensor.byte_size},
                  {"view", view_of(tensor.meta)},
                  {"leans_on", leaning_of(*summary.catalog, tensor)},
                  {"storage", tensor.meta.extensions.storage},
                  {"stored_bytes", tensor.stored_bytes},
                  {"chunk_count", tensor.chunk_count}};
    if (tensor.block != nullptr) {
      entry["block_type"] = tensor.meta.block_type;
      entry["shape_in_values"] = catalog::shape_in_values(tensor);
    }
    if (chunks) entry["chunks"] = chunks_of(summary, tensor);
    list.push_back(std::move(entry));
  }
  return list;
}

Json layers_of(const Summary& summary) {
  Json list = Json::array();
  for (std::size_t i = 0; i < summary.info.layers.size(); ++i) {
    const ops::LayerTally& row = summary.info.layers[i];
    Json entry = {{"layer", row.layer ? Json(*row.layer) : Json()}};
    entry.update(sizes(row));
    if (!summary.info.leaning_layers.empty()) {
      entry["leaning"] = leaning_sizes(summary.info.leaning_layers[i]);
    }
    list.push_back(std::move(entry));
  }
  return list;
}

Json private_names_of(const catalog::Catalog& catalog) {
  Json list = Json::array();
  for (const catalog::PrivateNameMeta& entry : catalog.private_names) {
    list.push_back({{"registry", static_cast<int>(entry.registry)},
                    {"number", entry.number},
                    {"name", entry.name}});
  }
  return list;
}

Json block_types_of(const Summary& summary) {
  Json list = Json::array();
  for (const catalog::BlockTypeMeta& entry : summary.catalog->block_types) {
    Json fields = Json::array();
    for (const BlockField& field : entry.type->fields) {
      const bool bytes = field.dtype == BlockField::kNoDType;
      fields.push_back({{"name", field.name},
                        {"dtype", bytes ? Json() : Json(ops::dtype_name(field.dtype))},
                        {"count", field.count}});
    }
    list.push_back({{"name", entry.type->name},
                    {"values", entry.type->values},
                    {"bytes", entry.type->bytes()},
                    {"fields", std::move(fields)},
                    {"tensors_total", sizes(summary.info.block_types[entry.number])}});
  }
  return list;
}

}  // namespace

void print_json(const Summary& summary, const Lists& lists) {
  const container::FileHeader& header = summary.catalog->header;
  const ops::Info& info = summary.info;
  Json json = {
      {"schema", 1},
      {"archive", summary.name},
      {"format", {{"major", header.major}, {"minor", header.minor}}},
      {"id", fmt::format("{:016x}", header.id)},
      {"alignment", header.alignment},
      {"private_names", private_names_of(*summary.catalog)},
      {"block_types", block_types_of(summary)},
      {"bases", bases_of(summary)},
      {"index_first", (header.required_features & container::kFeatureIndexFirst) != 0},
      {"root_digest", summary.root.to_string()},
      {"archive_bytes", info.archive_bytes},
      {"file_bytes", info.file_bytes},
      {"overhead_bytes", info.overhead_bytes},
      {"groups", summary.catalog->groups.size()},
      {"tensors_total", sizes(info.tensors)},
      {"other_total", sizes(info.other)},
      {"operands_total", sizes(info.operands)},
      {"views_total", sizes(info.views)},
      {"storages_total", sizes(info.storages)},
      {"unseen_bytes", info.unseen_bytes},
      {"dtypes", named(info.dtypes)},
      {"codecs", named(info.codecs)},
      {"layers", layers_of(summary)},
      {"metadata", metadata_of(summary, catalog::kNone)},
      {"files", files_of(summary)},
  };
  if (lists.tensors || lists.chunks) json["tensors"] = tensors_of(summary, lists.chunks);
  write_json(json);
}

}  // namespace bbz::tools
