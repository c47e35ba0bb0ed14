// Packs a model up to its symmetry: the archive's tensors differ from the model's by a rotation at
// each junction, which its function does not see.
#pragma once

#include "bbz/archive/writer.h"
#include "bbz/ops/rotation/internal/model.h"

namespace bbz::rotation {

struct PackOptions {
  Method method = Method::kAuto;
  // These three must be those that the writer was created with: the digests in groups and the
  // chunks of carried tensors are made by them before they are written.
  DigestKind digest = DigestKind::kXxh3_128;
  codec::Level level = codec::Level::kDefault;
  std::uint64_t chunk_bytes = WriteOptions{}.chunk_bytes;
  unsigned threads = 0;  // of the linear algebra, in the whole process; 0: all cores
  // Called with the bytes of the unpacked file that have been written.
  std::function<void(std::uint64_t)> progress;
};

// What the junctions of the model are; nothing of its data is read.
junction::Detection detect(const Model& model);

// Checks that the work at the proven junctions, cubic in their widths, is in proportion to the bytes
// that are stored of the model: an archive of a few constants may stand for matrices that take hours.
// Errors: kLimit.
Status check_work(const Model& model, const junction::Detection& detection);

// Returns why no junction is certain to be rotated by kAuto, because of an infinity, a NaN or
// entries near the end of their type, or nothing if one is: the model is for the exact coder then.
// Reads the members of junctions until one is certain, of most models those of the first. Errors:
// those of model.load. Precondition: that of pack().
Result<std::string> why_none_fits(const Model& model, const junction::Detection& detection);

// Writes the model as one file of the archive. Precondition: detect(model) proved a junction: a
// model without any is for the exact coder, and the detection's refusal says why.
//
// Triangular and polar hold the tensors of two neighbouring junctions at most, bits-back those of
// one block. Packing what was unpacked gives the same archive again with triangular and polar.
// With kAuto, a junction whose numbers do not allow to rotate it is left exact, and its note says
// why. Errors: with the other methods, kUnsupported for infinities and NaN in a member and for a
// rotated entry that overflows its type; those of check_work(), of model.load and of the writer.
Result<Record> pack(const Model& model, const junction::Detection& detection, Writer& writer,
                    const PackOptions& options);

// What each method would save of the model, without packing it. Reads what it needs to know: the
// shortcuts for polar, the tensors after each junction for bits-back.
struct Estimate {
  struct Junction {
    std::string name;
    std::uint64_t width = 0;
    std::uint64_t triangular_entries = 0;
    std::uint64_t polar_entries = 0;  // triangular's where polar is not possible
    double bits_back_bits = 0;        // payload less correction code; 0 where it is not possible
    std::string note;
  };
  std::vector<Junction> junctions;
  std::uint64_t entries = 0;  // of the whole model
  std::uint64_t bits = 0;
};
// `threads` are as in PackOptions. Errors: those of check_work() and of model.load.
Result<Estimate> estimate(const Model& model, const junction::Detection& detection,
                          unsigned threads = 0);

}  // namespace bbz::rotation
