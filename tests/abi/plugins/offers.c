/* Jobs, functions, channels, transactions, deletes, steps and events in plain C11. Does what offers.cpp does. */
#include <stdlib.h>
#include <string.h>

#include "caravan/abi.h"

static caravan_host host;
static caravan_functions functions;

static caravan_string text(const char* s) {
  caravan_string out = {s, strlen(s)};
  return out;
}
static int is(caravan_string s, const char* wanted) { return s.size == strlen(wanted) && memcmp(s.data, wanted, s.size) == 0; }
static int64_t number(caravan_string s) {
  char digits[32];
  if (s.size >= sizeof digits) return 0;
  memcpy(digits, s.data, s.size);
  digits[s.size] = 0;
  return strtoll(digits, NULL, 10);
}

#define CHECK(expression)                      \
  do {                                         \
    caravan_status status_ = (expression);     \
    if (status_ != CARAVAN_OK) return status_; \
  } while (0)

static caravan_status add_item(caravan_call call, caravan_string name) {
  caravan_record record;
  caravan_value value;
  CHECK(host.record_new(call, text(PLUGIN_NAME ".item"), &record));
  memset(&value, 0, sizeof value);
  value.type = CARAVAN_TEXT;
  value.as.text = name;
  CHECK(host.set(call, record, text("name"), &value));
  return host.record_create(call, record);
}

static caravan_status both(void* user, caravan_call inner) {
  CHECK(add_item(inner, text("first")));
  if (is(*(caravan_string*)user, "bad")) return host.fail(inner, CARAVAN_CONFLICT, text("not both"));
  return add_item(inner, *(caravan_string*)user);
}

static caravan_status act(void* user, caravan_call call, const caravan_request* request) {
  caravan_string what, id, given;
  caravan_record record;
  (void)user;
  (void)request;
  CHECK(host.path_parameter(call, text("what"), &what));
  CHECK(host.path_parameter(call, text("id"), &id));
  if (host.query_parameter(call, text("with"), &given) == CARAVAN_NOT_FOUND) given = text("");
  if (is(what, "both")) return host.transact(call, both, &given);
  if (is(what, "enqueue")) {
    caravan_new_job job;
    int32_t added = 0;
    memset(&job, 0, sizeof job);
    job.struct_size = sizeof job;
    job.name = text("recount");
    job.payload = id;
    job.unique = given;
    CHECK(host.enqueue(call, &job, &added));
    return host.respond(call, 200, text("text/plain"), text(added ? "added" : "waits already"));
  }
  CHECK(host.record_read(call, text(PLUGIN_NAME ".item"), number(id), &record));
  if (is(what, "delete")) return host.record_delete(call, record);
  if (is(what, "publish")) return host.record_publish(call, record, given, text("from the route"));
  if (is(what, "extra")) {
    caravan_value value;
    memset(&value, 0, sizeof value);
    value.type = CARAVAN_JSON;
    value.as.text = text("{\"a\":[1,\"b\"]}");
    CHECK(host.set(call, record, text("extra"), &value));
    CHECK(host.record_update(call, record));
    CHECK(host.get(call, record, text("extra"), &value));
    return host.respond(call, 200, text("application/json"), value.as.text);
  }
  return host.record_transition(call, record, what, text("by hand"));
}

static caravan_status recount(void* user, caravan_call call, const caravan_job_event* job) {
  caravan_record record;
  caravan_value value;
  (void)user;
  if (is(job->payload, "never")) return host.fail(call, CARAVAN_INVALID_ARGUMENT, text("this never works"));
  CHECK(host.record_read(call, text(PLUGIN_NAME ".item"), number(job->payload), &record));
  CHECK(host.get(call, record, text("count"), &value));
  if (value.type == CARAVAN_NULL) value.as.integer = 0;
  value.type = CARAVAN_INT;
  value.as.integer += 1;
  CHECK(host.set(call, record, text("count"), &value));
  CHECK(host.record_update(call, record));
  CHECK(host.get(call, record, text("name"), &value));
  if (is(value.as.text, "stubborn") && job->attempt < 2) return host.fail(call, CARAVAN_UNAVAILABLE, text("not yet"));
  host.log(host.self, CARAVAN_LOG_INFO, job->key);
  return CARAVAN_OK;
}

static caravan_status classify(void* user, caravan_call call, const caravan_function_call* asked) {
  caravan_value answer;
  size_t i;
  int red = 0;
  (void)user;
  for (i = 0; i < asked->count; ++i) {
    const caravan_named_value* one = &asked->arguments[i];
    if (!is(one->name, "text") || one->value.type == CARAVAN_NULL) continue;
    if (one->value.type != CARAVAN_TEXT) return CARAVAN_E_TYPE;
    red = one->value.as.text.size >= 3 && memcmp(one->value.as.text.data, "red", 3) == 0;
    if (one->value.as.text.size == 0) return host.fail(call, CARAVAN_INVALID_RECORD, text("nothing to classify"));
  }
  memset(&answer, 0, sizeof answer);
  answer.type = CARAVAN_TEXT;
  answer.as.text = text(red ? "red" : "green");
  CHECK(functions.answer(call, text("label"), &answer));
  memset(&answer, 0, sizeof answer);
  answer.type = CARAVAN_DECIMAL;
  answer.as.text = text("0.75");
  return functions.answer(call, text("score"), &answer);
}

static caravan_status pigeon(void* user, caravan_call call, const caravan_message* message) {
  (void)user;
  if (is(message->recipient, "nowhere")) return host.fail(call, CARAVAN_INVALID_ARGUMENT, text("no such loft"));
  host.log(host.self, CARAVAN_LOG_INFO, message->body);
  host.log(host.self, CARAVAN_LOG_INFO, message->key);
  return CARAVAN_OK;
}

static caravan_status create(const caravan_host* given, caravan_call call, void** out) {
  caravan_route route;
  caravan_job job;
  caravan_function function;
  caravan_channel channel;
  const caravan_functions* area;
  const caravan_channels* channels;
  static int instance;
  if (given->struct_size < sizeof host) return CARAVAN_INTERNAL;
  memcpy(&host, given, sizeof host);
  area = (const caravan_functions*)host.extension(host.self, text(CARAVAN_FUNCTIONS_AREA));
  channels = (const caravan_channels*)host.extension(host.self, text(CARAVAN_CHANNELS_AREA));
  if (area == NULL || area->struct_size < sizeof functions || channels == NULL) return CARAVAN_UNAVAILABLE;
  functions = *area;
  memset(&route, 0, sizeof route);
  route.struct_size = sizeof route;
  route.method = text("POST");
  route.path = text("/do/{what}/{id}");
  route.run = act;
  CHECK(host.add_route(call, &route));
  memset(&job, 0, sizeof job);
  job.struct_size = sizeof job;
  job.name = text("recount");
  job.run = recount;
  CHECK(host.add_job(call, &job));
  if (host.add_job(call, &job) != CARAVAN_CONFLICT) return CARAVAN_INTERNAL;
  memset(&function, 0, sizeof function);
  function.struct_size = sizeof function;
  function.name = text("classify");
  function.run = classify;
  CHECK(functions.add(call, &function));
  memset(&channel, 0, sizeof channel);
  channel.struct_size = sizeof channel;
  channel.name = text("pigeon");
  channel.run = pigeon;
  CHECK(channels->add(call, &channel));
  *out = &instance;
  return CARAVAN_OK;
}

static void destroy(void* self) { (void)self; }

const caravan_plugin caravan_plugin_v1 = {sizeof(caravan_plugin), CARAVAN_ABI_MAJOR, CARAVAN_ABI_MINOR, 0, create, destroy, 0, 0, 0};
