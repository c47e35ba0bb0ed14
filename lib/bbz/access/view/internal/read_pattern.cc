#include "bbz/access/view/internal/read_pattern.h"

#include <algorithm>

namespace bbz::view {

std::uint64_t ReadPattern::note(std::uint64_t begin, std::uint64_t end, std::uint64_t tensor_end,
                                std::uint64_t size, std::uint64_t window) {
  begun_ = end_ == 0 || begin > end_ + kSlack || begin + kSlack < end_;
  if (begun_) {
    begin_ = begin;
    end_ = end;
    read_ = end - begin;
    tensor_end_ = tensor_end;
    return end_;
  }
  begin_ = std::min(begin_, begin);
  end_ = std::max(end_, end);
  read_ += end - begin;
  const std::uint64_t run = std::min(end_ - begin_, read_);
  if (run < kPatience) return end;  // the end of the run may be further
  const bool scan = end_ > tensor_end_ + kBeyond;
  return std::min(end_ + std::min(run, window), scan ? size : tensor_end_);
}

}  // namespace bbz::view
