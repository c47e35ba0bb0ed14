// Decoder: an archive whose bytes are pushed into it as they arrive, in order or not.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "bbz/access/push/range_set.h"
#include "bbz/access/push/state.h"
#include "bbz/access/push/store.h"
#include "bbz/format/catalog/catalog.h"

namespace bbz::push {

// What an archive turns out to hold, as soon as it is known. All calls come from within the
// Decoder's methods; what is passed lives until the call returns. An error that a call returns ends
// the decoding with that error.
class Receiver {
 public:
  virtual ~Receiver() = default;

  // Every record is known: by an index, or because the records were read to their end. Data may
  // have come before.
  virtual Status structure(const catalog::Catalog& catalog) { return (void)catalog, Status(); }
  virtual Status metadata(const catalog::Metadata& metadata, std::string_view value) {
    return (void)metadata, (void)value, Status();
  }

  // Once for each tensor, before its data: the moment to make room for `tensor.byte_size` bytes.
  virtual Status begin_tensor(const catalog::Tensor& tensor) { return (void)tensor, Status(); }
  // Decoded and checked bytes of the tensor, from byte `offset` of it: each byte once, in parts of
  // at most what one chunk stands for, the chunks in the order in which they become whole.
  virtual Status data(const catalog::Tensor& tensor, std::uint64_t offset, Bytes bytes) {
    return (void)tensor, (void)offset, (void)bytes, Status();
  }
  // All of it has been handed out.
  virtual Status end_tensor(const catalog::Tensor& tensor) { return (void)tensor, Status(); }
  // All tensors of the file have ended; its size is known.
  virtual Status end_file(const catalog::File& file) { return (void)file, Status(); }

  // What was stored is there, but does not decode (or has a codec, dtype or form that this build
  // does not know): fetching it again would not help. `chunk` is nullptr where the whole tensor is
  // meant. Returning success passes it over; the tensor then never ends.
  virtual Status failed(const catalog::Tensor& tensor, const catalog::Chunk* chunk,
                        const Error& error) {
    return (void)tensor, (void)chunk, error;
  }
};

struct Options {
  // The archive's length, where it is known beforehand: with it, an index at the end is found as
  // soon as its bytes are there.
  std::optional<std::uint64_t> total;

  // Where bytes are kept; it must outlive the decoder. Without one they are held in memory until
  // their record is whole, which in order takes one record at a time; up to `memory` bytes may be
  // held that came out of order, or wait for other records.
  Store* store = nullptr;
  std::uint64_t memory = std::uint64_t{64} << 20;
  // How many separate ranges of bytes may be there at a time.
  std::size_t most_ranges = std::size_t{1} << 18;

  // That derive tensors which are not stored (format-spec/symmetry.md#polar); 0: all cores.
  unsigned threads = 1;

  // False: nothing is decoded, only checked.
  bool decode = true;
  // Where it is set: the tensors that are handed out. The others are only checked.
  std::function<bool(const catalog::File&, const catalog::Tensor&)> wants;
  // needs() asks for the structure first (the index at the front or, where `total` is known, the
  // one at the end), so that each record can be verified alone.
  bool structure_first = false;
  // needs() asks for what `wants` selects and nothing else, and with that the decoding is complete.
  // Implies structure_first; has no effect where there is no way to the structure.
  bool only_wanted = false;

  Limits limits;
};

// Bytes that were fed and are not what the archive must have there.
struct Damage {
  Interval range;  // to be fetched again
  Error error;
  std::uint32_t times = 0;  // how often bytes for it were found wrong
};

// Takes an archive's bytes in order or as segments in any order, with overlaps and repeats, and
// checks each record as soon as it is whole and known: known from the records before it or from an
// index. Tensors are handed out as their chunks become whole; a tensor that follows from others
// (format-spec/records.md#forms), when those are whole too.
//
// Memory: heads and metas of the records, one record's payload with what it decodes to, and a
// symmetry group with its tensors; without a store, Options::memory beside that.
//
// Not to be used from two threads at once. Reading what is complete is Reader's.
class Decoder {
 public:
  // `receiver` must outlive the decoder. Errors: none of its own yet.
  static Result<std::unique_ptr<Decoder>> create(const Options& options, Receiver& receiver);
  ~Decoder();

  // Takes the bytes from `offset` on. Those that are there already are passed over. Bytes that turn
  // out to be damaged are no error: damages() and needs() name them.
  //
  // Errors after which the decoder works on, the bytes untaken: kInvalidArgument for bytes beyond
  // `total` or 64 bits; kLimit where too many ranges or, without a store, too many bytes out of
  // order would have to be kept; kIo where the store cannot be written. All others are final
  // (failure()): the archive breaks a rule, or a call of the receiver failed.
  Status feed(std::uint64_t offset, Bytes bytes);
  // The same of bytes that are in the store already, of a file that may be damaged or another: once
  // the structure is known, what does not fit to it is damaged.
  Status adopt(Interval range);
  // The archive's length, where it becomes known later, at the latest when the transport comes to
  // the end: without it, a damaged length may ask for bytes beyond. Errors: kInvalidArgument where
  // it is already known to be another.
  Status set_total(std::uint64_t total);

  // No more will be fed: whether everything is there and right. Errors: failure(); that of the
  // first damage; kTruncated with the first range that is missing.
  Status finish();
  // Whether finish() would succeed.
  bool complete() const;
  // The error that ended the decoding, if one has.
  const Status& failure() const;

  // What to fetch next, in the order to fetch it: at most `most` ranges, of which those with at
  // most `gap` bytes between them are joined. Empty when everything is there. The end of a range is
  // kUnknown where the archive's length is.
  static constexpr std::uint64_t kUnknown = UINT64_MAX;
  std::vector<Interval> needs(std::size_t most = 16, std::uint64_t gap = 0) const;
  // What is damaged and was not fed again, by offset.
  std::vector<Damage> damages() const;

  // What is known to be right, and what is there (in the store, or waiting).
  const RangeSet& verified() const;
  const RangeSet& there() const;
  std::optional<std::uint64_t> total() const;
  // The content: complete once structure() was called, until then as far as it is known.
  const catalog::Catalog* catalog() const;
  // Of the records; equal to the trailer's where that was read. Nothing before structure().
  std::optional<Digest> root() const;
  // The bytes that hold the records: those before and after them say what they must be. Empty
  // before structure().
  Interval records() const;

  // What a later decoder with the same store needs to go on. `identity` is the caller's, to tell
  // that what it downloads is still the same: an ETag, say. The store should be synced before the
  // state is written anywhere. Errors: kInvalidArgument without a store.
  Result<State> state(std::string identity) const;
  // To be called first, on a new decoder with the store of the old one. What was verified is
  // neither read nor handed out again (but for tensors without chunks of their own); its heads are.
  // So the state must be kept as safe as the file: who has forged it decides what is delivered. To
  // have everything checked and handed out anew, adopt() what is there instead. Errors: as feed;
  // kInvalidArgument where the total is another, or there is no store.
  Status restore(const State& state);

 private:
  struct Impl;
  explicit Decoder(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace bbz::push
