#include "common/advice.h"

#include "bbz/base/names.h"

namespace bbz::tools {
namespace {

const char* words_for(Remedy remedy) {
  switch (remedy) {
    case Remedy::kNone:
      return "";
    case Remedy::kPackAsBytes:
      return "--opaque packs it as plain bytes";
    case Remedy::kChooseFile:
      return "--file chooses one";
    case Remedy::kChooseOrSeparate:
      return "--file chooses one, -C writes each below a directory";
    case Remedy::kRepair:
      return "--repair mends it, -f replaces it";
    case Remedy::kReplace:
      return "-f replaces it";
    case Remedy::kRestart:
      return "--restart starts again from the beginning";
    case Remedy::kSalvage:
      return "bbz salvage recovers what is whole";
    case Remedy::kRemount:
      return "unmount it with fusermount3 -u, then mount it again";
  }
  return "";
}

}  // namespace

std::string advised(const Error& error) {
  const std::string words = words_for(error.remedy);
  return printable(error.message) + (words.empty() ? "" : " (" + words + ")");
}

}  // namespace bbz::tools
