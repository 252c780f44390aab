#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/call.h"

namespace caravan::api {

struct Route {
  RouteInfo info;
  RouteHandler handle;
};

/// The one table of routes below `/api/v1`.
std::span<const Route> route_table();

/// Finds routes by method and path. Immutable; thread-safe.
class Router {
 public:
  explicit Router(std::span<const Route> routes);
  struct Match {
    const Route* route = nullptr;  ///< null: nothing here, or not by this method
    std::array<std::string_view, 3> arguments;
    std::string allowed;  ///< methods of this path, `GET, HEAD, PATCH`, where none matched
  };
  /// `path` without `/api/v1`.
  Match find(std::string_view method, std::string_view path) const;

 private:
  struct Pattern {
    const Route* route;
    std::vector<std::string_view> segments;
  };
  static bool fits(const Pattern& pattern, std::string_view path, std::array<std::string_view, 3>& arguments);
  std::vector<Pattern> patterns_;
};

// By file: session_routes.cpp
void sign_in(Call& call);
void sign_out(Call& call);
void show_me(Call& call);
void change_me(Call& call);
void change_password(Call& call);
void reset_password(Call& call);
void list_tokens(Call& call);
void create_token(Call& call);
void delete_token(Call& call);
// record_routes.cpp
void list_records(Call& call);
void create_record(Call& call);
void show_record(Call& call);
void update_record(Call& call);
void delete_record(Call& call);
void list_clocks(Call& call);
void list_tasks(Call& call);
void list_assignments(Call& call);
void list_queues(Call& call);
void take_from_queue(Call& call);
void list_transitions(Call& call);
void run_transition(Call& call);
// draft_route.cpp
void draft_record(Call& call);
void list_settings(Call& call);
/// The header `Caravan-Duplicates` of an answer to a create.
void tell_duplicates(Call& call, const records::Record& record);
// aggregate_route.cpp
void aggregate_records(Call& call);
void list_reports(Call& call);
void show_report(Call& call);
void list_dashboards(Call& call);
// bulk_route.cpp
void change_records(Call& call);
// trash_routes.cpp
void restore_record(Call& call);
void list_deleted(Call& call);
void show_audit(Call& call);
void list_looks(Call& call);
void list_keys(Call& call);
void add_key(Call& call);
void rotate_keys(Call& call);
void remove_key(Call& call);
// access_routes.cpp
void list_shares(Call& call);
void create_share(Call& call);
void delete_share(Call& call);
void explain_access(Call& call);
// public_routes.cpp
void show_public_form(Call& call);
void send_public_form(Call& call);
void show_public_link(Call& call);
void act_by_link(Call& call);
void show_link_calendar(Call& call);
void list_links(Call& call);
void create_link(Call& call);
void revoke_link(Call& call);
// team_routes.cpp
void comment_record(Call& call);
void list_own_clocks(Call& call);
void list_roles(Call& call);
// timeline_route.cpp
void show_timeline(Call& call);
// model_route.cpp
void show_model(Call& call);
void show_openapi(Call& call);
void show_handbook(Call& call);
// message_routes.cpp
void preview_messages(Call& call);
// event_routes.cpp
void listen_to_events(Call& call);
// approval_routes.cpp
void list_approvals(Call& call);
void show_approval(Call& call);
void approve(Call& call);
void reject(Call& call);
void withdraw_approval(Call& call);
// rule_routes.cpp
void undo_step(Call& call);
void list_automations(Call& call);
void list_automation_runs(Call& call);
void list_schedules(Call& call);
void list_schedule_runs(Call& call);
void run_schedule(Call& call);

// search_routes.cpp
void search_records(Call& call);
void show_search_index(Call& call);
void rebuild_search_index(Call& call);
// merge_routes.cpp
void preview_merge(Call& call);
void merge_records(Call& call);
void list_merges(Call& call);
void undo_merge(Call& call);
/// Where the record was merged into one that the caller may read: throws a refusal that tells where it is now.
void refuse_merged(const Call& call, const model::Entity& entity, std::int64_t id, const Error& error);
void list_duplicates(Call& call);
void decide_duplicate(Call& call);
void find_duplicates(Call& call);
// job_routes.cpp
void list_jobs(Call& call);
void show_job(Call& call);
void replay_job(Call& call);
void delete_job(Call& call);
void show_job_stats(Call& call);
// import_routes.cpp
void list_import_maps(Call& call);
void import_records(Call& call);
// attachment_routes.cpp
void list_attachments(Call& call);
void add_attachment(Call& call);
void show_attachment(Call& call);
void remove_attachment(Call& call);
// export_route.cpp
void export_records(Call& call);
void list_exports(Call& call);
void list_imports(Call& call);
void show_import(Call& call);
void show_import_errors(Call& call);
// plugin_routes.cpp
void list_plugins(Call& call);
void show_plugin(Call& call);
void install_plugin(Call& call);
void enable_plugin(Call& call);
void disable_plugin(Call& call);
void upgrade_plugin(Call& call);
void remove_plugin(Call& call);
void clear_quarantine(Call& call);
void preview_purge(Call& call);
void purge_plugin(Call& call);
void list_plugin_history(Call& call);
void show_plugin_settings(Call& call);
void change_plugin_settings(Call& call);
// admin_routes.cpp
void reload(Call& call);
void list_revisions(Call& call);
// config_routes.cpp
void list_definitions(Call& call);
void show_definition(Call& call);
void check_definitions(Call& call);
void publish_definitions(Call& call);
void compare_definitions(Call& call);
void show_definition_upgrade(Call& call);
void list_definition_history(Call& call);
void show_definition_schema(Call& call);
void explain_check_code(Call& call);
// admin_routes.cpp
void activate_revision(Call& call);
void plugin_route(Call& call);

}  // namespace caravan::api
