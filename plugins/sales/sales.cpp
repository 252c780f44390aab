// The sales plugin's code: what its definitions cannot say.
#include <algorithm>
#include <caravan/json.hpp>
#include <caravan/plugin.hpp>
#include <map>
#include <set>

#include "../shared/fields.h"
#include "fees.h"
#include "pipeline.h"
#include "pricing.h"
#include "recommend.h"

namespace {

using namespace caravan::sdk;
using departments::id_text, departments::list_of, departments::number_of;

constexpr std::size_t most_others = 2000, ids_at_once = 100;

/// Whoever takes down an inquiry owns it, unless it is given to another.
void default_owner(Hook& hook) {
  if (!hook.record().empty("owner")) return;
  if (const auto actor = hook.actor()) hook.record().set("owner", *actor);
}

/// The inquiries that the caller may see, per state.
Response pipeline(Request& request) {
  sales::Pipeline pipeline;
  request.for_each("sales.inquiry", {.sort = "id"},
                   [&](const Record& inquiry) { pipeline.add(inquiry.state(), inquiry.decimal("budget")); });
  return Response::json(pipeline.json());
}

std::int64_t cents_of(const std::optional<Decimal>& amount) {
  return amount ? sales::hundredths(amount->str()).value_or(0) : 0;
}

/// The rows of the fee policy for the product; where it has none of its own, the general ones.
std::vector<sales::FeeRule> fee_rules(const Call& call, const std::optional<Id>& product) {
  std::vector<sales::FeeRule> own, general;
  call.for_each("sales.fee_rule", {.sort = "id"}, [&](const Record& row) {
    const auto of = row.ref("product");
    if (of && (!product || of->value != product->value)) return;
    sales::FeeRule rule;
    rule.days_from = row.integer("days_from").value_or(0);
    const auto percent = row.decimal("percent");
    rule.percent_hundredths = percent ? sales::hundredths(percent->str()).value_or(0) : 0;
    rule.name = row.text("name").value_or(std::string());
    (of ? own : general).push_back(std::move(rule));
  });
  return own.empty() ? general : own;
}

/// The price of an order: the lines of each traveller, and what was priced for several together.
struct Prices {
  std::string currency;
  std::map<std::int64_t, std::int64_t> own;  ///< cents of a traveller's lines
  std::set<std::int64_t> fares;              ///< travellers with a fare of their own
  std::int64_t shared = 0;                   ///< cents of lines of no traveller
  std::int64_t all() const {
    std::int64_t sum = shared;
    for (const auto& [traveller, cents] : own) sum += cents;
    return sum;
  }
};

Prices prices_of(const Hook& hook, Id order) {
  Prices prices;
  hook.for_each("sales.order_line", {.filter = "record.order == " + id_text(order), .sort = "id"},
                [&](const Record& line) {
                  const std::string what = line.text("kind").value_or(std::string());
                  if (what == "fee" || what == "change") return;
                  const auto amount = line.decimal("amount");
                  if (amount && !amount->currency().empty()) prices.currency = amount->currency();
                  const auto traveller = line.ref("traveller");
                  if (!traveller) {
                    prices.shared += cents_of(amount);
                    return;
                  }
                  prices.own[traveller->value] += cents_of(amount);
                  if (what == "fare") prices.fares.insert(traveller->value);
                });
  return prices;
}

/// The step `price`: the fee of a change order by the policy. Its base is the price of those who leave: their
/// own lines, or, of who has no fare of his own, his share of what was priced for several together, by which
/// the order becomes cheaper.
void price_change(Hook& hook) {
  if (hook.transition() != "price") return;
  Record& change = hook.record();
  const auto order_id = change.ref("order");
  if (!order_id) return;
  const Record order = hook.read("sales.order", *order_id);
  const std::string kind = change.text("kind").value_or(std::string());
  const Prices prices = prices_of(hook, *order_id);
  const std::string& currency = prices.currency;
  std::int64_t base = 0, shares = 0;
  if (kind == "cancel") {
    base = prices.all();
  } else if (kind == "travellers") {
    std::set<std::int64_t> leaving;
    hook.for_each("sales.change_item", {.filter = "record.change == " + id_text(change.id()), .sort = "id"},
                  [&](const Record& item) {
                    if (const auto traveller = item.ref("traveller")) leaving.insert(traveller->value);
                  });
    std::int64_t sharing = 0, sharing_leave = 0;
    const std::string active = "record.order == " + id_text(*order_id) + " && record.state == 'active'";
    hook.for_each("sales.traveller", {.filter = active, .sort = "id"}, [&](const Record& traveller) {
      const std::int64_t id = traveller.id().value;
      const bool leaves = leaving.contains(id);
      if (const auto own = prices.own.find(id); leaves && own != prices.own.end()) base += own->second;
      if (prices.fares.contains(id)) return;
      ++sharing;
      sharing_leave += leaves ? 1 : 0;
    });
    if (sharing_leave > 0) shares = prices.shared * sharing_leave / sharing;
    base += shares;
  }
  const std::int64_t days = change.integer("days_before").value_or(0);
  const sales::Fee fee = sales::fee_for(fee_rules(hook, order.ref("product")), days, base,
                                        sales::cause_of(change.text("cause")));
  const auto money = [&](std::int64_t cents) {
    return Decimal::parse(sales::decimal_text(cents), currency).value_or(Decimal());
  };
  change.set("base", money(base));
  change.set("percent", *Decimal::parse(sales::decimal_text(fee.percent_hundredths)));
  change.set("fee", money(fee.cents));
  change.set("policy_fee", money(fee.cents));
  change.clear("fee_reason");
  if (shares != 0) change.set("difference", money(-shares));
  const std::string percent = sales::decimal_text(fee.percent_hundredths), amount = sales::decimal_text(base),
                    charged = sales::decimal_text(fee.cents);
  const std::string when = std::to_string(days);
  const std::string en = fee.rule.empty() ? "No fee."
                                          : fee.rule + ": " + when + " days before departure, " + percent +
                                                " % of " + amount + " = " + charged;
  const std::string zh = fee.rule.empty() ? "不收取费用。"
                                          : fee.rule + "：距出发 " + when + " 天，" + amount + " 的 " +
                                                percent + "% = " + charged;
  const std::string tw = fee.rule.empty() ? "不收取費用。"
                                          : fee.rule + "：距出發 " + when + " 天，" + amount + " 的 " +
                                                percent + "% = " + charged;
  change.set("explanation", hook.say({{"en", en}, {"zh-CN", zh}, {"zh-TW", tw}}));
}

/// `call: sales.price_travellers`: price lines by the product's season prices for the travellers of an order
/// who have none yet.
void price_travellers(Hook& hook) {
  const Record& order = hook.record();
  const auto product = order.ref("product");
  const auto on = order.date("depart_on");
  if (!product || !on) return;
  std::string currency;
  std::vector<sales::SeasonPrice> rows;
  hook.for_each(
      "sales.price", {.filter = "record.product == " + id_text(*product), .sort = "id"},
      [&](const Record& row) {
        const auto from = row.date("from"), to = row.date("to");
        const auto price = row.decimal("price");
        if (!from || !to || !price) return;
        currency = price->currency();
        rows.push_back({*from, *to, row.text("kind").value_or("adult"), row.integer("party_from").value_or(1),
                        cents_of(price), cents_of(row.decimal("single_supplement")),
                        row.text("season").value_or(std::string())});
      });
  const std::string mine = "record.order == " + id_text(order.id());
  std::set<std::int64_t> priced;
  hook.for_each("sales.order_line",
                {.filter = mine + " && record.kind == 'fare' && record.traveller != null", .sort = "id"},
                [&](const Record& line) { priced.insert(line.ref("traveller").value_or(Id{}).value); });
  struct Traveller {
    Id id;
    std::string kind;
    bool single;
  };
  std::vector<Traveller> travellers;
  hook.for_each("sales.traveller", {.filter = mine + " && record.state == 'active'", .sort = "id"},
                [&](const Record& one) {
                  if (!priced.contains(one.id().value))
                    travellers.push_back({one.id(), one.text("kind").value_or("adult"),
                                          one.boolean("single_room").value_or(false)});
                });
  const std::int64_t party = order.integer("party_size").value_or(1);
  const auto add = [&](const Traveller& traveller, const char* kind, const std::string& name,
                       std::int64_t cents) {
    Record line = hook.make("sales.order_line");
    line.set("order", order.id());
    line.set("kind", kind);
    line.set("name", name);
    line.set("traveller", traveller.id);
    line.set("unit_price", Decimal::parse(sales::decimal_text(cents), currency).value_or(Decimal()));
    line.create();
  };
  for (const Traveller& traveller : travellers) {
    const auto row = sales::price_for(rows, traveller.kind, *on, party);
    if (!row) continue;
    add(traveller, "fare", row->season, row->cents);
    if (traveller.single && row->single_cents > 0) add(traveller, "single", row->season, row->single_cents);
  }
}

std::optional<Date> date_of(std::optional<std::string_view> text) {
  if (!text || text->size() != 10) return std::nullopt;
  const auto part = [&](std::size_t from, std::size_t size) { return number_of(text->substr(from, size)); };
  const auto year = part(0, 4), month = part(5, 2), day = part(8, 2);
  if (!year || !month || !day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(*year)),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  return Date(date);
}

/// What an inquiry says of its need, with what the customer's file knows of his tastes.
sales::Need need_of(const Request& request, const Record& inquiry) {
  sales::Need need;
  need.places = sales::words_of(inquiry.text("destination").value_or(std::string()));
  need.depart_on = inquiry.date("depart_on");
  need.party = inquiry.integer("party_size").value_or(1);
  if (const auto budget = inquiry.decimal("per_head")) need.budget_cents = cents_of(budget);
  need.hotel_stars = inquiry.integer("hotel_standard");
  if (const auto id = inquiry.ref("customer")) {
    if (const auto customer = request.find("customers.customer", *id)) {
      need.interests = list_of(customer->text("interests"));
      if (!need.hotel_stars) need.hotel_stars = customer->integer("hotel_standard");
    }
  }
  return need;
}

/// What the query says goes before what the inquiry says.
void read_query(const Request& request, sales::Need& need) {
  if (const auto text = request.query("destination")) need.places = sales::words_of(*text);
  if (const auto date = date_of(request.query("depart_on"))) need.depart_on = date;
  if (const auto days = number_of(request.query("days"))) need.days = *days;
  if (const auto party = number_of(request.query("party"))) need.party = std::max<std::int64_t>(1, *party);
  if (const auto text = request.query("budget")) need.budget_cents = sales::hundredths(std::string(*text));
  if (const auto stars = number_of(request.query("hotel_standard"))) need.hotel_stars = *stars;
  if (const auto flexible = number_of(request.query("flexible_days")))
    need.flexible_days = static_cast<int>(std::clamp<std::int64_t>(*flexible, 0, 60));
  if (const auto text = request.query("interests")) need.interests = sales::words_of(*text);
}

/// Departures on sale that are near the wished day (all, without one), by product. Empty where no plugin
/// plans departures, or the caller may not see them.
std::map<std::int64_t, std::vector<sales::Offer>> offers_of(const Request& request, const sales::Need& need) {
  std::map<std::int64_t, std::vector<sales::Offer>> offers;
  std::string filter =
      "record.state in ['on_sale', 'guaranteed'] && record.left > 0 && record.depart_on > today()";
  if (need.depart_on) {
    const std::chrono::days near(need.flexible_days);
    filter += " && record.depart_on >= date(\"" + departments::day_text(*need.depart_on - near) +
              "\") && record.depart_on <= date(\"" + departments::day_text(*need.depart_on + near) + "\")";
  }
  try {
    request.for_each("scheduling.departure", {.filter = filter, .sort = "id"}, [&](const Record& departure) {
      const auto product = departure.ref("product");
      const auto date = departure.date("depart_on");
      if (!product || !date) return;
      offers[product->value].push_back({*date, departure.integer("left").value_or(0),
                                        cents_of(departure.decimal("price")),
                                        departure.text("number").value_or(std::string())});
    });
  } catch (const HostError& error) {
    if (error.status() != CARAVAN_E_UNKNOWN_NAME && error.status() != CARAVAN_FORBIDDEN) throw;
  }
  return offers;
}

sales::Candidate candidate_of(const Record& product) {
  sales::Candidate one;
  one.id = product.id().value;
  one.name = product.text("name").value_or(std::string());
  one.destination = product.text("destination").value_or(std::string());
  one.highlights = product.text("highlights").value_or(std::string());
  one.days = product.integer("days").value_or(0);
  one.price_cents = cents_of(product.decimal("price_from"));
  one.hotel_stars = product.integer("hotel_standard");
  one.interests = list_of(product.text("interests"));
  try {
    if (const auto rating = product.decimal("rating"))
      one.rating = static_cast<double>(cents_of(rating)) / 100;
  } catch (const HostError& error) {
    if (error.status() != CARAVAN_E_UNKNOWN_NAME) throw;  // of the after-sales plugin
  }
  return one;
}

/// What is weighed. All products with seats on a wished day are: nothing that fits is overlooked. Of the
/// others, which can only be told as nearly fitting, at most `most_others`, those of the wished places first.
struct Weighed {
  std::vector<sales::Candidate> candidates;
  bool all = true;  ///< false: there are others that were not looked at
};

Weighed weigh(const Request& request, const sales::Need& need, std::size_t wanted) {
  auto offers = offers_of(request, need);
  Weighed out;
  std::set<std::int64_t> seen;
  const auto take = [&](const Record& product) {
    if (!seen.insert(product.id().value).second) return;
    auto one = candidate_of(product);
    if (const auto found = offers.find(one.id); found != offers.end()) one.offers = std::move(found->second);
    out.candidates.push_back(std::move(one));
  };
  const std::string on_sale = "record.state == 'on_sale'";
  std::vector<std::int64_t> ids;
  for (const auto& [product, list] : offers) {
    if (std::any_of(list.begin(), list.end(),
                    [&](const sales::Offer& offer) { return offer.seats >= need.party; }))
      ids.push_back(product);
  }
  for (std::size_t begin = 0; begin < ids.size(); begin += ids_at_once) {
    std::string some;
    for (std::size_t i = begin; i < std::min(begin + ids_at_once, ids.size()); ++i)
      some += (some.empty() ? "" : ",") + std::to_string(ids[i]);
    request.for_each("sales.product", {.filter = on_sale + " && record.id in [" + some + "]", .sort = "id"},
                     take);
  }
  std::size_t fitting = 0;
  for (const auto& one : out.candidates) fitting += sales::score(need, one).fits ? 1 : 0;
  if (fitting >= wanted) return out;
  std::vector<std::string> filters;
  if (!need.places.empty()) {
    std::string places;
    for (const std::string& place : need.places) {
      for (const char* field : {"destination", "name", "highlights"})
        places += std::string(places.empty() ? "" : " || ") + "record." + field + ".contains(" +
                  departments::quoted(place) + ")";
    }
    filters.push_back(on_sale + " && (" + places + ")");
  }
  filters.push_back(on_sale);
  std::size_t others = 0;
  for (const std::string& filter : filters) {
    std::string after;
    do {
      const Page page =
          request.list("sales.product", {.filter = filter, .sort = "id", .after = after, .limit = 200});
      for (const Record& product : page.items) {
        if (seen.contains(product.id().value)) continue;
        if (others == most_others) {
          out.all = false;
          return out;
        }
        ++others;
        take(product);
      }
      after = page.next;
    } while (!after.empty());
  }
  return out;
}

/// `GET /recommend?inquiry=ID&limit=5`: products for the inquiry, or for what the query says, each with its
/// reasons. `items` fit dates, seats and budget, and are the best of all that do; `nearly` are those that do
/// not, where fewer than `limit` fit, the best of `looked_at` (of all, where `looked_at_all`).
Response recommend(Request& request) {
  sales::Need need;
  if (const auto text = request.query("inquiry")) {
    const auto id = number_of(text);
    if (!id)
      throw Refusal(Status::invalid_argument, request.say({{"en", "`inquiry` is the id of an inquiry."},
                                                           {"zh-CN", "`inquiry` 须为咨询的编号。"},
                                                           {"zh-TW", "`inquiry` 須為諮詢的編號。"}}));
    need = need_of(request, request.read("sales.inquiry", Id{*id}));
  }
  read_query(request, need);
  const auto limit = static_cast<std::size_t>(
      std::clamp<std::int64_t>(number_of(request.query("limit")).value_or(5), 1, 50));
  const Weighed weighed = weigh(request, need, limit);
  const auto& candidates = weighed.candidates;
  std::map<std::int64_t, const sales::Candidate*> by_id;
  for (const auto& one : candidates) by_id[one.id] = &one;
  const auto ranked = sales::recommend(need, candidates, limit);
  JsonWriter out;
  const auto write = [&](std::string_view key, bool fits) {
    out.key(key).begin_array();
    for (const auto& one : ranked) {
      if (one.fits != fits) continue;
      const sales::Candidate& product = *by_id[one.id];
      out.begin_object()
          .key("product")
          .text(std::to_string(one.id))
          .key("name")
          .text(product.name)
          .key("score")
          .number(one.score);
      out.key("price").text(sales::decimal_text(one.price_cents)).key("departure");
      if (one.departure.empty())
        out.null();
      else
        out.text(one.departure);
      departments::write_reasons(out, one.reasons);
      out.end_object();
    }
    out.end_array();
  };
  out.begin_object();
  write("items", true);
  write("nearly", false);
  out.key("looked_at").number(static_cast<std::int64_t>(candidates.size()));
  out.key("looked_at_all").boolean(weighed.all);
  out.end_object();
  return Response::json(std::move(out).str());
}

/// The customer file with one of these, or a new one.
Id customer_of(const Hook& hook, const Record& request) {
  std::string known;
  const auto either = [&](const char* field, const std::string& value) {
    if (value.empty() || value.find('"') != std::string::npos || value.find('\\') != std::string::npos)
      return;
    known += std::string(known.empty() ? "" : " || ") + "record." + field + " == \"" + value + "\"";
  };
  const std::string phone = request.text("phone").value_or(std::string());
  either("phone", phone);
  if (phone.size() == 11 && phone.front() == '1') either("phone", "+86" + phone);
  either("email", request.text("email").value_or(std::string()));
  std::optional<Id> found;
  const std::string name = request.text("name").value_or(std::string());
  if (!known.empty()) {
    // A family may share a telephone: the name decides, too.
    hook.for_each("customers.customer", {.filter = known, .sort = "id"}, [&](const Record& one) {
      if (!found && one.text("name") == name) found = one.id();
    });
  }
  if (found) return *found;
  Record made = hook.make("customers.customer");
  made.set("kind", "person");
  made.set("name", name);
  if (!phone.empty()) made.set("phone", phone);
  if (const auto email = request.text("email")) made.set("email", *email);
  made.create();
  return made.id();
}

/// `call: sales.take_request`: what was asked for on the website becomes an inquiry in the customer's file.
void take_request(Hook& hook) {
  Record request = hook.read("sales.request", hook.record().id());
  if (!request.empty("inquiry")) return;
  const auto given = request.ref("customer");
  const Id customer = given ? *given : customer_of(hook, request);
  Record inquiry = hook.make("sales.inquiry");
  inquiry.set("customer", customer);
  inquiry.set("channel", "website");
  for (const char* field : {"destination", "needs"}) {
    if (const auto text = request.text(field)) inquiry.set(field, *text);
  }
  if (const auto date = request.date("depart_on")) inquiry.set("depart_on", *date);
  if (const auto party = request.integer("party_size")) inquiry.set("party_size", *party);
  if (const auto budget = request.decimal("budget")) inquiry.set("budget", *budget);
  if (const auto actor = hook.actor()) inquiry.set("owner", *actor);
  inquiry.create();
  request.set("customer", customer);
  request.set("inquiry", inquiry.id());
  request.update();
}

/// A new revision of a proposal begins with the price lines of the one before.
void copy_lines(Hook& hook) {
  const auto previous = hook.record().ref("previous");
  if (!previous) return;
  struct Line {
    std::string kind, name;
    std::int64_t quantity;
    Decimal price;
  };
  std::vector<Line> lines;
  hook.for_each(
      "sales.proposal_line", {.filter = "record.proposal == " + id_text(*previous), .sort = "id"},
      [&](const Record& line) {
        if (const auto price = line.decimal("unit_price"))
          lines.push_back({line.text("kind").value_or("fare"), line.text("name").value_or(std::string()),
                           line.integer("quantity").value_or(1), *price});
      });
  for (const Line& one : lines) {
    Record line = hook.make("sales.proposal_line");
    line.set("proposal", hook.record().id());
    line.set("kind", one.kind);
    line.set("name", one.name);
    line.set("quantity", one.quantity);
    line.set("unit_price", one.price);
    line.create();
  }
}

class Sales final : public Plugin {
  void setup(Setup& setup) override {
    for (const char* entity : {"sales.inquiry", "sales.proposal", "sales.order", "sales.contract"})
      setup.on(entity, Point::before_create, default_owner);
    setup.on("sales.change_order", Point::before_transition, price_change);
    setup.on("sales.proposal", Point::after_create, copy_lines);
    setup.action("sales.order", "price_travellers", price_travellers);
    setup.action("sales.request", "take_request", take_request);
    setup.route("GET", "/pipeline", "pipeline", pipeline);
    setup.route("GET", "/recommend", "recommend", recommend);
  }
};

}  // namespace

CARAVAN_PLUGIN(Sales)
