#include "bbz/capi/plan.h"

#include "bbz/access/plan/plan.h"
#include "bbz/capi/internal/boundary.h"

static_assert(BBZ_PIECE_CHUNK == static_cast<int>(bbz::plan::What::kChunk));
static_assert(BBZ_PIECE_GROUP == static_cast<int>(bbz::plan::What::kGroup));
static_assert(BBZ_PIECE_METADATA == static_cast<int>(bbz::plan::What::kMetadata));

struct bbz_plan {
  std::shared_ptr<const bbz::Reader> reader;  // has the catalog that the pieces refer to
  bbz::plan::Plan plan;
};

namespace bbz::capi {
namespace {

Result<std::vector<plan::Part>> parts_of(const catalog::Catalog& catalog,
                                         std::span<const bbz_part> given) {
  std::vector<plan::Part> parts;
  for (const bbz_part& part : given) {
    if (part.reserved != 0)
      return make_error(Code::kInvalidArgument, "bbz_part: reserved is not zero");
    parts.push_back({part.tensor, part.offset, part.size});
    if (part.size != BBZ_TO_THE_END || part.tensor >= catalog.tensors.size()) continue;
    const std::uint64_t bytes = catalog.tensors[part.tensor].byte_size;
    parts.back().size = bytes - std::min(part.offset, bytes);
  }
  return parts;
}

Status make_plan(const bbz_reader* reader, std::span<const bbz_part> given,
                 const bbz_plan_options* given_options, bbz_plan** out) {
  BBZ_ASSIGN(const bbz_plan_options known, read_struct(given_options, "bbz_plan_options"));
  plan::Options options;
  if (known.gap != 0) options.gap = known.gap == BBZ_NO_GAP ? 0 : known.gap;
  options.most_bytes = known.most_bytes;
  if (known.reserved != 0) {
    return make_error(Code::kInvalidArgument, "bbz_plan_options: reserved is not zero");
  }
  options.metadata = known.metadata != 0;
  const catalog::Catalog& catalog = reader->reader->catalog();
  BBZ_ASSIGN(const auto parts, parts_of(catalog, given));
  plan::Planner planner(catalog);
  const auto read = [&](const catalog::Group& group) {
    return reader->reader->read_payload(group);
  };
  BBZ_ASSIGN(auto made, plan::complete_plan(planner, catalog, parts, options, read));
  *out = new bbz_plan{reader->reader, std::move(made)};
  return {};
}

bbz_plan_info describe(const plan::Plan& plan) {
  bbz_plan_info info{};
  info.piece_count = plan.pieces.size();
  info.range_count = plan.ranges.size();
  info.piece_bytes = plan.piece_bytes();
  info.fetch_bytes = plan.fetch_bytes();
  return info;
}

bbz_range describe(const plan::Range& range) {
  bbz_range info{};
  info.offset = range.offset;
  info.length = range.length;
  info.first_piece = range.first_piece;
  info.piece_count = range.piece_count;
  return info;
}

bbz_piece describe(const catalog::Catalog& catalog, const plan::Piece& piece) {
  bbz_piece info{};
  info.offset = piece.offset;
  info.length = piece.length;
  info.head_length = piece.head_length;
  info.what = static_cast<std::uint32_t>(piece.what);
  info.number = static_cast<std::uint32_t>(piece.item);
  info.chunk = BBZ_NONE;
  if (piece.what == plan::What::kChunk) {
    const catalog::ChunkMeta& chunk = catalog.chunks[piece.item].meta;
    info.number = chunk.tensor;
    info.chunk = chunk.number;
  }
  return info;
}

}  // namespace
}  // namespace bbz::capi

bbz_code bbz_reader_rows(const bbz_reader* reader, uint32_t tensor, uint64_t first, uint64_t count,
                         bbz_part* part, bbz_error* error) noexcept {
  return bbz::capi::guarded(error, [&]() -> bbz::Status {
    BBZ_REQUIRE(reader);
    BBZ_REQUIRE(part);
    const std::uint64_t last = bbz::checked_add(first, count).value_or(UINT64_MAX);
    BBZ_ASSIGN(const bbz::plan::Part rows,
               bbz::plan::rows(reader->reader->catalog(), tensor, first, last));
    *part = {rows.offset, rows.size, rows.tensor, 0};
    return {};
  });
}

bbz_code bbz_reader_plan(const bbz_reader* reader, const bbz_part* parts, size_t part_count,
                         const bbz_plan_options* options, bbz_plan** plan,
                         bbz_error* error) noexcept {
  return bbz::capi::guarded(error, [&]() -> bbz::Status {
    BBZ_REQUIRE(plan);
    *plan = nullptr;
    BBZ_REQUIRE(reader);
    if (part_count != 0) BBZ_REQUIRE(parts);
    return bbz::capi::make_plan(reader, std::span(parts, part_count), options, plan);
  });
}

void bbz_plan_free(bbz_plan* plan) noexcept {
  delete plan;
}

bbz_code bbz_plan_get(const bbz_plan* plan, bbz_plan_info* info, bbz_error* error) noexcept {
  return bbz::capi::guarded(error, [&]() -> bbz::Status {
    BBZ_REQUIRE(plan);
    BBZ_REQUIRE(info);
    return bbz::capi::write_struct(bbz::capi::describe(plan->plan), info, "bbz_plan_info");
  });
}

bbz_code bbz_plan_range(const bbz_plan* plan, uint64_t number, bbz_range* range,
                        bbz_error* error) noexcept {
  return bbz::capi::guarded(error, [&]() -> bbz::Status {
    BBZ_REQUIRE(plan);
    BBZ_REQUIRE(range);
    BBZ_TRY(bbz::capi::check_number("range", number, plan->plan.ranges.size()));
    return bbz::capi::write_struct(bbz::capi::describe(plan->plan.ranges[number]), range,
                                   "bbz_range");
  });
}

bbz_code bbz_plan_piece(const bbz_plan* plan, uint64_t number, bbz_piece* piece,
                        bbz_error* error) noexcept {
  return bbz::capi::guarded(error, [&]() -> bbz::Status {
    BBZ_REQUIRE(plan);
    BBZ_REQUIRE(piece);
    BBZ_TRY(bbz::capi::check_number("piece", number, plan->plan.pieces.size()));
    return bbz::capi::write_struct(
        bbz::capi::describe(plan->reader->catalog(), plan->plan.pieces[number]), piece,
        "bbz_piece");
  });
}

bbz_code bbz_plan_check(const bbz_plan* plan, uint64_t number, const void* bytes, size_t size,
                        bbz_error* error) noexcept {
  return bbz::capi::guarded(error, [&]() -> bbz::Status {
    BBZ_REQUIRE(plan);
    if (size != 0) BBZ_REQUIRE(bytes);
    BBZ_TRY(bbz::capi::check_number("piece", number, plan->plan.pieces.size()));
    return bbz::plan::verify_piece(plan->reader->catalog(), plan->plan.pieces[number],
                                   bbz::Bytes(static_cast<const std::byte*>(bytes), size));
  });
}
