// A sequence of files that passes all calls on, for tests that watch or change some of them.
#pragma once

#include <memory>
#include <utility>

#include "bbz/files/source_file.h"

namespace bbz::ops {

class SequenceOf : public files::FileSequence {
 public:
  explicit SequenceOf(std::unique_ptr<files::FileSequence> files) : files_(std::move(files)) {}

  Result<std::optional<files::SourceFile>> next() override { return files_->next(); }
  std::optional<std::uint64_t> total_size() const override { return files_->total_size(); }
  Status rewind() override { return files_->rewind(); }
  Status look() override { return files_->look(); }
  Status check_unchanged() override { return files_->check_unchanged(); }
  std::vector<files::LeftOut> left_out() const override { return files_->left_out(); }
  std::vector<files::FoundModel> models() const override { return files_->models(); }
  std::vector<std::string> warnings() const override { return files_->warnings(); }

 private:
  std::unique_ptr<files::FileSequence> files_;
};

}  // namespace bbz::ops
