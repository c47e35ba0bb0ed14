// What a report compares an archive with: another archive, a model, or a run of a history.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bbz/model_scores.h"
#include "common/acceptance.h"
#include "common/archive_input.h"
#include "common/json.h"
#include "report/archive_data.h"

namespace bbz::tools {

// Where the other one is, and how to open it.
struct AgainstArguments {
  std::string old;  // as the user wrote it
  NetworkArguments network;
  BaseArguments base;
  Limits limits;
  unsigned threads = 0;
};

// The sizes of one side of a comparison. What is not known is empty.
struct Sizes {
  std::optional<std::uint64_t> original;
  std::optional<std::uint64_t> stored;
  std::optional<std::uint64_t> overhead;
  std::optional<std::string> root;  // root digest
  std::optional<double> nll;        // of a history, if that run measured it

  // Returns stored bytes to original bytes.
  std::optional<double> ratio() const;
};

// The other one, open.
struct Old {
  std::string name;  // as named() returns it
  std::string kind;  // "archive", "model" or "history"
  Sizes sizes;
  std::optional<ArchiveInput> archive;  // of kind "archive"
  std::optional<model::Model> model;    // of kind "model"
};

// Opens the other one. A name that ends with .jsonl is a history, of which the newest row about an archive
// called `archive` counts or, if there is none, the newest row. Errors: those of read_history() and
// kNotFound if it has no row; those of ArchiveInput::open() and open_model().
Result<Old> open_old(const AgainstArguments& arguments, const std::string& archive);

// Opens the other one as a model. Precondition: it is no history. Errors: those of open_model().
Result<model::Model> model_of(const Old& old, const AgainstArguments& arguments);

// Opens a reported archive as a model. Standard input, which was copied, has no config.json beside it.
// Errors: those of open_model().
Result<model::Model> model_in(const ReportedArchive& archive, const AgainstArguments& arguments);

// Returns "against" of the report without "quality", and adds the old figures and those of tensors to the
// archive's. Errors: those of compare_tensors().
Result<Json> against_json(ReportedArchive& archive, const Old& old);

}  // namespace bbz::tools
