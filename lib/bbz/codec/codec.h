// The codecs of the format, which encode the bytes of one chunk.
//
// A chunk is a contiguous range of a tensor's elements, and is encoded independently of others.
// encode() chooses a codec that makes the payload small, and decode() restores the same bytes.
// format-spec/codecs.md has the wire format of each codec. Both functions are thread-safe. The same
// chunk, options and version of libzstd give the same payload on every machine, kernel and thread.
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

// The number of a codec in the format. A number is never reused.
enum class CodecId : std::uint16_t {
  kRaw = 0,          // the bytes unchanged
  kConstant = 1,     // one element, repeated
  kZstd = 2,         // one zstd frame
  kSplitFloat = 3,   // entropy-coded exponents, and stored signs and mantissas
  kCarried = 4,      // a part of the payload is in a group; decode() refuses it
  kSame = 5,         // the payload is that of an earlier chunk; decode() refuses it
  kUnchanged = 6,    // the chunk is that of the base; no payload
  kDifference = 7,   // the difference from the chunk of the base
  kSplitNumber = 8,  // entropy-coded classes of magnitude, and stored bits below them
  kFields = 9,       // the parts of blocks, each by a codec of its own
};

// The largest chunk, in decoded bytes.
inline constexpr std::uint64_t kMaxChunkBytes = std::uint64_t{64} << 20;

// So many elements tell the scale of a row, and make what is stored for it little.
inline constexpr std::uint64_t kJoinedLength = 192;

// Describes the elements of a chunk.
struct ChunkShape {
  DType dtype{};                   // type of the elements; may be unknown: see find_dtype()
  std::uint64_t elements = 0;      // number of elements in the chunk
  std::uint64_t row_length = 1;    // innermost extent of the tensor, in elements
  std::uint64_t first_column = 0;  // index of the chunk's first element in its row
  unsigned unknown_bits =
      0;  // bits of an element, if its dtype is unknown or kBlock; else not used
  // The product of the fewest innermost extents that is at least kJoinedLength, or of all, or 0 if that
  // is not known; and the index of the chunk's first element in such a row. Only encode() uses them.
  std::uint64_t joined_length = 0;
  std::uint64_t joined_first = 0;  // below joined_length
};

// Returns the bits of an element of a chunk, whether or not its dtype is known.
unsigned element_bits(const ChunkShape& shape);

// Returns the decoded size of a chunk in bytes. Errors:
// - kInvalidArgument if an element has no bits, the size is not in whole bytes or exceeds 64 bits,
//   the row has no elements, or the first column is outside of the row;
// - kLimit if the size exceeds kMaxChunkBytes.
Result<std::uint64_t> chunk_bytes(const ChunkShape& shape);

// The trade-off between the time of encode() and the size of the payload. A level may change the
// codec, but decode() does not need to know it.
enum class Level : std::uint8_t { kFast, kDefault, kSmall };

// Options of encode().
struct EncodeOptions {
  Level level = Level::kDefault;  // trade-off between time and size
};

// Encodes a chunk and returns the codec. Overwrites `payload`, reuses its capacity, and never makes
// it longer than the chunk. Preconditions: the dtype is known, or kBlock; chunk_bytes(shape) is plain.size().
CodecId encode(const ChunkShape& shape, Bytes plain, const EncodeOptions& options,
               std::vector<std::byte>& payload);

// Encodes a chunk as the smallest of three: the same bytes as `base` (kUnchanged), a difference from
// it (kDifference), or what encode() makes of it. Does not try the last if a look at the chunk shows
// that it cannot be the smallest. `base` has the bytes of the same place of the base tensor, which
// has the same dtype and shape. Otherwise like encode(). Preconditions: those of encode();
// base.size() is plain.size().
CodecId encode_on_base(const ChunkShape& shape, Bytes plain, Bytes base,
                       const EncodeOptions& options, std::vector<std::byte>& payload);

// Decodes a chunk into `out`, which must have exactly chunk_bytes(shape) bytes.
//
// If the codec needs a base (see Codec::needs_base), `out` must hold on entry the bytes of the same
// place of the base tensor, and is decoded in place. decode() cannot tell whether it does: the
// caller that has no base must not call it, and must compare the decoded checksum.
//
// `hash`, if it is not null, must follow `out`. Some decoders advance it while the bytes are in the
// cache, so the caller must finish it. After an error, the contents of `out` and the state of
// `hash` are unspecified. Errors:
// - those of chunk_bytes(); kInvalidArgument if `out` has another size;
// - kUnsupported if this build does not know the codec, the form of its payload, or a dtype that the
//   codec needs;
// - kMalformed if the payload breaks the rules of its codec, or the dtype is kBlock and the codec
//   needs a dtype, or if the codec is kCarried or kSame:
//   such a payload must be joined with its group or found first;
// - kInternal if zstd has no memory.
Status decode(CodecId id, const ChunkShape& shape, Bytes payload, MutableBytes out,
              Xxh3Follower* hash = nullptr);

// Describes one codec.
struct Codec {
  CodecId id;             // number in the format
  std::string_view name;  // for the output of tools
  // Whether the payload can only be decoded by who knows the dtype.
  bool needs_dtype;
  // Whether the payload can only be decoded by who has the bytes of the base: decode() then expects
  // them in `out`. codec::encode_on_base() encodes; `suits` and `encode` are null.
  bool needs_base;
  // Returns whether codec::encode() should try this codec for the chunk. Null if it never should:
  // raw is what it takes if no other codec makes the chunk smaller.
  bool (*suits)(const ChunkShape& shape, Bytes plain);
  // Whether no other codec is tried after this one has encoded the chunk.
  bool settles;
  // Encodes into `payload` if this codec can encode the chunk in fewer than `limit` bytes.
  // Otherwise returns false and leaves `payload` unspecified. Precondition: as for codec::encode().
  bool (*encode)(const ChunkShape& shape, Bytes plain, Level level, std::size_t limit,
                 std::vector<std::byte>& payload);
  // Decodes `payload` into `out`. Precondition: chunk_bytes(shape) is out.size(). Errors:
  // kUnsupported, kMalformed and kInternal, as for codec::decode().
  Status (*decode)(const ChunkShape& shape, Bytes payload, MutableBytes out, Xxh3Follower* hash);
};

// Returns all codecs that this build knows, in the order of their numbers, in which codec::encode()
// tries them.
std::span<const Codec> registry();

// Returns the row of a codec in the registry, or nullptr if this build does not know it.
const Codec* find_codec(CodecId id);

}  // namespace bbz::codec
