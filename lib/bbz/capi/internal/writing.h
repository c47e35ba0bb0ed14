// Options and results of writing archives, for writers and for packing.
#pragma once

#include "bbz/archive/writer.h"
#include "bbz/capi/internal/boundary.h"
#include "bbz/capi/writer.h"
#include "bbz/io/output_options.h"

namespace bbz::capi {

// What a bbz_writing says.
struct Writing {
  WriteOptions archive;
  io::OutputOptions output;
};

// Returns the caller's options, or the defaults for null. Errors: kInvalidArgument, kUnsupported.
Result<Writing> writing_of(const bbz_writing* given);

template <>
inline constexpr std::size_t kFirstSize<bbz_written> = offsetof(bbz_written, leaning_count);

// Fills in the caller's struct, if it is not null. Errors: kInvalidArgument.
Status write_written(const bbz_written& value, bbz_written* out);

// Checks the caller's struct, if it is not null, before work is done for it. Errors: kInvalidArgument.
template <class Struct>
Status check_out(const Struct* out, const char* name) {
  if (out == nullptr || out->struct_size >= kFirstSize<Struct>) return {};
  return make_error(Code::kInvalidArgument, "{}: struct_size {}, expected at least {}", name,
                    out->struct_size, kFirstSize<Struct>);
}

}  // namespace bbz::capi
