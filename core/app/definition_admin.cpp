#include "app/definition_admin.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <tuple>

#include "app/runtime.h"
#include "base/error.h"
#include "model/digest.h"
#include "records/data_check.h"
#include "storage/query.h"

namespace caravan::app {
namespace {

constexpr std::string_view edit_prefix = "console:edits/";

std::string file_of(const std::string& kind, const std::string& name) { return std::string(edit_prefix) + kind + "/" + name + ".yaml"; }

/// Kind and name of the definition whose text a file of the console is.
std::pair<std::string, std::string> key_of(std::string_view file) {
  const std::string path(file.substr(edit_prefix.size(), file.size() - edit_prefix.size() - 5));
  return {path.substr(0, path.find('/')), path.substr(path.find('/') + 1)};
}

using Edits = std::map<std::string, std::string>;  // file → text

Edits texts_of(const model::SourceLayer& layer) {
  Edits out;
  for (const auto& file : layer.files) out[file.name] = file.text;
  return out;
}

std::optional<std::string> text_in(const Edits& edits, const std::string& file) {
  const auto found = edits.find(file);
  return found == edits.end() ? std::nullopt : std::optional(found->second);
}

bool is_word(std::string_view text) {
  return !text.empty() && text.size() <= 120 &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.'; });
}

bool is_blank(const std::string& text) { return text.find_first_not_of(" \t\r\n") == std::string::npos; }

/// What the console says with the draft.
Edits with(Edits edits, const api::DefinitionDraft& draft) {
  for (const auto& edit : draft.edits) {
    if (!is_word(edit.kind) || !is_word(edit.name))
      throw Error(ErrorCode::invalid_argument, "A definition is named by its kind and its name, in small letters, digits, `_` and dots.");
    const std::string file = file_of(edit.kind, edit.name);
    if (edit.text && !is_blank(*edit.text)) edits[file] = *edit.text;
    else edits.erase(file);
  }
  return edits;
}

model::SourceLayer layer_of(const Edits& edits, const model::SourceLayer& before) {
  model::SourceLayer layer{edits_layer, {}};
  for (const auto& [file, text] : edits) {
    layer.files.push_back({file, text, ""});
    // What nobody touched stays in the edition in which it was written.
    for (const auto& old : before.files) {
      if (old.name == file && old.text == text) layer.files.back().edition = old.edition;
    }
  }
  return layer;
}

std::string fingerprint(const model::Diagnostic& one) {
  return one.at.file + '\n' + std::to_string(one.at.line) + '\n' + std::to_string(one.at.column) + '\n' + one.code + '\n' + one.message;
}

/// Which definition a line of a file speaks of.
class Finder {
 public:
  explicit Finder(const std::vector<model::SourceDocument>& documents) {
    for (const auto& one : documents) files_[one.file].emplace(one.line, &one);
  }
  const model::SourceDocument* find(const model::Origin& at) const {
    const auto file = files_.find(at.file);
    if (file == files_.end()) return nullptr;
    const auto after = file->second.upper_bound(static_cast<std::uint32_t>(std::max<std::int64_t>(at.line, 1)));
    return after == file->second.begin() ? nullptr : std::prev(after)->second;
  }

 private:
  std::map<std::string, std::map<std::uint32_t, const model::SourceDocument*>> files_;
};

/// Each text of the console is one document, of the definition that it is kept under.
void check_names(const std::vector<model::SourceDocument>& documents, const Edits& edits, std::vector<model::Diagnostic>& found) {
  for (const auto& [file, text] : edits) {
    std::vector<const model::SourceDocument*> inside;
    for (const auto& one : documents) {
      if (one.file == file) inside.push_back(&one);
    }
    const auto tell = [&](std::uint32_t line, std::string message, std::string hint) {
      model::Diagnostic one;
      one.at.file = file;
      one.at.line = line;
      one.at.column = 1;
      one.code = "bad-name";
      one.message = std::move(message);
      one.hint = std::move(hint);
      found.push_back(std::move(one));
    };
    const auto [kind, name] = key_of(file);
    if (inside.empty()) tell(1, "there is no document here", "write `kind: " + kind + "` and what it is to say, or take the document away");
    else if (inside.size() > 1) tell(inside[1]->line, "there are several documents here", "one for each definition");
    else if (inside[0]->kind != kind || inside[0]->name != name)
      tell(inside[0]->line, "this is the document of " + kind + " " + name + ", but it speaks of " + inside[0]->kind + " " + (inside[0]->name.empty() ? "without a name" : inside[0]->name),
           kind == "agency" ? "write `kind: agency`" : "write `kind: " + kind + "` and `name: " + name + "`");
  }
}

bool is_error(const model::Diagnostic& one) { return one.severity == model::Diagnostic::Severity::error; }

}  // namespace

DefinitionAdministration::DefinitionAdministration(Runtime& runtime) : runtime_(runtime), cache_(std::make_unique<model::ParseCache>("", "console")) {}

std::shared_ptr<const DefinitionAdministration::Published> DefinitionAdministration::published() {
  const std::int64_t in_use = runtime_.revisions_->active();
  if (in_use == 0) throw Error(ErrorCode::conflict, "No definitions were published yet.");
  const std::lock_guard lock(reading_);
  if (!published_ || published_->id != in_use) {
    auto next = std::make_shared<Published>();
    next->id = in_use;
    next->documents = runtime_.revisions_->read(in_use);
    next->list = model::list_documents(next->documents.layers);
    published_ = std::move(next);
  }
  return published_;
}

std::pair<std::int64_t, std::vector<api::DefinitionSources>> DefinitionAdministration::list() {
  const auto now = published();
  std::map<Key, api::DefinitionSources> all;
  for (const auto& one : now->list) {
    if (one.kind.empty() || one.name.empty()) continue;
    auto& sources = all[{one.kind, one.name}];
    sources.kind = one.kind;
    sources.name = one.name;
    sources.documents.push_back({one.kind, one.name, one.layer, one.file, one.line, {}});
    sources.edited = sources.edited || one.layer == edits_layer;
  }
  std::vector<api::DefinitionSources> out;
  out.reserve(all.size());
  for (auto& [key, sources] : all) out.push_back(std::move(sources));
  return {now->id, std::move(out)};
}

std::optional<std::pair<api::DefinitionSources, std::vector<model::ExplainedWord>>> DefinitionAdministration::show(const std::string& kind, const std::string& name) {
  const auto now = published();
  api::DefinitionSources sources{kind, name, {}, false};
  // Only its own documents are read again.
  std::vector<model::SourceLayer> layers;
  for (const auto& one : now->list) {
    if (one.kind != kind || one.name != name) continue;
    sources.documents.push_back(one);
    sources.edited = sources.edited || one.layer == edits_layer;
    const auto layer = std::find_if(now->documents.layers.begin(), now->documents.layers.end(), [&](const auto& all) { return all.name == one.layer; });
    const auto file = std::find_if(layer->files.begin(), layer->files.end(), [&](const auto& all) { return all.name == one.file; });
    // As many empty lines before it as it has in its file, so that lines are right.
    layers.push_back({one.layer, {{one.file, std::string(one.line - 1, '\n') + one.text, file->module}}});
  }
  if (sources.documents.empty()) return std::nullopt;
  std::vector<model::ExplainedWord> words;
  for (auto& definition : model::explain_definition(layers, name)) {
    if (definition.kind == kind) words = std::move(definition.words);
  }
  return std::pair(std::move(sources), std::move(words));
}

model::LoadResult DefinitionAdministration::load(const Documents& documents) {
  // What was only typed on the way is forgotten after a while.
  if (cache_->kept() > 2000) cache_ = std::make_unique<model::ParseCache>(cache_->bytes(), "console");
  return model::load_catalog(documents.layers, documents.modules, *cache_);
}

DefinitionAdministration::Planned DefinitionAdministration::examine(const Published& base, const api::DefinitionDraft& draft, bool plan) {
  const std::unique_lock lock(mutex_, std::chrono::seconds(20));
  if (!lock) {
    Error busy(ErrorCode::unavailable, "Other checks of the definitions are still running.");
    busy.retry_after = 2;
    throw busy;
  }
  Planned planned;
  planned.check.in_use = base.id;
  Documents documents = base.documents;
  for (auto& layer : documents.layers) {
    if (layer.name == "core") layer = model::core_layer();
  }
  if (known_of_ != base.id) {
    known_.clear();
    for (const auto& one : load(documents).diagnostics) known_.push_back(fingerprint(one));
    std::sort(known_.begin(), known_.end());
    known_of_ = base.id;
  }
  const auto before = edits_of(documents);
  const Edits edits = with(texts_of(before), draft);
  replace_edits(documents, layer_of(edits, before));
  auto loaded = load(documents);
  const auto list = model::list_documents(documents.layers);
  check_names(list, edits, loaded.diagnostics);
  const Finder finder(list);
  const auto add = [&](model::Diagnostic&& diagnostic) {
    api::DefinitionFinding finding;
    if (diagnostic.at.file.starts_with(edit_prefix)) {  // also where the document says another name, or none
      std::tie(finding.kind, finding.name) = key_of(diagnostic.at.file);
    } else if (const auto* document = finder.find(diagnostic.at)) {
      finding.kind = document->kind;
      finding.name = document->name;
    }
    finding.known = std::binary_search(known_.begin(), known_.end(), fingerprint(diagnostic));
    finding.diagnostic = std::move(diagnostic);
    planned.check.findings.push_back(std::move(finding));
  };
  planned.check.sound = loaded.catalog != nullptr && std::none_of(loaded.diagnostics.begin(), loaded.diagnostics.end(), is_error);
  for (auto& one : loaded.diagnostics) add(std::move(one));
  if (planned.check.sound && plan) {
    {
      const auto present = runtime_.catalog_.load();
      auto session = runtime_.database_->read();
      for (auto& one : records::check_data(*session, *loaded.catalog, {present.get(), false})) {
        planned.check.sound = planned.check.sound && !is_error(one);
        add(std::move(one));
      }
    }
    plan_against_rows(*loaded.catalog, planned);
  }
  return planned;
}

void DefinitionAdministration::plan_against_rows(const model::Catalog& next, Planned& planned) const {
  using Safety = storage::SchemaStep::Safety;
  const auto adds = [](const storage::SchemaStep& step) { return step.safety == Safety::additive && !step.blocked; };
  planned.check.planned = true;
  auto session = runtime_.database_->read();
  auto steps = storage::plan_schema(*session, next, false);
  if (std::all_of(steps.begin(), steps.end(), adds)) return;
  // Only where there is something to lose are rows counted, and what something earlier has left is told apart.
  std::vector<std::vector<std::string>> before;
  for (auto& step : storage::plan_schema(*session, *runtime_.catalog_.load(), false)) before.push_back(std::move(step.sql));
  const auto is_new = [&](const storage::SchemaStep& step) { return !adds(step) && std::find(before.begin(), before.end(), step.sql) == before.end(); };
  if (std::none_of(steps.begin(), steps.end(), is_new)) return;
  model::Digest digest;
  for (auto& step : storage::plan_schema(*session, next)) {
    if (!is_new(step)) continue;
    const bool blocked = step.safety == Safety::destructive || step.blocked;
    digest.add_delimited(step.what);
    if (!blocked) planned.leftovers.push_back({step.sql, step.what});
    const bool loses = !step.samples.empty();
    planned.check.plan.push_back({std::move(step.table), std::move(step.what), std::move(step.samples), loses, blocked});
  }
  if (!planned.check.plan.empty()) planned.check.confirm = digest.hex().substr(0, 12);
}

api::DefinitionCheck DefinitionAdministration::check(const api::DefinitionDraft& draft, bool plan) {
  const auto base = published();
  return examine(*base, draft, plan).check;
}

api::Publication DefinitionAdministration::publish(const records::Context& context, const api::DefinitionDraft& draft, const std::string& comment,
                                                   api::Leftovers leftovers, const std::string& confirm) {
  using Outcome = api::Publication::Outcome;
  runtime_.refuse_in_safe_mode();
  const std::lock_guard lock(runtime_.reloading_);
  const auto base = published();
  api::Publication done;
  done.revision = base->id;
  done.result.hash = runtime_.catalog_.load()->hash;
  const auto before = edits_of(base->documents);
  const Edits present = texts_of(before);
  const Edits edits = with(present, draft);
  if (draft.base != base->id) {
    const Edits then = texts_of(edits_of(runtime_.revisions_->read(draft.base)));
    for (const auto& edit : draft.edits) {
      const std::string file = file_of(edit.kind, edit.name);
      if (text_in(then, file) != text_in(present, file)) done.collisions.push_back({edit.kind, edit.name, text_in(then, file), text_in(present, file), edit.text});
    }
    done.outcome = Outcome::stale;
    return done;
  }
  if (runtime_.revision_ != base->id)
    throw Error(ErrorCode::conflict, "This server has not taken over revision " + std::to_string(base->id) + " of the definitions yet. Publish again in a moment.");
  if (edits == present) return done;

  Planned planned = examine(*base, draft, true);
  done.check = std::move(planned.check);
  if (!done.check.sound) {
    done.outcome = Outcome::refused;
    return done;
  }
  const auto& plan = done.check.plan;
  const bool blocked = std::any_of(plan.begin(), plan.end(), [](const auto& step) { return step.blocked; });
  const bool loses = std::any_of(plan.begin(), plan.end(), [](const auto& step) { return step.loses; });
  if (blocked || (leftovers == api::Leftovers::ask && loses) || (leftovers == api::Leftovers::drop && confirm != done.check.confirm)) {
    done.outcome = Outcome::unconfirmed;
    return done;
  }
  std::string subjects;
  for (const auto& edit : draft.edits) subjects += (subjects.empty() ? "" : ", ") + edit.kind + " " + edit.name;
  const auto event = runtime_.store_->new_event_id();
  done.result = runtime_.publish_edits(context, layer_of(edits, before), comment, base->id, [&](storage::Session& session) {
    PluginStore::record(session, event, context, {0, PluginStore::definitions, "published", std::to_string(Revisions::active(session)), "", {}, {}, subjects.substr(0, 2000), {}});
  });
  if (std::any_of(done.result.diagnostics.begin(), done.result.diagnostics.end(), is_error)) {
    done.outcome = Outcome::refused;
    for (auto& one : done.result.diagnostics) done.check.findings.push_back({std::move(one), {}, {}, false});
    return done;
  }
  done.revision = runtime_.revision_;
  spdlog::info("Revision {} of the definitions was published in the console by {}: {}.", done.revision, context.actor.username, subjects);
  if (leftovers == api::Leftovers::drop && !planned.leftovers.empty()) {
    try {
      done.dropped = drop(planned.leftovers, done.result.hash);
    } catch (const Error& error) {
      done.not_dropped = error.message();
      spdlog::warn("What revision {} no longer names was not dropped: {}", done.revision, error.message());
    }
  }
  return done;
}

std::vector<std::string> DefinitionAdministration::drop(const std::vector<Leftover>& confirmed, const std::string& hash) const {
  runtime_.nodes_->wait_for(hash, 20);
  const auto catalog = runtime_.catalog_.load();
  storage::Transaction transaction = runtime_.database_->begin();
  auto steps = storage::plan_schema(*transaction, *catalog);
  std::erase_if(steps, [&](const storage::SchemaStep& step) {
    const auto found = std::find_if(confirmed.begin(), confirmed.end(), [&](const Leftover& one) { return one.sql == step.sql; });
    if (found != confirmed.end() && found->what != step.what)  // it says how many rows hold a value
      throw Error(ErrorCode::conflict, "Rows have changed since the plan was confirmed: " + step.what + ". Look at the plan again.");
    return found == confirmed.end();
  });
  storage::apply_schema(*transaction, steps, true);
  transaction.commit();
  std::vector<std::string> done;
  for (auto& step : steps) done.push_back(std::move(step.what));
  return done;
}

std::vector<api::DefinitionDifference> DefinitionAdministration::compare(std::int64_t from, std::int64_t to) {
  std::map<std::pair<std::string, Key>, api::DefinitionDifference> all;
  const auto read = [&](std::int64_t revision, std::optional<model::SourceDocument> api::DefinitionDifference::*side) {
    for (auto& one : model::list_documents(runtime_.revisions_->read(revision).layers)) {
      auto& difference = all[{one.layer, {one.kind, one.name}}];
      difference.kind = one.kind;
      difference.name = one.name;
      difference.layer = one.layer;
      if (!(difference.*side)) difference.*side = std::move(one);
      else (difference.*side)->text += "---\n" + one.text;
    }
  };
  read(from, &api::DefinitionDifference::before);
  read(to, &api::DefinitionDifference::after);
  std::vector<api::DefinitionDifference> out;
  for (auto& [key, one] : all) {
    if (!one.before || !one.after || one.before->text != one.after->text) out.push_back(std::move(one));
  }
  // What people changed comes first.
  std::stable_sort(out.begin(), out.end(), [](const auto& left, const auto& right) { return (left.layer == edits_layer) > (right.layer == edits_layer); });
  return out;
}

api::DefinitionUpgrade DefinitionAdministration::upgrade(std::int64_t from) {
  const auto now = published();
  api::DefinitionUpgrade out;
  out.to = now->id;
  const auto& plugins = now->documents.plugins;
  for (std::int64_t before = 0; from == 0;) {
    const auto page = runtime_.revisions_->list(before, 200);
    if (page.empty()) return out;
    const auto other = std::find_if(page.begin(), page.end(), [&](const Revision& one) { return one.plugins != plugins; });
    if (other != page.end()) from = other->id;
    before = page.back().id;
  }
  out.from = from;
  const Documents old = runtime_.revisions_->read(from);
  for (const auto& [name, hash] : plugins) {
    const auto used = old.plugins.find(name);
    if (used == old.plugins.end()) out.plugins.push_back({name, "added"});
    else if (used->second != hash) out.plugins.push_back({name, "changed"});
  }
  for (const auto& [name, hash] : old.plugins) {
    if (!plugins.contains(name)) out.plugins.push_back({name, "removed"});
  }
  out.changes = model::compare_defaults(old.layers, now->documents.layers);
  return out;
}

std::vector<api::DefinitionDeed> DefinitionAdministration::history(std::int64_t before, std::uint32_t limit) {
  std::vector<api::DefinitionDeed> out;
  for (auto& one : runtime_.store_->history(PluginStore::definitions, before, limit))
    out.push_back({one.id, std::move(one.action), std::move(one.version), std::move(one.by), std::move(one.detail), std::move(one.request_id), one.at});
  return out;
}

}  // namespace caravan::app
