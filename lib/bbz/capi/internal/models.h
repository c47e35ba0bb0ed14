// The handle of a model.
#pragma once

#include <map>
#include <mutex>
#include <optional>

#include "bbz/access/model/model.h"
#include "bbz/capi/internal/boundary.h"
#include "bbz/parallel/thread_pool.h"

// An open model, and what is found out about it once.
struct bbz_model {
  bbz_model(bbz::model::Model opened, unsigned threads);

  // Returns the "__metadata__" of the model, reading it from the archive if it is in one. Thread-safe.
  // Errors: those of reading and of safetensors::metadata_from_json().
  bbz::Result<const bbz::safetensors::Metadata*> metadata() const;

  bbz::model::Model model;
  std::vector<std::uint64_t> sizes;                       // of the tensors, bytes
  std::multimap<std::string_view, std::uint32_t> places;  // of the tensors, by name
  mutable bbz::parallel::ThreadPool pool;                 // reads what is in no archive

 private:
  mutable std::mutex mutex_;
  mutable std::optional<bbz::safetensors::Metadata> metadata_;
};
