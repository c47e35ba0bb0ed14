#include "bbz/access/model/internal/gguf.h"

#include <algorithm>

#include "bbz/base/format.h"
#include "bbz/base/names.h"

namespace bbz::model {
namespace {

constexpr std::string_view kFormat = "gguf";  // in the metadata of a file

Status check_gguf_file(const Reader& reader, std::uint32_t number, std::string_view shown) {
  const catalog::File& file = reader.catalog().files[number];
  std::vector<std::byte> start;
  const auto first = [&](std::uint64_t size) -> Result<Bytes> {
    start.resize(std::min(size, file.size));
    BBZ_TRY(reader.read_file(number, 0, start));
    return Bytes(start);
  };
  const auto header =
      read_gguf({fmt::format("{}: file {}", shown, quoted(file.path)), first, file.size});
  return header.ok() ? Status() : header.error();
}

}  // namespace

Result<gguf::Header> read_gguf(const GgufFile& file) {
  auto header = gguf::read(file.first, file.size);
  if (!header.ok()) {
    return make_error(header.code(), "{}: {}", file.shown, header.error().message);
  }
  if (header->unknown) {
    return make_error(Code::kUnsupported,
                      "{}: tensor {} is of type {}, which is not known, so that it cannot be read",
                      file.shown, quoted(header->unknown->name), header->unknown->type);
  }
  return header;
}

Status check_gguf_files(const Reader& reader, std::string_view shown) {
  for (const catalog::Metadata& entry : reader.catalog().metadata) {
    if (entry.meta.file == catalog::kNone || entry.meta.key != "format") continue;
    // The length alone tells most other formats, without a request to a server.
    if (entry.payload.length != kFormat.size()) continue;
    BBZ_ASSIGN(const std::string format, reader.read_metadata(entry));
    if (format == kFormat) BBZ_TRY(check_gguf_file(reader, entry.meta.file, shown));
  }
  return {};
}

}  // namespace bbz::model
