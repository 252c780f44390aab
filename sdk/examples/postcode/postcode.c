/* Checks Chinese postcodes and fills in the province; a function that imports may use as well. Plain C11 over abi.h. */
#include <caravan/abi.h>
#include <string.h>

static caravan_host host;
static caravan_functions functions;

static caravan_string text(const char* s) {
  caravan_string out = {s, strlen(s)};
  return out;
}

#define CHECK(expression)                      \
  do {                                         \
    caravan_status status_ = (expression);     \
    if (status_ != CARAVAN_OK) return status_; \
  } while (0)

/* By the first two digits; NULL where there is none. */
static const char* province_of(caravan_string code) {
  static const struct {
    const char* digits;
    const char* name;
  } provinces[] = {{"10", "Beijing"}, {"20", "Shanghai"}, {"21", "Jiangsu"}, {"31", "Zhejiang"}, {"51", "Guangdong"}, {"61", "Sichuan"}, {"65", "Yunnan"}};
  size_t i;
  if (code.size != 6) return NULL;
  for (i = 0; i < code.size; ++i) {
    if (code.data[i] < '0' || code.data[i] > '9') return NULL;
  }
  for (i = 0; i < sizeof provinces / sizeof *provinces; ++i) {
    if (memcmp(provinces[i].digits, code.data, 2) == 0) return provinces[i].name;
  }
  return NULL;
}

static caravan_value text_value(const char* s) {
  caravan_value out;
  memset(&out, 0, sizeof out);
  if (s == NULL) return out; /* CARAVAN_NULL */
  out.type = CARAVAN_TEXT;
  out.as.text = text(s);
  return out;
}

static caravan_status before_write(void* user, caravan_call call, const caravan_hook_event* event) {
  caravan_value code, province;
  const char* name;
  (void)user;
  CHECK(host.get(call, event->record, text("code"), &code));
  name = code.type == CARAVAN_TEXT ? province_of(code.as.text) : NULL;
  if (code.type == CARAVAN_TEXT && name == NULL)
    return host.fail_field(call, text("code"), text("invalid_postcode"), text("This is no postcode that we know: six digits."));
  province = text_value(name);
  return host.set(call, event->record, text("province"), &province);
}

/* postcode.province: `code` in, `value` out; empty where there is none. */
static caravan_status province(void* user, caravan_call call, const caravan_function_call* asked) {
  const char* name = NULL;
  caravan_value answer;
  size_t i;
  (void)user;
  for (i = 0; i < asked->count; ++i) {
    const caravan_named_value* one = &asked->arguments[i];
    if (one->name.size == 4 && memcmp(one->name.data, "code", 4) == 0 && one->value.type == CARAVAN_TEXT) name = province_of(one->value.as.text);
  }
  answer = text_value(name);
  return functions.answer(call, text("value"), &answer);
}

static caravan_status create(const caravan_host* given, caravan_call call, void** instance) {
  static int the_instance;
  const caravan_functions* area;
  caravan_function function;
  caravan_hook hook;
  if (given->struct_size < sizeof host) return given->fail(call, CARAVAN_INTERNAL, text("the server is older than this plugin's SDK"));
  memcpy(&host, given, sizeof host);
  memset(&hook, 0, sizeof hook);
  hook.struct_size = sizeof hook;
  hook.entity = text("postcode.address");
  hook.run = before_write;
  hook.point = CARAVAN_BEFORE_CREATE;
  CHECK(host.add_hook(call, &hook));
  hook.point = CARAVAN_BEFORE_UPDATE;
  CHECK(host.add_hook(call, &hook));
  /* An optional area: without it the plugin does the rest of its work. */
  area = (const caravan_functions*)host.extension(host.self, text(CARAVAN_FUNCTIONS_AREA));
  if (area != NULL && area->struct_size >= sizeof functions) {
    functions = *area;
    memset(&function, 0, sizeof function);
    function.struct_size = sizeof function;
    function.name = text("province");
    function.run = province;
    CHECK(functions.add(call, &function));
  }
  host.log(host.self, CARAVAN_LOG_INFO, text("ready"));
  *instance = &the_instance;
  return CARAVAN_OK;
}

static void destroy(void* instance) { (void)instance; }

const caravan_plugin caravan_plugin_v1 = {sizeof(caravan_plugin), CARAVAN_ABI_MAJOR, CARAVAN_ABI_MINOR, 0, create, destroy, NULL, NULL, NULL};
