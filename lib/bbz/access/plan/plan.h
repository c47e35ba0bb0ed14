// Plans: which byte ranges of an archive hold what is asked for, for callers with a transport of
// their own.
#pragma once

#include <functional>
#include <map>
#include <span>
#include <vector>

#include "bbz/access/plan/part.h"
#include "bbz/base/checked.h"
#include "bbz/format/catalog/catalog.h"

namespace bbz::plan {

enum class What : std::uint8_t { kChunk, kGroup, kMetadata };

// One payload of the archive, or the whole record where heads are asked for. What it decodes to,
// the catalog says.
struct Piece {
  What what{};
  std::uint64_t item = 0;  // index into Catalog::chunks, groups or metadata
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  std::uint64_t head_length = 0;  // of `length`, what stands before the payload: 0 without heads
  std::uint64_t checksum = 0;     // XXH3-64 of the payload

  std::uint64_t end() const { return offset + length; }
};

// Bytes of the archive to fetch in one go, and the pieces that lie in them.
struct Range {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  std::size_t first_piece = 0;  // index into Plan::pieces
  std::size_t piece_count = 0;

  std::uint64_t end() const { return offset + length; }
};

struct Plan {
  std::vector<Piece> pieces;  // by offset, each once, none without bytes
  std::vector<Range> ranges;  // by offset, none touching another
  // Groups whose payload must be known (Planner::add_group) before it is known which tensors they
  // consist of: their payloads are among the pieces, those tensors are not yet. Empty: the plan is
  // complete.
  std::vector<std::uint32_t> unresolved;

  std::uint64_t piece_bytes() const;
  std::uint64_t fetch_bytes() const;  // of the ranges, with the gaps in them
};

struct Options {
  // Pieces with at most so many bytes between them are fetched in one range.
  std::uint64_t gap = 16 * 1024;
  // A range ends before the piece that would make it longer than this; 0: no limit.
  std::uint64_t most_bytes = 0;
  // Whole records instead of payloads, so that what is fetched can stand in an archive as it is.
  bool heads = false;
  // The metadata of the archive and of the files that the parts lie in, as well.
  bool metadata = false;
};

// Plans for one archive, whose catalog must outlive it. What is planned is what Reader reads for
// the same parts: a derived tensor's operand and the carriers of a rider are found by their groups.
class Planner {
 public:
  explicit Planner(const catalog::Catalog& catalog) : catalog_(catalog) {}

  // Errors: kInvalidArgument for a part that does not exist; kUnsupported and kMalformed for a
  // tensor that Reader would refuse, which is named.
  Result<Plan> plan(std::span<const Part> parts, const Options& options = {}) const;

  // Takes the payload of a group, after checking it. Errors: kInvalidArgument; kChecksum;
  // kMalformed and kUnsupported for what it says.
  Status add_group(std::uint32_t group, Bytes payload);
  // The same for a caller who has read the payload: how many tensors belong to the group. Errors:
  // kInvalidArgument; kMalformed where they do not fit its method.
  Status resolve(std::uint32_t group, std::uint64_t tensors);

 private:
  struct Wanted;
  Status want(const Part& part, Wanted& wanted) const;
  Status want_group(std::uint32_t group, Wanted& wanted) const;

  const catalog::Catalog& catalog_;
  std::map<std::uint32_t, std::uint64_t> group_tensors_;  // how many belong to each known group
};

// plan(), with the payloads of groups read by `read` as far as they are needed:
// Reader::read_payload, or the caller's own transport. Errors: those of `read` too.
using ReadPayload = std::function<Result<std::vector<std::byte>>(const catalog::Payload&)>;
Result<Plan> complete_plan(Planner& planner, const catalog::Catalog& catalog,
                           std::span<const Part> parts, const Options& options,
                           const ReadPayload& read);

// Whether `bytes` are what the archive has at a piece: the payload's checksum and digest, and
// before it the record's head and meta, byte for byte, where the piece has them. Errors:
// kInvalidArgument for another number of bytes; kChecksum, kMalformed, with the offset.
Status verify_piece(const catalog::Catalog& catalog, const Piece& piece, Bytes bytes);

}  // namespace bbz::plan
