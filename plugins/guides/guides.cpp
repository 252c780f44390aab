// The guides plugin's code: who fits a tour, what he is handed, whom he calls.
#include <algorithm>
#include <caravan/json.hpp>
#include <caravan/plugin.hpp>
#include <charconv>
#include <map>

#include "../shared/fields.h"
#include "suitability.h"

namespace {

using namespace caravan::sdk;
using departments::day_text, departments::id_text, departments::list_of, departments::number_of,
    departments::word;

constexpr const char* live = "record.state in ['proposed', 'offered', 'accepted', 'on_tour']";

guides::Guide guide_of(const Record& record) {
  guides::Guide guide;
  guide.id = record.id().value;
  guide.name = word(record, "name");
  guide.home = word(record, "home");
  guide.languages = list_of(record.text("languages"));
  guide.regions = list_of(record.text("regions"));
  guide.licence_until = record.date("licence_until");
  guide.leader_until = record.date("leader_until");
  guide.passport_until = record.date("passport_until");
  guide.visa_until = record.date("visa_until");
  const auto number = [](const std::optional<Decimal>& value) {
    double out = 0;
    if (value) {
      const std::string text = value->str();
      std::from_chars(text.data(), text.data() + text.size(), out);
    }
    return out;
  };
  if (const auto rating = record.decimal("rating")) guide.rating = number(rating);
  guide.day_rate_cents = static_cast<std::int64_t>(number(record.decimal("day_rate")) * 100 + 0.5);
  return guide;
}

/// All active guides with what they are busy with, from 60 days before the duty to 60 after it; `except` an
/// assignment that is to be replaced.
std::vector<guides::Guide> guides_around(const Call& call, const guides::Span& when,
                                         std::optional<Id> except) {
  std::vector<guides::Guide> list;
  std::map<std::int64_t, std::size_t> at;
  call.for_each("guides.guide", {.filter = "record.active == true", .sort = "id"}, [&](const Record& record) {
    at[record.id().value] = list.size();
    list.push_back(guide_of(record));
  });
  const auto busy = [&](const Record& record, const char* until) {
    const auto guide = record.ref("guide");
    const auto from = record.date("from"), to = record.date(until);
    if (!guide || !from || !to || (except && record.id() == *except)) return;
    if (const auto found = at.find(guide->value); found != at.end())
      list[found->second].busy.push_back({*from, *to});
  };
  const std::string around = " && record.to >= date(\"" + day_text(when.from - std::chrono::days(60)) +
                             "\") && record.from <= date(\"" + day_text(when.to + std::chrono::days(60)) +
                             "\")";
  call.for_each("guides.assignment", {.filter = live + around, .sort = "id"},
                [&](const Record& record) { busy(record, "blocked_until"); });
  call.for_each("guides.absence", {.filter = "record.state == 'reported'" + around, .sort = "id"},
                [&](const Record& record) {
                  const auto guide = record.ref("guide");
                  const auto from = record.date("from"), to = record.date("to");
                  if (!guide || !from || !to) return;
                  if (const auto found = at.find(guide->value); found != at.end())
                    list[found->second].busy.push_back({*from, *to});
                });
  return list;
}

int passport_days(const Call& call) {
  return static_cast<int>(call.settings().integer("guides.visa_reserve").value_or(180));
}

guides::Duty duty_of(const Record& assignment) {
  guides::Duty duty;
  duty.role = word(assignment, "role");
  duty.language = word(assignment, "language");
  duty.region = word(assignment, "region");
  duty.when = {assignment.date("from").value_or(Date()), assignment.date("to").value_or(Date())};
  duty.abroad = assignment.boolean("abroad").value_or(false);
  return duty;
}

/// `GET /suitability?departure=ID&role=leader` for a new duty, `?assignment=ID` for who could replace
/// somebody: all guides, ranked, with reasons.
Response suitability(Request& request) {
  guides::Duty duty;
  std::optional<Id> except;
  if (const auto id = number_of(request.query("assignment"))) {
    duty = duty_of(request.read("guides.assignment", Id{*id}));
    except = Id{*id};
  } else if (const auto departure_id = number_of(request.query("departure"))) {
    const Record departure = request.read("scheduling.departure", Id{*departure_id});
    duty.role = std::string(request.query("role").value_or("national"));
    duty.language = word(departure, "language");
    duty.region = word(departure, "region");
    duty.when = {departure.date("depart_on").value_or(Date()), departure.date("return_on").value_or(Date())};
    duty.abroad = request.query("abroad") == "true";
  } else {
    throw Refusal(Status::invalid_argument,
                  request.say({{"en", "Name a `departure` or an `assignment` by its id."},
                               {"zh-CN", "请给出团期 `departure` 或派团 `assignment` 的编号。"},
                               {"zh-TW", "請給出團 `departure` 或派遣 `assignment` 的編號。"}}));
  }
  const auto all = guides_around(request, duty.when, except);
  std::map<std::int64_t, const guides::Guide*> by_id;
  for (const auto& one : all) by_id[one.id] = &one;
  JsonWriter out;
  out.begin_object()
      .key("from")
      .text(day_text(duty.when.from))
      .key("to")
      .text(day_text(duty.when.to))
      .key("items")
      .begin_array();
  for (const auto& one : guides::rank(duty, all, passport_days(request))) {
    out.begin_object()
        .key("guide")
        .text(std::to_string(one.id))
        .key("name")
        .text(by_id[one.id]->name)
        .key("possible")
        .boolean(one.possible)
        .key("score")
        .number(one.score);
    departments::write_reasons(out, one.reasons);
    out.end_object();
  }
  out.end_array().end_object();
  return Response::json(std::move(out).str());
}

/// `call: guides.find_replacements`: for each tour of a guide who is away, the note on the absence says who
/// could go instead.
void find_replacements(Hook& hook) {
  Record absence = hook.read("guides.absence", hook.record().id());
  const auto guide = absence.ref("guide");
  const auto from = absence.date("from"), to = absence.date("to");
  if (!guide || !from || !to) return;
  std::string text;
  const std::string filter = "record.guide == " + id_text(*guide) + " && record.role != 'absence' && " +
                             live + " && record.from <= date(\"" + day_text(*to) +
                             "\") && record.to >= date(\"" + day_text(*from) + "\")";
  std::vector<std::pair<Id, guides::Duty>> duties;
  std::vector<std::string> numbers;
  hook.for_each("guides.assignment", {.filter = filter, .sort = "from,id"}, [&](const Record& record) {
    duties.emplace_back(record.id(), duty_of(record));
    numbers.push_back(word(record, "number"));
  });
  for (std::size_t i = 0; i < duties.size(); ++i) {
    const auto all = guides_around(hook, duties[i].second.when, duties[i].first);
    std::map<std::int64_t, std::string> names;
    for (const auto& one : all) names[one.id] = one.name;
    text += numbers[i] + "：";
    int told = 0;
    for (const auto& one : guides::rank(duties[i].second, all, passport_days(hook))) {
      if (!one.possible || one.id == guide->value || told == 3) continue;
      text += (told++ ? "、" : "") + names[one.id] + "（" + std::to_string(one.score) + "）";
    }
    text += told ? "\n" : "—\n";
  }
  absence.set("replacements", text);
  absence.update();
}

/// Makes the calls of an assignment for these orders; once, whatever is tried again.
void make_calls(Hook& hook, Id assignment, std::vector<std::pair<Id, Id>> orders) {
  hook.for_each("guides.call", {.filter = "record.assignment == " + id_text(assignment), .sort = "id"},
                [&](const Record& call) {
                  const auto order = call.ref("order");
                  std::erase_if(orders, [&](const auto& one) { return order && one.first == *order; });
                });
  for (const auto& [order, customer_id] : orders) {
    const Record customer = hook.read("customers.customer", customer_id);
    Record call = hook.make("guides.call");
    call.set("assignment", assignment);
    call.set("order", order);
    call.set("customer", customer_id);
    if (const auto phone = customer.text("phone")) call.set("phone", *phone);
    call.create();
  }
}

/// `call: guides.plan_calls`: a call to make for each order of the departure.
void plan_calls(Hook& hook) {
  const Record& assignment = hook.record();
  const auto departure = assignment.ref("departure");
  if (!departure) return;
  std::vector<std::pair<Id, Id>> wanted;
  departments::for_confirmed_orders(hook, *departure, [&](const Record& order) {
    if (const auto customer = order.ref("customer")) wanted.emplace_back(order.id(), *customer);
  });
  make_calls(hook, assignment.id(), std::move(wanted));
}

/// `call: guides.plan_call`: an order that joins the tour after its guides accepted.
void plan_call(Hook& hook) {
  const Record order = hook.read("sales.order", hook.record().id());
  const auto departure = order.ref("departure"), customer = order.ref("customer");
  if (!departure || !customer || order.state() != "confirmed") return;
  std::vector<Id> assignments;
  hook.for_each("guides.assignment",
                {.filter = "record.departure == " + id_text(*departure) + " && record.state == 'accepted'",
                 .sort = "id"},
                [&](const Record& assignment) { assignments.push_back(assignment.id()); });
  for (const Id assignment : assignments) make_calls(hook, assignment, {{order.id(), *customer}});
}

/// A new hand-over sheet says what the guide must know of the customers and the trip.
void write_handover(Hook& hook) {
  Record& sheet = hook.record();
  const auto departure_id = sheet.ref("departure");
  if (!departure_id) return;
  const Record departure = hook.read("scheduling.departure", *departure_id);
  std::string text = "# " + word(departure, "number") + "\n\n";
  if (const auto product_id = departure.ref("product")) {
    text += "## 行程\n\n";
    hook.for_each(
        "sales.itinerary_day", {.filter = "record.product == " + id_text(*product_id), .sort = "day"},
        [&](const Record& day) {
          text += "- 第 " + std::to_string(day.integer("day").value_or(0)) + " 天 " + word(day, "title") +
                  "：" + word(day, "sights") + "，住 " + word(day, "hotel") + "\n";
        });
  }
  text += "\n## 客户\n";
  departments::for_confirmed_orders(hook, *departure_id, [&](const Record& order) {
    text += "\n### " + word(order, "number");
    if (const auto customer_id = order.ref("customer")) {
      if (const auto customer = hook.find("customers.customer", *customer_id)) {
        text += " " + word(*customer, "name") + " " + word(*customer, "phone") + "\n";
        const std::string likes = word(*customer, "preferences"), meals = word(*customer, "meals");
        if (!likes.empty()) text += "- 偏好：" + likes + "\n";
        if (!meals.empty()) text += "- 餐饮：" + meals + "\n";
      }
    }
    text += "\n";
    if (const std::string needs = word(order, "needs"); !needs.empty())
      text += "- 订单特殊需求：" + needs + "\n";
    hook.for_each(
        "sales.traveller",
        {.filter = "record.order == " + id_text(order.id()) + " && record.state == 'active'", .sort = "id"},
        [&](const Record& one) {
          text += "- " + word(one, "name");
          if (const std::string phone = word(one, "phone"); !phone.empty()) text += " " + phone;
          if (const std::string needs = word(one, "needs"); !needs.empty()) text += "，" + needs;
          text += "；紧急联系人 " + word(one, "emergency_name") + " " + word(one, "emergency_phone") + "\n";
        });
  });
  text += "\n## 服务\n\n";
  hook.for_each("scheduling.service_line",
                {.filter = "record.departure == " + id_text(*departure_id) +
                           " && record.state in ['confirmed', 'amendment_unconfirmed', 'used']",
                 .sort = "from,id"},
                [&](const Record& line) {
                  text += "- " + word(line, "name") + "，确认号 " + word(line, "reference") + "\n";
                });
  sheet.set("text", text);
  sheet.set("list_version", departure.integer("list_version").value_or(0));
}

class Guides final : public Plugin {
  void setup(Setup& setup) override {
    setup.action("guides.absence", "find_replacements", find_replacements);
    setup.action("guides.assignment", "plan_calls", plan_calls);
    setup.action("sales.order", "plan_call", plan_call);
    setup.on("guides.handover", Point::before_create, write_handover);
    setup.route("GET", "/suitability", "suitability", suitability);
  }
};

}  // namespace

CARAVAN_PLUGIN(Guides)
