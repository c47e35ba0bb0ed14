// Packs a model up to its symmetry: the tensors of the archive differ from those of the model by a
// rotation at each junction and by an invertible matrix within each low-rank pair, which do not change
// the model's function.
#pragma once

#include "bbz/archive/writer.h"
#include "bbz/files/torch/frame.h"
#include "bbz/ops/rotation/internal/record.h"
#include "bbz/symmetry/pair/find.h"

namespace bbz::rotation {

// Called with the number of bytes of the unpacked file that have been written.
using Progress = std::function<void(std::uint64_t)>;

// Where a model can be changed without changing its function.
struct Detection {
  junction::Detection junctions;
  std::vector<pair::Pair> pairs;

  // Returns an empty string if a junction or a pair that the method is for was proven, or else why
  // there is none.
  std::string refusal(RequestedMethod method) const;
};

// A file of the archive that a model, or a part of it, becomes.
struct Output {
  std::string path;                  // in the archive
  io::FileAttributes attributes{};   // to record
  std::vector<std::size_t> tensors;  // their numbers in the model, in the order of the file
  // Of the file of torch.save that it was, and becomes again. If there is none, it becomes one of safetensors.
  std::optional<torch::Frame> frame{};
  safetensors::Metadata metadata{};  // of a safetensors file
  std::vector<std::byte> header{};   // that it had as one of safetensors; else empty
};

// Options of pack().
struct PackOptions {
  RequestedMethod method = RequestedMethod::kAuto;  // for every junction and every pair
  gauge::Floor floor = gauge::Floor::kNone;         // of tensors that are rounded again
  Progress progress{};                              // may be empty
  io::FileAttributes attributes{};                  // of the model's file, if `outputs` is empty
  // The files of the archive, in its order. Each tensor of the model is in one. If it is empty, the model
  // becomes a safetensors file at its path, with its metadata.
  std::vector<Output> outputs{};
  std::string spool_folder = "/tmp";  // of a temporary file, if there are several
};

// Finds the junctions and the low-rank pairs of the model. Reads no data.
Detection detect(const Model& model);

// Checks that the work at the proven junctions and pairs, which is cubic in their widths and ranks, is
// in proportion to the stored bytes of the model: an archive of a few constants may stand for
// matrices that take hours. Checks also that the tensors are not too many names of the same bytes.
// Errors: kLimit; those of model::check_expansion().
Status check_work(const Model& model, const Detection& detection);

// Returns an empty string if a pair was proven, or if kAuto certainly rotates a junction. Otherwise the
// model is one to store exactly, and the string says why: an infinity, a NaN, or entries near the
// largest number of their type. Loads the members of junctions until such a junction is found, which
// is usually the first. Errors: those of model.load.
Result<std::string> why_none_fits(const Model& model, const Detection& detection);

// Writes the model as one file of the archive, or as several (options.outputs), and returns what was
// done. Precondition: detection.refusal(options.method) is empty. A model without junctions and pairs
// is one to store exactly.
//
// Triangular and polar hold at most the tensors of two neighbouring junctions, bits-back those of
// one block. With triangular and polar, packing the unpacked model gives the same archive again.
// With kAuto, a junction that cannot be rotated, because of an infinity, a NaN or an overflow, is
// stored exactly, and its note says why, and so is a pair with any method. Linear algebra uses as many
// threads as the writer, in the whole process. Errors: kUnsupported if a tensor has blocks or torch has
// no storages of its type, if bits-back is not built, and for bits-back with several files; those of
// io::Spool::create(), of check_work(), of model.load and of the writer; with the methods for
// junctions, kUnsupported if a member has an infinity or a NaN, or a rotated entry overflows its type
// (bits-back stores the junction exactly if that entry is in a carrier).
Result<Record> pack(const Model& model, const Detection& detection, Writer& writer,
                    const PackOptions& options);

// The savings of each method for a model.
struct Estimate {
  // The savings at one junction. If it is refused, they are 0 and the note says why.
  struct Junction {
    std::string name;                      // as detect() gives it
    std::uint64_t width = 0;               // as detect() gives it; 0 if refused
    std::uint64_t triangular_entries = 0;  // that need not be stored
    std::uint64_t polar_entries = 0;       // those of triangular if polar is not possible
    double bits_back_bits = 0;             // payload less correction code; 0 if not possible
    std::string note;                      // the first reason why a method is not possible, if any
  };
  // The savings of pivot at one pair. If it is refused or does not pay, they are 0 and the note says
  // why.
  struct Pair {
    std::string name;                 // its stem
    std::uint64_t rank = 0;           // 0 if refused
    std::uint64_t pivot_entries = 0;  // that need not be stored
    std::string note;
  };
  std::vector<Junction> junctions;  // in the order of the detection
  std::vector<Pair> pairs;          // likewise
  std::uint64_t entries = 0;        // of the whole model
  std::uint64_t bits = 0;           // of those entries
};
// Estimates the savings without packing the model. Loads the shortcuts for polar, and the tensors
// after each junction for bits-back. `threads` are those of linear algebra, in the whole process; 0:
// all cores. Errors: those of check_work()
// and of model.load.
Result<Estimate> estimate(const Model& model, const Detection& detection,
                          unsigned threads = kAllCores);

}  // namespace bbz::rotation
