#include <algorithm>

#include "model/builder_state.h"
#include "model/process.h"

// Texts with places, messages, and effects that tell somebody.

namespace caravan::model {
namespace {

constexpr std::size_t longest_notice = 500;  // as core.notice keeps it
constexpr std::size_t most_places = 50;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

bool is_web_address(std::string_view text) {
  if (text.size() > 2000 || !std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7F; })) return false;
  const std::size_t scheme = text.starts_with("https://") ? 8 : text.starts_with("http://") ? 7 : 0;
  if (scheme == 0) return false;
  const std::string_view host = text.substr(scheme, text.find('/', scheme) - scheme);
  return !host.empty() && host.find('@') == std::string_view::npos;
}

}  // namespace

TextTemplate Builder::template_of(const Node* node, const std::string& subject, const expr::Environment& environment, Draft* draft) {
  TextTemplate out;
  if (!node || node->bad) return out;
  out.text = text_of(node, subject);
  const auto read = [&](const Node& one) {
    if (!one.is_scalar() || one.bad) return;
    const std::string_view text = one.text;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t open = text.find("{{", at), close = text.find("}}", at);
      if (open == std::string_view::npos && close == std::string_view::npos) return;
      if (open == std::string_view::npos || close < open) {
        diagnostics_.error(one.at, "bad-place", "`}}` in " + subject + " ends no place", "begin it with `{{`");
        return;
      }
      // A `}}` inside a string of the expression does not end it: the first that leaves a whole expression does.
      const std::size_t end = text.find("}}", open + 2);
      if (end == std::string_view::npos) {
        diagnostics_.error(one.at, "bad-place", "a place in " + subject + " has no end", "close it with `}}`");
        return;
      }
      const std::string source(trimmed(text.substr(open + 2, end - open - 2)));
      at = end + 2;
      if (out.places.contains(source)) continue;
      if (source.empty()) {
        diagnostics_.error(one.at, "bad-place", "a place in " + subject + " is empty", "write an expression, e.g. `{{record.number}}`");
        continue;
      }
      if (out.places.size() >= most_places) {
        diagnostics_.error(one.at, "bad-place", subject + " has more than 50 places", "use fewer");
        return;
      }
      if (linking_ != nullptr) {
        // Not an expression: the link is made when the message is sent, and serves its addressee alone.
        const std::vector<Token> words = scan(source);
        if (words.size() == 4 && is(words, 0, Token::Kind::word, "link") && is(words, 1, Token::Kind::sign, "(") && words[2].kind == Token::Kind::text &&
            is(words, 3, Token::Kind::sign, ")")) {
          public_links_.push_back({words[2].text, one.at, linking_});
          out.places.emplace(source, TextTemplate::Place());
          continue;
        }
      }
      TextTemplate::Place place;
      Node expression = one;
      expression.text = source;
      expression.quoted = true;  // its column is not that of the text
      place.program = compile(expression, environment, draft ? draft->entity : nullptr);
      const std::vector<Token> tokens = scan(source);
      const std::string_view member = draft && tokens.size() == 3 ? member_at(tokens, 0, true) : std::string_view();
      if (!member.empty()) place.field = draft->entity->field(member);
      if (place.program) {
        for (const expr::ReadField& field : expr::read_fields(*place.program)) {
          const Draft* of = nullptr;
          for (const Draft& other : drafts_) {
            if (other.entity == field.type) of = &other;
          }
          if (!of || field.slot >= of->entity->fields.size() || !of->entity->fields[field.slot]->sensitive) continue;
          diagnostics_.error(one.at, "tells-sensitive",
                             subject + " tells field " + quoted(of->entity->fields[field.slot]->name) + ", which is sensitive",
                             "leave it out: a message is read by others, and kept");
        }
      }
      out.places.emplace(source, std::move(place));
    }
  };
  if (node->is_scalar()) read(*node);
  for (const Entry& entry : node->entries) {
    if (!entry.bad) read(entry.value);
  }
  return out;
}

void Builder::build_messages() {
  for (const Document& document : documents_) {
    if (document.kind->name != "message") continue;
    auto owned = std::make_unique<MessageTemplate>();
    MessageTemplate& message = *owned;
    message.name = document.name;
    message.origin = to_origin(document.at);
    message.label = label_of(document.root, document.at, "message " + quoted(document.name), plain(humanised(document.name)));
    message.channel = "mail";
    if (const Node* channel = document.root.get("channel"); channel && !channel->bad) {
      message.channel = channel->text;
      // What plugins offer is known when they are loaded.
      if (message.channel != "mail" && message.channel != "console" && message.channel.find('.') == std::string::npos)
        diagnostics_.error(channel->at, "bad-value", "there is no channel " + quoted(message.channel), "write `mail`, `console`, or a plugin's: `PLUGIN.CHANNEL`");
    }
    catalog_->messages.push_back(std::move(owned));
    const Node* entity_node = document.root.get("entity");
    message.entity = entity_node ? find_entity({entity_node->text, entity_node->at}, module_of(document.name)) : nullptr;
    if (!message.entity) continue;
    Draft* draft = draft_of(message.entity);
    const expr::Environment environment = catalog_->record_environment(*message.entity);
    const std::string subject = "message " + quoted(document.name);
    message.subject = template_of(document.root.get("subject"), "the subject of " + subject, environment, draft);
    // A notice in the console is for colleagues, who have accounts.
    linking_ = message.channel == "console" ? nullptr : &message;
    message.body = template_of(document.root.get("body"), "the body of " + subject, environment, draft);
    linking_ = nullptr;
    const bool mail = message.channel == "mail";
    if (mail && message.subject.text.empty() && !is_bad(document.root, "subject")) {
      diagnostics_.error(document.at, "missing-word", subject + " goes by mail, but has no subject", "add `subject: {en: …, zh-CN: …}`");
    }
    if (message.channel == "console" && document.root.entry("subject")) {
      diagnostics_.error(document.root.entry("subject")->at, "contradiction", "a notice in the console has no subject", "remove it");
    }
    for (const auto& [locale, text] : message.subject.text.all()) {
      if (text.find('\n') != std::string::npos || text.size() > 400)
        diagnostics_.error(document.root.entry("subject")->at, "bad-value", "the subject of " + subject + " is no single short line", "at most 400 bytes, without line breaks");
    }
  }
  sort(catalog_->messages);
}

void Builder::build_recipients(Draft* draft, const std::string& module, const Node& node, const expr::Environment& environment, Effect& effect) {
  const std::vector<Mention> roles = mentions(node.get("roles"));
  check_twice(roles, "role");
  for (const Mention& mention : roles) {
    const std::string name = resolve(mention.text, module);
    if (const Role* role = catalog_->role(name)) effect.to_roles.push_back(role->name);
    else if (!is_lost("role", name)) unknown(mention.at, "role", mention.text, names(catalog_->roles));
  }
  const auto compile_to = [&](const char* word, bool addresses) -> std::shared_ptr<const expr::Program> {
    const Node* to = node.get(word);
    if (!to) return nullptr;
    const auto program = compile(*to, environment, draft ? draft->entity : nullptr);
    if (!program) return nullptr;
    const expr::Type& type = program->type();
    const expr::TypeKind wanted = addresses ? expr::TypeKind::string : expr::TypeKind::int64;
    const auto fits = [&](expr::TypeKind kind) { return kind == wanted || kind == expr::TypeKind::any || kind == expr::TypeKind::null; };
    const bool list = type.kind == expr::TypeKind::list && (!type.element || fits(type.element->kind));
    if (!list && !fits(type.kind)) {
      diagnostics_.error(to->at, "expression-type", tick(word) + " gives " + expr::to_string(type),
                         addresses ? "give an address, or a list of addresses" : "give a user, e.g. `record.owner`, or a list of users");
    }
    return program;
  };
  effect.to = compile_to("users", false);
  effect.addresses = compile_to("to", true);
}

void Builder::build_payload(Draft* draft, const Node& node, const expr::Environment& environment, Effect& effect) {
  const Node* payload = node.get("payload");
  for (std::size_t i = 0; payload && i < payload->entries.size(); ++i) {
    const Entry& value = payload->entries[i];
    if (value.bad || value.value.bad) continue;
    if (auto program = compile(value.value, environment, draft ? draft->entity : nullptr)) effect.values.emplace_back(value.key, std::move(program));
  }
}

std::optional<Effect> Builder::telling_effect(Draft* draft, const std::string& module, const Entry& entry, const expr::Environment& environment,
                                              Effect effect) {
  const Node& node = entry.value;
  const std::string subject = "effect " + quoted(entry.key);
  const Entry *notify = node.entry("notify"), *send = node.entry("send");
  if (const Entry* call = node.entry("call")) {
    effect.kind = Effect::Kind::call;
    if (call->value.bad) return std::nullopt;
    effect.action = resolve(call->value.text, module);
    if (!draft) {
      diagnostics_.error(entry.at, "bad-effect", subject + " calls an action with a record, but there is none", "name an `entity`");
      return std::nullopt;
    }
    effect.entity = draft->entity;
    // What plugins offer is known when they are loaded; the core's own actions are known here.
    if (effect.action.starts_with("core.") && (effect.action != "core.deliver_message" || draft->entity->full_name != "core.message"))
      diagnostics_.error(call->value.at, "unknown-action", "the core has no action " + quoted(effect.action) + " for " + draft->entity->full_name, "name a plugin's: `PLUGIN.ACTION`");
    build_payload(draft, node, environment, effect);
    const Node* into = node.get("into");
    for (std::size_t i = 0; into && i < into->entries.size(); ++i) {
      const Entry& one = into->entries[i];
      if (one.bad || one.value.bad) continue;
      const Field* field = find_field(*draft, {one.key, one.at});
      if (!field || draft->vague.contains(field)) continue;
      if (field->system || field->compute || field->rollup || field->type == FieldType::json || field->type == FieldType::file || field->type == FieldType::image)
        diagnostics_.error(one.at, "bad-effect", "field " + quoted(field->name) + " is not set by effects", "name a field that a user could fill in");
      else
        effect.into.emplace_back(field, one.value.text);
    }
    return effect;
  }
  if (const Entry* webhook = node.entry("webhook")) {
    effect.kind = Effect::Kind::webhook;
    if (webhook->value.bad) return std::nullopt;
    effect.url = webhook->value.text;
    if (!is_web_address(effect.url))
      diagnostics_.error(webhook->value.at, "bad-address", quoted(effect.url) + " is no address of a web service", "write `https://HOST/PATH`");
    build_payload(draft, node, environment, effect);
    return effect;
  }
  build_recipients(draft, module, node, environment, effect);
  const bool somebody = node.entry("roles") || node.entry("users") || node.entry("to");
  if (!somebody) diagnostics_.error(entry.at, "bad-effect", subject + " tells nobody", send ? "add `to`, `users` or `roles`" : "add `users` or `roles`");
  if (notify) {
    effect.kind = Effect::Kind::notify;
    if (notify->value.bad) return std::nullopt;
    effect.urgent = flag_of(node.get("urgent"), false);
    effect.text = template_of(&notify->value, "the text of " + subject, environment, draft);
    for (const auto& [locale, text] : effect.text.text.all()) {
      if (text.size() > longest_notice) diagnostics_.error(notify->at, "bad-value", "the text of " + subject + " is longer than 500 bytes", "shorten it");
    }
    return effect;
  }
  effect.kind = Effect::Kind::send;
  if (send->value.bad) return std::nullopt;
  const std::string name = resolve(send->value.text, module);
  for (const auto& message : catalog_->messages) {
    if (message->name == name) effect.message = message.get();
  }
  if (!effect.message) {
    if (!is_lost("message", name)) unknown(send->value.at, "message", send->value.text, names(catalog_->messages));
    return std::nullopt;
  }
  if (effect.message->entity && (!draft || effect.message->entity != draft->entity)) {
    diagnostics_.error(send->value.at, "other-entity", "message " + quoted(name) + " is of entity " + effect.message->entity->full_name,
                       draft ? "name a message of " + draft->entity->full_name : "name an `entity`");
  }
  if (effect.message->channel == "console" && node.entry("to"))
    diagnostics_.error(node.entry("to")->at, "bad-effect", "a notice in the console goes to users, not to addresses", "use `users` or `roles`");
  build_language(draft, node, environment, effect);
  return effect;
}

void Builder::build_language(Draft* draft, const Node& node, const expr::Environment& environment, Effect& effect) {
  const Entry* language = node.entry("language");
  if (!language || language->value.bad) return;
  if (!node.entry("to")) {
    diagnostics_.error(language->at, "bad-effect", "`language` is for addresses, and there is no `to`", "remove it: users are told in their own language");
    return;
  }
  expr::Environment text = environment;
  text.result = expr::TypeKind::string;
  effect.language = compile(language->value, text, draft ? draft->entity : nullptr);
  // A constant can be looked at now.
  const std::vector<Token> tokens = scan(language->value.text);
  if (effect.language && tokens.size() == 1 && tokens.front().kind == Token::Kind::text && !is_locale(tokens.front().text))
    diagnostics_.error(language->value.at, "bad-locale", quoted(tokens.front().text) + " is not a language tag", "write e.g. 'zh-CN'");
}

}  // namespace caravan::model
