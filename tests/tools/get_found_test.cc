// Files that bbz get finds beside an output: it believes nothing that the server does not confirm.
#include "bbz/base/hash.h"
#include "bbz/base/wire.h"
#include "tools/found.h"

namespace bbz::tools {
namespace {

TEST_F(Found, AWholeArchiveIsNotPublishedWithoutTheServer) {
  pack(1 << 20);
  std::string url;
  {
    const Server gone("");
    url = gone.url();
    ::setenv("URL", url.c_str(), 1);
  }
  const std::string other = other_archive(1 << 20);
  for (const std::string& text : {other, archive_}) {
    for (const std::string etag : {"", "\"one\""}) {
      write(kPart, text);
      write(kState, state_of(download::encode_origin({etag, "", url}), text.size()));
      expect_failure(kGet, 5, "");
      EXPECT_FALSE(exists("model.bbz"));
      EXPECT_EQ(read(kPart), text);
    }
  }
}

TEST_F(Found, AnotherArchiveIsFetchedAnewWhateverItsStateSays) {
  for (const std::string option : {"", "--index-first"}) {
    pack(1 << 20, option);
    const std::string other = other_archive(1 << 20, option);
    Server server("");
    offer(server);
    const std::string whole = state_of(identity(server), other.size());
    const std::string unknown = state_of(identity(server, ""), other.size());
    const std::string middle =
        state_of(identity(server), other.size(), {{0, 100}, {1'000'000, 2'500'000}});
    for (const std::string& state : {whole, unknown, middle, std::string()}) {
      write(kPart, other);
      if (!state.empty()) write(kState, state);
      EXPECT_EXIT_CODE(0, kGet);
      expect_done();
      std::filesystem::remove(dir_ / "model.bbz");
      write(kPart, other);
      if (!state.empty()) write(kState, state);
      EXPECT_EXIT_CODE(0, "$BBZ get $URL --layer 2 -o model.bbz && $BBZ unpack -f model.bbz -o a");
      expect_nothing_beside("model.bbz");
      write("model.bbz", archive_);
      EXPECT_EXIT_CODE(0, "$BBZ unpack model.bbz --layer 2 -f -o b && cmp a b && rm model.bbz");
    }
  }
}

// Correct bytes in it are not downloaded again, even if another program wrote them.
TEST_F(Found, WhatTheServerSaysTooIsUsed) {
  pack(2 << 20);
  Server server("");
  offer(server);
  write(kPart, archive_);
  for (const std::string& state :
       {state_of(identity(server), archive_.size()),
        state_of(identity(server, ""), archive_.size()),
        state_of("not one of these", archive_.size()), std::string("\x89")}) {
    write(kPart, archive_);
    write(kState, state);
    const std::uint64_t before = server.body_bytes();
    EXPECT_EXIT_CODE(0, kGet);
    expect_done();
    EXPECT_LE(server.body_bytes() - before, 40'000u);
    std::filesystem::remove(dir_ / "model.bbz");
  }
}

TEST_F(Found, APartOfAnotherUrlIsRefused) {
  pack(1 << 20);
  const std::string other = other_archive(1 << 20);
  Server first("");
  Budget budget;
  Server second("", budget.hook(second));
  for (const std::string options : {"", "--layer 1 -o model.bbz"}) {
    second.replace(other, "\"one\"");
    offer(first);
    ::setenv("URL", second.url("/other.bbz").c_str(), 1);
    begin(second, budget, 800'000, "-T 1 -o model.bbz");
    const std::string part = read(kPart);
    const std::string state = read(kState);
    const std::size_t asked = first.request_count();
    ::setenv("URL", first.url().c_str(), 1);
    expect_failure(kGet + options, 6,
                   "model.bbz.part: is from a download of \"" + second.url("/other.bbz"));
    expect_failure(kGet + options, 6, "--restart");
    EXPECT_EQ(first.request_count(), asked);
    EXPECT_EQ(read(kPart), part);
    EXPECT_EQ(read(kState), state);
    EXPECT_FALSE(exists("model.bbz"));
    for (const std::string way : {" --restart", " -f"}) {
      write(kPart, part);
      write(kState, state);
      EXPECT_EXIT_CODE(0, kGet + options + way + " && $BBZ verify -q model.bbz");
      expect_nothing_beside("model.bbz");
      if (options.empty()) {
        EXPECT_EQ(read("model.bbz"), archive_);
      }
      std::filesystem::remove(dir_ / "model.bbz");
    }
  }
}

// User, query and fragment may change from one try to the next, and are not written to the disk.
TEST_F(Found, AUrlIsTheSameWithAnotherQuery) {
  pack(1 << 20);
  Budget budget;
  Server server("", budget.hook(server));
  offer(server);
  const std::string url = server.url();
  ::setenv("URL", ("http://bob:secret@" + url.substr(7) + "?token=hidden#x").c_str(), 1);
  begin(server, budget, 2'000'000);
  for (const char* const word : {"bob", "secret", "hidden", "#"}) {
    EXPECT_EQ(read(kState).find(word), std::string::npos) << word;
  }
  const std::uint64_t before = server.body_bytes();
  ::setenv("URL", (url + "?token=new").c_str(), 1);
  EXPECT_EXIT_CODE(0, kGet);
  expect_done();
  EXPECT_LT(server.body_bytes() - before, archive_.size() - 1'000'000);
}

TEST_F(Found, AStateSendsNothingButEntityTagsAndDates) {
  pack(1 << 20);
  Server server("");
  offer(server);
  const std::string url = "\n" + server.url();
  const std::string date = "Wed, 21 Oct 2015 07:28:00 GMT";
  for (const std::string& bad : {
           "\n" + date + "\r\nX-Injected: yes\r\nHost: elsewhere" + url,
           "\n" + date + "\r\nX-Injected: yes\r\nHost: elsewhere\r\nAuthorization: Basic Zm9v",
           "\"a\"\r\nX-Injected: yes\n" + url,
           "\"a\rX-Injected: yes\"\n" + url,
           std::string("\"a\0\"\n", 5) + url,
           "\"a b\"\n" + url,
           "unquoted\n" + url,
           "\n" + date + "\r" + url,
           "\n" + date + "\t" + url,
           "\"one\"\n" + date + "\n" + url,
           std::string("\"one\"\n"),
           "\"one\"\n" + date,
           std::string("\"one\"\n\n"),
           std::string(),
       }) {
    SCOPED_TRACE(testing::PrintToString(bad));
    write(kPart, archive_);
    write(kState, state_of(bad, archive_.size()));
    const std::size_t asked = server.request_count();
    EXPECT_EXIT_CODE(0, kGet);
    expect_done();
    std::filesystem::remove(dir_ / "model.bbz");
    const auto requests = server.requests();
    for (std::size_t i = asked; i < requests.size(); ++i) {
      const auto& fields = requests[i].fields;
      EXPECT_FALSE(fields.contains("x-injected") || fields.contains("authorization"));
      EXPECT_EQ(fields.at("host"), server.url("").substr(7));
      const auto condition = fields.find("if-range");
      EXPECT_TRUE(condition == fields.end() || condition->second == "\"one\"");
    }
  }
}

TEST_F(Found, ADateIsSentAsItIs) {
  pack(1 << 20);
  Server server("");
  offer(server);
  write(kPart, archive_);
  const std::string date = "Wed, 21 Oct 2015 07:28:00 GMT";
  write(kState, state_of("\n" + date + "\n" + server.url(), archive_.size()));
  expect_failure(kGet, 5, "");  // the server takes only its entity tag for the same file
  ASSERT_GT(server.request_count(), 0u);
  EXPECT_EQ(server.requests().back().fields["if-range"], date);
}

TEST_F(Found, APartThatWasCutIsCompleted) {
  pack(2 << 20);
  Budget budget;
  Server server("", budget.hook(server));
  offer(server);
  for (const std::string options : {"", "--layer 0 -o model.bbz"}) {
    begin(server, budget, 1'500'000, "-T 1 " + options);
    const std::string part = read(kPart);
    const std::string state = read(kState);
    const auto there = listed();
    ASSERT_FALSE(there.empty());
    const std::uint64_t end = there.front().end;
    for (const std::uint64_t size :
         {end - 1, end - 100'000, end / 2, std::uint64_t{1}, std::uint64_t{0}}) {
      write(kPart, part.substr(0, size));
      write(kState, state);
      const std::uint64_t before = server.body_bytes();
      EXPECT_EXIT_CODE(0, kGet + options + " && $BBZ verify -q model.bbz");
      expect_nothing_beside("model.bbz");
      const std::uint64_t wanted = options.empty() ? archive_.size() : 2 << 20;
      // A chunk that is cut comes as a whole only as far as it is missing.
      EXPECT_LE(server.body_bytes() - before, wanted - std::min(size, wanted) + 80'000) << size;
      std::filesystem::remove(dir_ / "model.bbz");
    }
    write(kState, state);  // and the part is gone
    EXPECT_EXIT_CODE(0, kGet + options + " && $BBZ verify -q model.bbz && rm model.bbz");
  }
}

TEST_F(Found, AStateOfALaterVersionIsKept) {
  pack(1 << 20);
  Budget budget;
  Server server("", budget.hook(server));
  offer(server);
  begin(server, budget, 1'000'000);
  std::string state = read(kState);
  state[8] = 2;
  const std::size_t covered = state.size() - 8;
  store_le(reinterpret_cast<std::byte*>(state.data() + covered),
           xxh3_64(std::as_bytes(std::span(state).first(covered))));
  write(kState, state);
  const std::string part = read(kPart);
  for (const std::string options : {"", "--layer 1 -o model.bbz"}) {
    expect_failure(kGet + options, 4, std::string(kState) + ": state: version 2");
    expect_failure(kGet + options, 4, "--restart");
    EXPECT_EQ(read(kState), state);
    EXPECT_EQ(read(kPart), part);
  }
  EXPECT_EXIT_CODE(0, std::string(kGet) + "--restart");
  expect_done();
}

// A try that ends before it has checked what is there loses nothing of it.
TEST_F(Found, AStateHoldsUntilWhatItListsIsChecked) {
  pack(2 << 20);
  Budget budget;
  Server server("", budget.hook(server));
  offer(server);
  begin(server, budget, 4'000'000);
  const std::uint64_t before = bytes_listed();
  ASSERT_GT(before, 3'000'000u);
  for (const std::uint64_t more : {1'000u, 4'096u, 10'000u}) {
    budget.allow(server, more);
    expect_failure(kGet, 5, "");
    EXPECT_GE(bytes_listed(), before) << more;
  }
  budget.lift();
  const std::uint64_t sent = server.body_bytes();
  EXPECT_EXIT_CODE(0, kGet);
  expect_done();
  EXPECT_LE(server.body_bytes() - sent, archive_.size() - before + 40'000);
}

}  // namespace
}  // namespace bbz::tools
