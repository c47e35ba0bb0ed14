// What the command pack says of an archive that it has written.
#pragma once

#include <string>

#include "bbz/ops/pack.h"
#include "common/program.h"
#include "common/run_record.h"

namespace bbz::tools {

// Says how large an archive is, and with -v more of it. `output` is its name, as it is shown.
void report_packed(const ops::PackSummary& summary, const std::string& output,
                   const CommonOptions& common);

// Records what was packed.
void record_packed(const ops::PackSummary& summary, RunFigures& figures);

// Says which tensors the archive has no names of, if there are any.
void report_views(const ops::PackSummary& summary, const CommonOptions& common);

// Collects which files look like models and were packed as bytes, and why.
class PackedAsBytes {
 public:
  explicit PackedAsBytes(const CommonOptions& common) : quiet_(common.quiet) {}

  // Returns what to call for each file: nothing if the command is quiet. It must not outlive this.
  ops::AsBytes collect();
  // Says what was collected.
  void print() const;

 private:
  bool quiet_;
  std::uint64_t count_ = 0;
  std::string lines_;
};

}  // namespace bbz::tools
