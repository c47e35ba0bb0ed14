// The codecs of the format: how the bytes of one chunk are stored.
//
// A chunk is a contiguous range of a tensor's elements, coded alone. encode() takes the codec that
// makes it smallest; decode() gives the same bytes back. The wire format of each codec is in
// format-spec/codecs.md. Both are pure and may be called from any number of threads at once: the
// same chunk gives the same payload on every machine, kernel and thread.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "bbz/base/checked.h"
#include "bbz/base/dtype.h"
#include "bbz/base/error.h"
#include "bbz/base/hash.h"

namespace bbz::codec {

// The number of a codec in the format. A number once given is never reused.
enum class CodecId : std::uint16_t {
  kRaw = 0,         // the bytes as they are
  kConstant = 1,    // one element, repeated
  kZstd = 2,        // one zstd frame
  kSplitFloat = 3,  // the exponents entropy-coded, signs and mantissas stored
  kCarried = 4,     // a part lies elsewhere: for decode() to refuse
};

// The largest chunk, in decoded bytes.
inline constexpr std::uint64_t kMaxChunkBytes = std::uint64_t{64} << 20;

// What a codec knows of a chunk besides its bytes.
struct ChunkShape {
  DType dtype{};
  std::uint64_t elements = 0;      // in the chunk
  std::uint64_t row_length = 1;    // elements in a row of the tensor: its innermost extent
  std::uint64_t first_column = 0;  // the place in its row of the chunk's first element
};

// The decoded size of a chunk in bytes.
// Errors: kInvalidArgument for an unknown dtype, part bytes, a row of no elements or a first column
// outside the row; kLimit for more than kMaxChunkBytes.
Result<std::uint64_t> chunk_bytes(const ChunkShape& shape);

// How much time the encoder may take to make a chunk small. The level changes the payload and
// perhaps the codec, and does not matter to decode().
enum class Level : std::uint8_t { kFast, kDefault, kSmall };

struct EncodeOptions {
  Level level = Level::kDefault;
};

// Encodes a chunk. The payload is overwritten (its capacity is reused) and is never longer than the
// chunk. Precondition: chunk_bytes(shape) is plain.size().
CodecId encode(const ChunkShape& shape, Bytes plain, const EncodeOptions& options,
               std::vector<std::byte>& payload);

// Decodes a chunk into `out`, which must have exactly chunk_bytes(shape) bytes. On an error the
// contents of `out` are unspecified.
// Errors: those of chunk_bytes; kInvalidArgument for another size of `out`; kUnsupported for a
// codec or a form of one that this build does not know; kMalformed for a payload that breaks its
// codec's rules, and for a carried one: where it may stand, it has been joined before.
// `hash`, where there is one, follows `out`; decoders that can, advance it while they have the
// bytes in the cache. On an error it is of no use any more.
Status decode(CodecId id, const ChunkShape& shape, Bytes payload, MutableBytes out,
              Xxh3Follower* hash = nullptr);

// One codec: a row of the registry.
struct Codec {
  CodecId id;
  std::string_view name;  // as the tools show it
  // Encodes into `payload` if this codec fits the chunk and takes fewer than `limit` bytes;
  // otherwise returns false and leaves `payload` unspecified. Precondition: that of codec::encode.
  bool (*encode)(const ChunkShape& shape, Bytes plain, Level level, std::size_t limit,
                 std::vector<std::byte>& payload);
  // Precondition: chunk_bytes(shape) is out.size(). Errors: kUnsupported and kMalformed as above.
  Status (*decode)(const ChunkShape& shape, Bytes payload, MutableBytes out, Xxh3Follower* hash);
};

// Every codec that this build knows, in the order of their numbers.
std::span<const Codec> registry();

// The row of a codec, or nullptr for one that this build does not know.
const Codec* find_codec(CodecId id);

}  // namespace bbz::codec
