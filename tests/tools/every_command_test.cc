// The table of all commands: that each command line does what the table says of it.
#include "tools/every_command.h"

namespace bbz::tools {
namespace {

TEST_F(EveryCommand, DoesWhatTheTableSays) {
  for (const auto& rows : {successes(), failures()}) {
    for (const CommandLine& row : rows) {
      const Finished finished = run(row);
      EXPECT_EQ(finished.code, row.code) << row.command << "\n" << finished.err;
      EXPECT_EQ(exists("out"), row.makes) << row.command;
      EXPECT_EQ(!finished.out.empty(), row.prints) << row.command;
      if (row.code != 0 && !row.prints) {
        EXPECT_NE(finished.err, "") << row.command;
      }
      EXPECT_EQ(strays(), std::set<std::string>()) << row.command;
    }
  }
}

}  // namespace
}  // namespace bbz::tools
