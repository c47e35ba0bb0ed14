// The data of a report about one archive, in the schema of json.md.
#pragma once

#include <optional>
#include <string>

#include "bbz/ops/info.h"
#include "common/acceptance.h"
#include "common/archive_input.h"
#include "common/json.h"
#include "report/figures.h"

namespace bbz::tools {

// An archive, and what is reported of it.
// NOLINTNEXTLINE(bugprone-exception-escape): moving Json throws nothing.
struct ReportedArchive {
  std::string path;    // as the user wrote it
  std::string name;    // as named() returns it
  ArchiveInput input;  // has a reader, also for standard input
  ops::Info info;
  Json data;        // an element of "archives"
  Figures figures;  // those that the archive alone has
  // The error that ended a sample of a dtype, if it was not a missing base. The report is whole but for it.
  std::optional<Error> damage;
  double seconds = 0;  // that measuring it took

  // Returns the reader.
  const Reader& reader() const { return *input.reader(); }
};

// Opens an archive, and measures all that needs nothing else: sizes, the bits of an element, what
// pack --symmetry recorded. Copies standard input to the directory for temporary files. Errors: those of
// ArchiveInput::open(), and of reading metadata.
Result<ReportedArchive> report_on(const std::string& path, unsigned threads,
                                  const NetworkArguments& network, const Acceptance& acceptance,
                                  const BaseArguments& base);

// Returns text for JSON: as it is if it is UTF-8, or else as printable() shows it.
std::string json_text(const std::string& text);

}  // namespace bbz::tools
