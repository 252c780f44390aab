#include "api/call.h"
#include "api/json_writer.h"
#include "api/routes.h"
#include "workflow/tasks.h"

// The tasks of a record.

namespace caravan::api {

void list_tasks(Call& call) {
  const model::Entity& entity = entity_of(call);
  check_parameters(call, {});
  const records::Record record = call.services.records.get(call.context, entity, id_of(call));
  JsonWriter json(call.response.body);
  json.begin_object().key("items").begin_array();
  for (const workflow::TaskView& task : workflow::tasks_of(call.services.records, call.context, record)) {
    json.begin_object().member("id", std::to_string(task.id)).member("version", task.version).member("title", task.title);
    json.member("state", task.state).member("state_label", task.state_label).member("required", task.required);
    json.member_or_null("due_at", task.due_at ? format_timestamp(*task.due_at) : std::string());
    if (task.assignee != 0) json.key("assignee").begin_object().member("id", std::to_string(task.assignee)).member("name", task.assignee_name).end_object();
    else json.key("assignee").null();
    if (!task.role.empty()) json.key("role").begin_object().member("name", task.role).member("label", task.role_label.empty() ? task.role : task.role_label).end_object();
    else json.key("role").null();
    json.member_or_null("note", task.note).member("created_at", format_timestamp(task.created_at)).member("updated_at", format_timestamp(task.updated_at));
    json.member("may_finish", task.may_finish).end_object();
  }
  json.end_array().end_object();
}

}  // namespace caravan::api
