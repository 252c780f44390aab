/* A plugin that tests build: a transform for imports, a measure for reports, a job that a route asks for. The setting calc.mode makes the
 * measure misbehave, cells make the transform do so. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "caravan/abi.h"

static caravan_host host;
static const caravan_functions* functions;

static caravan_string text(const char* s) {
  caravan_string out = {s, strlen(s)};
  return out;
}

static const caravan_value* argument(const caravan_function_call* asked, const char* name) {
  size_t i;
  for (i = 0; i < asked->count; ++i) {
    if (asked->arguments[i].name.size == strlen(name) && memcmp(asked->arguments[i].name.data, name, strlen(name)) == 0) return &asked->arguments[i].value;
  }
  return 0;
}

static int is(const caravan_value* value, const char* wanted) {
  return value != 0 && value->type == CARAVAN_TEXT && value->as.text.size == strlen(wanted) && memcmp(value->as.text.data, wanted, strlen(wanted)) == 0;
}

static caravan_status answer(caravan_call call, uint32_t type, caravan_string content) {
  caravan_value out;
  memset(&out, 0, sizeof out);
  out.type = type;
  out.as.text = content;
  return functions->answer(call, text("value"), &out);
}

/* "a" becomes "P-a"; `none` nothing, `row` the row as it was given, `refuse` and `break` an error. */
static caravan_status tidy(void* user, caravan_call call, const caravan_function_call* asked) {
  const caravan_value* value = argument(asked, "value");
  char made[300];
  (void)user;
  if (value == 0 || value->type != CARAVAN_TEXT || value->as.text.size > 200) return CARAVAN_INTERNAL;
  if (is(value, "refuse")) return host.fail(call, CARAVAN_INVALID_ARGUMENT, text("no such parcel"));
  if (is(value, "break")) return host.fail(call, CARAVAN_INTERNAL, text("a mistake of the plugin"));
  if (is(value, "none")) return CARAVAN_OK;
  if (is(value, "row")) return answer(call, CARAVAN_TEXT, argument(asked, "row")->as.text);
  snprintf(made, sizeof made, "P-%.*s", (int)value->as.text.size, value->as.text.data);
  return answer(call, CARAVAN_TEXT, text(made));
}

/* The sum of the values, in cents where they are in quotes. */
static caravan_status total(void* user, caravan_call call, const caravan_function_call* asked) {
  const caravan_value *values = argument(asked, "values"), *count = argument(asked, "count");
  caravan_value mode;
  long long sum = 0, number = 0, seen = 0;
  size_t i;
  int digits = 0, quoted = 0;
  char made[40];
  (void)user;
  if (host.setting(call, text("calc.mode"), &mode) != CARAVAN_OK || values == 0 || count == 0) return CARAVAN_INTERNAL;
  if (is(&mode, "break")) return host.fail(call, CARAVAN_INTERNAL, text("a mistake of the plugin"));
  if (is(&mode, "refuse")) return host.fail(call, CARAVAN_CONFLICT, text("the licence has ended"));
  if (is(&mode, "word")) return answer(call, CARAVAN_TEXT, text("many"));
  while (is(&mode, "hang")) sleep(1);
  for (i = 0; i < values->as.text.size; ++i) {
    const char c = values->as.text.data[i];
    if (c >= '0' && c <= '9') number = number * 10 + (c - '0'), digits = 1;
    else if (c == '"') quoted = 1;
    if (digits && (c == ',' || c == ']')) sum += number, number = 0, digits = 0, ++seen;
  }
  if (seen != count->as.integer) return host.fail(call, CARAVAN_INTERNAL, text("the count is another"));
  if (quoted) snprintf(made, sizeof made, "%lld.%02lld", sum / 100, sum % 100);
  else snprintf(made, sizeof made, "%lld", sum);
  return answer(call, CARAVAN_DECIMAL, text(made));
}

static caravan_status note(void* user, caravan_call call, const caravan_job_event* job) {
  caravan_record record;
  caravan_value name;
  caravan_status status = host.record_new(call, text("calc.parcel"), &record);
  (void)user;
  memset(&name, 0, sizeof name);
  name.type = CARAVAN_TEXT;
  name.as.text = job->payload;
  if (status == CARAVAN_OK) status = host.set(call, record, text("name"), &name);
  return status == CARAVAN_OK ? host.record_create(call, record) : status;
}

static caravan_status later(void* user, caravan_call call, const caravan_request* request) {
  caravan_new_job job;
  (void)user;
  memset(&job, 0, sizeof job);
  job.struct_size = sizeof job;
  job.name = text("note");
  job.payload = request->body;
  job.delay_micros = 3600000000;
  return host.enqueue(call, &job, 0);
}

static caravan_status create(const caravan_host* given, caravan_call call, void** out) {
  caravan_function function;
  caravan_job job;
  caravan_route route;
  caravan_status status;
  (void)out;
  memcpy(&host, given, sizeof host);
  functions = host.extension(host.self, text(CARAVAN_FUNCTIONS_AREA));
  if (functions == 0) return host.fail(call, CARAVAN_UNAVAILABLE, text("the server has no functions"));
  memset(&function, 0, sizeof function);
  function.struct_size = sizeof function;
  function.name = text("tidy");
  function.run = tidy;
  if ((status = functions->add(call, &function)) != CARAVAN_OK) return status;
  function.name = text("total");
  function.run = total;
  if ((status = functions->add(call, &function)) != CARAVAN_OK) return status;
  memset(&job, 0, sizeof job);
  job.struct_size = sizeof job;
  job.name = text("note");
  job.run = note;
  if ((status = host.add_job(call, &job)) != CARAVAN_OK) return status;
  memset(&route, 0, sizeof route);
  route.struct_size = sizeof route;
  route.method = text("POST");
  route.path = text("/later");
  route.run = later;
  return host.add_route(call, &route);
}

static void destroy(void* self) { (void)self; }

const caravan_plugin caravan_plugin_v1 = {sizeof(caravan_plugin), CARAVAN_ABI_MAJOR, CARAVAN_ABI_MINOR, 0, create, destroy, 0, 0, 0};
