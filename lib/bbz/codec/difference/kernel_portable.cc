// The kernel for every machine; the other kernels are tested against it.
#include "bbz/codec/difference/loops.h"

namespace bbz::codec::difference {
namespace {

// T is the unsigned integer of an element's size.
template <class T>
struct Loops : Groups<T> {
  using Base = Groups<T>;
  using Base::find_group;
  using Base::find_low_bits;
  using Base::find_tables;
  using Base::for_each_live;
  using Base::for_each_set;
  using Base::is_zero;
  using Base::kGroup;
  using typename Base::Bytes64;
  using typename Base::Elements;

  // Makes the elements of a group. Returns false if there are too few lower bits.
  static bool merge_group(MergeJob& job, const std::uint8_t* symbols, std::uint8_t* out) {
    if (is_zero(symbols)) return true;
    Elements base;
    std::memcpy(base, out, sizeof(base));
    Elements folded;
    for (int i = 0; i < kGroup; ++i) folded[i] = symbols[i];
    if (job.classes->reference != 0) {
      Bytes64 has;
      for (int i = 0; i < kGroup; ++i) {
        has[i] = static_cast<std::uint8_t>(symbols[i] - 1) < kWhole - 1 ? 255 : 0;
      }
      Bytes64 bits;
      find_low_bits(*job.classes, base, has, bits);
      const std::uint8_t* const low = job.low;
      std::uint64_t at = job.low_at;
      if (job.low_end - at >= kGroup * 24 + 64) {
        for_each_set(has, [&](int i) {
          const std::uint32_t window = load_le<std::uint32_t>(low + at / 8) >> (at % 8);
          const std::uint32_t lower = window & ((1u << bits[i]) - 1);
          folded[i] = static_cast<T>(((symbols[i] - 1u) << bits[i] | lower) + 1);
          at += bits[i];
        });
      } else {
        for_each_set(has, [&](int i) {
          if (job.low_end - at < bits[i]) {
            job.overrun = true;
            return;
          }
          const std::uint64_t left = (job.low_end - at + 7) / 8;
          std::uint32_t window = 0;
          std::memcpy(&window, low + at / 8, left < 4 ? left : 4);
          const std::uint32_t lower = window >> (at % 8) & ((1u << bits[i]) - 1);
          folded[i] = static_cast<T>(((symbols[i] - 1u) << bits[i] | lower) + 1);
          at += bits[i];
        });
        if (job.overrun) return false;
      }
      job.low_at = at;
    }
    for (int i = 0; i < kGroup; ++i) {
      base[i] = turn(static_cast<T>(turn(base[i]) + unfold(folded[i])));
    }
    std::memcpy(out, base, sizeof(base));
    return true;
  }

  // Merges up to a group of elements. Returns false if something is missing.
  static bool merge_some(MergeJob& job, Runs<const std::uint8_t*>& runs, std::uint8_t* out,
                         std::uint64_t elements) {
    Bytes64 tables;
    find_tables(*job.classes, out, elements, tables);
    Bytes64 symbols = {};
    for_each_live(*job.classes, tables, elements, [&](std::uint64_t i) {
      const std::uint8_t* const from = runs.at[tables[i]];
      symbols[i] = *from;
      runs.at[tables[i]] = from + runs.step[tables[i]];
    });
    if (elements == kGroup) {
      if (!merge_group(job, symbols, out)) return false;
    } else {
      std::uint8_t whole[kGroup * sizeof(T)] = {};
      std::memcpy(whole, out, elements * sizeof(T));
      if (!merge_group(job, symbols, whole)) return false;
      std::memcpy(out, whole, elements * sizeof(T));
    }
    Bytes64 is_whole;
    for (int i = 0; i < kGroup; ++i) is_whole[i] = symbols[i] == kWhole ? 255 : 0;
    if (is_zero(is_whole)) return true;
    for_each_set(is_whole, [&](int i) {
      if (job.wholes.at == job.wholes.end) {
        job.overrun = true;
        return;
      }
      std::memcpy(out + static_cast<std::size_t>(i) * sizeof(T), job.wholes.at, sizeof(T));
      job.wholes.at += sizeof(T);
    });
    return !job.overrun;
  }

  static void merge(MergeJob& job) {
    // The elements of a table without symbols read this one again and again.
    const std::uint8_t unchanged = 0;
    Runs<const std::uint8_t*> runs(*job.classes, job.symbols, &unchanged);
    for (std::uint64_t at = 0; at < job.elements; at += kGroup) {
      const std::uint64_t left = job.elements - at;
      const std::uint64_t count = left < kGroup ? left : std::uint64_t{kGroup};
      if (!merge_some(job, runs, job.out + at * sizeof(T), count)) return;
    }
    runs.store(*job.classes, job.symbols);
  }

  static void split_group(SplitJob& job, const std::uint8_t* in, const std::uint8_t* from,
                          const std::uint8_t* contexts, std::uint32_t place,
                          std::uint8_t* symbols) {
    Elements element;
    Elements base;
    std::memcpy(element, in, sizeof(element));
    std::memcpy(base, from, sizeof(base));
    Elements folded;
    T all = 0;
    for (int i = 0; i < kGroup; ++i) {
      folded[i] = fold(static_cast<T>(turn(element[i]) - turn(base[i])));
      all |= folded[i];
    }
    if (all == 0) {
      std::memset(symbols, 0, kGroup);
      return;
    }
    Bytes64 small;
    Bytes64 has;
    for (int i = 0; i < kGroup; ++i) {
      const T least = folded[i] < kWhole ? folded[i] : static_cast<T>(kWhole);
      small[i] = static_cast<std::uint8_t>(least);
      has[i] = least != 0 ? 255 : 0;
    }
    for (int t = 0; t < job.classes->tables; ++t) {
      if (job.classes->is_live(t)) continue;
      Bytes64 stray;
      for (int i = 0; i < kGroup; ++i) {
        stray[i] = contexts[i] == t ? has[i] : std::uint8_t{0};
        has[i] = static_cast<std::uint8_t>(has[i] & ~stray[i]);
        small[i] &= static_cast<std::uint8_t>(~stray[i]);
      }
      if (is_zero(stray)) continue;
      for_each_set(stray,
                   [&](int i) { job.patches->push_back(place + static_cast<std::uint32_t>(i)); });
    }
    if (job.classes->reference != 0) {
      Bytes64 bits;
      find_low_bits(*job.classes, base, has, bits);
      std::uint8_t* low = job.low;
      std::uint64_t pending = job.pending;
      auto filled = static_cast<unsigned>(job.filled);
      for_each_set(has, [&](int i) {
        const unsigned count = bits[i];
        const std::uint32_t below = folded[i] - 1u;
        const std::uint32_t upper = (below >> count) + 1;
        small[i] = static_cast<std::uint8_t>(upper < kWhole ? upper : kWhole);
        const unsigned stored = upper < kWhole ? count : 0;
        pending |= std::uint64_t{below & ((1u << stored) - 1)} << filled;
        filled += stored;
        store_le(low, pending);
        low += filled / 8;
        pending >>= filled / 8 * 8;
        filled %= 8;
      });
      job.low = low;
      job.pending = pending;
      job.filled = static_cast<int>(filled);
    }
    std::memcpy(symbols, small, kGroup);
    for (int i = 0; i < kGroup; ++i) has[i] = small[i] == kWhole ? 255 : 0;
    if (is_zero(has)) return;
    for_each_set(has, [&](int i) { job.wholes->push_back(place + static_cast<std::uint32_t>(i)); });
  }

  static void split(SplitJob& job) {
    std::uint8_t unused = 0;  // what tables without symbols get
    Runs<std::uint8_t*> runs(*job.classes, job.symbols, &unused);
    for (std::uint64_t at = 0; at < job.elements; at += kGroup) {
      const std::uint64_t left = job.elements - at;
      const std::uint64_t count = left < kGroup ? left : std::uint64_t{kGroup};
      const std::uint8_t* in = job.in + at * sizeof(T);
      const std::uint8_t* base = job.base + at * sizeof(T);
      std::uint8_t elements[2][kGroup * sizeof(T)] = {};
      if (count < kGroup) {
        std::memcpy(elements[0], in, count * sizeof(T));
        std::memcpy(elements[1], base, count * sizeof(T));
        in = elements[0];
        base = elements[1];
      }
      Bytes64 tables;
      find_group(*job.classes, base, tables);
      Bytes64 symbols;
      split_group(job, in, base, tables, job.place + static_cast<std::uint32_t>(at), symbols);
      for_each_live(*job.classes, tables, count, [&](std::uint64_t i) {
        std::uint8_t* const to = runs.at[tables[i]];
        *to = symbols[i];
        runs.at[tables[i]] = to + runs.step[tables[i]];
      });
    }
    runs.store(*job.classes, job.symbols);
  }
};

// Calls `f` with the loops for elements of a size.
template <class F>
void with_loops(const Classes& classes, F f) {
  switch (classes.element_bytes) {
    case 1:
      return f(Loops<std::uint8_t>());
    case 2:
      return f(Loops<std::uint16_t>());
    default:
      return f(Loops<std::uint32_t>());
  }
}

void count(const Classes& classes, const std::uint8_t* base, std::uint64_t elements,
           Counts& counts) {
  with_loops(classes, [&](auto loops) { loops.count(classes, base, elements, counts); });
}

void merge(MergeJob& job) {
  with_loops(*job.classes, [&](auto loops) { loops.merge(job); });
}

void split(SplitJob& job) {
  with_loops(*job.classes, [&](auto loops) { loops.split(job); });
}

}  // namespace

const Kernel kPortableKernel = {"portable", count, merge, split};

}  // namespace bbz::codec::difference
