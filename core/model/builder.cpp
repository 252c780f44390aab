#include "model/builder.h"

#include <algorithm>
#include <charconv>
#include <functional>
#include <map>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "base/time_zone.h"
#include "model/builder_roles.h"

namespace caravan::model {
namespace {

// --- small helpers
// -----------------------------------------------------------------------------------------------

std::string tick(std::string_view word) {
  return "`" + std::string(word) + "`";
}

bool is_currency(std::string_view code) {
  // ISO 4217, without funds and metals.
  constexpr std::string_view codes =
      "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD "
      "CAD CDF CHF CLP "
      "CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD "
      "HNL HTG HUF IDR "
      "ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL "
      "MGA MKD MMK MNT "
      "MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD "
      "RUB RWF SAR SBD "
      "SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD "
      "UYU UZS VED VES "
      "VND VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWG ";
  return code.size() == 3 && code.find(' ') == std::string_view::npos &&
         codes.find(std::string(code) + " ") % 4 == 0;
}

bool is_color(std::string_view text) {
  constexpr std::string_view presets[] = {"blue", "purple",  "cyan",    "green",      "magenta",  "pink",
                                          "red",  "orange",  "yellow",  "volcano",    "geekblue", "lime",
                                          "gold", "default", "success", "processing", "error",    "warning"};
  if (std::find(std::begin(presets), std::end(presets), text) != std::end(presets)) return true;
  return text.size() == 7 && text.front() == '#' &&
         text.find_first_not_of("0123456789abcdefABCDEF", 1) == std::string_view::npos;
}

bool is_icon(std::string_view text) {
  return !text.empty() && text.size() <= 48 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

std::optional<std::int64_t> integer_of(std::string_view text) {
  std::int64_t out = 0;
  const auto [stop, code] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (code != std::errc() || stop != text.data() + text.size()) return std::nullopt;
  return out;
}

std::string cel_string(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else {
      out += c;
    }
  }
  return out + "\"";
}

/// What an expression reads, as far as static checks beyond its types need it.
struct Token {
  enum class Kind : std::uint8_t { word, text, sign, other } kind = Kind::other;
  std::string text;
  std::uint32_t line = 1, column = 1;
};

/// Tokens of a CEL source that has compiled. Only words, plain strings and signs are told apart.
std::vector<Token> scan(std::string_view source) {
  std::vector<Token> out;
  std::uint32_t line = 1, column = 1;
  std::size_t i = 0;
  const auto step = [&] {
    if (source[i] == '\n') {
      ++line;
      column = 1;
    } else if ((static_cast<unsigned char>(source[i]) & 0xC0) != 0x80) {
      ++column;
    }
    ++i;
  };
  const auto word_part = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  while (i < source.size()) {
    const char c = source[i];
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
      step();
      continue;
    }
    if (c == '/' && i + 1 < source.size() && source[i + 1] == '/') {
      while (i < source.size() && source[i] != '\n') step();
      continue;
    }
    Token token;
    token.line = line;
    token.column = column;
    if (word_part(c)) {
      token.kind = c >= '0' && c <= '9' ? Token::Kind::other : Token::Kind::word;
      while (i < source.size() && word_part(source[i])) {
        token.text += source[i];
        step();
      }
      // `r"…"` and its like: the letters belong to the string that follows.
      if (i < source.size() && (source[i] == '"' || source[i] == '\'') &&
          token.text.find_first_not_of("rRbB") == std::string::npos) {
        token.kind = Token::Kind::other;
        token.text.clear();
      }
      out.push_back(std::move(token));
      continue;
    }
    if (c == '"' || c == '\'') {
      token.kind = Token::Kind::text;
      const std::string fence(3, c);
      const bool triple = source.substr(i, 3) == fence;
      bool plain = !triple;
      for (int n = triple ? 3 : 1; n > 0; --n) step();
      while (i < source.size() && (triple ? source.substr(i, 3) != fence : source[i] != c)) {
        if (source[i] == '\\' && i + 1 < source.size()) {
          plain = false;
          step();
        }
        token.text += source[i];
        step();
      }
      for (int n = triple ? 3 : 1; n > 0 && i < source.size(); --n) step();
      if (!plain) token.kind = Token::Kind::other;
      out.push_back(std::move(token));
      continue;
    }
    token.kind = Token::Kind::sign;
    token.text = c;
    step();
    if (i < source.size() && source[i] == '=' && (c == '=' || c == '!' || c == '<' || c == '>')) {
      token.text += '=';
      step();
    }
    out.push_back(std::move(token));
  }
  return out;
}

bool is(const std::vector<Token>& tokens, std::size_t at, Token::Kind kind, std::string_view text) {
  return at < tokens.size() && tokens[at].kind == kind && tokens[at].text == text;
}

/// The member in `record.MEMBER` at `at`; "" where there is none, or where a longer path begins.
std::string_view member_at(const std::vector<Token>& tokens, std::size_t at, bool whole) {
  if (!is(tokens, at, Token::Kind::word, "record") || !is(tokens, at + 1, Token::Kind::sign, ".") ||
      at + 2 >= tokens.size() || tokens[at + 2].kind != Token::Kind::word) {
    return {};
  }
  if (at > 0 && is(tokens, at - 1, Token::Kind::sign, ".")) return {};
  if (whole && (is(tokens, at + 3, Token::Kind::sign, ".") || is(tokens, at + 3, Token::Kind::sign, "(")))
    return {};
  return tokens[at + 2].text;
}

/// A user that stands for any, to try whether a rule can become SQL.
class SampleUser final : public expr::RecordView {
 public:
  expr::Value get(std::uint32_t slot) const override {
    switch (slot) {
      case user_id:
        return expr::Value(std::int64_t{1});
      case user_roles:
      case user_departments:
        return expr::Value(expr::List{expr::Value("sample")});
      case user_locale:
        return expr::Value("en");
      default:
        return expr::Value("sample");
    }
  }
  std::shared_ptr<const expr::RecordView> follow(std::uint32_t) const override { return nullptr; }
};

/// A name where it is mentioned.
struct Mention {
  std::string_view text;
  Place at;
};

struct SystemField {
  std::string_view name;
  FieldType type;
  std::uint32_t max_length;
  const char *en, *zh_cn, *zh_tw;
};
constexpr SystemField system_fields[] = {
    {"id", FieldType::id, 0, "ID", "标识", "識別碼"},
    {"number", FieldType::text, 64, "Number", "编号", "編號"},
    {"version", FieldType::integer, 0, "Version", "版本", "版本"},
    {"state", FieldType::text, 48, "State", "状态", "狀態"},
    {"owner", FieldType::ref, 0, "Owner", "负责人", "負責人"},
    {"created_at", FieldType::instant, 0, "Created", "创建时间", "建立時間"},
    {"updated_at", FieldType::instant, 0, "Last changed", "更新时间", "更新時間"},
    {"external_source", FieldType::text, 64, "External source", "外部来源", "外部來源"},
    {"external_id", FieldType::text, 190, "External ID", "外部标识", "外部識別碼"},
};
static_assert(std::size(system_fields) == first_own_slot);

constexpr std::uint32_t default_text_length = 255;
constexpr std::int64_t longest_text = 16383;    // what VARCHAR holds in utf8mb4
constexpr std::size_t widest_key_bytes = 3072;  // InnoDB

// --- the builder
// -------------------------------------------------------------------------------------------------

class Builder {
 public:
  Builder(const std::vector<Document>& documents, const LostNames& lost, const std::vector<Module>& modules,
          Diagnostics& diagnostics)
      : documents_(documents),
        lost_(lost),
        given_modules_(modules),
        diagnostics_(diagnostics),
        catalog_(std::make_shared<Catalog>()) {}

  std::shared_ptr<Catalog> build() {
    RoleBuilder roles(documents_, *catalog_, diagnostics_, role_tools());
    roles.departments();
    for (const Document& document : documents_) {
      const std::string_view kind = document.kind->name;
      if (kind == "agency") build_agency(document);
      if (kind == "choices") build_choices(document);
      if (kind == "entity") declare_entity(document);
    }
    sort(catalog_->choice_lists);
    roles.declare();
    users_ = catalog_->entity("core.user");
    if (!users_ && !is_lost("entity", "core.user")) {
      diagnostics_.error({}, "no-core", "entity core.user is missing", "load the core's own layer first");
    }
    for (Draft& draft : drafts_) build_fields(draft);
    for (Draft& draft : drafts_) finish_members(draft);
    for (const Document& document : documents_) {
      if (document.kind->name == "form") build_form(document);
      if (document.kind->name == "view") declare_view(document);
    }
    for (Draft& draft : drafts_) build_rules(draft);
    for (Draft& draft : drafts_) build_workflow(draft);
    roles.grants();
    for (auto& [view, document] : declared_views_) build_view(*view, *document);
    for (Draft& draft : drafts_) arrange_forms(draft);
    for (Draft& draft : drafts_) arrange_views(draft);
    build_modules();
    sort(catalog_->entities);
    sort(catalog_->forms);
    sort(catalog_->views);
    return diagnostics_.failed() ? nullptr : catalog_;
  }

 private:
  struct Draft {
    const Document* document = nullptr;
    Entity* entity = nullptr;
    const Node* fields = nullptr;
    std::unordered_set<std::string> lost;    ///< names of fields or states that could not be built
    std::unordered_set<const Field*> vague;  ///< fields whose type is not known, for a mistake in them
    std::unordered_map<const Field*, const Node*> nodes;  ///< where each own field was described
    std::vector<Form*> forms;                             ///< declared ones, in order of declaration
    std::vector<View*> views;
    std::unordered_set<const Form*> step_forms;  ///< forms of transitions
    bool workflow_lost = false;
  };

  template <class T>
  static std::string_view name_of(const T& one) {
    if constexpr (std::is_same_v<T, Entity>) {
      return one.full_name;
    } else {
      return one.name;
    }
  }
  template <class T>
  static void sort(std::vector<std::unique_ptr<T>>& all) {
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return name_of(*a) < name_of(*b); });
  }

  // --- names ---

  static std::string module_of(std::string_view name) { return std::string(name.substr(0, name.find('.'))); }
  static std::string resolve(std::string_view name, std::string_view module) {
    return name.find('.') != std::string_view::npos ? std::string(name)
                                                    : std::string(module) + "." + std::string(name);
  }
  bool is_lost(const char* kind, const std::string& name) const {
    return lost_.contains({kind, name}) || broken_.contains({kind, name});
  }

  void unknown(const Place& at, std::string_view what, std::string_view name,
               const std::vector<std::string_view>& known, const Node* removed_from = nullptr,
               std::string_view removed_name = {}) {
    std::string hint;
    if (removed_from) {
      for (const Node::Removed& removed : removed_from->removed) {
        if (removed.key == removed_name) hint = "it was removed at " + to_string(removed.at);
      }
    }
    if (hint.empty() && diagnostics_.wanted()) hint = suggest(name, known);
    diagnostics_.error(at, "unknown-" + std::string(what),
                       "there is no " + std::string(what) + " " + quoted(name), std::move(hint));
  }

  template <class T>
  std::vector<std::string_view> names(const std::vector<std::unique_ptr<T>>& all) const {
    std::vector<std::string_view> out;
    for (const auto& one : all) out.push_back(name_of(*one));
    return out;
  }

  Draft* draft_of(const Entity* entity) {
    const auto found = draft_by_entity_.find(entity);
    return found == draft_by_entity_.end() ? nullptr : &drafts_[found->second];
  }

  /// The entity mentioned; reports where there is none.
  const Entity* find_entity(const Mention& mention, std::string_view module) {
    const std::string name = resolve(mention.text, module);
    if (const Entity* found = catalog_->entity(name)) return found;
    if (!is_lost("entity", name)) {
      std::vector<std::string_view> known = names(catalog_->entities);
      if (mention.text.find('.') == std::string_view::npos)
        unknown(mention.at, "entity", name, known);
      else
        unknown(mention.at, "entity", mention.text, known);
    }
    return nullptr;
  }

  /// An entity's field by name; reports where there is none, is silent where the field itself is a mistake.
  const Field* find_field(Draft& draft, const Mention& mention) {
    if (const Field* found = draft.entity->field(mention.text)) return found;
    if (!draft.lost.contains(std::string(mention.text))) {
      unknown_field(draft, mention);
    }
    return nullptr;
  }

  void unknown_field(Draft& draft, const Mention& mention) {
    std::string hint;
    if (draft.fields) {
      for (const Node::Removed& removed : draft.fields->removed) {
        if (removed.key == mention.text) hint = "it was removed at " + to_string(removed.at);
      }
    }
    if (hint.empty() && diagnostics_.wanted()) {
      const std::string near = nearest(mention.text, draft.entity->member_names());
      if (!near.empty()) hint = "did you mean \"" + near + "\"?";
    }
    diagnostics_.error(mention.at, "unknown-field",
                       draft.entity->full_name + " has no field " + quoted(mention.text), std::move(hint));
  }

  // --- nodes ---

  /// The entries of a named map in the order of their `after:` words.
  std::vector<const Entry*> placed(const Node* map) {
    std::vector<const Entry*> out;
    if (!map || !map->is_map()) return out;
    const std::size_t count = map->entries.size();
    constexpr std::size_t none = static_cast<std::size_t>(-1);
    std::unordered_map<std::string_view, std::size_t> index;
    for (std::size_t i = 0; i < count; ++i) index[map->entries[i].key] = i;
    std::vector<std::vector<std::size_t>> followers(count);
    std::vector<std::size_t> first, rest;
    std::vector<const Node*> after(count, nullptr);
    for (std::size_t i = 0; i < count; ++i) {
      const Entry& entry = map->entries[i];
      const Node* word = entry.value.is_map() && !entry.value.bad ? entry.value.get("after") : nullptr;
      if (!word || !word->is_scalar()) {
        rest.push_back(i);
        continue;
      }
      after[i] = word;
      if (word->text.empty()) {
        first.push_back(i);
        continue;
      }
      const auto found = index.find(word->text);
      const std::size_t target = found == index.end() ? none : found->second;
      if (target == none) {
        std::vector<std::string_view> known;
        for (const Entry& one : map->entries) known.push_back(one.key);
        std::string hint;
        for (const Node::Removed& removed : map->removed) {
          if (removed.key == word->text) hint = "it was removed at " + to_string(removed.at);
        }
        if (hint.empty()) hint = suggest(word->text, known);
        diagnostics_.error(word->at, "unknown-after", "there is no " + quoted(word->text) + " to come after",
                           std::move(hint));
        rest.push_back(i);
      } else {
        followers[target].push_back(i);
      }
    }
    std::vector<bool> done(count, false);
    // Depth first, with a stack of our own: a chain may be as long as the map.
    const auto place = [&](std::size_t start) {
      std::vector<std::size_t> stack{start};
      while (!stack.empty()) {
        const std::size_t i = stack.back();
        stack.pop_back();
        if (done[i]) continue;
        done[i] = true;
        out.push_back(&map->entries[i]);
        for (auto it = followers[i].rbegin(); it != followers[i].rend(); ++it) stack.push_back(*it);
      }
    };
    for (std::size_t i : first) place(i);
    for (std::size_t i : rest) place(i);
    for (std::size_t i = 0; i < count; ++i) {
      if (done[i]) continue;
      // One message a cycle: walk it once and mark its members.
      std::string way = map->entries[i].key;
      std::size_t at = i;
      std::unordered_set<std::size_t> seen;
      while (seen.insert(at).second) {
        at = index[after[at]->text];
        way += " → " + map->entries[at].key;
      }
      diagnostics_.error(after[i]->at, "after-cycle", "`after` goes in a circle: " + way,
                         "let one of them come after something else");
      place(i);
      for (std::size_t member : seen) place(member);
    }
    return out;
  }

  /// Names given as one name, a list, or a map.
  std::vector<Mention> mentions(const Node* node) {
    std::vector<Mention> out;
    if (!node) return out;
    if (node->is_scalar()) {
      out.push_back({node->text, node->at});
    } else if (node->is_list()) {
      for (const Node& item : node->items) {
        if (item.is_scalar() && !item.bad) out.push_back({item.text, item.at});
      }
    } else {
      for (const Entry* entry : placed(node)) {
        if (!entry->bad) out.push_back({entry->key, entry->at});
      }
    }
    return out;
  }
  /// Whether something in it was a mistake, so that what is missing may be there.
  static bool doubtful(const Node* node) {
    if (!node) return false;
    return std::any_of(node->items.begin(), node->items.end(), [](const Node& n) { return n.bad; }) ||
           std::any_of(node->entries.begin(), node->entries.end(),
                       [](const Entry& e) { return e.bad || e.value.bad; });
  }
  static bool is_bad(const Node& map, std::string_view word) {
    const Entry* entry = map.entry(word);
    return entry && (entry->bad || entry->value.bad);
  }

  void check_twice(const std::vector<Mention>& all, std::string_view what) {
    std::unordered_set<std::string_view> seen;
    for (const Mention& one : all) {
      if (!seen.insert(one.text).second) {
        diagnostics_.error(one.at, "named-twice",
                           std::string(what) + " " + quoted(one.text) + " is named twice", "keep one");
      }
    }
  }

  Text text_of(const Node* node, const std::string& subject) {
    Text out;
    if (!node) return out;
    if (node->is_scalar()) {
      out.set("en", node->text);  // one text for all languages
      return out;
    }
    for (const Entry& entry : node->entries) {
      if (entry.value.is_scalar() && !entry.value.bad) out.set(entry.key, entry.value.text);
    }
    for (const std::string_view locale : {"en", "zh-CN"}) {
      if (!node->entries.empty() && !node->entry(locale)) {
        diagnostics_.warning(node->at, "label-language",
                             "the text of " + subject + " is missing in " + std::string(locale),
                             "add `" + std::string(locale) + ": …`");
      }
    }
    return out;
  }

  /// A label; `fallback` (with a warning unless `quiet`) where there is none.
  Text label_of(const Node& map, const Place& at, const std::string& subject, Text fallback,
                bool quiet = false) {
    const Entry* entry = map.entry("label");
    Text out = entry && !entry->value.bad ? text_of(&entry->value, "the label of " + subject) : Text();
    if (!out.empty()) return out;
    if (!quiet && !(entry && (entry->bad || entry->value.bad || doubtful(&entry->value)))) {
      diagnostics_.warning(at, "missing-label", subject + " has no label",
                           "add `label: {en: …, zh-CN: …, zh-TW: …}`");
    }
    return fallback;
  }
  static Text plain(std::string text) {
    Text out;
    out.set("en", std::move(text));
    return out;
  }

  std::string color_of(const Node& map) {
    const Node* node = map.get("color");
    if (!node || !node->is_scalar()) return {};
    if (!is_color(node->text)) {
      diagnostics_.error(node->at, "unknown-color", quoted(node->text) + " is not a colour",
                         "write a preset such as blue, green, gold or red, or \"#rrggbb\"");
    }
    return node->text;
  }

  std::string icon_of(const Node& map) {
    const Node* node = map.get("icon");
    if (!node || !node->is_scalar()) return {};
    if (!is_icon(node->text))
      diagnostics_.error(node->at, "bad-icon", quoted(node->text) + " is not the name of an icon",
                         "e.g. phone or user-add");
    return node->text;
  }

  // --- agency, choices, roles, modules ---

  void build_agency(const Document& document) {
    Agency& agency = catalog_->agency;
    if (const Node* name = document.root.get("name")) {
      if (name->text.empty() || name->text.size() > 200)
        diagnostics_.error(name->at, "bad-value", "the agency's name is empty or too long",
                           "at most 200 bytes");
      agency.name = name->text;
    }
    if (const Node* currency = document.root.get("currency")) {
      if (!is_currency(currency->text)) {
        diagnostics_.error(currency->at, "unknown-currency", quoted(currency->text) + " is not a currency",
                           "write an ISO 4217 code such as CNY, TWD or EUR");
      }
      agency.currency = currency->text;
    }
    if (const Node* zone = document.root.get("time_zone")) {
      if (!is_time_zone(zone->text)) {
        diagnostics_.error(zone->at, "unknown-time-zone", quoted(zone->text) + " is not a time zone",
                           "write an IANA name such as Asia/Shanghai, or UTC");
      }
      agency.time_zone = zone->text;
    }
    if (const Node* locale = document.root.get("locale")) {
      if (!is_locale(locale->text))
        diagnostics_.error(locale->at, "bad-locale", quoted(locale->text) + " is not a language tag",
                           "write e.g. zh-CN");
      agency.locale = locale->text;
    }
  }

  void build_choices(const Document& document) {
    if (document.name == "core.department") {
      diagnostics_.error(document.at, "reserved-name", "the choices core.department are the departments themselves",
                         "add documents of `kind: department`");
      return;
    }
    auto choices = std::make_unique<Choices>();
    choices->name = document.name;
    choices->origin = to_origin(document.at);
    choices->label = label_of(document.root, document.at, "choices " + quoted(document.name),
                              plain(humanised(document.name)));
    const Entry* options = document.root.entry("options");
    if (options && !options->value.bad && options->value.entries.empty()) {
      diagnostics_.error(options->at, "no-options", "choices " + quoted(document.name) + " has no options",
                         "add e.g. `phone: {label: …}`");
    }
    if (!options || options->value.bad) broken_.insert({"choices", document.name});
    if (doubtful(options ? &options->value : nullptr)) vague_choices_.insert(document.name);
    for (const Entry* entry : placed(document.root.get("options"))) {
      if (entry->bad) continue;
      ChoiceOption option;
      option.name = entry->key;
      option.label =
          label_of(entry->value, entry->at, "option " + quoted(entry->key), plain(humanised(entry->key)));
      option.color = color_of(entry->value);
      option.active = flag_of(entry->value.get("active"), true);
      choices->options.push_back(std::move(option));
    }
    if (options && options->value.is_map() && !options->value.removed.empty())
      removed_options_[choices.get()] = &options->value;
    catalog_->choice_lists.push_back(std::move(choices));
  }

  RoleTools role_tools() {
    RoleTools tools;
    tools.label = [this](const Document& document, const std::string& subject) {
      return label_of(document.root, document.at, subject, plain(humanised(document.name)));
    };
    tools.names = [this](const Node* node) {
      std::vector<std::pair<std::string_view, Place>> out;
      for (const Mention& mention : mentions(node)) out.emplace_back(mention.text, mention.at);
      return out;
    };
    tools.entity = [this](std::string_view name, const Place& at, std::string_view module) -> Entity* {
      const Entity* found = find_entity({name, at}, module);
      return found ? draft_of(found)->entity : nullptr;
    };
    tools.field = [this](const Entity& entity, std::string_view name, const Place& at) {
      return find_field(*draft_of(&entity), {name, at});
    };
    tools.condition = [this](const Node& node, const Entity& entity) {
      return compile_condition(node, entity, catalog_->record_environment(entity), true);
    };
    tools.lost = [this](const char* kind, const std::string& name) { return is_lost(kind, name); };
    return tools;
  }

  void build_modules() {
    std::vector<Module>& modules = catalog_->modules;
    modules = given_modules_;
    const auto module_named = [&](const std::string& name) -> Module& {
      for (Module& one : modules) {
        if (one.name == name) return one;
      }
      Module& added = modules.emplace_back();
      added.name = name;
      return added;
    };
    for (const Document& document : documents_) {
      if (document.kind->name != "module") continue;
      Module& module = module_named(document.name);
      Text label = label_of(document.root, document.at, "module " + quoted(document.name), Text(),
                            !module.label.empty());
      if (!label.empty()) module.label = std::move(label);
      if (const std::string icon = icon_of(document.root); !icon.empty()) module.icon = icon;
      if (const Node* order = document.root.get("order")) {
        module.order = static_cast<int>(
            std::clamp<std::int64_t>(integer_of(order->text).value_or(100), -100000, 100000));
      }
    }
    for (const auto& entity : catalog_->entities) module_named(entity->module);
    for (Module& one : modules) {
      if (one.label.empty()) one.label = plain(humanised(one.name));
    }
    std::sort(modules.begin(), modules.end(), [](const Module& a, const Module& b) {
      return std::tie(a.order, a.name) < std::tie(b.order, b.name);
    });
  }

  // --- entities and fields ---

  void declare_entity(const Document& document) {
    // Their tables could be mistaken for the core's own, such as `sequence_block`.
    static const std::unordered_set<std::string_view> reserved{
        "api", "caravan", "credential", "event", "job", "login", "outbox", "schema", "sequence", "setting"};
    if (reserved.contains(module_of(document.name))) {
      diagnostics_.error(document.at, "reserved-name",
                         "module name " + quoted(module_of(document.name)) + " is reserved",
                         "choose another one");
    }
    auto entity = std::make_unique<Entity>();
    entity->full_name = document.name;
    entity->module = module_of(document.name);
    entity->table_name = table_name(document.name);
    entity->origin = to_origin(document.at);
    const std::string subject = "entity " + quoted(document.name);
    entity->label = label_of(document.root, document.at, subject, plain(humanised(document.name)));
    entity->plural = text_of(document.root.get("plural"), "the plural of " + subject);
    if (entity->plural.empty()) entity->plural = entity->label;
    entity->icon = icon_of(document.root);
    entity->menu = flag_of(document.root.get("menu"), true);
    if (const Node* number = document.root.get("number")) {
      check_number(*number);
      entity->number_format = number->text;
    }
    if (const auto [other, fresh] = tables_.emplace(entity->table_name, document.name); !fresh) {
      diagnostics_.error(document.at, "table-name", subject + " has the same table name as " + other->second,
                         "choose another name");
    }
    Draft draft;
    draft.document = &document;
    draft.entity = entity.get();
    draft.fields = document.root.get("fields");
    draft.workflow_lost = is_bad(document.root, "workflow");
    draft_by_entity_[entity.get()] = drafts_.size();
    drafts_.push_back(std::move(draft));
    catalog_->entity_by_name[entity->full_name] = entity.get();
    catalog_->entities.push_back(std::move(entity));
  }

  void check_number(const Node& node) {
    const std::string& format = node.text;
    bool sequence = false;
    std::string problem;
    for (std::size_t i = 0; i < format.size() && problem.empty(); ++i) {
      if (format[i] == '}') problem = "a `}` without its `{`";
      if (format[i] != '{') continue;
      const std::size_t end = format.find('}', i);
      if (end == std::string::npos) {
        problem = "a `{` without its `}`";
        break;
      }
      const std::string word = format.substr(i + 1, end - i - 1);
      if (word == "seq" || word.starts_with("seq:")) {
        if (sequence) problem = "two sequences";
        sequence = true;
        if (word.size() > 3) {
          const auto digits = integer_of(std::string_view(word).substr(4));
          if (!digits || *digits < 1 || *digits > 12)
            problem = "`{" + word + "}`, where 1 to 12 digits are possible";
        }
      } else if (word != "yyyy" && word != "mm") {
        problem = "the unknown place `{" + word + "}`";
      }
      i = end;
    }
    if (problem.empty() && !sequence) problem = "no `{seq}`";
    if (problem.empty() && format.size() > 40) problem = "more than 40 characters";
    if (!problem.empty()) {
      diagnostics_.error(node.at, "number-format", "the number format " + quoted(format) + " has " + problem,
                         "write e.g. \"ORD-{yyyy}-{seq:6}\"");
    }
  }

  void build_fields(Draft& draft) {
    Entity& entity = *draft.entity;
    for (const SystemField& one : system_fields) {
      auto field = std::make_unique<Field>();
      field->name = one.name;
      field->slot = static_cast<std::uint32_t>(entity.fields.size());
      field->label.set("en", one.en);
      field->label.set("zh-CN", one.zh_cn);
      field->label.set("zh-TW", one.zh_tw);
      field->type = one.type;
      field->system = true;
      field->read_only = field->slot != slot_owner;
      field->search = field->slot == slot_number;
      field->max_length = one.max_length;
      field->target = field->slot == slot_owner ? users_ : nullptr;
      field->column = one.name;
      field->origin = entity.origin;
      entity.fields.push_back(std::move(field));
    }
    for (const Entry* entry : placed(draft.fields)) build_field(draft, *entry);
    for (const auto& field : entity.fields) entity.by_name[field->name] = field.get();
    // Columns: a money field has a second one.
    std::unordered_map<std::string_view, const Field*> columns;
    for (const auto& field : entity.fields) columns[field->column] = field.get();
    for (const auto& field : entity.fields) {
      if (field->currency_column.empty()) continue;
      if (const auto taken = columns.find(field->currency_column); taken != columns.end()) {
        diagnostics_.error(name_place(draft, *taken->second), "reserved-name",
                           quoted(field->currency_column) + " is the column of the currency of money field " +
                               quoted(field->name),
                           "choose another name");
      }
    }
  }

  Place name_place(const Draft& draft, const Field& field) const {
    const Entry* entry = draft.fields ? draft.fields->entry(field.name) : nullptr;
    return entry ? entry->at : draft.document->at;
  }

  void build_field(Draft& draft, const Entry& entry) {
    Entity& entity = *draft.entity;
    const std::string& name = entry.key;
    if (entry.bad) {
      draft.lost.insert(name);
      return;
    }
    static const std::unordered_set<std::string_view> reserved{"expanded", "true", "false", "null", "in"};
    const bool system = std::any_of(std::begin(system_fields), std::end(system_fields),
                                    [&](const SystemField& one) { return one.name == name; });
    if (system || reserved.contains(name)) {
      diagnostics_.error(
          entry.at, "reserved-name",
          quoted(name) + (system ? " is a field that every entity has" : " is a reserved name"),
          "call it otherwise, e.g. `" + entity.full_name.substr(entity.full_name.find('.') + 1) + "_" + name +
              "`");
      draft.lost.insert(name);
      return;
    }
    const LayerKind layer = entry.at.file ? entry.at.file->layer : LayerKind::core;
    if (name.starts_with("x_") && (layer == LayerKind::core || layer == LayerKind::plugin)) {
      diagnostics_.error(entry.at, "field-prefix", "names that begin with x_ are kept for agencies",
                         "call it `" + name.substr(2) + "`");
    }
    auto owned = std::make_unique<Field>();
    Field& field = *owned;
    const Node& node = entry.value;
    field.name = name;
    field.slot = static_cast<std::uint32_t>(entity.fields.size());
    field.column = name;
    field.origin = to_origin(entry.at);
    entity.fields.push_back(std::move(owned));
    draft.nodes[&field] = &node;
    const std::string subject = "field " + quoted(name);
    if (node.bad) {
      field.label = plain(humanised(name));
      draft.vague.insert(&field);
      return;
    }
    field.label = label_of(node, entry.at, subject, plain(humanised(name)));
    field.help = text_of(node.get("help"), "the help of " + subject);
    field.required = flag_of(node.get("required"), false);
    field.read_only = flag_of(node.get("read_only"), false);
    if (const Node* right = node.get("right")) {
      for (const FieldRight one : {FieldRight::hidden, FieldRight::masked, FieldRight::read, FieldRight::write}) {
        if (right->text == to_string(one)) field.right = one;
      }
    }
    field.search = flag_of(node.get("search"), false);
    field.multiline = flag_of(node.get("multiline"), false);
    const Node* type = node.get("type");
    if (!type) {
      draft.vague.insert(&field);
      return;
    }
    for (const FieldType one :
         {FieldType::text, FieldType::integer, FieldType::boolean, FieldType::decimal, FieldType::money,
          FieldType::date, FieldType::instant, FieldType::choice, FieldType::ref, FieldType::json}) {
      if (type->text == to_string(one)) field.type = one;
    }
    const bool text = field.type == FieldType::text, whole = field.type == FieldType::integer;
    const bool decimal = field.type == FieldType::decimal || field.type == FieldType::money;
    only_for(node, "search", text, field, "text");
    only_for(node, "multiline", text, field, "text");
    only_for(node, "scale", decimal, field, "decimal and money");
    only_for(node, "min", whole || decimal, field, "int, decimal and money");
    only_for(node, "max", text || whole || decimal, field, "text, int, decimal and money");
    only_for(node, "to", field.type == FieldType::ref, field, "ref");
    only_for(node, "choices", field.type == FieldType::choice, field, "choice");
    if (decimal) {
      field.scale = 2;
      if (const Node* scale = node.get("scale")) {
        const std::int64_t digits = integer_of(scale->text).value_or(-1);
        if (digits < 0 || digits > 18) {
          diagnostics_.error(scale->at, "out-of-range", "`scale` of " + subject + " is " + scale->text,
                             "0 to 18");
        } else {
          field.scale = static_cast<std::uint8_t>(digits);
        }
      }
    }
    if (field.type == FieldType::money) field.currency_column = name + "_currency";
    build_bounds(node, field, subject);
    if (field.type == FieldType::ref) build_target(draft, entry, field);
    if (field.type == FieldType::choice) build_choice(draft, entry, field);
    if (node.entry("compute")) {
      for (const char* word : {"default", "default_expr", "required", "read_only"}) {
        if (const Entry* other = node.entry(word); other && !other->value.bad) {
          diagnostics_.error(other->at, "contradiction",
                             subject + " is computed, so " + tick(word) + " means nothing",
                             "remove one of the two");
        }
      }
      field.read_only = true;
    } else if (field.required && field.read_only && !node.entry("default") && !node.entry("default_expr")) {
      diagnostics_.error(node.entry("required")->at, "contradiction",
                         subject + " is required and read-only, so no record could be made",
                         "add `default` or `default_expr`, or remove one of the two");
    }
    if (node.entry("default") && node.entry("default_expr")) {
      diagnostics_.error(node.entry("default_expr")->at, "contradiction",
                         subject + " has `default` and `default_expr`", "keep one");
    }
  }

  void only_for(const Node& node, std::string_view word, bool fits, const Field& field,
                std::string_view types) {
    const Entry* entry = node.entry(word);
    if (!entry || fits || entry->value.bad) return;
    diagnostics_.error(entry->at, "word-not-for-type",
                       tick(word) + " means nothing for a field of type " + to_string(field.type),
                       "it is for " + std::string(types));
  }

  void build_bounds(const Node& node, Field& field, const std::string& subject) {
    const Node *low = node.get("min"), *high = node.get("max");
    if (field.type == FieldType::text) {
      field.max_length = field.multiline ? 0 : default_text_length;
      if (high) {
        const std::int64_t length = integer_of(high->text).value_or(0);
        if (length < 1 || length > longest_text) {
          diagnostics_.error(high->at, "out-of-range", "`max` of " + subject + " is " + quoted(high->text),
                             "1 to 16383 characters");
        } else {
          field.max_length = static_cast<std::uint32_t>(length);
        }
      }
    } else if (field.type == FieldType::integer) {
      const auto bound = [&](const Node* one, std::optional<std::int64_t>& out) {
        if (!one) return;
        out = integer_of(one->text);
        if (!out)
          diagnostics_.error(one->at, "wrong-type", quoted(one->text) + " is not a whole number",
                             subject + " is an int");
      };
      bound(low, field.min);
      bound(high, field.max);
      if (field.min && field.max && *field.min > *field.max) too_low(*high, *low, subject);
    } else if (field.type == FieldType::decimal || field.type == FieldType::money) {
      const auto bound = [&](const Node* one, std::optional<Decimal>& out) {
        if (!one) return;
        out = parse_decimal(one->text);
        if (out && out->scale > field.scale) {
          diagnostics_.error(
              one->at, "out-of-range",
              one->text + " has more than " + std::to_string(field.scale) + " digits after the point",
              "round it, or raise `scale`");
        }
      };
      bound(low, field.decimal_min);
      bound(high, field.decimal_max);
      if (field.decimal_min && field.decimal_max && compare(*field.decimal_min, *field.decimal_max) > 0)
        too_low(*high, *low, subject);
    }
  }

  void too_low(const Node& high, const Node& low, const std::string& subject) {
    diagnostics_.error(high.at, "min-above-max",
                       "`max` of " + subject + " is " + high.text + ", below its `min` " + low.text,
                       "swap them, or remove one");
  }

  void build_target(Draft& draft, const Entry& entry, Field& field) {
    const Node* to = entry.value.get("to");
    if (!to) {
      if (!is_bad(entry.value, "to")) {
        diagnostics_.error(entry.at, "missing-word", "field " + quoted(field.name) + " is a ref without `to`",
                           "add `to: MODULE.ENTITY`");
      }
    } else {
      field.target = find_entity({to->text, to->at}, draft.entity->module);
    }
    if (!field.target) draft.vague.insert(&field);
  }

  void build_choice(Draft& draft, const Entry& entry, Field& field) {
    const Node* list = entry.value.get("choices");
    if (!list) {
      if (!is_bad(entry.value, "choices")) {
        diagnostics_.error(entry.at, "missing-word",
                           "field " + quoted(field.name) + " is a choice without `choices`",
                           "add `choices: MODULE.LIST`");
      }
    } else {
      const std::string name = resolve(list->text, draft.entity->module);
      field.choices = catalog_->choices(name);
      if (!field.choices && !is_lost("choices", name))
        unknown(list->at, "choices", name, names(catalog_->choice_lists));
    }
    if (!field.choices) draft.vague.insert(&field);
  }

  void finish_members(Draft& draft) {
    Entity& entity = *draft.entity;
    entity.members.resize(entity.fields.size());
    for (const auto& field : entity.fields) {
      expr::Member& member = entity.members[field->slot];
      member.name = field->name;
      member.slot = field->slot;
      member.column = field->column;
      member.scale = field->scale;
      member.currency_column = field->currency_column;
      if (draft.vague.contains(field.get())) continue;  // any: no mistakes that follow from another one
      switch (field->type) {
        case FieldType::id:
        case FieldType::integer:
          member.type.kind = expr::TypeKind::int64;
          break;
        case FieldType::ref:
          member.type.kind = expr::TypeKind::int64;
          member.reference = field->target;
          break;
        case FieldType::text:
        case FieldType::choice:
          member.type.kind = expr::TypeKind::string;
          break;
        case FieldType::boolean:
          member.type.kind = expr::TypeKind::boolean;
          break;
        case FieldType::decimal:
        case FieldType::money:
          member.type.kind = expr::TypeKind::decimal;
          break;
        case FieldType::date:
          member.type.kind = expr::TypeKind::date;
          break;
        case FieldType::instant:
          member.type.kind = expr::TypeKind::timestamp;
          break;
        case FieldType::json:
          member.type.kind = expr::TypeKind::any;
          break;
      }
    }
    // A mistaken name is still a member, so that an expression that uses it is not a second mistake. The
    // Catalog is not published in that case.
    for (const std::string& name : draft.lost) {
      if (entity.by_name.contains(name)) continue;
      auto field = std::make_unique<Field>();
      field->name = name;
      field->column = name;
      field->slot = static_cast<std::uint32_t>(entity.fields.size());
      expr::Member member;
      member.name = field->name;
      member.slot = field->slot;
      entity.members.push_back(member);
      entity.by_name[field->name] = field.get();
      draft.vague.insert(field.get());
      entity.fields.push_back(std::move(field));
    }
    for (const Field* field : draft.vague) vague_names_.insert(field->name);
    const Node& root = draft.document->root;
    entity.title = entity.fields[entity.number_format.empty() ? slot_id : slot_number].get();
    if (const Node* title = root.get("title")) {
      if (const Field* field = find_field(draft, {title->text, title->at})) {
        entity.title = field;
        if (field->type == FieldType::json) {
          diagnostics_.error(title->at, "wrong-type", "`title` cannot be a json field",
                             "name a text or choice field, or number");
        } else if (field->slot == slot_number && entity.number_format.empty() && !is_bad(root, "number")) {
          diagnostics_.error(title->at, "contradiction",
                             "`title` is number, but the entity has no `number` format",
                             "add `number: \"ABC-{seq:6}\"`");
        }
      }
    }
  }

  // --- expressions ---

  std::shared_ptr<const expr::Program> compile(const Node& node, const expr::Environment& environment,
                                               const Entity* entity) {
    if (node.bad || !node.is_scalar()) return nullptr;
    expr::Compiled compiled = expr::compile(node.text, environment);
    for (const expr::Issue& issue : compiled.issues) {
      diagnostics_.error(place_inside(node, issue.line, issue.column), "expression", issue.message,
                         issue.hint);
    }
    if (!compiled.issues.empty()) return nullptr;
    if (entity && compiled.program) check_literals(node, *entity);
    return compiled.program;
  }

  /// Whether the source names a field whose type is not known, for a mistake that is reported elsewhere.
  bool uses_vague_field(std::string_view source) {
    if (vague_names_.empty()) return false;
    const std::vector<Token> tokens = scan(source);
    return std::any_of(tokens.begin(), tokens.end(), [&](const Token& t) {
      return t.kind == Token::Kind::word && vague_names_.contains(t.text);
    });
  }

  /// A condition that the database must be able to test as well.
  std::shared_ptr<const expr::Program> compile_condition(const Node& node, const Entity& entity,
                                                         expr::Environment environment, bool sql) {
    environment.result = expr::TypeKind::boolean;
    std::shared_ptr<const expr::Program> program = compile(node, environment, &entity);
    if (!program || !sql || uses_vague_field(node.text)) return program;
    const expr::Value variables[] = {
        expr::Value(), expr::Value(std::shared_ptr<const expr::RecordView>(std::make_shared<SampleUser>()))};
    expr::Activation activation;
    activation.variables = variables;
    activation.count = environment.variables.size();
    for (const expr::Dialect dialect : {expr::Dialect::sqlite, expr::Dialect::mysql}) {
      const expr::SqlCondition condition = expr::to_sql(*program, dialect, "t", activation);
      if (!condition.refused) continue;
      diagnostics_.error(place_inside(node, condition.refused->line, condition.refused->column), "not-in-sql",
                         "the database cannot test this: " + condition.refused->message,
                         condition.refused->hint);
      break;
    }
    return program;
  }

  /// Warns where a state or choice is compared with a name that it can never have.
  void check_literals(const Node& node, const Entity& entity) {
    const std::vector<Token> tokens = scan(node.text);
    const auto check = [&](std::string_view member, const Token& literal) {
      const Field* field = entity.field(member);
      if (!field) return;
      std::vector<std::string_view> known;
      if (field->slot == slot_state) {
        if (!states_known(entity, known)) return;
      } else if (field->choices && !vague_choices_.contains(field->choices->name)) {
        for (const ChoiceOption& option : field->choices->options) known.push_back(option.name);
      } else {
        return;
      }
      if (std::find(known.begin(), known.end(), literal.text) != known.end()) return;
      diagnostics_.warning(place_inside(node, literal.line, literal.column), "never-equal",
                           "`record." + std::string(member) + "` is never " + quoted(literal.text),
                           suggest(literal.text, known));
    };
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      const std::string_view member = member_at(tokens, i, true);
      if (member.empty()) continue;
      const auto equality = [&](std::size_t at) {
        return is(tokens, at, Token::Kind::sign, "==") || is(tokens, at, Token::Kind::sign, "!=");
      };
      if (equality(i + 3) && i + 4 < tokens.size() && tokens[i + 4].kind == Token::Kind::text)
        check(member, tokens[i + 4]);
      if (i >= 2 && equality(i - 1) && tokens[i - 2].kind == Token::Kind::text) check(member, tokens[i - 2]);
      if (is(tokens, i + 3, Token::Kind::word, "in") && is(tokens, i + 4, Token::Kind::sign, "[")) {
        for (std::size_t j = i + 5; j < tokens.size() && tokens[j].kind == Token::Kind::text; j += 2) {
          check(member, tokens[j]);
          if (!is(tokens, j + 1, Token::Kind::sign, ",")) break;
        }
      }
    }
  }

  /// The states of an entity as its document names them, before the workflow is built.
  bool states_known(const Entity& entity, std::vector<std::string_view>& out) {
    Draft* draft = draft_of(&entity);
    const Node* workflow = draft ? draft->document->root.get("workflow") : nullptr;
    const Node* states = workflow ? workflow->get("states") : nullptr;
    if (!states || !states->is_map()) return false;
    for (const Entry& entry : states->entries) {
      if (entry.bad) return false;
      out.push_back(entry.key);
    }
    return true;
  }

  static std::string_view expected_type(const Field& field) {
    switch (field.type) {
      case FieldType::id:
      case FieldType::ref:
      case FieldType::integer:
        return "int";
      case FieldType::boolean:
        return "bool";
      case FieldType::decimal:
      case FieldType::money:
        return "decimal";
      case FieldType::date:
        return "date";
      case FieldType::instant:
        return "timestamp";
      case FieldType::text:
      case FieldType::choice:
        return "string";
      case FieldType::json:
        return "";
    }
    return "";
  }

  /// Whether a value of `type` may go into the field.
  static bool fits(const Field& field, const expr::Type& type) {
    if (type.kind == expr::TypeKind::any || type.kind == expr::TypeKind::null) return true;
    switch (field.type) {
      case FieldType::id:
      case FieldType::ref:
      case FieldType::integer:
        return type.kind == expr::TypeKind::int64;
      case FieldType::boolean:
        return type.kind == expr::TypeKind::boolean;
      case FieldType::decimal:
      case FieldType::money:
        return type.kind == expr::TypeKind::decimal;
      case FieldType::date:
        return type.kind == expr::TypeKind::date;
      case FieldType::instant:
        return type.kind == expr::TypeKind::timestamp;
      case FieldType::text:
      case FieldType::choice:
        return type.kind == expr::TypeKind::string;
      case FieldType::json:
        return type.kind == expr::TypeKind::map || type.kind == expr::TypeKind::list;
    }
    return false;
  }

  /// An expression whose value goes into `field`. `record_entity`: what `record` is in it.
  std::shared_ptr<const expr::Program> compile_value(const Node& node, const Field& field, bool vague,
                                                     const expr::Environment& environment,
                                                     const Entity& record_entity) {
    std::shared_ptr<const expr::Program> program = compile(node, environment, &record_entity);
    if (!program || vague) return program;
    if (!fits(field, program->type())) {
      std::string hint = "make it ";
      hint += expected_type(field).empty() ? "a map or a list" : expected_type(field);
      diagnostics_.error(node.at, "expression-type",
                         "field " + quoted(field.name) + " is of type " + to_string(field.type) +
                             ", the expression gives " + expr::to_string(program->type()),
                         std::move(hint));
      return program;
    }
    const std::vector<Token> tokens = scan(node.text);
    if (field.choices && !vague_choices_.contains(field.choices->name) && tokens.size() == 1 &&
        tokens[0].kind == Token::Kind::text && !field.choices->option(tokens[0].text)) {
      unknown_option(place_inside(node, 1, tokens[0].column), *field.choices, tokens[0].text);
    }
    if (field.type == FieldType::ref && field.target && tokens.size() == 3) {
      const std::string_view member = member_at(tokens, 0, true);
      const Field* source = member.empty() ? nullptr : record_entity.field(member);
      const Entity* pointed = !source ? nullptr : source->slot == slot_id ? &record_entity : source->target;
      if (source && (source->slot == slot_id || (source->type == FieldType::ref && pointed)) &&
          pointed != field.target) {
        diagnostics_.error(node.at, "wrong-reference",
                           "field " + quoted(field.name) + " points at " + field.target->full_name +
                               ", the expression at " + pointed->full_name,
                           "use a reference to " + field.target->full_name);
      } else if (source && source->type == FieldType::integer) {
        diagnostics_.error(node.at, "wrong-reference",
                           "field " + quoted(field.name) + " points at " + field.target->full_name +
                               ", `record." + std::string(member) + "` is a number",
                           "use a reference to " + field.target->full_name);
      }
    }
    return program;
  }

  void unknown_option(const Place& at, const Choices& choices, std::string_view name) {
    std::vector<std::string_view> known;
    for (const ChoiceOption& option : choices.options) known.push_back(option.name);
    const auto removed = removed_options_.find(&choices);
    unknown(at, "option", name, known, removed == removed_options_.end() ? nullptr : removed->second, name);
  }

  void build_rules(Draft& draft) {
    Entity& entity = *draft.entity;
    const expr::Environment both = catalog_->record_environment(entity);
    expr::Environment record_only = both;
    record_only.variables.resize(1);
    for (const auto& owned : entity.fields) {
      Field& field = *owned;
      const auto found = draft.nodes.find(&field);
      if (found == draft.nodes.end() || found->second->bad) continue;
      const Node& node = *found->second;
      const bool vague = draft.vague.contains(&field);
      if (const Node* compute = node.get("compute"))
        field.compute = compile_value(*compute, field, vague, record_only, entity);
      for (const expr::ReadField& read :
           field.compute && field.right >= FieldRight::read ? expr::read_fields(*field.compute) : std::vector<expr::ReadField>()) {
        if (read.type != &entity || read.slot >= entity.fields.size() || entity.fields[read.slot]->right >= FieldRight::read) continue;
        diagnostics_.warning(node.entry("compute")->at, "tells-hidden",
                             "field " + quoted(field.name) + " may be read by all, but is computed from " +
                                 quoted(entity.fields[read.slot]->name) + ", which is " + to_string(entity.fields[read.slot]->right),
                             "give it a `right` of its own");
      }
      if (const Node* expression = node.get("default_expr"))
        field.default_value = compile_value(*expression, field, vague, both, entity);
      if (const Node* value = node.get("default"); value && !vague)
        field.default_value = compile_default(*value, field);
    }
    order_computed(draft);
    build_invariants(draft, record_only);
    build_keys(draft, "indexes", false);
    build_keys(draft, "unique", true);
  }

  std::shared_ptr<const expr::Program> compile_default(const Node& node, const Field& field) {
    const std::string& text = node.text;
    std::string source, needs;
    switch (field.type) {
      case FieldType::text:
        if (field.max_length > 0 &&
            static_cast<std::size_t>(std::count_if(
                text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; })) > field.max_length) {
          needs = "at most " + std::to_string(field.max_length) + " characters";
        }
        source = cel_string(text);
        break;
      case FieldType::choice:
        if (!field.choices->option(text)) {
          if (!vague_choices_.contains(field.choices->name)) unknown_option(node.at, *field.choices, text);
          return nullptr;
        }
        source = cel_string(text);
        break;
      case FieldType::integer: {
        const auto number = integer_of(text);
        if (!number || node.quoted) {
          needs = "a whole number";
        } else if ((field.min && *number < *field.min) || (field.max && *number > *field.max)) {
          needs = "a number between `min` and `max`";
        } else {
          source = text;
        }
        break;
      }
      case FieldType::boolean:
        if (node.quoted || (text != "true" && text != "false")) needs = "true or false";
        source = text;
        break;
      case FieldType::decimal:
      case FieldType::money: {
        const auto number = parse_decimal(text);
        const auto scaled = number ? rescale(*number, field.scale) : std::nullopt;
        if (!scaled || compare(*scaled, *number) != 0) {
          needs = "a number with at most " + std::to_string(field.scale) + " digits after the point";
        } else if ((field.decimal_min && compare(*scaled, *field.decimal_min) < 0) ||
                   (field.decimal_max && compare(*scaled, *field.decimal_max) > 0)) {
          needs = "a number between `min` and `max`";
        } else {
          source = "decimal(\"" + format_decimal(*scaled) + "\")";
        }
        break;
      }
      case FieldType::date:
        if (!parse_date(text)) needs = "a day such as 2026-12-20";
        source = "date(\"" + text + "\")";
        break;
      case FieldType::instant:
        if (!parse_timestamp(text)) needs = "a moment such as 2026-12-20T08:30:00Z";
        source = "timestamp(\"" + text + "\")";
        break;
      case FieldType::id:
      case FieldType::ref:
      case FieldType::json:
        needs = "`default_expr` instead";
        break;
    }
    if (!needs.empty()) {
      diagnostics_.error(node.at, "bad-default",
                         "the default " + quoted(text) + " does not fit field " + quoted(field.name) +
                             " of type " + to_string(field.type),
                         "it needs " + needs);
      return nullptr;
    }
    expr::Compiled compiled = expr::compile(source, {});
    for (const expr::Issue& issue : compiled.issues)
      diagnostics_.error(node.at, "bad-default", issue.message, issue.hint);
    return compiled.program;
  }

  /// Sorts computed fields so that each comes after those it reads.
  void order_computed(Draft& draft) {
    Entity& entity = *draft.entity;
    std::unordered_map<const Field*, std::vector<const Field*>> reads;
    std::vector<const Field*> computed;
    for (const auto& field : entity.fields) {
      if (!field->compute) continue;
      computed.push_back(field.get());
      const std::vector<Token> tokens = scan(field->compute->source());
      for (std::size_t i = 0; i < tokens.size(); ++i) {
        const std::string_view member = member_at(tokens, i, false);
        const Field* read = member.empty() ? nullptr : entity.field(member);
        if (read && read->compute) reads[field.get()].push_back(read);
      }
    }
    enum class Mark : std::uint8_t { fresh, open, done };
    std::unordered_map<const Field*, Mark> marks;
    // An explicit stack: a chain may be as long as the entity has fields.
    struct Visit {
      const Field* field;
      std::size_t next;
    };
    for (const Field* start : computed) {
      if (marks[start] != Mark::fresh) continue;
      std::vector<Visit> way{{start, 0}};
      marks[start] = Mark::open;
      while (!way.empty()) {
        const Field* field = way.back().field;
        const std::vector<const Field*>& wanted = reads[field];
        if (way.back().next == wanted.size()) {
          marks[field] = Mark::done;
          entity.computed.push_back(field);
          way.pop_back();
          continue;
        }
        const Field* read = wanted[way.back().next++];
        if (marks[read] == Mark::fresh) {
          marks[read] = Mark::open;
          way.push_back({read, 0});
        } else if (marks[read] == Mark::open) {
          std::string circle;
          bool inside = false;
          for (const Visit& visit : way) {
            inside = inside || visit.field == read;
            if (inside) circle += visit.field->name + " → ";
          }
          const Node* node = draft.nodes.at(field)->get("compute");
          diagnostics_.error(
              node->at, "compute-cycle",
              "field " + quoted(read->name) + " is computed from itself: " + circle + read->name,
              "compute one of them from stored fields only");
        }
      }
    }
  }

  void build_invariants(Draft& draft, const expr::Environment& environment) {
    for (const Entry* entry : placed(draft.document->root.get("invariants"))) {
      if (entry->bad || entry->value.bad) continue;
      Invariant invariant;
      invariant.name = entry->key;
      invariant.origin = to_origin(entry->at);
      invariant.message =
          text_of(entry->value.get("message"), "the message of invariant " + quoted(entry->key));
      if (const Node* check = entry->value.get("check"))
        invariant.check = compile_condition(*check, *draft.entity, environment, true);
      draft.entity->invariants.push_back(std::move(invariant));
    }
  }

  void build_keys(Draft& draft, std::string_view word, bool unique) {
    const Node* map = draft.document->root.get(word);
    if (!map) return;
    for (const Entry& entry : map->entries) {
      if (entry.bad || entry.value.bad) continue;
      Index index;
      index.name = entry.key;
      index.unique = unique;
      index.origin = to_origin(entry.at);
      const std::string subject = std::string(unique ? "unique key " : "index ") + quoted(entry.key);
      const Node* list = &entry.value;
      if (entry.value.is_map()) {
        list = entry.value.get("fields");
        index.message = text_of(entry.value.get("message"), "the message of " + subject);
      }
      if (!list) continue;
      for (const Index& other : draft.entity->indexes) {
        if (other.name == index.name) {
          diagnostics_.error(entry.at, "named-twice",
                             "an index and a unique key are both called " + quoted(index.name), "rename one");
        }
      }
      const std::vector<Mention> named = mentions(list);
      check_twice(named, "field");
      std::size_t bytes = 0;
      for (const Mention& mention : named) {
        const Field* field = find_field(draft, mention);
        if (!field) continue;
        index.fields.push_back(field);
        if (draft.vague.contains(field)) continue;
        if (field->type == FieldType::json || (field->type == FieldType::text && field->max_length == 0)) {
          diagnostics_.error(
              mention.at, "not-indexable",
              "field " + quoted(field->name) + " has no bounded length, so the database cannot index it",
              field->type == FieldType::text ? "give it `max`" : "use other fields");
        }
        bytes += field->type == FieldType::text     ? field->max_length * std::size_t{4}
                 : field->type == FieldType::choice ? 256
                                                    : 16;
      }
      if (bytes > widest_key_bytes) {
        diagnostics_.error(entry.at, "index-too-wide",
                           subject + " is " + std::to_string(bytes) + " bytes wide",
                           "at most 3072 (4 a character): use shorter fields");
      }
      if (named.size() > 16)
        diagnostics_.error(entry.at, "index-too-wide", subject + " has more than 16 fields", "use fewer");
      if (named.empty() && !doubtful(list))
        diagnostics_.error(entry.at, "no-fields", subject + " has no fields", "name at least one");
      draft.entity->indexes.push_back(std::move(index));
    }
  }

  // --- workflow ---

  void build_workflow(Draft& draft) {
    const Node* node = draft.document->root.get("workflow");
    if (!node) return;
    Entity& entity = *draft.entity;
    entity.workflow = std::make_unique<Workflow>();
    Workflow& workflow = *entity.workflow;
    const Node* states = node->get("states");
    std::unordered_set<std::string> lost_states;
    const bool states_lost = !states;
    for (const Entry* entry : placed(states)) {
      if (entry->bad) {
        lost_states.insert(entry->key);
        continue;
      }
      auto state = std::make_unique<State>();
      state->name = entry->key;
      state->origin = to_origin(entry->at);
      state->label = label_of(entry->value, entry->at, "state " + quoted(entry->key),
                              plain(humanised(entry->key)), entry->value.bad);
      state->color = color_of(entry->value);
      if (const Node* category = entry->value.get("category")) {
        for (const StateCategory one :
             {StateCategory::open, StateCategory::waiting, StateCategory::done, StateCategory::cancelled}) {
          if (category->text == to_string(one)) state->category = one;
        }
      }
      workflow.states.push_back(std::move(state));
    }
    if (states && states->entries.empty()) {
      diagnostics_.error(node->entry("states")->at, "no-states",
                         "the workflow of " + entity.full_name + " has no states",
                         "add e.g. `new: {category: open}`");
    }
    const auto find_state = [&](const Mention& mention) -> const State* {
      const State* found = workflow.state(mention.text);
      if (!found && !states_lost && !lost_states.contains(std::string(mention.text)) &&
          !states->entries.empty()) {
        unknown(mention.at, "state", mention.text, names(workflow.states), states, mention.text);
      }
      return found;
    };
    if (const Node* initial = node->get("initial"))
      workflow.initial = find_state({initial->text, initial->at});

    bool doubts = states_lost || !lost_states.empty() || !workflow.initial ||
                  doubtful(node->get("transitions")) || is_bad(*node, "transitions");
    for (const Entry* entry : placed(node->get("transitions"))) {
      if (entry->bad || entry->value.bad) continue;
      const std::size_t before = workflow.transitions.size();
      build_transition(draft, *entry, find_state);
      const Transition& made = *workflow.transitions[before];
      doubts = doubts || made.from.empty() || !made.to || doubtful(entry->value.get("from"));
    }
    if (!doubts) warn_unreachable(draft, *states);
  }

  void warn_unreachable(Draft& draft, const Node& states) {
    const Workflow& workflow = *draft.entity->workflow;
    std::unordered_set<const State*> reached{workflow.initial};
    std::vector<const State*> open{workflow.initial};
    while (!open.empty()) {
      const State* state = open.back();
      open.pop_back();
      for (const auto& transition : workflow.transitions) {
        if (std::find(transition->from.begin(), transition->from.end(), state) == transition->from.end())
          continue;
        if (reached.insert(transition->to).second) open.push_back(transition->to);
      }
    }
    for (const auto& state : workflow.states) {
      if (reached.contains(state.get())) continue;
      const Entry* entry = states.entry(state->name);
      diagnostics_.warning(entry ? entry->at : draft.document->at, "unreachable-state",
                           "no transition leads to state " + quoted(state->name),
                           "add one, or remove the state");
    }
  }

  template <class FindState>
  void build_transition(Draft& draft, const Entry& entry, const FindState& find_state) {
    Entity& entity = *draft.entity;
    auto owned = std::make_unique<Transition>();
    Transition& transition = *owned;
    entity.workflow->transitions.push_back(std::move(owned));
    const Node& node = entry.value;
    const std::string subject = "transition " + quoted(entry.key);
    transition.name = entry.key;
    transition.origin = to_origin(entry.at);
    transition.label = label_of(node, entry.at, subject, plain(humanised(entry.key)));
    transition.message = text_of(node.get("message"), "the message of " + subject);
    const std::vector<Mention> from = mentions(node.get("from"));
    check_twice(from, "state");
    for (const Mention& mention : from) {
      if (const State* state = find_state(mention)) transition.from.push_back(state);
    }
    if (node.get("from") && from.empty() && !doubtful(node.get("from"))) {
      diagnostics_.error(node.entry("from")->at, "no-value", subject + " leaves no state",
                         "name at least one in `from`");
    }
    if (const Node* to = node.get("to")) transition.to = find_state({to->text, to->at});
    build_by(entity, node.get("by"), transition);
    const std::vector<Mention> require = mentions(node.get("require"));
    check_twice(require, "field");
    for (const Mention& mention : require) {
      const Field* field = find_field(draft, mention);
      if (field && field->system && field->slot != slot_owner) {
        diagnostics_.error(mention.at, "system-field",
                           "field " + quoted(field->name) + " is set by the system",
                           "require own fields only");
      } else if (field) {
        transition.require.push_back(field);
      }
    }
    const expr::Environment environment = catalog_->record_environment(entity);
    if (const Node* when = node.get("when")) {
      transition.when = compile_condition(*when, entity, environment, false);
    } else if (!transition.message.empty() && !node.entry("when")) {
      diagnostics_.warning(node.entry("message")->at, "useless-message",
                           "the message of " + subject + " is never said, for there is no guard",
                           "add `when`");
    }
    if (const Node* form = node.get("form")) build_step_form(draft, *form, transition);
    if (const Node* comment = node.get("comment")) transition.comment_required = comment->text == "required";
    for (const Entry* effect : placed(node.get("do"))) {
      if (!effect->bad && !effect->value.bad) build_effect(draft, *effect, transition, environment);
    }
  }

  void build_by(const Entity& entity, const Node* by, Transition& transition) {
    const std::vector<Mention> roles = mentions(by);
    check_twice(roles, "role");
    for (const Mention& mention : roles) {
      const std::string name = resolve(mention.text, entity.module);
      const Role* role = catalog_->role(name);
      if (!role && mention.text.find('.') == std::string_view::npos && mention.at.file &&
          !mention.at.file->module.empty()) {
        role = catalog_->role(resolve(mention.text, mention.at.file->module));
      }
      if (role) {
        transition.by.push_back(role->name);
      } else if (!is_lost("role", name)) {
        std::vector<std::string_view> known = names(catalog_->roles);
        if (mention.text.find('.') == std::string_view::npos) {
          for (const auto& one : catalog_->roles) {
            if (module_of(one->name) == entity.module)
              known.insert(known.begin(), std::string_view(one->name).substr(entity.module.size() + 1));
          }
        }
        unknown(mention.at, "role", mention.text, known);
      }
    }
  }

  void build_step_form(Draft& draft, const Node& node, Transition& transition) {
    const std::string name = resolve(node.text, draft.entity->module);
    const auto found = form_by_name_.find(name);
    if (found == form_by_name_.end()) {
      if (!is_lost("form", name)) unknown(node.at, "form", name, names(catalog_->forms));
      return;
    }
    transition.form = found->second;
    if (!transition.form->entity) return;  // reported there
    draft.step_forms.insert(transition.form);
    if (transition.form->entity != draft.entity) {
      diagnostics_.error(node.at, "other-entity",
                         "form " + quoted(name) + " is of entity " + transition.form->entity->full_name,
                         "name a form of " + draft.entity->full_name);
    }
  }

  void build_effect(Draft& draft, const Entry& entry, Transition& transition,
                    const expr::Environment& environment) {
    const Node& node = entry.value;
    const std::string subject = "effect " + quoted(entry.key);
    Effect effect;
    effect.name = entry.key;
    effect.origin = to_origin(entry.at);
    const Entry *set = node.entry("set"), *create = node.entry("create"), *with = node.entry("with");
    if ((set != nullptr) == (create != nullptr)) {
      diagnostics_.error(
          entry.at, "bad-effect",
          subject + (set ? " has `set` and `create`" : " has neither `set` nor `create`"),
          "write `{set: {FIELD: EXPRESSION}}` or `{create: ENTITY, with: {FIELD: EXPRESSION}}`");
      return;
    }
    if (set && with) diagnostics_.error(with->at, "bad-effect", "`with` belongs to `create`", "remove it");
    effect.kind = set ? Effect::Kind::set : Effect::Kind::create;
    Draft* target = &draft;
    if (create) {
      if (create->value.bad) return;
      const Entity* entity = find_entity({create->value.text, create->value.at}, draft.entity->module);
      if (!entity) return;
      target = draft_of(entity);
    }
    effect.entity = target->entity;
    const Entry* values = set ? set : with;
    if (values && values->value.bad) return;
    for (std::size_t i = 0; values && i < values->value.entries.size(); ++i) {
      const Entry& one = values->value.entries[i];
      if (one.bad || one.value.bad) continue;
      const Field* field = find_field(*target, {one.key, one.at});
      if (!field) continue;
      if (target->vague.contains(field)) {
        compile(one.value, environment, draft.entity);
        continue;
      }
      if ((field->system && field->slot != slot_owner) || field->compute || is_computed(*target, *field)) {
        diagnostics_.error(
            one.at, "system-field",
            "field " + quoted(field->name) + (field->system ? " is set by the system" : " is computed"),
            "an effect cannot set it");
        continue;
      }
      effect.with.emplace_back(field, compile_value(one.value, *field, false, environment, *draft.entity));
    }
    if (set && set->value.entries.empty())
      diagnostics_.error(set->at, "bad-effect", subject + " sets nothing", "name a field");
    if (create) {
      for (const auto& field : target->entity->fields) {
        if (!field->required || target->vague.contains(field.get())) continue;
        const auto found = target->nodes.find(field.get());
        const bool defaulted = found != target->nodes.end() &&
                               (found->second->entry("default") || found->second->entry("default_expr"));
        if (defaulted || (values && values->value.entry(field->name))) continue;
        diagnostics_.error(entry.at, "missing-required",
                           subject + " makes a " + target->entity->full_name +
                               " without its required field " + quoted(field->name),
                           "add `" + field->name + ": EXPRESSION` to `with`");
      }
    }
    transition.effects.push_back(std::move(effect));
  }

  static bool is_computed(const Draft& draft, const Field& field) {
    const auto found = draft.nodes.find(&field);
    return found != draft.nodes.end() && found->second->entry("compute");
  }

  // --- forms and views ---

  void build_form(const Document& document) {
    auto owned = std::make_unique<Form>();
    Form& form = *owned;
    form.name = document.name;
    form.origin = to_origin(document.at);
    catalog_->forms.push_back(std::move(owned));
    form_by_name_[form.name] = &form;
    const Node* entity_node = document.root.get("entity");
    const Entity* entity =
        entity_node ? find_entity({entity_node->text, entity_node->at}, module_of(document.name)) : nullptr;
    form.label = label_of(document.root, document.at, "form " + quoted(document.name),
                          entity ? entity->label : Text(), true);
    if (!entity) return;
    form.entity = entity;
    Draft& draft = *draft_of(entity);
    draft.forms.push_back(&form);
    std::unordered_set<std::string_view> seen;
    for (const Entry* entry : placed(document.root.get("groups"))) {
      if (entry->bad || entry->value.bad) continue;
      FormGroup group;
      group.name = entry->key;
      group.label =
          label_of(entry->value, entry->at, "group " + quoted(entry->key), plain(humanised(entry->key)));
      for (const Mention& mention : mentions(entry->value.get("fields"))) {
        const Field* field = find_field(draft, mention);
        if (!field) continue;
        if (!seen.insert(field->name).second) {
          diagnostics_.error(mention.at, "named-twice",
                             "field " + quoted(field->name) + " stands twice on form " + quoted(form.name),
                             "keep one");
        } else if (field->system && field->slot != slot_owner) {
          diagnostics_.error(
              mention.at, "system-field",
              "field " + quoted(field->name) + " is set by the system, so it cannot be filled in",
              "remove it from the form");
        } else {
          group.fields.push_back(field);
        }
      }
      form.groups.push_back(std::move(group));
    }
    if (const Entry* groups = document.root.entry("groups");
        groups && !groups->value.bad && groups->value.entries.empty()) {
      diagnostics_.error(groups->at, "no-fields", "form " + quoted(form.name) + " has no groups",
                         "add e.g. `main: {fields: […]}`");
    }
    if (doubtful(document.root.get("groups")) || is_bad(document.root, "groups")) vague_forms_.insert(&form);
  }

  void declare_view(const Document& document) {
    auto view = std::make_unique<View>();
    view->name = document.name;
    view->origin = to_origin(document.at);
    declared_views_.emplace_back(view.get(), &document);
    catalog_->views.push_back(std::move(view));
  }

  void build_view(View& view, const Document& document) {
    const Node* entity_node = document.root.get("entity");
    const Entity* entity =
        entity_node ? find_entity({entity_node->text, entity_node->at}, module_of(document.name)) : nullptr;
    view.label = label_of(document.root, document.at, "view " + quoted(document.name),
                          entity ? entity->plural : Text(), true);
    if (!entity) return;
    view.entity = entity;
    Draft& draft = *draft_of(entity);
    draft.views.push_back(&view);
    const Node* column_node = document.root.get("columns");
    const std::vector<Mention> columns = mentions(column_node);
    check_twice(columns, "column");
    for (const Mention& mention : columns) {
      if (const Field* field = find_field(draft, mention)) view.columns.push_back(field);
    }
    if (column_node && columns.empty() && !doubtful(column_node)) {
      diagnostics_.error(document.root.entry("columns")->at, "no-fields",
                         "view " + quoted(view.name) + " has no columns", "name at least one field");
    }
    if (const Node* sort_node = document.root.get("sort")) {
      const auto key = [&](const Node& node) {
        if (!node.is_scalar() || node.bad) return;
        const bool descending = node.text.starts_with('-');
        const std::string_view name = std::string_view(node.text).substr(descending ? 1 : 0);
        const Field* field = find_field(draft, {name, node.at});
        if (!field) return;
        if (!draft.vague.contains(field) &&
            (field->type == FieldType::json || (field->type == FieldType::text && field->max_length == 0))) {
          diagnostics_.error(node.at, "not-sortable",
                             "records cannot be sorted by field " + quoted(field->name),
                             "use a field of bounded length");
        }
        view.sort.push_back({field, descending});
      };
      if (sort_node->is_scalar()) key(*sort_node);
      for (const Node& item : sort_node->items) key(item);
    } else {
      view.sort.push_back({entity->fields[slot_created_at].get(), true});
    }
    if (const Node* filter = document.root.get("filter")) {
      view.filter = compile_condition(*filter, *entity, catalog_->record_environment(*entity), true);
    }
  }

  void arrange_forms(Draft& draft) {
    Entity& entity = *draft.entity;
    const std::string main_name = entity.full_name + "_form";
    const auto rank = [&](const Form* form) {
      return form->name == main_name ? 0 : draft.step_forms.contains(form) ? 2 : 1;
    };
    std::stable_sort(draft.forms.begin(), draft.forms.end(),
                     [&](const Form* a, const Form* b) { return rank(a) < rank(b); });
    if (draft.forms.empty() || rank(draft.forms.front()) == 2) {
      if (!is_lost("form", main_name)) {
        auto form = std::make_unique<Form>();
        form->name = main_name;
        form->entity = &entity;
        form->label = entity.label;
        form->origin = entity.origin;
        FormGroup group;
        group.name = "main";
        group.label.set("en", "Details");
        group.label.set("zh-CN", "详情");
        group.label.set("zh-TW", "詳情");
        for (const auto& field : entity.fields) {
          if (!field->system && !field->compute) group.fields.push_back(field.get());
        }
        form->groups.push_back(std::move(group));
        draft.forms.insert(draft.forms.begin(), form.get());
        catalog_->forms.push_back(std::move(form));
      }
    } else if (!vague_forms_.contains(draft.forms.front())) {
      warn_absent_required(draft, *draft.forms.front());
    }
    entity.forms.assign(draft.forms.begin(), draft.forms.end());
  }

  void warn_absent_required(Draft& draft, const Form& form) {
    std::unordered_set<const Field*> present;
    for (const FormGroup& group : form.groups) present.insert(group.fields.begin(), group.fields.end());
    Place at;
    for (const Document& document : documents_) {
      if (document.kind->name == "form" && document.name == form.name) at = document.at;
    }
    for (const auto& field : draft.entity->fields) {
      if (!field->required || present.contains(field.get()) || draft.vague.contains(field.get())) continue;
      const Node& node = *draft.nodes.at(field.get());
      if (node.entry("default") || node.entry("default_expr")) continue;
      diagnostics_.warning(at, "required-not-on-form",
                           "required field " + quoted(field->name) + " is not on form " + quoted(form.name) +
                               ", which creates records",
                           "add it to a group");
    }
  }

  void arrange_views(Draft& draft) {
    Entity& entity = *draft.entity;
    const std::string main_name = entity.full_name + "_list";
    std::stable_sort(draft.views.begin(), draft.views.end(), [&](const View* a, const View* b) {
      return (a->name == main_name) > (b->name == main_name);
    });
    if (draft.views.empty() && !is_lost("view", main_name)) {
      auto view = std::make_unique<View>();
      view->name = main_name;
      view->entity = &entity;
      view->label = entity.plural;
      view->origin = entity.origin;
      const auto add = [&](const Field* field) {
        if (std::find(view->columns.begin(), view->columns.end(), field) == view->columns.end())
          view->columns.push_back(field);
      };
      if (!entity.number_format.empty()) add(entity.fields[slot_number].get());
      add(entity.title);
      if (entity.workflow) add(entity.fields[slot_state].get());
      int shown = 0;
      for (const auto& field : entity.fields) {
        if (field->system || field.get() == entity.title || field->multiline ||
            field->type == FieldType::json)
          continue;
        if (++shown > 5) break;
        add(field.get());
      }
      add(entity.fields[slot_updated_at].get());
      view->sort.push_back({entity.fields[slot_created_at].get(), true});
      draft.views.push_back(view.get());
      catalog_->views.push_back(std::move(view));
    }
    entity.views.assign(draft.views.begin(), draft.views.end());
  }

  const std::vector<Document>& documents_;
  const LostNames& lost_;
  LostNames broken_;
  const std::vector<Module>& given_modules_;
  Diagnostics& diagnostics_;
  std::shared_ptr<Catalog> catalog_;
  const Entity* users_ = nullptr;
  std::vector<Draft> drafts_;
  std::unordered_map<const Entity*, std::size_t> draft_by_entity_;
  std::unordered_map<std::string, std::string> tables_;
  std::unordered_map<std::string, Form*> form_by_name_;
  std::vector<std::pair<View*, const Document*>> declared_views_;
  std::unordered_set<std::string> vague_names_;  ///< of the fields in Draft::vague
  std::unordered_set<std::string> vague_choices_;
  std::unordered_set<const Form*> vague_forms_;
  std::unordered_map<const Choices*, const Node*> removed_options_;
};

}  // namespace

std::string humanised(std::string_view name) {
  std::string out(name.substr(name.find('.') == std::string_view::npos ? 0 : name.find('.') + 1));
  std::replace(out.begin(), out.end(), '_', ' ');
  if (!out.empty() && out.front() >= 'a' && out.front() <= 'z')
    out.front() = static_cast<char>(out.front() - 'a' + 'A');
  return out;
}

std::shared_ptr<Catalog> build_catalog(const std::vector<Document>& documents, const LostNames& lost,
                                       const std::vector<Module>& modules, Diagnostics& diagnostics) {
  return Builder(documents, lost, modules, diagnostics).build();
}

}  // namespace caravan::model
