#include <fmt/format.h>

#include "bbz/format/container/constants.h"
#include "bbzinfo/archive_view.h"
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

Json metadata_of(const ArchiveView& view, std::uint32_t file) {
  Json object = Json::object();
  for (const auto& [place, value] : view.metadata) {
    if (place.first == file) object[place.second] = value.text ? Json(*value.text) : Json();
  }
  return object;
}

Json files_of(const ArchiveView& view) {
  Json list = Json::array();
  for (std::size_t i = 0; i < view.catalog->files.size(); ++i) {
    const catalog::File& file = view.catalog->files[i];
    const bool directory = file.kind == catalog::FileKind::kDirectory;
    list.push_back({{"path", file.path},
                    {"kind", directory ? "directory" : "file"},
                    {"bytes", file.size},
                    {"stored_bytes", view.info.by_file[i].stored},
                    {"digest", file.digest ? Json(file.digest->to_string()) : Json()},
                    {"metadata", metadata_of(view, static_cast<std::uint32_t>(i))}});
  }
  return list;
}

Json chunks_of(const ArchiveView& view, const catalog::Tensor& tensor) {
  Json list = Json::array();
  for (const catalog::Chunk& chunk : view.catalog->chunks_of(tensor)) {
    list.push_back({{"number", chunk.meta.number},
                    {"first_element", chunk.meta.first_element},
                    {"elements", chunk.meta.element_count},
                    {"codec", ops::codec_name(chunk.meta.codec)},
                    {"bytes", chunk.decoded_bytes},
                    {"stored_bytes", chunk.payload.length},
                    {"offset", chunk.payload.offset},
                    {"stored_checksum", fmt::format("{:016x}", chunk.payload.checksum)},
                    {"checksum", fmt::format("{:016x}", chunk.meta.decoded_checksum)}});
  }
  return list;
}

Json tensors_of(const ArchiveView& view, bool chunks) {
  Json list = Json::array();
  for (const catalog::Tensor& tensor : view.catalog->tensors) {
    const bool bytes = tensor.meta.kind == catalog::TensorKind::kBytes;
    Json entry = {
        {"kind", bytes ? "bytes" : "tensor"},          {"name", tensor.meta.name},
        {"file", number_or_null(tensor.meta.file)},    {"offset", tensor.meta.offset},
        {"dtype", ops::dtype_name(tensor.meta.dtype)}, {"shape", tensor.meta.shape},
        {"layer", number_or_null(tensor.meta.layer)},  {"form", tensor.meta.form},
        {"group", number_or_null(tensor.meta.group)},  {"bytes", tensor.byte_size},
        {"stored_bytes", tensor.stored_bytes},         {"chunk_count", tensor.chunk_count}};
    if (chunks) entry["chunks"] = chunks_of(view, tensor);
    list.push_back(std::move(entry));
  }
  return list;
}

Json layers_of(const ArchiveView& view) {
  Json list = Json::array();
  for (const ops::LayerTally& row : view.info.layers) {
    Json entry = {{"layer", row.layer ? Json(*row.layer) : Json()}};
    entry.update(sizes(row));
    list.push_back(std::move(entry));
  }
  return list;
}

}  // namespace

void print_json(const ArchiveView& view, const Lists& lists) {
  const container::FileHeader& header = view.catalog->header;
  const ops::Info& info = view.info;
  Json json = {
      {"schema", 1},
      {"archive", view.name},
      {"format", {{"major", header.major}, {"minor", header.minor}}},
      {"index_first", (header.required_features & container::kFeatureIndexFirst) != 0},
      {"root_digest", view.root.to_string()},
      {"archive_bytes", info.archive_bytes},
      {"file_bytes", info.file_bytes},
      {"overhead_bytes", info.overhead_bytes},
      {"groups", view.catalog->groups.size()},
      {"tensors_total", sizes(info.tensors)},
      {"other_total", sizes(info.other)},
      {"operands_total", sizes(info.operands)},
      {"dtypes", named(info.dtypes)},
      {"codecs", named(info.codecs)},
      {"layers", layers_of(view)},
      {"metadata", metadata_of(view, catalog::kNone)},
      {"files", files_of(view)},
  };
  if (lists.tensors || lists.chunks) json["tensors"] = tensors_of(view, lists.chunks);
  write_json(json);
}

}  // namespace bbz::tools
