#include "model/loader.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <thread>

#include "model/builder.h"
#include "model/check.h"
#include "model/digest.h"
#include "model/parse_cache.h"

namespace caravan::model {
namespace {

LayerKind layer_kind(std::string_view name) {
  if (name == "core") return LayerKind::core;
  if (name == "plugin" || name.starts_with("plugin ")) return LayerKind::plugin;
  if (name == "pack" || name.starts_with("pack ")) return LayerKind::pack;
  return LayerKind::agency;
}

bool is_agencys(LayerKind kind) {
  return kind == LayerKind::pack || kind == LayerKind::agency;
}

/// A document as it was read, before the merge.
struct RawDocument {
  std::size_t layer = 0;
  Node root;
};

class Loader {
 public:
  explicit Loader(const std::vector<SourceLayer>& layers, ParseCache* cache = nullptr) : layers_(layers), cache_(cache) {}

  LoadResult run(const std::vector<Module>& modules) {
    prepare();
    parse();
    for (RawDocument& raw : raw_) accept(raw);
    for (const Document& document : documents_) {
      check_required(document.root, *document.kind->words,
                     std::string(document.kind->name) + " " + quoted(document.name), document.at,
                     diagnostics_);
    }
    std::shared_ptr<Catalog> catalog = build_catalog(documents_, lost_, modules, diagnostics_);
    LoadResult result;
    if (catalog && !diagnostics_.failed()) {
      check_catalog(*catalog, documents_, diagnostics_);
    }
    if (catalog && !diagnostics_.failed()) {
      catalog->hash = hash(modules);
      result.catalog = std::move(catalog);
    }
    result.diagnostics = diagnostics_.take();
    return result;
  }

 private:
  void prepare() {
    std::uint32_t order = 0;
    std::vector<Chunk> unreadable;
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      for (const SourceFile& source : layers_[i].files) {
        auto file = std::make_unique<FileInfo>();
        file->name = source.name;
        file->module = source.module;
        file->edition = source.edition;
        file->text = source.text;
        file->layer = layer_kind(layers_[i].name);
        file->order = ++order;
        for (const Chunk& chunk : split_documents(*file, diagnostics_, unreadable)) {
          chunks_.push_back(chunk);
          chunk_layers_.push_back(i);
        }
        files_.push_back(std::move(file));
      }
    }
    for (const Chunk& chunk : unreadable) note_lost(chunk);
  }

  /// Reading takes nearly all of the time, so it is spread over the processors; the rest is one pass.
  void parse() {
    std::vector<ParsedChunk> parsed(chunks_.size());
    std::vector<Diagnostics> found(chunks_.size());
    std::atomic<std::size_t> next{0};
    const auto work = [&] {
      for (std::size_t i = next++; i < chunks_.size(); i = next++)
        parse(chunks_[i], parsed[i], found[i]);
    };
    constexpr std::size_t worth_a_thread = 8;
    const std::size_t threads = std::min<std::size_t>(std::max(1u, std::thread::hardware_concurrency()),
                                                      chunks_.size() / worth_a_thread + 1);
    {
      std::vector<std::jthread> others;
      for (std::size_t i = 1; i < threads; ++i) others.emplace_back(work);
      work();
    }
    for (std::size_t i = 0; i < chunks_.size(); ++i) {
      diagnostics_.append(std::move(found[i]));
      if (!parsed[i].complete) note_lost(chunks_[i]);
      for (Node& root : parsed[i].documents) raw_.push_back({chunk_layers_[i], std::move(root)});
    }
  }

  void parse(const Chunk& chunk, ParsedChunk& parsed, Diagnostics& found) const {
    if (cache_ != nullptr && cache_->find(chunk, parsed)) return;
    parsed = parse_chunk(chunk, found);
    // What has a mistake is read again each time, so that it is told again.
    if (cache_ != nullptr && parsed.complete && found.empty()) cache_->keep(chunk, parsed);
  }

  void note_lost(const Chunk& chunk) {
    const std::string kind = salvage(chunk, "kind"), name = salvage(chunk, "name");
    if (name.empty()) return;
    for (const KindInfo& one : kinds()) {
      if (!kind.empty() && one.name != kind) continue;
      const auto key = std::pair(std::string(one.name), full_name(name, chunk.file->module));
      lost_.insert(key);
      unreadable_.emplace(key, chunk.file->order);
    }
  }

  static std::string full_name(const std::string& name, const std::string& module) {
    return module.empty() || name.find('.') != std::string::npos ? name : module + "." + name;
  }

  void accept(RawDocument& raw) {
    Node& root = raw.root;
    const FileInfo& file = *root.at.file;
    if (root.bad) return;
    if (!root.is_map()) {
      diagnostics_.error(root.at, "not-a-document", "a document must be a map",
                         "begin with `kind:` and `name:`");
      return;
    }
    Entry* name_entry = root.entry("name");
    std::string name;
    if (name_entry && !name_entry->value.bad && name_entry->value.is_scalar()) name = name_entry->value.text;
    const KindInfo* kind = kind_of(root, full_name(name, file.module));
    if (!kind) return;

    const bool is_agency = kind->name == "agency";
    const bool is_module = kind->name == "module" || kind->name == "department" || kind->name == "settings";  // without a module before a dot
    bool usable = true;
    if (is_agency) {
      name.clear();
    } else if (!name_entry) {
      diagnostics_.error(root.at, "missing-word", std::string(kind->name) + " has no `name`",
                         "add e.g. `name: sales.order`");
      usable = false;
    } else if (is_module ? !is_identifier(name) : !is_name(name)) {
      usable = false;  // check_shape says why
      lost_.insert({std::string(kind->name), full_name(name, file.module)});
    } else if (!is_module) {
      name = full_name(name, file.module);
      if (name.find('.') == std::string::npos) {
        diagnostics_.error(name_entry->value.at, "bad-name", quoted(name) + " has no module",
                           "write `name: MODULE." + name + "`, e.g. `agency." + name + "`");
        lost_.insert({std::string(kind->name), name});
        usable = false;
      }
    }

    if (const auto found = unreadable_.find({std::string(kind->name), name});
        found != unreadable_.end() && found->second < file.order) {
      // Without the definition that this one changes, every check of it would only make noise.
      check_shape(root, *kind->words, true, diagnostics_);
      return;
    }
    const auto known = usable ? by_key_.find({std::string(kind->name), name}) : by_key_.end();
    const bool patch = known != by_key_.end();
    if (patch && documents_[known->second].layer_index == raw.layer) {
      diagnostics_.error(
          is_agency ? root.at : name_entry->value.at, "duplicate-definition",
          std::string(kind->name) + " " + quoted(name) + " is defined twice in the same layer",
          "the other is at " + to_string(last_at_[known->second]) + "; make them one document");
      check_shape(root, *kind->words, true, diagnostics_);
      return;
    }
    check_shape(root, *kind->words, patch, diagnostics_);
    if (!usable) return;
    if (kind->name == "role") qualify_entities(root, name.substr(0, name.find('.')));
    if (!patch) {
      Document document;
      document.kind = kind;
      document.name = name;
      document.at = name_entry ? name_entry->value.at : root.at;
      document.layer = file.layer;
      document.layer_index = raw.layer;
      document.root = std::move(root);
      by_key_[{std::string(kind->name), name}] = documents_.size();
      last_at_.push_back(document.at);
      documents_.push_back(std::move(document));
      return;
    }
    Document& target = documents_[known->second];
    const Place here = name_entry ? name_entry->value.at : root.at;
    check_added_fields(target, root, file);
    std::erase_if(root.entries, [&](const Entry& entry) {
      return entry.key == "kind" || entry.key == "edition" || (entry.key == "name" && !is_agency);
    });
    merge_patch(target.root, std::move(root), diagnostics_);
    target.layer_index = raw.layer;
    last_at_[known->second] = here;
  }

  /// Entities under their full names, so that another layer, which has to write those, says more of the same one.
  static void qualify_entities(Node& root, const std::string& module) {
    for (const char* word : {"grants", "fields"}) {
      Entry* entry = root.entry(word);
      if (entry == nullptr || !entry->value.is_map()) continue;
      for (Entry& one : entry->value.entries) {
        if (!one.bad && one.key.find('.') == std::string::npos) one.key = module + "." + one.key;
      }
    }
  }

  const KindInfo* kind_of(const Node& root, const std::string& name) {
    const Entry* entry = root.entry("kind");
    if (!entry) {
      diagnostics_.error(root.at, "missing-word", "the document has no `kind`",
                         "begin with e.g. `kind: entity`");
      lose_all(name);
      return nullptr;
    }
    const Node& node = entry->value;
    if (node.bad) {
      lose_all(name);
      return nullptr;
    }
    if (!node.is_scalar()) {
      diagnostics_.error(entry->at, "wrong-type", "`kind` needs a word", "write e.g. `kind: entity`");
      lose_all(name);
      return nullptr;
    }
    std::string word = node.text;
    std::replace(word.begin(), word.end(), ' ', '_');
    const KindInfo* kind = find_kind(word);
    if (!kind) {
      std::vector<std::string_view> known;
      for (const KindInfo& one : kinds()) {
        if (one.words) known.push_back(one.name);
      }
      diagnostics_.error(node.at, "unknown-kind", "there is no kind " + quoted(node.text),
                         suggest(node.text, known));
      lose_all(name);
      return nullptr;
    }
    if (!kind->words) {
      diagnostics_.error(node.at, "not-available", "kind " + word + " is not available in this version",
                         "remove the document");
      lose_all(name);
      return nullptr;
    }
    return kind;
  }

  void lose_all(const std::string& name) {
    if (name.empty()) return;
    for (const KindInfo& one : kinds()) lost_.insert({std::string(one.name), name});
  }

  void check_added_fields(const Document& target, const Node& patch, const FileInfo& file) {
    const bool settings = target.kind->name == "settings";
    if (!is_agencys(file.layer) || is_agencys(target.layer) || (target.kind->name != "entity" && !settings)) return;
    const char* word = settings ? "settings" : "fields";
    const Node* fields = patch.get(word);
    if (!fields || !fields->is_map()) return;
    const Node* present = target.root.get(word);
    for (const Entry& entry : fields->entries) {
      if (entry.bad || entry.value.is_null() || entry.key.starts_with("x_")) continue;
      if (present && present->entry(entry.key)) continue;
      std::vector<std::string_view> known;
      if (present) {
        for (const Entry& one : present->entries) known.push_back(one.key);
      }
      const std::string near = nearest(entry.key, known);
      diagnostics_.error(entry.at, "field-prefix",
                         quoted(entry.key) + " is a new " + (settings ? "setting" : "field") + " of " + target.name +
                             ", which a later version of it could also name so",
                         near.empty()
                             ? "call it `x_" + entry.key + "`"
                             : "call it `x_" + entry.key + "`, or did you mean to change \"" + near + "\"?");
    }
  }

  std::string hash(const std::vector<Module>& modules) const {
    Digest digest;
    for (const SourceLayer& layer : layers_) {
      digest.add_delimited(layer.name);
      for (const SourceFile& file : layer.files) {
        digest.add_delimited(file.module);
        digest.add_delimited(file.text);
      }
      digest.add_delimited("end of layer");
    }
    for (const Module& module : modules) {
      digest.add_delimited(module.name);
      digest.add_delimited(module.icon);
      digest.add_delimited(std::to_string(module.order));
      for (const auto& [locale, text] : module.label.all()) {
        digest.add_delimited(locale);
        digest.add_delimited(text);
      }
    }
    return digest.hex();
  }

  const std::vector<SourceLayer>& layers_;
  ParseCache* const cache_;
  std::vector<std::unique_ptr<FileInfo>> files_;
  std::vector<Chunk> chunks_;
  std::vector<std::size_t> chunk_layers_;
  std::vector<RawDocument> raw_;
  std::vector<Document> documents_;
  std::vector<Place> last_at_;  ///< by document: where the latest layer speaks of it
  std::map<std::pair<std::string, std::string>, std::size_t> by_key_;
  LostNames lost_;
  std::map<std::pair<std::string, std::string>, std::uint32_t>
      unreadable_;  ///< lost to a syntax error, and the file's order
  Diagnostics diagnostics_;
};

}  // namespace

LoadResult load_catalog(const std::vector<SourceLayer>& layers, const std::vector<Module>& modules) {
  return Loader(layers).run(modules);
}

LoadResult load_catalog(const std::vector<SourceLayer>& layers, const std::vector<Module>& modules, ParseCache& cache) {
  return Loader(layers, &cache).run(modules);
}

}  // namespace caravan::model
