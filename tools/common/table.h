// Table: text in columns.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "common/say.h"

namespace bbz::tools {

// A table whose columns are as wide as their longest text. The first column is aligned left, the
// others right.
class Table {
 public:
  // Begins a table with its head row.
  explicit Table(std::vector<std::string> head) { add(std::move(head)); }

  // Adds a row.
  void add(std::vector<std::string> row) {
    widths_.resize(std::max(widths_.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths_[i] = std::max(widths_[i], width(row[i]));
    rows_.push_back(std::move(row));
  }

  // Prints the table and an empty line.
  void print() const {
    for (const std::vector<std::string>& row : rows_) {
      std::string line = fmt::format("  {:<{}}", row[0], widths_[0]);
      for (std::size_t i = 1; i < row.size(); ++i) {
        line += fmt::format("  {:>{}}", row[i], widths_[i]);
      }
      put("{}\n", line);
    }
    put("\n");
  }

 private:
  // Returns the width of text in columns of a terminal (not bytes), as fmt counts it when it pads.
  static std::size_t width(const std::string& text) {
    return 2 * text.size() - fmt::formatted_size("{:<{}}", text, text.size());
  }

  std::vector<std::vector<std::string>> rows_;
  std::vector<std::size_t> widths_;
};

}  // namespace bbz::tools
