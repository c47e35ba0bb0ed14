// The state of a Reader.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include "bbz/archive/reader.h"
#include "bbz/archive/supports.h"
#include "bbz/parallel/object_pool.h"
#include "bbz/parallel/thread_pool.h"
#include "bbz/symmetry/decode.h"
#include "bbz/symmetry/view.h"

namespace bbz {

struct Reader::State {
  // The memory for decoding one chunk.
  struct Buffers {
    static constexpr std::size_t kMostKept = std::size_t{4} << 20;

    std::vector<std::byte> payload;
    std::vector<std::byte> plain;

    // Releases the memory of an unusually large chunk.
    void trim() {
      if (payload.capacity() > kMostKept) std::vector<std::byte>().swap(payload);
      if (plain.capacity() > kMostKept) std::vector<std::byte>().swap(plain);
    }
  };

  State(std::shared_ptr<io::Source> s, const ReadOptions& options)
      : source(std::move(s)), pool(options.threads), supports(options.base) {}

  // Checks that a number exists. Errors: kInvalidArgument.
  Status check_tensor(std::uint32_t number) const;
  Status check_file(std::uint32_t number) const;
  // Decodes a payload that was read, and says what is wrong if that fails: as
  // symmetry::decode_chunk() of a chunk whose check the archive has. If the chunk needs the bytes of a
  // base, fills `out` with them before, unless it has them.
  Status decode(const catalog::Tensor& tensor, const catalog::Chunk& chunk, Bytes payload,
                const symmetry::GroupAccess& group, MutableBytes out,
                chunk::Before before = chunk::Before::kNothing);
  Status read_chunk(const catalog::Tensor& tensor, const catalog::Chunk& chunk,
                    std::vector<std::byte>& payload, MutableBytes out,
                    chunk::Before before = chunk::Before::kNothing);
  Status read_bytes(const catalog::Tensor& tensor, std::uint64_t offset, MutableBytes out);
  // Decodes what a chunk has of the bytes of a dense tensor that begin at `offset`.
  Status decode_part(const catalog::Tensor& tensor, const catalog::Chunk& chunk,
                     std::uint64_t offset, MutableBytes out, Buffers& with,
                     chunk::Before before = chunk::Before::kNothing);
  Status read_dense(const catalog::Tensor& tensor, std::uint64_t offset, MutableBytes out,
                    chunk::Before before = chunk::Before::kNothing);
  // Fills `out` with the bytes on which a chunk leans. Precondition: it does.
  Status fill(const catalog::Tensor& tensor, const catalog::Chunk& chunk, MutableBytes out);
  // Returns what reads the base of a view.
  symmetry::ReadBase reader_of_base(const catalog::Tensor& view);
  Status read_expanded(const catalog::Tensor& tensor, std::uint64_t offset, MutableBytes out);
  Result<std::shared_ptr<symmetry::GroupState>> find_group(std::uint32_t number);
  Result<std::shared_ptr<symmetry::GroupState>> read_group(const catalog::Group& group);
  template <class Plan>
  Status visit(Plan&& plan, Visitor& visitor);
  // Gives the source a prefetch hint for these chunks, or for the chunks of these tensors.
  std::unique_ptr<io::Prefetch> prefetch(std::span<const catalog::Chunk> chunks) const;
  std::unique_ptr<io::Prefetch> prefetch(std::span<const std::uint32_t> tensors) const;

  std::shared_ptr<io::Source> source;
  catalog::Catalog catalog;
  Digest root;
  std::uint64_t archive_bytes = 0;
  parallel::ThreadPool pool;
  Supports supports;

  // The buffers of small reads, which would spend half their time on new ones.
  parallel::ObjectPool<Buffers> buffers;

  std::mutex groups_mutex;
  // The groups that were used last, the newest first, because the tensors of a layer use the same
  // one.
  std::vector<std::shared_ptr<symmetry::GroupState>> groups;
  // The errors of damaged groups, so that their tensors are not decoded again for each chunk.
  std::map<std::uint32_t, Error> wrong_groups;
};

}  // namespace bbz
