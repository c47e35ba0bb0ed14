// Gate: decides whether an archive that arrives may get its name.
#pragma once

#include <optional>

#include "bbz/access/push/decoder.h"

namespace bbz::download {

// Rejects an archive whose root digest is not the expected one, or whose bytes do not decode. Receives what
// a decoder makes of it; both arguments of the constructor must outlive the gate.
class Gate final : public push::Receiver {
 public:
  // `base` is that of the decoder. If it is null and `skips` is true, what leans passes undecoded.
  Gate(const std::optional<Digest>& expected, const std::shared_ptr<Base>& base, bool skips)
      : expected_(expected), base_(base), skips_(skips) {}
  // Sets the decoder. Call it before anything is fed.
  void watch(const push::Decoder& decoder) { decoder_ = &decoder; }

  // Returns whether the root digest was another.
  bool refused() const { return refused_; }
  // Returns whether the decoding ended because of the base, and not of the archive.
  bool lacks_base() const { return lacks_base_; }
  // Returns the number of tensors that passed undecoded.
  std::uint64_t undecoded() const { return undecoded_; }

  Status structure(const catalog::Catalog& catalog) override;
  Status failed(const catalog::Tensor& tensor, const catalog::Chunk* chunk,
                const Error& error) override;

 private:
  const std::optional<Digest>& expected_;
  const std::shared_ptr<Base>& base_;
  const bool skips_;
  const push::Decoder* decoder_ = nullptr;
  bool refused_ = false;
  bool lacks_base_ = false;
  std::uint64_t undecoded_ = 0;
};

}  // namespace bbz::download
