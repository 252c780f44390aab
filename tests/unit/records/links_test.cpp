#include "records/links.h"

#include <set>

#include "support/gate.h"

namespace caravan::records {
namespace {

constexpr Timestamp begin{1800000000LL * 1000000};
Timestamp after(std::int64_t seconds) { return Timestamp{begin.micros + seconds * 1000000}; }

class Links : public test::GateTest {
 protected:
  std::string issue(std::int64_t record = 7, std::int64_t seconds = 100) {
    std::string token;
    database().transact([&](storage::Session& session) { token = issue_link(session, {"shop.track", "shop.order", record, 12, begin, after(seconds)}); });
    return token;
  }
  bool leads(const std::string& token, std::int64_t seconds = 1) { return find_link(*database().read(), token, after(seconds)).has_value(); }
  bool use(const std::string& token, std::int64_t seconds = 1) {
    bool used = false;
    database().transact([&](storage::Session& session) { used = use_link(session, token, after(seconds)); });
    return used;
  }
};

TEST_P(Links, LeadToOneRecordForTheirTime) {
  const std::string token = issue(), other = issue(8);
  EXPECT_GE(token.size(), 43u);
  EXPECT_NE(token, other);
  const auto link = find_link(*database().read(), token, after(1));
  ASSERT_TRUE(link);
  EXPECT_EQ(link->page, "shop.track");
  EXPECT_EQ(link->entity, "shop.order");
  EXPECT_EQ(link->record_id, 7);
  EXPECT_EQ(token.find(link->id), std::string::npos);
  EXPECT_TRUE(leads(token, 99));
  EXPECT_FALSE(leads(token, 100));
  EXPECT_FALSE(leads(token + "x"));
  EXPECT_FALSE(leads(token.substr(1)));
  EXPECT_FALSE(leads(""));
  EXPECT_FALSE(leads(std::string(1000000, 'a')));
  EXPECT_FALSE(leads(link->id));
}

TEST_P(Links, ServeOnceWhereTheyAreUsed) {
  const std::string token = issue();
  EXPECT_TRUE(use(token));
  EXPECT_FALSE(use(token));
  EXPECT_FALSE(leads(token));
  EXPECT_FALSE(use(issue(7, 1), 5)) << "expired";
}

TEST_P(Links, AreRevokedByWhatTheListTells) {
  const std::string token = issue(), other = issue(), foreign = issue(8);
  const auto mine = links_of(*database().read(), "shop.order", 7);
  ASSERT_EQ(mine.size(), 2u);
  const auto revoke = [&](std::int64_t record, const std::string& id) {
    bool done = false;
    database().transact([&](storage::Session& session) { done = revoke_link(session, "shop.order", record, id, after(1)); });
    return done;
  };
  EXPECT_FALSE(revoke(8, mine[0].id)) << "of another record";
  EXPECT_FALSE(revoke(7, mine[0].id.substr(1)));
  EXPECT_TRUE(revoke(7, mine[0].id));
  EXPECT_FALSE(revoke(7, mine[0].id));
  EXPECT_NE(leads(token), leads(other));
  EXPECT_TRUE(leads(foreign));
  const auto told = links_of(*database().read(), "shop.order", 7);
  EXPECT_EQ(told[0].revoked_at.has_value() + told[1].revoked_at.has_value(), 1);
}

TEST_P(Links, AreForgottenAMonthAfterTheirTime) {
  issue(7, 10);
  database().transact([&](storage::Session& session) { issue_link(session, {"shop.track", "shop.order", 9, 0, after(31 * 86400), after(40 * 86400)}); });
  EXPECT_TRUE(links_of(*database().read(), "shop.order", 7).empty());
}

CARAVAN_ON_BOTH_DATABASES(Links);

}  // namespace
}  // namespace caravan::records
