#include <algorithm>
#include <array>
#include <limits>

#include "base/time_zone.h"
#include "model/builder_state.h"
#include "model/process.h"

// Calendars and clocks.

namespace caravan::model {
namespace {

constexpr std::array<std::string_view, 7> day_names{"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"};
constexpr std::int32_t most_days_in_a_range = 366;

/// `09:30` in minutes, `24:00` as the day's end; -1 where malformed.
int minute_of(std::string_view text) {
  const auto digit = [&](std::size_t i) { return text[i] >= '0' && text[i] <= '9'; };
  if (text.size() != 5 || text[2] != ':' || !digit(0) || !digit(1) || !digit(3) || !digit(4)) return -1;
  const int hour = (text[0] - '0') * 10 + text[1] - '0', minute = (text[3] - '0') * 10 + text[4] - '0';
  if (minute > 59 || hour > 24 || (hour == 24 && minute != 0)) return -1;
  return hour * 60 + minute;
}

}  // namespace

std::optional<std::int64_t> duration_seconds(std::string_view text) {
  std::int64_t total = 0;
  std::string_view units = "hms";
  if (text.empty()) return std::nullopt;
  while (!text.empty()) {
    std::int64_t number = 0;
    std::size_t digits = 0;
    while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9') {
      if (digits == 9) return std::nullopt;
      number = number * 10 + (text[digits++] - '0');
    }
    const std::size_t unit = digits < text.size() ? units.find(text[digits]) : std::string_view::npos;
    if (digits == 0 || unit == std::string_view::npos) return std::nullopt;
    total += number * (text[digits] == 'h' ? 3600 : text[digits] == 'm' ? 60 : 1);
    units.remove_prefix(unit + 1);
    text.remove_prefix(digits + 1);
  }
  return total;
}

std::vector<DayPart> Builder::day_parts(const Node& node) {
  std::vector<DayPart> out;
  if (node.bad) return out;
  std::vector<const Node*> items;
  if (node.is_scalar()) items.push_back(&node);
  for (const Node& item : node.items) items.push_back(&item);
  for (const Node* item : items) {
    if (item->bad || !item->is_scalar()) continue;
    const std::size_t dash = item->text.find('-');
    DayPart part{-1, -1};
    if (dash != std::string::npos) {
      std::string_view from(item->text.data(), dash), to(item->text.data() + dash + 1, item->text.size() - dash - 1);
      while (!from.empty() && from.back() == ' ') from.remove_suffix(1);
      while (!to.empty() && to.front() == ' ') to.remove_prefix(1);
      part = {minute_of(from), minute_of(to)};
    }
    if (part.from < 0 || part.to < 0 || part.from >= part.to) {
      diagnostics_.error(item->at, "bad-hours", quoted(item->text) + " is no part of a day",
                         part.from >= 0 && part.to >= 0 ? "a part ends after it begins; one over midnight is two, until 24:00 and from 00:00"
                                                        : "write e.g. \"09:00-12:00\", until \"24:00\" at the latest");
    } else if (!out.empty() && part.from < out.back().to) {
      diagnostics_.error(item->at, "bad-hours", quoted(item->text) + " begins before the part in front of it ends",
                         "put the parts in order, without overlap");
    } else if (!out.empty() && part.from == out.back().to) {
      out.back().to = part.to;
    } else {
      out.push_back(part);
    }
  }
  return out;
}

std::vector<Date> Builder::dates_of(const Entry& entry) {
  std::vector<Date> out;
  if (entry.bad) return out;
  const std::string_view key = entry.key;
  const std::optional<Date> first = parse_date(key.substr(0, 10)), last = key.size() > 10 ? parse_date(key.substr(12)) : first;
  if (!first || !last) {
    diagnostics_.error(entry.at, "no-such-day", "there is no day " + std::string(!first ? key.substr(0, 10) : key.substr(12)),
                       "correct the date; it is year-month-day");
  } else if (*last < *first || last->days - first->days >= most_days_in_a_range) {
    diagnostics_.error(entry.at, "no-such-day", quoted(key) + (*last < *first ? " ends before it begins" : " is longer than a year"),
                       "write the first day and the last");
  } else {
    for (Date day = *first; day <= *last; ++day.days) out.push_back(day);
  }
  return out;
}

void Builder::declare_calendar(const Document& document) {
  auto owned = std::make_unique<WorkingHours>();
  owned->name = document.name;
  owned->origin = to_origin(document.at);
  calendar_documents_[document.name] = {owned.get(), &document};
  catalog_->calendars.push_back(std::move(owned));
}

void Builder::build_calendars() {
  for (auto& [name, declared] : calendar_documents_) build_calendar(*declared.first, *declared.second);
  sort(catalog_->calendars);
  for (const Document& document : documents_) {
    if (document.kind->name != "agency") continue;
    if (const Node* node = document.root.get("calendar")) catalog_->agency.calendar = find_calendar({node->text, node->at}, "agency");
  }
}

const WorkingHours* Builder::find_calendar(const Mention& mention, std::string_view module) {
  const auto found = calendar_documents_.find(resolve(mention.text, module));
  if (found != calendar_documents_.end()) return found->second.first;
  if (!is_lost("calendar", resolve(mention.text, module))) unknown(mention.at, "calendar", mention.text, names(catalog_->calendars));
  return nullptr;
}

void Builder::build_calendar(WorkingHours& calendar, const Document& document) {
  calendar.label = label_of(document.root, document.at, "calendar " + quoted(document.name), plain(humanised(document.name)));
  // What it is based on, the farthest first.
  std::vector<const Document*> chain{&document};
  for (const Document* at = &document;;) {
    const Node* base = at->root.get("base");
    if (!base || !base->is_scalar()) break;
    const std::string name = resolve(base->text, module_of(at->name));
    const auto found = calendar_documents_.find(name);
    if (found == calendar_documents_.end()) {
      if (at == &document) find_calendar({base->text, base->at}, module_of(at->name));
      break;
    }
    at = found->second.second;
    if (std::find(chain.begin(), chain.end(), at) != chain.end()) {
      if (at == &document) diagnostics_.error(base->at, "calendar-cycle", "calendar " + quoted(document.name) + " is based on itself", "let one of them stand alone");
      break;
    }
    chain.push_back(at);
  }
  std::reverse(chain.begin(), chain.end());

  calendar.time_zone = catalog_->agency.time_zone;
  const Document* hours = nullptr;
  for (const Document* one : chain) {
    if (const Node* zone = one->root.get("time_zone")) {
      if (is_time_zone(zone->text)) {
        calendar.time_zone = zone->text;
      } else if (one == &document) {
        diagnostics_.error(zone->at, "unknown-time-zone", quoted(zone->text) + " is not a time zone", "write an IANA name such as Asia/Shanghai, or UTC");
      }
    }
    if (one->root.entry("hours")) hours = one;
  }
  bool doubts = false, any = false;
  if (hours) {
    // Mistakes are told where they stand, once.
    Diagnostics silent;
    const Node* node = hours->root.get("hours");
    doubts = !node || doubtful(node);
    if (hours != &document) std::swap(silent, diagnostics_);
    for (std::size_t day = 0; node && day < day_names.size(); ++day) {
      const Entry* entry = node->entry(day_names[day]);
      if (!entry && day < 5) entry = node->entry("weekdays");
      if (!entry) entry = node->entry("daily");
      if (!entry || entry->bad) continue;
      doubts = doubts || entry->value.bad;
      calendar.week[day] = day_parts(entry->value);
      any = any || !calendar.week[day].empty() || !entry->value.items.empty() || entry->value.is_scalar();
    }
    if (hours != &document) std::swap(silent, diagnostics_);
  }
  if (!any && !doubts) {
    const Entry* entry = document.root.entry("hours");
    diagnostics_.error(entry ? entry->at : document.at, "no-hours", "calendar " + quoted(document.name) + " has no working hours",
                       "add e.g. `hours: {weekdays: [\"09:00-12:00\", \"13:30-18:00\"]}`, or the `base` that has them");
  }
  // A day on which somebody works goes before a holiday of the same layer of calendars.
  for (const Document* one : chain) {
    const bool own = one == &document;
    Diagnostics silent;
    if (!own) std::swap(silent, diagnostics_);
    if (const Node* holidays = one->root.get("holidays"); holidays && holidays->is_map()) {
      for (const Entry& entry : holidays->entries) {
        WorkingHours::Exception exception;
        if (entry.value.is_map() && !entry.value.bad && entry.value.entry("label")) exception.label = text_of(entry.value.get("label"), "the holiday " + entry.key);
        for (const Date date : dates_of(entry)) calendar.exceptions[date] = exception;
      }
    }
    if (const Node* workdays = one->root.get("workdays"); workdays && workdays->is_map()) {
      for (const Entry& entry : workdays->entries) {
        WorkingHours::Exception exception;
        if (entry.value.is_map() && !entry.value.bad) {
          if (entry.value.entry("label")) exception.label = text_of(entry.value.get("label"), "the workday " + entry.key);
          const Node *like = entry.value.get("like"), *parts = entry.value.get("hours");
          const auto day = like ? std::find(day_names.begin(), day_names.end(), like->text) : day_names.begin();
          if (parts) exception.parts = day_parts(*parts);
          else if (day != day_names.end()) exception.parts = calendar.week[static_cast<std::size_t>(day - day_names.begin())];
          if (own && exception.parts.empty() && !parts && any && !doubts) {
            diagnostics_.error(entry.at, "no-hours", "the workday " + entry.key + " has no hours: " + std::string(like ? like->text : "monday") + " is free",
                               "give it `hours`, or name another day in `like`");
          }
        }
        for (const Date date : dates_of(entry)) calendar.exceptions[date] = exception;
      }
    }
    if (!own) std::swap(silent, diagnostics_);
  }
}

void Builder::declare_clock(const Document& document) {
  auto owned = std::make_unique<ClockRule>();
  owned->name = document.name;
  owned->origin = to_origin(document.at);
  catalog_->clocks.push_back(std::move(owned));
}

std::vector<Effect> Builder::clock_effects(Draft& draft, const Node* node, const expr::Environment& environment) {
  return build_effects(&draft, draft.entity->module, node, environment);
}

void Builder::build_clock(ClockRule& clock, const Document& document) {
  const Node& root = document.root;
  const std::string subject = "clock " + quoted(clock.name), module = module_of(document.name);
  clock.label = label_of(root, document.at, subject, plain(humanised(document.name)));
  if (const Node* calendar = root.get("calendar")) {
    if (calendar->text != "always") clock.calendar = find_calendar({calendar->text, calendar->at}, module);
  } else {
    clock.calendar = catalog_->agency.calendar;
  }
  const Node* entity_node = root.get("entity");
  clock.entity = entity_node ? find_entity({entity_node->text, entity_node->at}, module) : nullptr;
  if (!clock.entity) return;
  Draft& draft = *draft_of(clock.entity);
  const expr::Environment environment = catalog_->record_environment(*clock.entity);
  const auto condition = [&](std::string_view word) -> std::shared_ptr<const expr::Program> {
    const Node* node = root.get(word);
    if (!node) return nullptr;
    auto program = compile_condition(*node, *clock.entity, environment, false);
    if (program && reads_user(*program)) {
      diagnostics_.error(node->at, "clock-user", tick(word) + " of " + subject + " asks for `user`, but a clock runs for everybody",
                         "ask about `record` only");
    }
    return program;
  };
  clock.start = condition("start");
  clock.pause = condition("pause");
  clock.stop = condition("stop");
  std::optional<std::int64_t> limit;
  if (const Node* within = root.get("within"); within && within->is_scalar()) {
    limit = duration_seconds(within->text);
    Node source = *within;
    if (limit) source.text = "duration('" + std::to_string(*limit) + "s')";
    expr::Environment wanted = environment;
    if (!limit && !within->text.empty() && within->text.back() == 'd' && std::all_of(within->text.begin(), within->text.end() - 1, [](char c) { return c >= '0' && c <= '9'; })) {
      diagnostics_.error(within->at, "bad-duration", quoted(within->text) + ": a day has no fixed length in working time", "write hours, e.g. 16h for two days of eight hours");
    } else if (auto program = compile(source, wanted, clock.entity)) {
      if (program->type().kind != expr::TypeKind::duration && program->type().kind != expr::TypeKind::any && program->type().kind != expr::TypeKind::null) {
        diagnostics_.error(within->at, "expression-type", "`within` gives " + expr::to_string(program->type()) + ", not a duration",
                           "write e.g. 24h, or \"record.urgent ? duration('4h') : duration('24h')\"");
      } else {
        if (reads_user(*program)) {
          diagnostics_.error(within->at, "clock-user", "`within` of " + subject + " asks for `user`, but a clock runs for everybody", "ask about `record` only");
        }
        clock.within = std::move(program);
      }
    }
    if (limit && *limit <= 0) diagnostics_.error(within->at, "bad-duration", subject + " leaves no time", "write e.g. 24h");
  }
  const auto actions = [&](std::string_view word, std::string_view time, std::vector<ClockRule::Action>& out) {
    const Node* node = root.get(word);
    if (!node || !node->is_map()) return;
    for (const Entry& entry : node->entries) {
      if (entry.bad || entry.value.bad || !entry.value.is_map()) continue;
      ClockRule::Action action;
      action.name = entry.key;
      action.origin = to_origin(entry.at);
      if (const Node* duration = entry.value.get(time)) {
        const auto seconds = duration_seconds(duration->text);
        if (!seconds) {
          diagnostics_.error(duration->at, "bad-duration", quoted(duration->text) + " is no time", "write hours, minutes and seconds, e.g. 2h, 90m or 1h30m");
          continue;
        }
        action.seconds = *seconds;
        if (word == "warn" && limit && *seconds >= *limit) {
          diagnostics_.error(duration->at, "warn-too-early", "warning " + quoted(entry.key) + " comes " + duration->text + " before the end of " + root.get("within")->text,
                             "write a shorter time than `within`");
        }
      }
      action.effects = clock_effects(draft, entry.value.get("do"), environment);
      out.push_back(std::move(action));
    }
    // In order of time: the earliest warning is the longest before.
    std::stable_sort(out.begin(), out.end(), [&](const auto& a, const auto& b) { return word == "warn" ? a.seconds > b.seconds : a.seconds < b.seconds; });
  };
  actions("warn", "before", clock.warn);
  actions("breach", "after", clock.breach);
}

bool Builder::reads_user(const expr::Program& program) {
  const auto fields = expr::read_fields(program);
  return std::any_of(fields.begin(), fields.end(), [](const expr::ReadField& field) { return field.type == &user_type(); });
}

void Builder::build_clocks() {
  std::size_t at = 0;
  for (const Document& document : documents_) {
    if (document.kind->name == "clock") build_clock(*catalog_->clocks[at++], document);
  }
  std::unordered_map<const ClockRule*, bool> named;
  for (Draft& draft : drafts_) {
    if (!draft.entity->workflow) continue;
    const Node* workflow = draft.document->root.get("workflow");
    const Node* states = workflow ? workflow->get("states") : nullptr;
    for (const auto& state : draft.entity->workflow->states) {
      const Entry* entry = states ? states->entry(state->name) : nullptr;
      const std::vector<Mention> all = entry && !entry->value.bad ? mentions(entry->value.get("clock")) : std::vector<Mention>();
      check_twice(all, "clock");
      for (const Mention& mention : all) {
        const std::string name = resolve(mention.text, draft.entity->module);
        const auto found = std::find_if(catalog_->clocks.begin(), catalog_->clocks.end(), [&](const auto& one) { return one->name == name; });
        if (found == catalog_->clocks.end()) {
          if (!is_lost("clock", name)) unknown(mention.at, "clock", mention.text, names(catalog_->clocks));
          continue;
        }
        ClockRule& clock = **found;
        named[&clock] = true;
        if (clock.entity && clock.entity != draft.entity) {
          diagnostics_.error(mention.at, "other-entity", "clock " + quoted(name) + " is of entity " + clock.entity->full_name,
                             "name a clock of " + draft.entity->full_name);
        } else if (clock.start) {
          diagnostics_.error(mention.at, "clock-starts-twice", "clock " + quoted(name) + " has a `start` of its own, so no state begins it",
                             "remove the one or the other");
        } else {
          state->clocks.push_back(&clock);
        }
      }
    }
  }
  at = 0;
  for (const Document& document : documents_) {
    if (document.kind->name != "clock") continue;
    const ClockRule& clock = *catalog_->clocks[at++];
    if (clock.entity && !document.root.entry("start") && !named.contains(&clock)) {
      diagnostics_.error(document.at, "clock-never-starts", "clock " + quoted(clock.name) + " never starts: it has no `start`, and no state names it",
                         "add `start`, or `clock: " + clock.name + "` to a state of " + clock.entity->full_name);
    }
  }
  sort(catalog_->clocks);
}

}  // namespace caravan::model
