#include <caravan/abi.h>
#include <stdio.h>
#include <string.h>

/* What the server offers; valid until destroy. */
static caravan_host host;

static caravan_string text(const char* s) {
  caravan_string out = {s, strlen(s)};
  return out;
}

/* A function of the server that fails says why by itself: pass its status on. */
#define CHECK(expression)                      \
  do {                                         \
    caravan_status status_ = (expression);     \
    if (status_ != CARAVAN_OK) return status_; \
  } while (0)

static int contains(caravan_string where, const char* what) {
  size_t i, length = strlen(what);
  for (i = 0; i + length <= where.size; ++i) {
    if (memcmp(where.data + i, what, length) == 0) return 1;
  }
  return 0;
}

static int64_t words_in(caravan_string s) {
  int64_t words = 0;
  int inside = 0;
  size_t i;
  for (i = 0; i < s.size; ++i) {
    const int letter = s.data[i] != ' ' && s.data[i] != '\n' && s.data[i] != '\t';
    words += letter && !inside;
    inside = letter;
  }
  return words;
}

/* In the transaction of each write, before it is checked and stored. */
static caravan_status count_words(void* user, caravan_call call, const caravan_hook_event* event) {
  caravan_value value;
  int64_t words = 0;
  (void)user;
  CHECK(host.get(call, event->record, text("body"), &value));
  if (value.type == CARAVAN_TEXT) {
    if (contains(value.as.text, "?!?")) return host.fail_field(call, text("body"), text("unfinished"), text("Finish the text first."));
    words = words_in(value.as.text);
  }
  memset(&value, 0, sizeof value);
  value.type = CARAVAN_INT;
  value.as.integer = words;
  return host.set(call, event->record, text("words"), &value);
}

/* GET /api/v1/plugins/@NAME@/count, for whoever may read notes. */
static caravan_status count(void* user, caravan_call call, const caravan_request* request) {
  long long notes = 0, words = 0;
  char body[96];
  caravan_query query;
  caravan_page page;
  size_t i;
  (void)user;
  (void)request;
  memset(&query, 0, sizeof query);
  query.struct_size = sizeof query;
  query.limit = 200;
  do {
    memset(&page, 0, sizeof page);
    page.struct_size = sizeof page;
    CHECK(host.record_list(call, text("@NAME@.note"), &query, &page));
    for (i = 0; i < page.count; ++i) {
      caravan_value value;
      CHECK(host.get(call, page.records[i], text("words"), &value));
      ++notes;
      if (value.type == CARAVAN_INT) words += value.as.integer;
    }
    CHECK(host.record_release(call, page.records, page.count));
    query.after = page.next;
  } while (page.next.size > 0);
  snprintf(body, sizeof body, "{\"notes\":%lld,\"words\":%lld}", notes, words);
  return host.respond(call, 200, text("application/json"), text(body));
}

static caravan_status create(const caravan_host* given, caravan_call call, void** instance) {
  static int the_instance;
  caravan_hook hook;
  caravan_route route;
  if (given->struct_size < sizeof host) return given->fail(call, CARAVAN_INTERNAL, text("the server is older than this plugin's SDK"));
  memcpy(&host, given, sizeof host);
  memset(&hook, 0, sizeof hook);
  hook.struct_size = sizeof hook;
  hook.entity = text("@NAME@.note");
  hook.run = count_words;
  hook.point = CARAVAN_BEFORE_CREATE;
  CHECK(host.add_hook(call, &hook));
  hook.point = CARAVAN_BEFORE_UPDATE;
  CHECK(host.add_hook(call, &hook));
  memset(&route, 0, sizeof route);
  route.struct_size = sizeof route;
  route.method = text("GET");
  route.path = text("/count");
  route.permission = text("count");
  route.run = count;
  CHECK(host.add_route(call, &route));
  *instance = &the_instance;
  return CARAVAN_OK;
}

static void destroy(void* instance) { (void)instance; }

const caravan_plugin caravan_plugin_v1 = {sizeof(caravan_plugin), CARAVAN_ABI_MAJOR, CARAVAN_ABI_MINOR, 0, create, destroy, NULL, NULL, NULL};
