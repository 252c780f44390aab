#include "plugin/inspect.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "base/error.h"

namespace caravan::plugin {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(Inspection, ReadsHowALibraryWasLinked) {
  std::ifstream in("/lib/x86_64-linux-gnu/libc.so.6", std::ios::binary);
  if (!in) in.open("/lib/aarch64-linux-gnu/libc.so.6", std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), {}};
  ASSERT_FALSE(bytes.empty());
  const Inspection libc = inspect(bytes);
  EXPECT_THAT(libc.exported, Contains("malloc"));
  EXPECT_TRUE(libc.relro);
  EXPECT_FALSE(libc.executable_stack);
  EXPECT_FALSE(libc.text_relocations);
  EXPECT_THAT(judge(libc).errors, Contains(HasSubstr("beside caravan_plugin_v1")));
}

TEST(Inspection, TellsWhatIsAmiss) {
  Inspection good;
  good.exported = {"caravan_plugin_v1"};
  good.needed = {"libc.so.6", "libstdc++.so.6"};
  good.no_delete = good.bind_now = good.relro = true;
  EXPECT_THAT(judge(good).errors, IsEmpty());
  EXPECT_THAT(judge(good).warnings, IsEmpty());
  Inspection bad = good;
  bad.exported = {"caravan_plugin_v1", "helper"};
  bad.unique = {"_ZN1x1yE"};
  bad.needed.emplace_back("libcurl.so.4");
  bad.text_relocations = bad.executable_stack = bad.search_path = true;
  bad.no_delete = bad.bind_now = false;
  EXPECT_EQ(judge(bad).errors.size(), 4u);
  EXPECT_THAT(judge(bad).errors, Contains(HasSubstr("exports helper beside")));
  EXPECT_THAT(judge(bad).warnings, Contains(HasSubstr("libcurl.so.4")));
  EXPECT_EQ(judge(bad).warnings.size(), 4u);
}

TEST(Inspection, RefusesWhatIsNoLibrary) {
  EXPECT_THROW(inspect(""), Error);
  EXPECT_THROW(inspect("#!/bin/sh\n"), Error);
  EXPECT_THROW(inspect(std::string("\x7f" "ELF", 4) + std::string(100, '\0')), Error);
}

}  // namespace
}  // namespace caravan::plugin
