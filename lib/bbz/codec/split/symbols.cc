#include "bbz/codec/split/symbols.h"

#include "bbz/base/format.h"

namespace bbz::codec::split {
namespace {

Cursor cursor_of(Bytes bytes) {
  return {bytes_at(bytes), bytes_at(bytes) + bytes.size()};
}

}  // namespace

void get_symbols(WireReader& in, std::span<const std::uint32_t> stream_sizes,
                 std::uint32_t escape_count, DecodeJob& job) {
  for (std::size_t i = 0; i < stream_sizes.size(); ++i) {
    job.streams[i] = cursor_of(in.get_bytes(stream_sizes[i]));
  }
  job.escapes = cursor_of(in.get_bytes(escape_count));
}

Status get_states(Bytes bytes, int lanes, std::string_view codec, DecodeJob& job) {
  for (int lane = 0; lane < lanes; ++lane) {
    job.states[lane] = load_le<std::uint16_t>(bytes.data() + 2 * lane);
    if (job.states[lane] < kStateStart) {
      return make_error(Code::kMalformed, "{}: state {} of lane {} is below {}", codec,
                        job.states[lane], lane, kStateStart);
    }
  }
  return {};
}

bool is_finished(const DecodeJob& job, int streams, int lanes) {
  bool finished = !job.overrun && job.escapes.at == job.escapes.end;
  for (int i = 0; i < streams; ++i) finished &= job.streams[i].at == job.streams[i].end;
  for (int lane = 0; lane < lanes; ++lane) finished &= job.states[lane] == kStateStart;
  return finished;
}

}  // namespace bbz::codec::split
