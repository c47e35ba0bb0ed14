// Plans which byte ranges of an archive to read, for callers with a transport of their own.
#pragma once

#include <functional>
#include <map>
#include <span>
#include <vector>

#include "bbz/access/plan/part.h"
#include "bbz/base/checked.h"
#include "bbz/format/catalog/catalog.h"

namespace bbz::plan {

// The kinds of record that hold content.
enum class What : std::uint8_t {
  kChunk,    // of a tensor
  kGroup,    // of tensors that are stored up to a symmetry
  kMetadata  // a value of the archive or of a file
};

// One record of the archive. The catalog says what its payload decodes to.
struct Piece {
  What what{};                    // kind of the record
  std::uint64_t item = 0;         // index into Catalog::chunks, groups or metadata
  std::uint64_t offset = 0;       // of its first byte, in the archive
  std::uint64_t length = 0;       // bytes
  std::uint64_t head_length = 0;  // bytes of `length` before the payload: the head and a pad

  // Returns the offset after the last byte.
  std::uint64_t end() const { return offset + length; }
};

// Bytes of the archive to fetch at once, and the pieces that lie in them.
struct Range {
  std::uint64_t offset = 0;     // of its first byte, in the archive
  std::uint64_t length = 0;     // bytes, including the gaps between its pieces
  std::size_t first_piece = 0;  // index into Plan::pieces
  std::size_t piece_count = 0;  // at least 1

  // Returns the offset after the last byte.
  std::uint64_t end() const { return offset + length; }
};

// The pieces that hold what is asked for, and the ranges to fetch.
struct Plan {
  std::vector<Piece> pieces;  // by offset, each once
  // By offset, without overlap. Two ranges are adjacent only if Options::most_bytes splits them.
  std::vector<Range> ranges;
  // Groups whose payload must be passed to Planner::add_group before it is known which tensors
  // belong to them. Their payloads are among the pieces, the tensors are not yet. If empty, the
  // plan is complete.
  std::vector<std::uint32_t> unresolved;

  // Returns the sum of the pieces' lengths.
  std::uint64_t piece_bytes() const;
  // Returns the sum of the ranges' lengths, including the gaps in them.
  std::uint64_t fetch_bytes() const;
};

// Options of a plan.
struct Options {
  // Pieces with at most this many bytes between them share one range.
  std::uint64_t gap = 16 * 1024;
  // A range ends before the piece that would make it longer than this, but has at least one piece;
  // 0: no limit.
  std::uint64_t most_bytes = 0;
  // If true, the metadata of the archive and of the files that the parts lie in is planned too.
  bool metadata = false;
};

// Plans for one archive, whose catalog must outlive it. A plan holds what Reader reads for the same
// parts: the operand of a derived tensor and the carriers of a rider are found through their
// groups.
class Planner {
 public:
  // Makes a planner that knows no group yet.
  explicit Planner(const catalog::Catalog& catalog) : catalog_(catalog) {}

  // Plans what to fetch for `parts`. Errors: kInvalidArgument for a part that does not exist;
  // kUnsupported and kMalformed for a tensor that Reader would refuse, which is named.
  Result<Plan> plan(std::span<const Part> parts, const Options& options = {}) const;

  // Checks the payload of a group, and takes from it how many tensors belong to the group. Errors:
  // kInvalidArgument; kChecksum; kMalformed and kUnsupported for what the payload says.
  Status add_group(std::uint32_t group, Bytes payload);
  // Sets how many tensors belong to a group, for a caller that has read its payload. Errors:
  // kInvalidArgument; kMalformed if that number does not fit the group's method.
  Status resolve(std::uint32_t group, std::uint64_t tensors);

 private:
  struct Wanted;
  Status want(const Part& part, Wanted& wanted) const;
  Status want_base(const catalog::Tensor& view, const io::ByteRange& bytes, Wanted& wanted) const;
  Status want_group(std::uint32_t group, Wanted& wanted) const;

  const catalog::Catalog& catalog_;
  std::map<std::uint32_t, std::uint64_t> group_tensors_;  // how many belong to each known group
};

// Reads the payload of a group, by Reader::read_payload or the caller's own transport.
using ReadPayload = std::function<Result<std::vector<std::byte>>(const catalog::Group&)>;
// Returns a complete plan. Reads the payloads of groups with `read` as far as they are needed.
// Errors: those of Planner and of `read`.
Result<Plan> complete_plan(Planner& planner, const catalog::Catalog& catalog,
                           std::span<const Part> parts, const Options& options,
                           const ReadPayload& read);

// Checks that `bytes` are what the archive has at a piece: the head is intact and says what the
// catalog does, the pad is zero, and the payload has the payload check in the head and the check and
// the digest in its meta. Errors: kInvalidArgument for a wrong number of bytes; kChecksum, with the
// offset.
Status verify_piece(const catalog::Catalog& catalog, const Piece& piece, Bytes bytes);

}  // namespace bbz::plan
