#include <gtest/gtest.h>

#include "model/check_codes.h"
#include "model/diagnostics.h"

namespace caravan::model {
namespace {

/// A file of an edition before the first one: every check that there is came later.
struct OlderFile : ::testing::Test {
  FileInfo file;
  Diagnostics diagnostics;
  OlderFile() { file.name = "old.yaml"; }
  Diagnostic::Severity told(int edition, const char* code) {
    file.edition = edition;
    diagnostics.error({&file, 1, 1}, code, "something", "do this");
    return diagnostics.take().at(0).severity;
  }
};

TEST_F(OlderFile, IsOnlyWarnedByLaterChecks) {
  EXPECT_EQ(told(first_edition - 1, "unknown-field"), Diagnostic::Severity::warning);
  EXPECT_FALSE(diagnostics.failed());
}

TEST_F(OlderFile, IsToldFromWhenOnItIsAnError) {
  file.edition = first_edition - 1;
  diagnostics.error({&file, 1, 1}, "unknown-field", "something", "do this");
  EXPECT_EQ(diagnostics.take().at(0).hint, "do this; an error from edition 2026 on");
}

TEST_F(OlderFile, AFileOfTheCheckSEditionIsRefused) {
  EXPECT_EQ(told(first_edition, "unknown-field"), Diagnostic::Severity::error);
  EXPECT_TRUE(diagnostics.failed());
}

TEST(Editions, EveryCheckHasOneThatThereIs) {
  for (const CheckCode& code : check_codes()) {
    EXPECT_GE(code.edition, first_edition) << code.code;
    EXPECT_LE(code.edition, current_edition) << code.code;
  }
}

}  // namespace
}  // namespace caravan::model
