#include "channels/delivery.h"

#include <gmock/gmock.h>

#include "base/error.h"
#include "channels/outbound.h"
#include "support/fake_clock.h"
#include "support/gate.h"

namespace caravan::channels {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

/// A channel that refuses what it is given.
struct Refusing final : OtherChannels {
  explicit Refusing(std::string why_) : why(std::move(why_)) {}
  void send(const records::Context&, const OutgoingMessage&) const override { throw Error(ErrorCode::invalid_argument, why); }
  std::string why;
};

struct DeliveryTest : test::GateTest {
  records::Record after(const records::Record& message, const std::string& refusal) {
    jobs::QueueOptions options;
    options.database_time = false;
    jobs::Queue queue(database(), clock, options);
    const Delivery delivery(gate(), [this] { return catalog; }, clock, {}, std::make_shared<Refusing>(refusal));
    queue.handle(message_kind, [&](jobs::Attempt& attempt) { delivery.message(attempt); });
    jobs::NewJob job;
    job.kind = message_kind;
    job.payload = "{\"message\":\"" + id(message) + "\"}";
    database().transact([&](storage::Session& session) { jobs::enqueue(session, 900'001, job, clock.now()); });
    queue.drain();
    return gate().get(system(), message.entity(), message.id());
  }
  records::Context system() const {
    auto context = as("", 0);
    context.actor.system = true;
    return context;
  }
  records::Record message(const std::string& body) {
    const model::Entity& entity = *catalog->entity("core.message");
    const auto input = records::parse_input(*catalog, entity, R"({"channel":"plug.chat","recipient":"li","subject":"S","body":")" + body + "\"}", "en");
    records::Record made;
    // As rules make them: people do not.
    gate().transact(system(), [&](records::Work& work) { made = work.create(entity, input, records::Authority::definition); });
    return made;
  }
  caravan::testing::FakeClock clock;
};

TEST_P(DeliveryTest, WhyAMessageFailedMayBeOfAnyForm) {
  std::string why = "first line\nsecond\tline \x01\xff ";
  for (int i = 0; i < 600; ++i) why += "字";
  const auto failed = after(message("hello"), why);
  EXPECT_EQ(failed.state(), "failed") << "and is not queued for ever";
  EXPECT_THAT(text(failed, "error"), HasSubstr("first line second line"));
  EXPECT_THAT(text(failed, "error"), HasSubstr("字字字\""));
}

TEST_P(DeliveryTest, ALongReasonHoldsAMessageToo) {
  std::string reason;
  for (int i = 0; i < 190; ++i) reason += "字";
  for (const char* phrase : {"one", "two", "three"}) {
    create(system(), "core.forbidden_phrase", R"({"phrase":")" + std::string(phrase) + R"(","reason":")" + reason + "\"}");
  }
  const auto held = after(message("one two three"), "");
  EXPECT_EQ(held.state(), "held");
  EXPECT_THAT(text(held, "error"), HasSubstr(reason));
}

CARAVAN_ON_BOTH_DATABASES(DeliveryTest);

}  // namespace
}  // namespace caravan::channels
