// What both ways of reading say of an archive with one rule broken.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "format/container/raw_archive.h"
#include "format/container/walk.h"
#include "support/faulty.h"

namespace bbz::container {

using raw::Buffer;

struct Verdict {
  Code code;
  std::string message;
};
inline Verdict verdict(const Status& status) {
  return {status.code(), status.ok() ? "" : status.error().message};
}

inline Verdict streamed(const Buffer& bytes, const Limits& limits = {}) {
  const auto memory = io::memory_source(bytes);
  io::SequentialSource source(*memory);
  const Verdict pipe = verdict(walk_stream(source, limits));
  const Verdict file = verdict(walk_stream(*memory, limits));
  EXPECT_EQ(pipe.code, file.code) << pipe.message << " / " << file.message;
  return pipe;
}
inline Verdict opened(const Buffer& bytes, bool use_front = false, const Limits& limits = {}) {
  const auto source = io::memory_source(bytes);
  return verdict(walk_index(*source, use_front, limits));
}

// One broken rule: the archive, and the code that each way of reading must give.
struct Broken {
  const char* name;
  std::function<void(raw::Archive&)> edit;
  Code stream;
  Code seek;
  Code front = Code::kOk;  // opened by its front index; kOk: has none
  const char* says = "";   // part of the message
};

inline void expect_broken(const Broken& b, bool front) {
  SCOPED_TRACE(std::string(b.name) + (front ? ", front index" : ""));
  raw::Archive archive = raw::sample(front);
  b.edit(archive);
  const Buffer bytes = archive.bytes();
  const Verdict s = streamed(bytes);
  const Verdict o = opened(bytes);
  EXPECT_EQ(s.code, b.stream) << s.message;
  EXPECT_EQ(o.code, b.seek) << o.message;
  EXPECT_TRUE((s.message + "|" + o.message).find(b.says) != std::string::npos)
      << s.message << " / " << o.message;
  if (!front) return;
  const Verdict f = opened(bytes, true);
  EXPECT_EQ(f.code, b.front) << f.message;
}

}  // namespace bbz::container
