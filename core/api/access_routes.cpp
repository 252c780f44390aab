#include "api/json_writer.h"
#include "api/messages.h"
#include "api/negotiate.h"
#include "api/routes.h"
#include "api/titles.h"
#include "records/access.h"
#include "records/explain.h"

// Sharing of single records, and why somebody may or may not see one.

namespace caravan::api {
namespace {

using model::Entity;
using model::Operation;
using records::ConsideredGrant;
using records::Share;

/// How the one it was shared with is called; the bare id or name where he is gone or not to be seen.
std::string grantee_name(const Call& call, const Share& share, const Titles& users) {
  const std::string& locale = call.context.locale;
  switch (share.kind) {
    case Share::Kind::role: {
      const model::Role* role = call.context.catalog->role(share.grantee);
      return std::string(role ? label_of(role->label, role->name, locale) : std::string_view(share.grantee));
    }
    case Share::Kind::department: {
      const model::Department* department = call.context.catalog->department(share.grantee);
      return std::string(department ? label_of(department->label, department->name, locale) : std::string_view(share.grantee));
    }
    case Share::Kind::user: break;
  }
  const Entity* entity = call.context.catalog->entity("core.user");
  const auto id = parse_id(share.grantee);
  const std::string* name = entity && id ? users.find(*entity, *id) : nullptr;
  return name ? *name : share.grantee;
}

Titles names_of_users(const Call& call, const std::vector<Share>& shares) {
  Titles users;
  if (const Entity* entity = call.context.catalog->entity("core.user")) {
    for (const Share& share : shares) {
      if (share.by != 0) users.want(*entity, share.by);
      if (const auto id = parse_id(share.grantee); share.kind == Share::Kind::user && id) users.want(*entity, *id);
    }
  }
  users.load(call.services.records, call.context);
  return users;
}

void write_share(JsonWriter& json, const Call& call, const Share& share, const Titles& users) {
  const Entity* entity = call.context.catalog->entity("core.user");
  const std::string* by = entity && share.by != 0 ? users.find(*entity, share.by) : nullptr;
  json.begin_object().member("id", std::to_string(share.id)).member("kind", records::to_string(share.kind));
  json.member("grantee", share.grantee).member("label", grantee_name(call, share, users));
  json.member("level", share.update ? "update" : "read");
  json.key("shared_by")
      .begin_object()
      .member("id", std::to_string(share.by))
      .member("name", by ? std::string_view(*by) : std::string_view())
      .end_object();
  json.member("shared_at", format_timestamp(share.at));
  json.member_or_null("expires_at", share.expires_at ? format_timestamp(*share.expires_at) : std::string());
  json.member("note", share.note).end_object();
}

std::string_view operation_code(Operation operation) {
  switch (operation) {
    case Operation::read: return "operation_read";
    case Operation::create: return "operation_create";
    case Operation::update: return "operation_update";
    case Operation::remove: return "operation_delete";
  }
  return "";
}

const char* result_word(ConsideredGrant::Result result) {
  switch (result) {
    case ConsideredGrant::Result::yes: return "true";
    case ConsideredGrant::Result::no: return "false";
    case ConsideredGrant::Result::unknown: return "unknown";
    case ConsideredGrant::Result::failed: return "error";
  }
  return "";
}

class ReportWriter {
 public:
  ReportWriter(Call& call, const records::Actor& subject, const Entity& entity, std::int64_t id, const records::AccessReport& report)
      : call_(call), locale_(call.context.locale), subject_(subject), entity_(entity), id_(id), report_(report), json_(call.response.body) {}

  void write() {
    json_.begin_object().member("entity", entity_.full_name).member("id", std::to_string(id_));
    json_.key("user")
        .begin_object()
        .member("id", std::to_string(subject_.user_id))
        .member("username", subject_.username)
        .member("name", subject_.name)
        .end_object();
    json_.member("administrator", report_.administrator).key("operations").begin_array();
    for (const records::ExplainedOperation& operation : report_.operations) write_operation(operation);
    json_.end_array().key("shares").begin_array();
    const Titles users = names_of_users(call_, report_.shares);
    for (const Share& share : report_.shares) write_share(json_, call_, share, users);
    json_.end_array().key("fields").begin_array();
    for (const records::ExplainedField& field : report_.fields) write_field(field);
    json_.end_array().end_object();
  }

 private:
  std::string text(std::string_view code, std::initializer_list<std::string_view> arguments = {}) const {
    return say(code, locale_, arguments);
  }

  void write_operation(const records::ExplainedOperation& operation) {
    const std::string what = text(operation_code(operation.operation));
    json_.begin_object().member("operation", model::to_string(operation.operation)).member("allowed", operation.allowed);
    json_.member("text", text(operation.allowed ? "access_allowed" : "access_refused", {subject_.name, what}));
    json_.key("grants").begin_array();
    for (const ConsideredGrant& grant : operation.grants) write_grant(grant);
    json_.end_array();
    json_.member_or_null("why", why(operation)).end_object();
  }

  /// What decided, where no grant did.
  std::string why(const records::ExplainedOperation& operation) const {
    const bool granted = std::any_of(operation.grants.begin(), operation.grants.end(),
                                     [](const ConsideredGrant& grant) { return grant.result == ConsideredGrant::Result::yes; });
    if (granted) return {};
    if (operation.allowed) return text("access_by_share");
    return text(operation.grants.empty() ? "access_no_grant" : "access_no_rule_holds", {label_of(entity_.label, entity_.full_name, locale_)});
  }

  std::string who(const ConsideredGrant& grant) const {
    std::string name(label_of(grant.role->label, grant.role->name, locale_));
    if (grant.of_everyone) name = text("access_everyone", {name});
    else if (grant.held != grant.role) name = text("access_through", {name, label_of(grant.held->label, grant.held->name, locale_)});
    if (grant.colleague != 0) name = text("access_deputy", {name, grant.colleague_name});
    return name;
  }

  /// Where the server's files lie is for administrators only.
  std::string file_of(const model::Origin& origin) const {
    if (!origin.file.starts_with('/') || records::is_administrator(call_.context)) return origin.file;
    return origin.file.substr(origin.file.rfind('/') + 1);
  }

  void write_grant(const ConsideredGrant& grant) {
    json_.begin_object().member("role", grant.role->name).member("held_role", grant.held->name).member("everyone", grant.of_everyone);
    json_.key("deputy_of");
    if (grant.colleague == 0) {
      json_.null();
    } else {
      json_.begin_object().member("id", std::to_string(grant.colleague)).member("name", grant.colleague_name).end_object();
    }
    const std::string file = file_of(grant.origin);
    json_.member("rule", grant.rule).member("file", file).member("line", std::int64_t{grant.origin.line});
    json_.member("result", result_word(grant.result)).key("reads").begin_array();
    std::string reads;
    for (const auto& [name, value] : grant.reads) {
      json_.begin_object().member("name", name).key("value").raw(value).end_object();
      reads += (reads.empty() ? "" : ", ") + name + " = " + value;
    }
    json_.end_array();
    const std::string place = file + ":" + std::to_string(grant.origin.line);
    const std::string_view code = grant.result == ConsideredGrant::Result::yes       ? "grant_true"
                                  : grant.result == ConsideredGrant::Result::no      ? "grant_false"
                                  : grant.result == ConsideredGrant::Result::unknown ? "grant_unknown"
                                                                                     : "grant_error";
    std::string sentence = text(code, {who(grant), grant.rule, place, grant.failure});
    if (!reads.empty()) sentence += " " + text("grant_reads", {reads});
    json_.member("text", sentence).end_object();
  }

  void write_field(const records::ExplainedField& field) {
    const std::string_view label = label_of(*field.field, locale_);
    const std::string right = text(std::string("right_") + model::to_string(field.right));
    json_.begin_object().member("field", field.field->name).member("label", label).member("right", model::to_string(field.right));
    json_.member_or_null("role", field.role ? std::string_view(field.role->name) : std::string_view());
    json_.member("text", field.role ? text("field_by_role", {label, right, label_of(field.role->label, field.role->name, locale_)})
                                    : text("field_by_default", {label, right}));
    json_.end_object();
  }

  Call& call_;
  const std::string& locale_;
  const records::Actor& subject_;
  const Entity& entity_;
  const std::int64_t id_;
  const records::AccessReport& report_;
  JsonWriter json_;
};

}  // namespace

void list_shares(Call& call) {
  const Entity& entity = entity_of(call);
  check_parameters(call, {});
  const auto shares = call.services.records.shares(call.context, entity, id_of(call));
  const Titles users = names_of_users(call, shares);
  JsonWriter json(call.response.body);
  json.begin_object().key("items").begin_array();
  for (const Share& share : shares) write_share(json, call, share, users);
  json.end_array().end_object();
}

void create_share(Call& call) {
  const Entity& entity = entity_of(call);
  const std::int64_t id = id_of(call);
  const records::Json body = json_object(call, {"user", "role", "department", "level", "expires_at", "note"});
  Share wanted;
  int named = 0;
  for (const auto& [member, kind] : {std::pair("user", Share::Kind::user), std::pair("role", Share::Kind::role),
                                     std::pair("department", Share::Kind::department)}) {
    const auto text = text_member(call, body, member);
    if (!text) continue;
    ++named;
    wanted.kind = kind;
    wanted.grantee = *text;
  }
  if (named != 1) throw refusal(call, ErrorCode::invalid_argument, "share_grantee");
  if (wanted.kind == Share::Kind::user && !parse_id(wanted.grantee)) throw field_refusal(call, "user", "wrong_type", "share_user");
  const std::string level = text_member(call, body, "level").value_or("read");
  if (level != "read" && level != "update") throw field_refusal(call, "level", "unknown_choice", "share_level");
  wanted.update = level == "update";
  if (const auto text = text_member(call, body, "expires_at")) {
    wanted.expires_at = parse_timestamp(*text);
    if (!wanted.expires_at) throw refusal(call, ErrorCode::invalid_argument, "instant", {"expires_at"});
  }
  wanted.note = text_member(call, body, "note").value_or("");
  const Share made = call.services.records.share(call.context, entity, id, std::move(wanted));
  call.response.status = 201;
  call.response.headers.emplace_back("Location", "/api/v1/records/" + entity.full_name + "/" + std::to_string(id) + "/shares/" +
                                                     std::to_string(made.id));
  const Titles users = names_of_users(call, {made});
  JsonWriter json(call.response.body);
  write_share(json, call, made, users);
}

void delete_share(Call& call) {
  const Entity& entity = entity_of(call);
  const std::int64_t id = id_of(call);
  check_parameters(call, {});
  const auto share = parse_id(call.arguments[2]);
  if (!share) throw refusal(call, ErrorCode::not_found, "no_record", {shown(call.arguments[2])});
  call.services.records.unshare(call.context, entity, id, *share);
  call.response.status = 204;
}

void explain_access(Call& call) {
  const Entity& entity = entity_of(call);
  const std::int64_t id = id_of(call);
  check_parameters(call, {"user"});
  records::Context subject = call.context;
  if (const std::string* text = call.request.parameter("user"); text != nullptr && !text->empty()) {
    const auto user = parse_id(*text);
    if (!user || *user != call.context.actor.user_id) {
      if (!records::is_administrator(call.context)) throw refusal(call, ErrorCode::forbidden, "access_others");
      auto actor = user ? call.services.auth.actor_of(*user) : std::nullopt;
      if (!actor) throw refusal(call, ErrorCode::not_found, "no_user", {shown(*text)});
      subject.actor = std::move(*actor);
    }
  } else if (call.context.actor.user_id == 0) {
    throw refusal(call, ErrorCode::invalid_argument, "access_user");
  }
  const records::AccessReport report = records::explain_access(call.services.records, call.context, subject, entity, id);
  ReportWriter(call, subject.actor, entity, id, report).write();
}

}  // namespace caravan::api
