// The scheduling plugin's code: what its definitions cannot say. Papers from the traveller list, and who is
// told of them.
#include <algorithm>
#include <caravan/json.hpp>
#include <caravan/plugin.hpp>

#include "../shared/fields.h"
#include "papers.h"

namespace {

using namespace caravan::sdk;
using departments::id_text, departments::word;

std::string day(const Record& record, std::string_view field) {
  const auto date = record.date(field);
  if (!date) return {};
  return departments::day_text(*date);
}

/// What a reference shows; empty where it is empty or may not be seen.
std::string named(const Call& call, const Record& record, std::string_view field, std::string_view entity,
                  std::string_view title) {
  const auto id = record.ref(field);
  if (!id) return {};
  const auto target = call.find(entity, *id);
  return target ? word(*target, title) : std::string();
}

/// Travellers of the departure's confirmed orders, those of one order together.
std::vector<scheduling::Traveller> travellers_of(const Call& call, Id departure) {
  std::vector<scheduling::Traveller> list;
  const std::string filter =
      "record.order.departure == " + id_text(departure) +
      " && record.state == 'active' && record.order.state in ['confirmed', 'travelling', 'finished']";
  call.for_each("sales.traveller", {.filter = filter, .sort = "order,id"}, [&](const Record& one) {
    scheduling::Traveller traveller;
    traveller.name = word(one, "name");
    traveller.pinyin = word(one, "name_pinyin");
    traveller.gender = word(one, "gender") == "female" ? "女" : word(one, "gender") == "male" ? "男" : "";
    traveller.born_on = day(one, "born_on");
    traveller.kind = word(one, "kind");
    traveller.document = scheduling::masked(word(one, "document_number"));
    traveller.phone = word(one, "phone");
    traveller.needs = word(one, "needs");
    traveller.room = word(one, "room");
    traveller.single_room = one.boolean("single_room").value_or(false);
    if (const auto order = one.ref("order")) traveller.order = id_text(*order);
    list.push_back(std::move(traveller));
  });
  return list;
}

scheduling::Group group_of(const Call& call, Id id) {
  const Record departure = call.read("scheduling.departure", id);
  scheduling::Group group;
  group.number = word(departure, "number");
  group.product = named(call, departure, "product", "sales.product", "name");
  group.depart_on = day(departure, "depart_on");
  group.return_on = day(departure, "return_on");
  group.time = word(departure, "depart_time");
  group.meeting_point = word(departure, "meeting_point");
  group.notes = word(departure, "notes");
  group.travellers = travellers_of(call, id);
  const std::string filter = "record.departure == " + id_text(id);
  call.for_each("scheduling.service_line", {.filter = filter, .sort = "from,id"}, [&](const Record& line) {
    group.services.push_back({word(line, "kind"), word(line, "name"),
                              named(call, line, "supplier", "scheduling.supplier", "name"), day(line, "from"),
                              day(line, "to"), word(line, "reference"), line.state(), word(line, "carries"),
                              line.integer("quantity").value_or(1)});
  });
  call.for_each("scheduling.dispatch",
                {.filter = filter + " && record.state != 'cancelled'", .sort = "from,id"},
                [&](const Record& run) {
                  group.vehicles.push_back({named(call, run, "vehicle", "scheduling.vehicle", "plate"),
                                            named(call, run, "driver", "scheduling.driver", "name"),
                                            named(call, run, "driver", "scheduling.driver", "phone"),
                                            day(run, "from"), day(run, "to"), word(run, "note")});
                });
  return group;
}

/// A new paper has its text, of the traveller list as it is.
void write_paper(Hook& hook) {
  Record& paper = hook.record();
  const auto departure = paper.ref("departure");
  if (!departure) return;
  const scheduling::Group group = group_of(hook, *departure);
  paper.set("text", scheduling::paper(group, word(paper, "kind")));
  paper.set("travellers", static_cast<std::int64_t>(group.travellers.size()));
}

void note_on_timeline(Hook& hook, Id customer, const char* occasion, const std::string& subject,
                      const std::string& text, const char* about, const std::string& number) {
  Record note = hook.make("customers.interaction");
  note.set("customer", customer);
  note.set("direction", "outbound");
  note.set("channel", "system");
  note.set("occasion", occasion);
  note.set("subject", subject);
  note.set("text", text);
  note.set("about_entity", about);
  note.set("about_number", number);
  note.create();
}

/// `call: scheduling.announce_paper`: a receipt for each order, and the notice on the customers' timelines.
/// Once, whatever is tried again.
void announce_paper(Hook& hook) {
  const Record& paper = hook.record();
  const auto departure = paper.ref("departure");
  if (!departure) return;
  const std::string number = word(paper, "number");
  std::vector<std::pair<Id, Id>> orders;
  departments::for_confirmed_orders(hook, *departure, [&](const Record& order) {
    if (const auto customer = order.ref("customer")) orders.emplace_back(order.id(), *customer);
  });
  hook.for_each("scheduling.receipt", {.filter = "record.document == " + id_text(paper.id()), .sort = "id"},
                [&](const Record& receipt) {
                  const auto order = receipt.ref("order");
                  std::erase_if(orders, [&](const auto& one) { return order && one.first == *order; });
                });
  for (const auto& [order, customer] : orders) {
    Record receipt = hook.make("scheduling.receipt");
    receipt.set("document", paper.id());
    receipt.set("order", order);
    receipt.set("customer", customer);
    receipt.create();
    note_on_timeline(hook, customer, "notice", "出团通知书 " + number, word(paper, "text"),
                     "scheduling.document", number);
  }
}

/// `call: scheduling.tell_incident`: the outcome on the timelines of the customers on the tour.
void tell_incident(Hook& hook) {
  const Record& incident = hook.record();
  const auto departure = incident.ref("departure");
  if (!departure) return;
  const std::string number = word(incident, "number");
  std::vector<Id> customers;
  departments::for_confirmed_orders(
      hook, *departure,
      [&](const Record& order) {
        if (const auto customer = order.ref("customer")) customers.push_back(*customer);
      },
      true);
  for (const Id customer : customers)
    note_on_timeline(hook, customer, "incident", "突发事件处理结果 " + number, word(incident, "outcome"),
                     "scheduling.incident", number);
}

/// `GET /waitlist/{departure}`: who waits, in order, and whether the seats that are left do for him.
Response waitlist(Request& request) {
  const auto id = departments::number_of(request.parameter("departure"));
  if (!id)
    throw Refusal(Status::not_found, request.say({{"en", "There is no such departure."},
                                                  {"zh-CN", "没有该团期。"},
                                                  {"zh-TW", "沒有該團。"}}));
  const Record departure = request.read("scheduling.departure", Id{*id});
  const std::int64_t left = departure.integer("left").value_or(0);
  JsonWriter out;
  out.begin_object().key("left").number(left).key("items").begin_array();
  bool first = true;
  request.for_each("scheduling.booking",
                   {.filter = "record.departure == " + std::to_string(*id) + " && record.state == 'waitlist'",
                    .sort = "-priority,created_at,id"},
                   [&](const Record& booking) {
                     const std::int64_t seats = booking.integer("seats").value_or(0);
                     const bool fits = seats <= left;
                     out.begin_object()
                         .key("booking")
                         .text(id_text(booking.id()))
                         .key("number")
                         .text(word(booking, "number"));
                     out.key("seats")
                         .number(seats)
                         .key("fits")
                         .boolean(fits)
                         .key("next")
                         .boolean(fits && first)
                         .end_object();
                     if (fits) first = false;
                   });
  out.end_array().end_object();
  return Response::json(std::move(out).str());
}

/// Seats go to the first that fits; whoever passes him over says why.
void fair_offer(Hook& hook) {
  if (hook.transition() != "offer") return;
  const Record& booking = hook.record();
  const auto departure_id = booking.ref("departure");
  if (!departure_id) return;
  const std::int64_t left = hook.read("scheduling.departure", *departure_id).integer("left").value_or(0);
  const std::string filter = "record.departure == " + id_text(*departure_id) +
                             " && record.state == 'waitlist' && record.seats <= " + std::to_string(left);
  const Page page =
      hook.list("scheduling.booking", {.filter = filter, .sort = "-priority,created_at,id", .limit = 1});
  if (page.items.empty() || page.items.front().id() == booking.id() || !booking.empty("skip_reason")) return;
  throw Refusal(
      "skip_reason", "not_first",
      hook.say(
          {{"en", "Another one is first on the waiting list (" + word(page.items.front(), "number") +
                      "): say why he is passed over."},
           {"zh-CN", "候补名单中 " + word(page.items.front(), "number") + " 排在前面，请填写跳过原因。"},
           {"zh-TW", "候補名單中 " + word(page.items.front(), "number") + " 排在前面，請填寫跳過原因。"}}));
}

class Scheduling final : public Plugin {
  void setup(Setup& setup) override {
    setup.on("scheduling.document", Point::before_create, write_paper);
    setup.action("scheduling.document", "announce_paper", announce_paper);
    setup.action("scheduling.incident", "tell_incident", tell_incident);
    setup.on("scheduling.booking", Point::before_transition, fair_offer);
    setup.route("GET", "/waitlist/{departure}", "planning", waitlist);
  }
};

}  // namespace

CARAVAN_PLUGIN(Scheduling)
