// A mutator for fuzz targets that take whole archives: changes one thing somewhere in the structure and makes right what stands
// above it, so that what is behind the checksums and the catalog's rules is reached. From the bottom up: decoded checksums of
// chunks and groups, how the records fit together, heads, index, trailer and root digest.
#pragma once

#include <random>

#include "archive_fitter.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

namespace bbz::fuzz {

// Lets libFuzzer change a string of bytes.
inline void change(Buffer& bytes, std::size_t room) {
  const std::size_t size = bytes.size();
  bytes.resize(size + room);
  if (bytes.empty()) return;  // there is neither a byte to change nor room for one
  bytes.resize(LLVMFuzzerMutate(reinterpret_cast<std::uint8_t*>(bytes.data()), size, bytes.size()));
}

// Changes one record or its place. `random` decides what.
inline void change(LooseArchive& archive, std::mt19937& random) {
  auto& records = archive.records;
  if (records.empty()) return;
  const auto any = [&] {
    return records.begin() + static_cast<std::ptrdiff_t>(random() % records.size());
  };
  switch (random() % 10) {
    case 8: {  // an extension, known or not, or several, or what is none
      auto& record = *any();
      if (record.is_extended()) return change(record.meta, 8);
      record.more |= kFlagExtended;
      constexpr std::uint32_t kMode = 2, kTime = 4, kLayer = 6;
      const std::uint32_t numbers[] = {kMode, kTime, kLayer, static_cast<std::uint32_t>(random()),
                                       static_cast<std::uint32_t>(190 + random() % 70)};
      WireWriter w(record.meta);
      w.put_varint(1);
      w.put_varint(numbers[random() % 5]);
      w.put_varint(2);
      w.put(static_cast<std::uint16_t>(random()));
      return;
    }
    case 9: {  // a tensor with or without its first chunk
      auto& record = *any();
      if (record.type == RecordType::kTensor) record.more ^= kFlagPayload;
      return;
    }
    case 0: {  // once more, somewhere
      const LooseRecord copy = *any();
      records.insert(any(), copy);
      return;
    }
    case 1:
      records.erase(any());
      return;
    case 2:
      std::iter_swap(any(), any());
      return;
    case 3:
    case 4: {
      auto& record = *any();
      change(record.meta, record.meta.size() < 200 ? 8 : 0);
      return;
    }
    default: {
      auto& record = *any();
      if (record.payload.empty()) return change(record.meta, 0);
      return change(record.payload, record.payload.size() < 4096 ? 16 : 0);
    }
  }
}

// As LLVMFuzzerCustomMutator, of inputs whose archive follows `before` other bytes, which are
// changed too now and then. One time in eight the bytes are changed as they lie; one time in eight
// the records are not made to fit.
inline std::size_t mutate_archive(std::uint8_t* data, std::size_t size, std::size_t most,
                                  unsigned seed, std::size_t before = 0) {
  std::mt19937 random(seed);
  if (size < before || random() % 8 == 0) return LLVMFuzzerMutate(data, size, most);
  if (before != 0 && random() % 8 == 0) LLVMFuzzerMutate(data, before, before);
  const auto archive = take_apart(std::as_bytes(std::span(data, size)).subspan(before));
  if (!archive) return LLVMFuzzerMutate(data, size, most);
  LooseArchive changed = *archive;
  for (auto times = 1 + random() % 3; times > 0; --times) change(changed, random);
  if (random() % 8 != 0) Fitter(changed).fit();
  const Buffer out = put_together(changed);
  if (out.empty() || before + out.size() > most) return LLVMFuzzerMutate(data, size, most);
  std::memcpy(data + before, out.data(), out.size());
  return before + out.size();
}

}  // namespace bbz::fuzz
