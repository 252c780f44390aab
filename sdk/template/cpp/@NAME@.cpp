#include <caravan/json.hpp>
#include <caravan/plugin.hpp>

namespace {

using namespace caravan::sdk;

std::int64_t words_in(std::string_view text) {
  std::int64_t words = 0;
  bool inside = false;
  for (const char c : text) {
    const bool letter = c != ' ' && c != '\n' && c != '\t';
    words += letter && !inside ? 1 : 0;
    inside = letter;
  }
  return words;
}

/// In the transaction of each write, before it is checked and stored.
void count_words(Hook& hook) {
  Record& note = hook.record();
  const std::string body = note.text("body").value_or("");
  if (body.find("?!?") != std::string::npos)
    throw Refusal("body", "unfinished", hook.say({{"en", "Finish the text first."}, {"zh-CN", "请先写完内容。"}, {"zh-TW", "請先寫完內容。"}}));
  note.set("words", words_in(body));
}

/// GET /api/v1/plugins/@NAME@/count, for whoever may read notes.
Response count(Request& request) {
  std::int64_t notes = 0, words = 0;
  request.for_each("@NAME@.note", {}, [&](const Record& note) {
    ++notes;
    words += note.integer("words").value_or(0);
  });
  JsonWriter out;
  out.begin_object().key("notes").number(notes).key("words").number(words).end_object();
  return Response::json(out.str());
}

class @Class@ final : public Plugin {
  void setup(Setup& setup) override {
    setup.on("@NAME@.note", Point::before_create, count_words);
    setup.on("@NAME@.note", Point::before_update, count_words);
    setup.route("GET", "/count", "count", count);
  }
};

}  // namespace

CARAVAN_PLUGIN(@Class@)
