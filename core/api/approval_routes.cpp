#include <algorithm>

#include "api/approval_json.h"
#include "api/json_writer.h"
#include "api/messages.h"
#include "api/negotiate.h"
#include "api/once.h"
#include "api/routes.h"
#include "api/titles.h"
#include "records/codec.h"

namespace caravan::api {
namespace {

using workflow::Approval;
using workflow::ApprovalQuery;
using workflow::ApprovalView;
using workflow::AskedStep;

const std::string& name_of(const ApprovalView& view, std::int64_t user) {
  static const std::string nobody;
  const auto found = view.names.find(user);
  return found != view.names.end() ? found->second : nobody;
}

void write_user(JsonWriter& json, std::string_view member, const ApprovalView& view, std::int64_t user) {
  if (user == 0) {
    json.key(member).null();
    return;
  }
  json.key(member).begin_object().member("id", std::to_string(user)).member("name", name_of(view, user)).end_object();
}

std::string role_label(const Call& call, const std::string& name) {
  const model::Role* role = call.context.catalog->role(name);
  return role != nullptr ? std::string(label_of(role->label, role->name, call.context.locale)) : name;
}

/// Roles and users who decide about a step, or still may.
void write_deciders(JsonWriter& json, const Call& call, const ApprovalView& view, const AskedStep& step, bool open) {
  const auto still = [&](const char* kind, const std::string& who) {
    const auto& seats = view.approval.seats;
    return !open || std::find(seats.begin(), seats.end(), workflow::Seat{kind, who}) != seats.end();
  };
  json.begin_array();
  for (const std::string& role : step.roles) {
    if (still("role", role)) json.string(role_label(call, role));
  }
  for (const std::int64_t user : step.users) {
    if (still("user", std::to_string(user))) json.string(name_of(view, user));
  }
  json.end_array();
}

void write_steps(JsonWriter& json, const Call& call, const ApprovalView& view) {
  const Approval& approval = view.approval;
  json.key("steps").begin_array();
  for (std::size_t i = 0; i < approval.steps.size(); ++i) {
    const AskedStep& step = approval.steps[i];
    const char* state = i < approval.step || approval.state == "approved" ? "done" : i > approval.step ? "coming" : approval.waits() ? "open" : "ended";
    json.begin_object().member("name", step.name).member("label", label_of(step.label, step.name, call.context.locale));
    json.member("state", state).member("all", step.all).key("deciders");
    write_deciders(json, call, view, step, false);
    json.key("waiting_for");
    if (i == approval.step && approval.waits()) write_deciders(json, call, view, step, true);
    else json.begin_array().end_array();
    json.key("decisions").begin_array();
    for (const auto& decision : approval.decisions) {
      if (decision.step != i) continue;
      json.begin_object();
      write_user(json, "by", view, decision.user_id);
      write_user(json, "deputy_of", view, decision.for_user);
      json.member("verdict", decision.verdict).member_or_null("comment", decision.comment);
      json.member("at", format_timestamp(decision.at)).key("version");
      if (decision.version != 0) json.number(decision.version);
      else json.null();
      json.end_object();
    }
    json.end_array().end_object();
  }
  json.end_array();
}

void decide(Call& call, workflow::Verdict verdict) {
  const auto id = parse_id(call.arguments[0]);
  const records::Json body = json_object(call, {"comment"});
  const std::string comment = text_member(call, body, "comment").value_or("");
  if (!id) throw refusal(call, ErrorCode::not_found, "no_record", {shown(call.arguments[0])});
  const auto version = verdict == workflow::Verdict::withdraw ? std::nullopt : expected_version(call, false);
  workflow::decide_approval(call.services.records, call.context, *id, verdict, comment, version, [&](const ApprovalView& view) {
    start_answer(call);
    JsonWriter json(call.response.body);
    write_approval(json, call, view);
  });
}

}  // namespace

void write_approval(JsonWriter& json, const Call& call, const ApprovalView& view) {
  const Approval& approval = view.approval;
  const std::string& locale = call.context.locale;
  const model::Entity* entity = call.context.catalog->entity(approval.entity);
  const model::Transition* transition = entity != nullptr && entity->workflow ? entity->workflow->transition(approval.transition) : nullptr;
  json.begin_object().member("id", std::to_string(approval.id)).member("entity", approval.entity);
  json.member("entity_label", entity != nullptr ? label_of(entity->label, entity->full_name, locale) : std::string_view(approval.entity));
  json.key("record").begin_object().member("id", std::to_string(approval.record_id));
  json.member_or_null("title", view.record ? title_of(*view.record, locale) : std::string()).key("version");
  if (view.record) json.number(view.record->version());
  else json.null();
  json.end_object().key("transition").begin_object().member("name", approval.transition);
  json.member("label", transition != nullptr ? label_of(transition->label, transition->name, locale) : std::string_view(approval.transition));
  json.end_object().member("state", approval.state);
  write_user(json, "asked_by", view, approval.asked_by);
  json.member("asked_at", format_timestamp(approval.asked_at)).member_or_null("comment", approval.comment);
  json.key("input").begin_array();
  for (const auto& [field, value] : workflow::shown_input(call.context, view)) {
    json.begin_object().member("field", field->name).member("label", label_of(*field, locale));
    records::write_value(json.key("value").value_follows(), *field, value);
    json.end_object();
  }
  json.end_array();
  write_steps(json, call, view);
  json.member("may_decide", view.may_decide).member("may_withdraw", view.may_withdraw);
  json.member_or_null("ended_at", approval.ended_at ? format_timestamp(*approval.ended_at) : std::string());
  json.member_or_null("reason", workflow::end_text(call.context, approval)).end_object();
}

void list_approvals(Call& call) {
  check_parameters(call, {"box", "limit", "after", "count"});
  ApprovalQuery query;
  if (const std::string* box = call.request.parameter("box")) {
    if (*box == "asked") query.box = ApprovalQuery::Box::asked;
    else if (*box == "all") query.box = ApprovalQuery::Box::all;
    else if (*box != "waiting") throw refusal(call, ErrorCode::invalid_argument, "approval_box", {shown(*box)});
  }
  query.limit = limit_parameter(call);
  query.count = flag_parameter(call, "count");
  if (const std::string* after = call.request.parameter("after")) query.after = *after;
  const workflow::ApprovalPage page = workflow::list_approvals(call.services.records, call.context, query);
  JsonWriter json(call.response.body);
  json.begin_object().key("items").begin_array();
  for (const ApprovalView& view : page.items) write_approval(json, call, view);
  json.end_array().member_or_null("next", page.next);
  if (page.total) json.member("total", *page.total);
  json.end_object();
  if (!page.next.empty()) call.response.headers.emplace_back("Link", next_link(call.request, "after", page.next));
}

void show_approval(Call& call) {
  check_parameters(call, {});
  const auto id = parse_id(call.arguments[0]);
  if (!id) throw refusal(call, ErrorCode::not_found, "no_record", {shown(call.arguments[0])});
  JsonWriter json(call.response.body);
  write_approval(json, call, workflow::show_approval(call.services.records, call.context, *id));
}

void approve(Call& call) { decide(call, workflow::Verdict::approve); }
void reject(Call& call) { decide(call, workflow::Verdict::reject); }
void withdraw_approval(Call& call) { decide(call, workflow::Verdict::withdraw); }

}  // namespace caravan::api
