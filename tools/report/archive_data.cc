#include "report/archive_data.h"

#include <chrono>

#include "bbz/base/names.h"
#include "bbz/ops/bits.h"
#include "common/output.h"
#include "report/symmetry_groups.h"
#include "report/tensor_rows.h"
#include "report/verify_commands.h"

namespace bbz::tools {
namespace {

Json tally_json(const ops::Tally& tally) {
  return {{"tensors", tally.tensors},
          {"elements", tally.elements},
          {"chunks", tally.chunks},
          {"bytes", tally.bytes},
          {"stored_bytes", tally.stored}};
}

Json named_json(const std::string& name, const ops::Tally& tally) {
  Json entry = {{"name", name}};
  entry.update(tally_json(tally));
  return entry;
}

Json named_list(const std::vector<ops::NamedTally>& rows) {
  Json list = Json::array();
  for (const ops::NamedTally& row : rows) list.push_back(named_json(row.name, row));
  return list;
}

// Returns what is in the archive, by kind; no tensor is in two of them.
Json kinds_json(const ops::Info& info) {
  ops::Tally tensors = info.tensors;
  tensors.tensors -= info.storages.tensors;
  tensors.elements -= info.storages.elements;
  tensors.chunks -= info.storages.chunks;
  tensors.bytes -= info.storages.bytes;
  tensors.stored -= info.storages.stored;
  Json list = Json::array();
  for (const auto& [name, tally] : {std::pair{"tensors", tensors},
                                    {"storages", info.storages},
                                    {"bytes", info.other},
                                    {"operands", info.operands},
                                    {"views", info.views}}) {
    if (tally.tensors != 0) list.push_back(named_json(name, tally));
  }
  return list;
}

Json layers_json(const ops::Info& info) {
  Json list = Json::array();
  for (const ops::LayerTally& row : info.layers) {
    Json entry = {{"layer", row.layer ? Json(*row.layer) : Json()}};
    entry.update(tally_json(row));
    list.push_back(std::move(entry));
  }
  return list;
}

Json files_json(const catalog::Catalog& catalog, const ops::Info& info) {
  Json list = Json::array();
  for (std::size_t i = 0; i < catalog.files.size(); ++i) {
    const catalog::File& file = catalog.files[i];
    const bool directory = file.kind == catalog::FileKind::kDirectory;
    list.push_back({{"path", file.path},
                    {"kind", directory ? "directory" : "file"},
                    {"bytes", file.size},
                    {"stored_bytes", info.by_file[i].stored},
                    {"digest", file.digest ? Json(file.digest->to_string()) : Json()}});
  }
  return list;
}

Json bases_json(const catalog::Catalog& catalog, const ops::Info& info) {
  Json list = Json::array();
  for (const catalog::BaseMeta& base : catalog.bases) {
    const ops::LeaningTally& tally = info.bases[base.number];
    list.push_back({{"hint", base.hint},
                    {"root_digest", base.root ? Json(base.root->to_string()) : Json()},
                    {"tensors", tally.tensors},
                    {"bytes", tally.bytes},
                    {"stored_bytes", tally.stored},
                    {"unchanged_bytes", tally.unchanged},
                    {"own_bytes", tally.own}});
  }
  return list;
}

// Returns the sizes of chunks that repeat others.
Json references_json(const ops::Info& info) {
  for (const ops::NamedTally& codec : info.codecs) {
    if (codec.name == ops::codec_name(codec::CodecId::kSame)) {
      return {{"chunks", codec.chunks}, {"bytes", codec.bytes}};
    }
  }
  return {{"chunks", 0}, {"bytes", 0}};
}

Json bits_json(const std::vector<ops::DTypeBits>& dtypes) {
  Json list = Json::array();
  for (const ops::DTypeBits& bits : dtypes) {
    Json fields = Json::array();
    for (const ops::BitField& field : bits.fields) {
      fields.push_back({{"name", field.name}, {"bits", field.bits}, {"entropy", field.entropy}});
    }
    list.push_back({{"dtype", bits.dtype},
                    {"elements", bits.elements},
                    {"sampled_elements", bits.sampled},
                    {"stored_bits", bits.elements == 0 ? Json() : Json(bits.stored_bits)},
                    {"fields", std::move(fields)},
                    {"note", bits.note}});
  }
  return list;
}

// Returns the error of a sample that says something of the archive, if there is one: not that the base is
// missing or another, nor that this version does not know something.
std::optional<Error> damage_of(const std::vector<ops::DTypeBits>& dtypes) {
  for (const ops::DTypeBits& bits : dtypes) {
    const bool harmless =
        bits.failed == Code::kOk || bits.failed == Code::kBase || bits.failed == Code::kUnsupported;
    if (!harmless) return Error{bits.failed, bits.note};
  }
  return std::nullopt;
}

Json ratio_json(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? Json() : Json(static_cast<double>(part) / static_cast<double>(whole));
}

void add_figures(ReportedArchive& archive, const SymmetryGroups& symmetry) {
  const ops::Info& info = archive.info;
  const auto set = [&](const char* name, std::uint64_t value) {
    archive.figures[name].value = static_cast<double>(value);
  };
  set("size", info.archive_bytes);
  set("original", info.file_bytes);
  set("overhead", info.overhead_bytes);
  Figure& ratio = archive.figures["ratio"];
  if (info.file_bytes != 0) {
    ratio.value = static_cast<double>(info.archive_bytes) / static_cast<double>(info.file_bytes);
  } else {
    ratio.why = "the files of the archive have no bytes";
  }
  archive.figures["error"] = symmetry.error;
  archive.figures["growth"] = symmetry.growth;
}

Status measure(ReportedArchive& archive, bool with_base) {
  const Reader& reader = archive.reader();
  const catalog::Catalog& catalog = reader.catalog();
  archive.info = ops::info(catalog, reader.archive_bytes());
  const ops::Info& info = archive.info;
  BBZ_ASSIGN(const SymmetryGroups symmetry, symmetry_groups(reader));
  ops::BitsOptions options;
  options.with_base = with_base;
  const std::vector<ops::DTypeBits> bits = ops::bits_of(reader, options);
  archive.damage = damage_of(bits);
  archive.data = {
      {"name", json_text(archive.name)},
      {"root_digest", reader.root().to_string()},
      {"digest_kind", catalog.header.digest_kind == DigestKind::kSha256 ? "sha256" : "xxh3-128"},
      {"id", fmt::format("{:016x}", catalog.header.id)},
      {"format", {{"major", catalog.header.major}, {"minor", catalog.header.minor}}},
      {"original_bytes", info.file_bytes},
      {"archive_bytes", info.archive_bytes},
      {"overhead_bytes", info.overhead_bytes},
      {"ratio", ratio_json(info.archive_bytes, info.file_bytes)},
      {"codecs", named_list(info.codecs)},
      {"dtypes", named_list(info.dtypes)},
      {"kinds", kinds_json(info)},
      {"layers", layers_json(info)},
      {"files", files_json(catalog, info)},
      {"tensors", tensor_rows(catalog)},
      {"bits", bits_json(bits)},
      {"symmetry", symmetry.data},
      {"bases", bases_json(catalog, info)},
      {"references", references_json(info)},
      {"estimates", nullptr},
      {"quality", nullptr},
      {"verify", verify_commands(archive.path, archive.name, reader)}};
  add_figures(archive, symmetry);
  return {};
}

}  // namespace

std::string json_text(const std::string& text) {
  return is_utf8(text) ? text : printable(text);
}

Result<ReportedArchive> report_on(const std::string& path, unsigned threads,
                                  const NetworkArguments& network, const Acceptance& acceptance,
                                  const BaseArguments& base) {
  const auto begin = std::chrono::steady_clock::now();
  ReportedArchive archive;
  archive.path = path;
  archive.name = named(path);
  BBZ_ASSIGN(archive.input,
             ArchiveInput::open(path, threads, network, acceptance, folder_of("-"), base, true));
  const Status measured = measure(archive, archive.input.base() != nullptr);
  if (!measured.ok()) return about_input(path, measured.error());
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
  archive.seconds = taken.count();
  return archive;
}

}  // namespace bbz::tools
