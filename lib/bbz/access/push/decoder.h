// Decoder: decodes an archive whose bytes are pushed into it as they arrive, in any order.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "bbz/access/push/range_set.h"
#include "bbz/access/push/state.h"
#include "bbz/access/push/store.h"
#include "bbz/archive/base.h"
#include "bbz/base/threads.h"
#include "bbz/format/catalog/catalog.h"

namespace bbz::push {

// Receives the content of an archive as it becomes known. All calls are made by methods of the
// Decoder, on the thread that called them. Arguments live until the call returns. An error that a
// call returns ends the decoding with that error.
class Receiver {
 public:
  virtual ~Receiver() = default;

  // Called once, when every record is known from an index or because the records were read to their
  // end. Data may have come before.
  virtual Status structure(const catalog::Catalog& catalog) { return (void)catalog, Status(); }
  // Called for each metadata record, with its checked value, which is UTF-8. Not called if a required
  // extension of the record is not known.
  virtual Status metadata(const catalog::Metadata& metadata, std::string_view value) {
    return (void)metadata, (void)value, Status();
  }

  // Called once for each tensor, before its data: a place to allocate `tensor.byte_size` bytes.
  virtual Status begin_tensor(const catalog::Tensor& tensor) { return (void)tensor, Status(); }
  // Called with decoded and checked bytes of the tensor, which begin at byte `offset` of it. Each
  // byte is passed once, in parts no larger than one chunk's share of the tensor, or of 64 MiB if the
  // tensor is a view. Chunks come in the order in which they become whole.
  virtual Status data(const catalog::Tensor& tensor, std::uint64_t offset, Bytes bytes) {
    return (void)tensor, (void)offset, (void)bytes, Status();
  }
  // Asks for bytes that data() has passed before: fills all of `bytes` with those of `tensor` from byte
  // `offset` on. Called without a store only, if a chunk repeats a chunk of this tensor whose payload
  // has come before the chunk was known, and if a view has the bytes. Those of a chunk are checked
  // before they are passed. An error goes to failed(). By default, returns kUnsupported.
  virtual Status recall(const catalog::Tensor& tensor, std::uint64_t offset, MutableBytes bytes);
  // Called when all bytes of the tensor have been passed.
  virtual Status end_tensor(const catalog::Tensor& tensor) { return (void)tensor, Status(); }
  // Called when all tensors of the file have ended and its size is known. Not called if one of its
  // tensors is not wanted or has failed, or if the file has a required extension that is not known
  // (catalog::check_file()).
  virtual Status end_file(const catalog::File& file) { return (void)file, Status(); }

  // Called if stored bytes arrived whole but do not decode, have a codec, dtype or form that this build
  // does not know, or lean on a base that is not at hand: fetching them again would not help. `chunk` is nullptr if the whole
  // tensor is affected. Return success to continue without it; the tensor then never ends.
  virtual Status failed(const catalog::Tensor& tensor, const catalog::Chunk* chunk,
                        const Error& error) {
    return (void)tensor, (void)chunk, error;
  }
};

// Options of a Decoder.
struct Options {
  // The length of the archive, if it is known beforehand. With it, an index at the end is used as
  // soon as its bytes are there.
  std::optional<std::uint64_t> total;

  // The store that keeps the bytes; it must outlive the decoder. Without a store, bytes are held in
  // memory until their record is whole, which takes one record at a time if they come in order.
  Store* store = nullptr;
  // Without a store, the most bytes to hold that come out of order or wait for other records.
  std::uint64_t memory = std::uint64_t{64} << 20;
  // The largest number of separate ranges of bytes that may be there at a time.
  std::size_t most_ranges = std::size_t{1} << 18;

  // The number of threads that derive tensors which are not stored (format-spec/symmetry.md#polar).
  unsigned threads = kAllCores;

  // If false, tensors are only checked, and neither decoded nor passed to the receiver.
  bool decode = true;
  // If set, selects the tensors that are passed to the receiver. The others are only checked; without
  // it, so are views, because their bytes are those of other tensors. Without a store, a view fails
  // with kUnsupported if its base is not selected. Without a store, a tensor fails with kUnsupported if it repeats chunks of one that is not selected, and
  // these came before it was known.
  std::function<bool(const catalog::File&, const catalog::Tensor&)> wants;
  // If true, needs() asks for the structure first: the index at the front or, if `total` is known,
  // the one at the end. Then each record can be verified alone.
  bool structure_first = false;
  // If true, needs() asks only for what `wants` selects and what opened() needs, and the decoding is
  // complete with that. Implies structure_first. If the structure cannot be fetched first, needs()
  // asks for everything until the structure is known.
  bool only_wanted = false;

  // Where the tensors are on which those of the archive lean. A chunk that leans on one that is not there,
  // or has another digest, goes to Receiver::failed(). May be null: then nothing is there.
  std::shared_ptr<Base> base{};
  Limits limits;  // bound what the archive may declare
};

// Reports bytes that were fed and are not what the archive must have at their place.
struct Damage {
  // The bytes to fetch again.
  Interval range;
  Error error;              // why the bytes of the last time are wrong
  std::uint32_t times = 0;  // number of times that bytes for it were found wrong
};

// Takes the bytes of an archive in order, or as segments in any order, with overlaps and repeats.
// Checks each record as soon as it is whole and known, from the records before it or from an index.
// Passes tensors to the receiver as their chunks become whole. A tensor that follows from others
// (format-spec/records.md#forms) is passed when those are whole too.
//
// Memory: heads and metas of the records, one record's payload with what it decodes to, and a
// symmetry group with its tensors. Without a store, also up to Options::memory. With a base, also what
// Supports keeps of it: at most SupportBytes::kMostKept.
//
// Not for use from two threads at once. To read a complete archive, use Reader.
class Decoder {
 public:
  // Creates a decoder. `receiver` must outlive it. Never fails at present.
  static Result<std::unique_ptr<Decoder>> create(const Options& options, Receiver& receiver);
  ~Decoder();

  // Takes the bytes that begin at `offset`, and ignores those that are there already. Bytes that
  // turn out to be damaged are not an error: damages() and needs() report them.
  //
  // Errors after which the decoder can still be used, and bytes that were not taken can be fed
  // again: kInvalidArgument for bytes beyond `total` or beyond 64 bits; kLimit if too many ranges
  // would have to be kept or, without a store, too many bytes out of order; kIo if the store cannot
  // be written. All other errors are final (failure()): the archive breaks a rule, or a call of the
  // receiver failed.
  Status feed(std::uint64_t offset, Bytes bytes);
  // Takes bytes that are in the store already. They may be damaged or belong to another file: once
  // the structure is known, bytes that do not fit it count as damaged. Errors: those of feed();
  // kInvalidArgument without a store.
  Status adopt(Interval range);
  // Sets the length of the archive, if it becomes known later: at the latest when the transport
  // reaches the end. Without it, a damaged length may ask for bytes beyond the end. Errors:
  // kInvalidArgument if another length is known already, or if bytes beyond it were fed.
  Status set_total(std::uint64_t total);

  // Checks that everything is there and correct; to be called when no more will be fed. Errors:
  // failure(); that of the file header if the bytes are too few for one; that of the first damage;
  // kTruncated with the first range that is missing.
  Status finish();
  // Returns whether finish() would succeed.
  bool complete() const;
  // Returns the error that ended the decoding, or success.
  const Status& failure() const;

  // The end of a range from needs() if the length of the archive is not known.
  static constexpr std::uint64_t kUnknown = UINT64_MAX;
  // Returns what to fetch next, in the order to fetch it: at most `most` ranges. Ranges with at
  // most `gap` bytes between them are joined. Empty if everything is there or the decoding has
  // failed.
  std::vector<Interval> needs(std::size_t most = 16, std::uint64_t gap = 0) const;
  // Returns what is damaged and has not been replaced by correct bytes since, by offset.
  std::vector<Damage> damages() const;
  // Returns the number of these damages.
  std::size_t damage_count() const;
  // Returns the first of these damages that was found at least `times` times, or nullptr. Valid
  // until the decoder takes more bytes.
  const Damage* first_damage(std::uint32_t times = 1) const;

  // Returns the bytes that are known to be correct.
  const RangeSet& verified() const;
  // Returns the bytes that were fed or adopted and are not damaged.
  const RangeSet& there() const;
  // Returns the length of the archive, if it is known.
  std::optional<std::uint64_t> total() const;
  // Returns the content as far as it is known; complete once structure() was called. nullptr until
  // the file header is known.
  const catalog::Catalog* catalog() const;
  // Returns whether all records are known, and what a reader that opens by the index needs was read:
  // the index at the front or, without one, the trailer and the index at the end.
  bool opened() const;
  // Returns the root digest of the records, which equals the trailer's if that was read. nullopt
  // before structure().
  std::optional<Digest> root() const;
  // Returns the range of bytes that holds the records; the bytes before and after it follow from
  // them. Empty before structure().
  Interval records() const;

  // Returns what a later decoder with the same store needs to continue. `identity` is for the
  // caller, to recognise that the download is still of the same file: an ETag, for example. Sync
  // the store before you write the state anywhere. Errors: kInvalidArgument without a store, or if
  // `identity` has more than 65,535 bytes.
  Result<State> state(std::string identity) const;
  // Continues from a state; to be called first, on a new decoder with the store of the old one.
  // Verified payloads are neither read nor passed to the receiver again, except those of groups and
  // of tensors that are derived, and views; heads are read again. So a state must be kept as safe as the file:
  // anyone who can forge it decides what is delivered. To have everything checked and passed again,
  // call adopt() instead. Errors: those of feed(); kInvalidArgument if another length is known, if
  // a range is empty or ends beyond the length, if bytes were fed before, or without a store.
  Status restore(const State& state);

 private:
  struct Impl;
  explicit Decoder(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace bbz::push
