// Checks every byte of an archive and, if a root digest is given, that it is the archive's.
//   verify ARCHIVE [ROOT]
#include <bbz/ops/verify.h>

#include <cstdio>

namespace {

bbz::Status verify(const char* path, const char* root) {
  BBZ_ASSIGN(const auto source, bbz::io::open_file(path));
  bbz::ops::VerifyOptions options;
  if (root != nullptr) {
    BBZ_ASSIGN(options.expected, bbz::ops::parse_digest(root));
  }
  BBZ_ASSIGN(const bbz::ops::VerifyReport report, bbz::ops::verify(*source, options));
  for (const bbz::ops::Damage& damage : report.damages) {
    std::printf("%s %s: %s\n", damage.file.c_str(), damage.tensor.c_str(),
                damage.error.message.c_str());
  }
  BBZ_TRY(report.outcome());
  std::printf("%llu tensors, %s\n", static_cast<unsigned long long>(report.tensors),
              report.root->to_string().c_str());
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2 && argc != 3) {
    std::fprintf(stderr, "usage: verify ARCHIVE [ROOT]\n");
    return 2;
  }
  const bbz::Status verified = verify(argv[1], argc == 3 ? argv[2] : nullptr);
  if (!verified.ok()) std::fprintf(stderr, "verify: %s\n", verified.error().message.c_str());
  return verified.ok() ? 0 : 1;
}
