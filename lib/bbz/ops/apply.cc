#include "bbz/ops/apply.h"

#include <algorithm>

#include "bbz/base/format.h"
#include "bbz/base/names.h"

namespace bbz::ops {

Result<std::uint32_t> updated_file(const catalog::Catalog& update, const std::string& path) {
  std::optional<std::uint32_t> found;
  for (std::uint32_t number = 0; number < update.files.size(); ++number) {
    const catalog::File& file = update.files[number];
    const bool has_tensors = std::ranges::any_of(
        file.tensors, [&](std::uint32_t tensor) { return update.tensors[tensor].meta.is_named(); });
    const bool meant = path.empty() ? has_tensors : file.path == path;
    if (!meant || file.kind != catalog::FileKind::kRegular) continue;
    if (found) {
      return make_error(Code::kInvalidArgument,
                        "the update has several files with tensors, such as {} and {}",
                        bbz::quoted(update.files[*found].path), bbz::quoted(file.path));
    }
    found = number;
  }
  if (found) return *found;
  return path.empty() ? make_error(Code::kNotFound, "the update has no file with tensors")
                      : make_error(Code::kNotFound, "the update has no file {}", bbz::quoted(path));
}

Status check_base(const Reader& update, std::uint32_t file) {
  bool leans = false;
  for (const std::uint32_t number : update.catalog().files[file].tensors) {
    if (!update.catalog().tensors[number].meta.leans()) continue;
    leans = true;
    BBZ_TRY(update.check_support(number));
  }
  if (leans) return {};
  return make_error(Code::kInvalidArgument, "file {} leans on no base: it is no update of another",
                    bbz::quoted(update.catalog().files[file].path));
}

Status write_updated(const Reader& update, std::uint32_t file, io::Sink& sink,
                     const Progress& progress) {
  BBZ_TRY(catalog::check_file(update.catalog().files[file]));
  return update.write_tensors(update.catalog().files[file].tensors, sink, progress);
}

}  // namespace bbz::ops
