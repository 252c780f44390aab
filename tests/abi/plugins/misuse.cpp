// Uses the ABI as it must not be used, and answers with the statuses it got.
#include <atomic>
#include <caravan/json.hpp>
#include <caravan/plugin.hpp>
#include <cstring>
#include <thread>

namespace {

using namespace caravan::sdk;

caravan_host host;
std::atomic<caravan_call> last_call{0};
std::atomic<caravan_record> last_record{0};
constexpr std::string_view entity = PLUGIN_NAME ".item";

caravan_string s(std::string_view text) {
  return view(text);
}

caravan_value number(std::uint32_t type, std::int64_t n) {
  caravan_value v{};
  v.type = type;
  v.as.integer = n;
  return v;
}
caravan_value words(std::uint32_t type, std::string_view text) {
  caravan_value v{};
  v.type = type;
  v.as.text = s(text);
  return v;
}

struct Report {
  JsonWriter out;
  Report() { out.begin_object(); }
  void add(std::string_view name, caravan_status status) { out.key(name).number(status); }
  std::string done() && {
    out.end_object();
    return std::move(out).str();
  }
};

caravan_status hook_run(void*, caravan_call call, const caravan_hook_event* event) noexcept {
  last_call = call;
  last_record = event->record;
  return CARAVAN_OK;
}

/// An after_ hook may read, not set.
caravan_status after_run(void*, caravan_call call, const caravan_hook_event* event) noexcept {
  const caravan_value v = words(CARAVAN_TEXT, "changed");
  return host.set(call, event->record, s("name"), &v) == CARAVAN_E_READ_ONLY ? CARAVAN_OK : CARAVAN_INTERNAL;
}

caravan_status never(void*, caravan_call, const caravan_request*) noexcept {
  return 12345;
}

std::string stale() {
  Report r;
  caravan_value value{};
  caravan_call_info info{};
  info.struct_size = sizeof info;
  r.add("info", host.call_info(last_call, &info));
  r.add("get", host.get(last_call, last_record, s("name"), &value));
  r.add("fail", host.fail(last_call, CARAVAN_CONFLICT, s("too late")));
  r.add("zero", host.call_info(0, &info));
  r.add("all", host.call_info(~caravan_call{0}, &info));
  return std::move(r).done();
}

std::string other_thread(caravan_call call) {
  Report r;
  std::thread([&] {
    caravan_call_info info{};
    info.struct_size = sizeof info;
    caravan_record record = 0;
    r.add("info", host.call_info(call, &info));
    r.add("new", host.record_new(call, s(entity), &record));
    r.add("respond", host.respond(call, 200, s("text/plain"), s("x")));
    host.log(host.self, CARAVAN_LOG_INFO, s("from a thread\nof its own"));
  }).join();
  return std::move(r).done();
}

std::string records(caravan_call call) {
  Report r;
  caravan_record record = 0, none = 0;
  caravan_value value{};
  caravan_field field = 0;
  r.add("new", host.record_new(call, s(entity), &record));
  r.add("new of unknown", host.record_new(call, s("no.such"), &none));
  r.add("null out", host.record_new(call, s(entity), nullptr));
  r.add("null text", host.record_new(call, caravan_string{nullptr, 5}, &none));
  r.add("long name", host.record_new(call, caravan_string{"x", 100000}, &none));
  r.add("record of hook", host.get(call, last_record, s("name"), &value));
  r.add("record 0", host.get(call, 0, s("name"), &value));
  r.add("unknown field", host.get(call, record, s("nonsense"), &value));
  r.add("null value", host.set(call, record, s("name"), nullptr));
  value = words(CARAVAN_TEXT, "abc");
  r.add("text into int", host.set(call, record, s("count"), &value));
  value = number(CARAVAN_INT, 5);
  r.add("int into text", host.set(call, record, s("name"), &value));
  r.add("int into ref", host.set(call, record, s("parent"), &value));
  r.add("set id", host.set(call, record, s("id"), &value));
  r.add("set computed", host.set(call, record, s("twice"), &value));
  value = number(CARAVAN_BOOL, 7);
  r.add("bool 7", host.set(call, record, s("fragile"), &value));
  value = number(CARAVAN_DATE, INT64_MAX);
  r.add("far date", host.set(call, record, s("made_on"), &value));
  value = number(CARAVAN_INSTANT, INT64_MIN);
  r.add("far instant", host.set(call, record, s("seen_at"), &value));
  value = words(CARAVAN_DECIMAL, "12,5");
  r.add("bad decimal", host.set(call, record, s("weight"), &value));
  value = words(CARAVAN_DECIMAL, "1");
  std::memcpy(value.currency, "yuan", 4);
  r.add("bad currency", host.set(call, record, s("price"), &value));
  value = words(CARAVAN_TEXT, "\xC3\x28");
  r.add("bad utf-8", host.set(call, record, s("name"), &value));
  value = number(99, 0);
  r.add("bad type", host.set(call, record, s("count"), &value));
  value = words(CARAVAN_TEXT, "purple");
  r.add("bad choice", host.set(call, record, s("colour"), &value));
  value = number(CARAVAN_INT, 1001);
  r.add("over max", host.set(call, record, s("count"), &value));
  r.add("update fresh", host.record_update(call, record));
  r.add("find field", host.find_field(call, s(entity), s("count"), &field));
  value = number(CARAVAN_INT, 7);
  r.add("set field", host.set_field(call, record, field, &value));
  value = {};
  r.add("get field", host.get_field(call, record, field, &value));
  r.add("got", static_cast<caravan_status>(value.as.integer));
  r.add("field 0", host.get_field(call, record, 0, &value));
  r.add("field as record", host.get(call, field + 1000, s("count"), &value));
  r.add("release", host.record_release(call, &record, 1));
  r.add("released", host.get(call, record, s("count"), &value));
  r.add("release again", host.record_release(call, &record, 1));
  r.add("release null", host.record_release(call, nullptr, 3));
  return std::move(r).done();
}

std::string answers(caravan_call call) {
  Report r;
  r.add("status 99", host.respond(call, 99, s("text/plain"), s("")));
  r.add("status 600", host.respond(call, 600, s("text/plain"), s("")));
  r.add("split type", host.respond(call, 200, s("text/plain\r\nX: y"), s("")));
  r.add("204 with body", host.respond(call, 204, s("text/plain"), s("x")));
  r.add("huge", host.respond(call, 200, s("text/plain"), caravan_string{"x", std::size_t{1} << 40}));
  r.add("split header", host.respond_header(call, s("X-A"), s("b\r\nSet-Cookie: c=d")));
  r.add("bad name", host.respond_header(call, s("X A"), s("b")));
  r.add("cookie", host.respond_header(call, s("Set-Cookie"), s("caravan_session=x")));
  r.add("length", host.respond_header(call, s("Content-Length"), s("1")));
  r.add("good", host.respond_header(call, s("X-A"), s("b")));
  caravan_string out{};
  r.add("cookie of request", host.request_header(call, s("Cookie"), &out));
  r.add("token of request", host.request_header(call, s("authorization"), &out));
  caravan_hook hook{};
  hook.struct_size = sizeof hook;
  hook.entity = s(entity);
  hook.run = hook_run;
  r.add("late hook", host.add_hook(call, &hook));
  caravan_page page{};
  page.struct_size = 4;
  r.add("short page", host.record_list(call, s(entity), nullptr, &page));
  caravan_query query{};
  page.struct_size = sizeof page;
  query.struct_size = sizeof query;
  query.limit = 5000;
  r.add("long list", host.record_list(call, s(entity), &query, &page));
  r.add("extension", host.extension(host.self, s("caravan.search/1")) == nullptr ? 0 : 1);
  return std::move(r).done();
}

caravan_status route_run(void* user, caravan_call call, const caravan_request*) noexcept {
  const auto which = reinterpret_cast<std::intptr_t>(user);
  const std::string body = which == 0   ? stale()
                           : which == 1 ? other_thread(call)
                           : which == 2 ? records(call)
                                        : answers(call);
  return host.respond(call, 200, s("application/json"), s(body));
}

caravan_status create(const caravan_host* given, caravan_call call, void**) noexcept {
  host = detail::copied(given);
  caravan_hook hook{};
  hook.struct_size = sizeof hook;
  hook.entity = s(entity);
  hook.run = hook_run;
  if (host.add_hook(call, &hook) != CARAVAN_OK) return CARAVAN_INTERNAL;
  hook.point = CARAVAN_AFTER_CREATE;
  hook.run = after_run;
  if (host.add_hook(call, &hook) != CARAVAN_OK) return CARAVAN_INTERNAL;
  hook.point = 77;
  if (host.add_hook(call, &hook) != CARAVAN_E_ARGUMENT) return CARAVAN_INTERNAL;
  hook.point = 0;
  hook.struct_size = 8;
  if (host.add_hook(call, &hook) != CARAVAN_E_ARGUMENT) return CARAVAN_INTERNAL;
  if (host.add_hook(call, nullptr) != CARAVAN_E_ARGUMENT) return CARAVAN_INTERNAL;

  caravan_route route{};
  route.struct_size = sizeof route;
  route.method = s("GET");
  route.run = route_run;
  const std::string_view paths[] = {"/stale", "/thread", "/records", "/answers"};
  for (std::size_t i = 0; i < 4; ++i) {
    route.path = s(paths[i]);
    route.user = reinterpret_cast<void*>(i);
    if (host.add_route(call, &route) != CARAVAN_OK) return CARAVAN_INTERNAL;
  }
  if (host.add_route(call, &route) != CARAVAN_CONFLICT) return CARAVAN_INTERNAL;
  for (const std::string_view path : {"", "x", "/{", "/{a}/{a}", "//", "/a/", "/../x", "/a b", "/{A}"}) {
    route.path = s(path);
    if (host.add_route(call, &route) != CARAVAN_INVALID_ARGUMENT)
      return host.fail(call, CARAVAN_CONFLICT, s(path));
  }
  route.path = s("/odd");
  route.run = never;
  if (host.add_route(call, &route) != CARAVAN_OK) return CARAVAN_INTERNAL;
  caravan_record record = 0;
  if (host.record_new(call, s(entity), &record) != CARAVAN_E_UNSUPPORTED) return CARAVAN_INTERNAL;
  return CARAVAN_OK;
}

void destroy(void*) noexcept {}

}  // namespace

extern "C" CARAVAN_EXPORT const caravan_plugin caravan_plugin_v1 = {sizeof(caravan_plugin),
                                                                    CARAVAN_ABI_MAJOR,
                                                                    CARAVAN_ABI_MINOR,
                                                                    0,
                                                                    create,
                                                                    destroy,
                                                                    nullptr,
                                                                    nullptr,
                                                                    nullptr};
