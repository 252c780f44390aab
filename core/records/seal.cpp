#include "records/seal.h"

#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <sstream>

#include "base/error.h"
#include "records/json.h"
#include "storage/query.h"

namespace caravan::records {

namespace {

constexpr std::size_t key_bytes = crypto_aead_xchacha20poly1305_ietf_KEYBYTES;
constexpr std::size_t nonce_bytes = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr std::size_t tag_bytes = crypto_aead_xchacha20poly1305_ietf_ABYTES;
constexpr int base64 = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
constexpr std::string_view prefix = "v1:";

/// Bytes that are wiped when they are given up.
struct Key {
  std::array<unsigned char, key_bytes> bytes{};
  Key() = default;
  Key(const Key&) = default;
  Key& operator=(const Key&) = default;
  ~Key() { sodium_memzero(bytes.data(), bytes.size()); }
};

void ready() {
  static const bool ok = sodium_init() >= 0;
  if (!ok) throw Error(ErrorCode::internal, "libsodium cannot start: no source of random numbers");
}

std::string to_text(const unsigned char* data, std::size_t size) {
  std::string text(sodium_base64_encoded_len(size, base64), '\0');
  sodium_bin2base64(text.data(), text.size(), data, size, base64);
  text.pop_back();  // the terminating zero
  return text;
}

std::optional<std::string> from_text(std::string_view text) {
  std::string bytes(text.size() / 4 * 3 + 3, '\0');
  std::size_t size = 0;
  const char* end = nullptr;
  if (sodium_base642bin(reinterpret_cast<unsigned char*>(bytes.data()), bytes.size(), text.data(), text.size(), nullptr, &size, &end, base64) != 0 ||
      end != text.data() + text.size()) {
    return std::nullopt;
  }
  bytes.resize(size);
  return bytes;
}

void append_number(std::string& out, std::uint64_t n) {
  for (int i = 0; i < 8; ++i) out.push_back(static_cast<char>(n >> (8 * i)));
}
void append_part(std::string& out, std::string_view part) {
  append_number(out, part.size());
  out.append(part);
}

/// No two places give the same bytes.
std::string bytes_of(const SealPlace& place) {
  std::string out;
  append_part(out, "caravan v1");
  append_part(out, place.kind);
  append_part(out, place.entity);
  append_number(out, static_cast<std::uint64_t>(place.id));
  append_part(out, place.field);
  return out;
}

std::string keyed(const Key& key, std::string_view purpose, std::initializer_list<std::string_view> parts) {
  std::string message;
  append_part(message, purpose);
  for (const std::string_view part : parts) append_part(message, part);
  unsigned char out[32];
  crypto_generichash(out, sizeof out, reinterpret_cast<const unsigned char*>(message.data()), message.size(), key.bytes.data(), key.bytes.size());
  sodium_memzero(message.data(), message.size());
  return to_text(out, sizeof out);
}

std::string fingerprint(const Key& key) { return keyed(key, "caravan key fingerprint", {}); }

bool is_key_id(std::string_view id) {
  return !id.empty() && id.size() <= 32 && std::all_of(id.begin(), id.end(), [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); });
}

}  // namespace

/// What a key file says. Immutable.
struct KeySet {
  std::vector<std::pair<std::string, Key>> seal;  ///< oldest first
  Key hash;
  std::string current;
  const Key* find(std::string_view id) const {
    for (const auto& [name, key] : seal) {
      if (name == id) return &key;
    }
    return nullptr;
  }
};

namespace {

[[noreturn]] void bad_file(const std::filesystem::path& file, const std::string& why) {
  throw Error(ErrorCode::invalid_argument, "The key file " + file.string() + " " + why);
}

std::shared_ptr<const KeySet> read_keys(const std::filesystem::path& file) {
  ready();
  const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) {
    bad_file(file, errno == ENOENT ? "is missing. Sensitive fields cannot be read without it: bring it back from where you keep copies of it, or "
                                     "name the right file as `keys_file` in caravan.yaml."
                                   : std::string("cannot be read: ") + std::strerror(errno) + ".");
  }
  struct stat about {};
  std::string text;
  const bool plain = ::fstat(descriptor, &about) == 0 && S_ISREG(about.st_mode) && about.st_size < 1024 * 1024;
  if (plain) {
    text.resize(static_cast<std::size_t>(about.st_size));
    std::size_t have = 0;
    for (ssize_t n; have < text.size() && (n = ::read(descriptor, text.data() + have, text.size() - have)) > 0;) have += static_cast<std::size_t>(n);
    text.resize(have);
  }
  ::close(descriptor);
  if (!plain) bad_file(file, "is no plain file of keys.");
  if ((about.st_mode & 0027) != 0) bad_file(file, "is open to others: `chmod 600` it.");
  auto set = std::make_shared<KeySet>();
  bool hash = false;
  std::istringstream lines(text);
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    std::istringstream words(line);
    std::string kind, id, value, more;
    if (!(words >> kind) || kind.starts_with('#')) continue;
    const auto wrong = [&] { bad_file(file, "has a mistake in line " + std::to_string(number) + "."); };
    if (!(words >> id)) wrong();
    if (kind == "current") {
      set->current = id;
      continue;
    }
    if (!(words >> value) || words >> more || !is_key_id(id)) wrong();
    auto bytes = from_text(value);
    if (!bytes || bytes->size() != key_bytes) wrong();
    Key key;
    std::memcpy(key.bytes.data(), bytes->data(), key_bytes);
    sodium_memzero(bytes->data(), bytes->size());
    sodium_memzero(value.data(), value.size());
    if (kind == "hash" && !hash) {
      set->hash = key;
      hash = true;
    } else if (kind == "seal" && set->find(id) == nullptr && id != "hash") {
      set->seal.emplace_back(id, key);
    } else {
      wrong();
    }
  }
  sodium_memzero(text.data(), text.size());
  if (!hash || set->find(set->current) == nullptr) bad_file(file, "is not complete: it needs a `hash` line, `seal` lines, and which one is `current`.");
  return set;
}

/// Replaces the file as a whole, or makes it.
void write_keys(const std::filesystem::path& file, const KeySet& set, bool fresh) {
  std::string text =
      "# Keys of Caravan's sensitive fields. Without this file their values are lost: keep a copy apart from the database's backups.\n"
      "# Every node needs the same file. Change it by `caravan keys` alone.\n";
  text += "hash hash " + to_text(set.hash.bytes.data(), key_bytes) + "\n";
  for (const auto& [id, key] : set.seal) text += "seal " + id + " " + to_text(key.bytes.data(), key_bytes) + "\n";
  text += "current " + set.current + "\n";
  const std::filesystem::path written = file.string() + (fresh ? ".first." : ".new.") + std::to_string(::getpid());
  const auto fail = [&](const char* what) {
    const std::string why = std::strerror(errno);
    ::unlink(written.c_str());
    sodium_memzero(text.data(), text.size());
    throw Error(ErrorCode::unavailable, "The key file " + file.string() + " cannot be " + what + ": " + why + ". `keys_file` in caravan.yaml names another place.");
  };
  ::unlink(written.c_str());
  const int descriptor = ::open(written.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (descriptor < 0) fail("written");
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t n = ::write(descriptor, text.data() + done, text.size() - done);
    if (n <= 0) {
      ::close(descriptor);
      fail("written");
    }
    done += static_cast<std::size_t>(n);
  }
  if (::fsync(descriptor) != 0 || ::close(descriptor) != 0) fail("written");
  // A first file never takes the place of another one.
  if (fresh ? ::link(written.c_str(), file.c_str()) != 0 : ::rename(written.c_str(), file.c_str()) != 0) fail(fresh ? "made" : "replaced");
  if (fresh) ::unlink(written.c_str());
  sodium_memzero(text.data(), text.size());
  const auto folder = file.parent_path().empty() ? std::filesystem::path(".") : file.parent_path();
  if (const int directory = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); directory >= 0) {
    ::fsync(directory);
    ::close(directory);
  }
}

Key random_key() {
  ready();
  Key key;
  randombytes_buf(key.bytes.data(), key.bytes.size());
  return key;
}

std::string new_id(const KeySet& set) {
  // Never one that was used before: removed keys' ids do not come again.
  unsigned char bytes[4];
  for (;;) {
    randombytes_buf(bytes, sizeof bytes);
    char text[2 * sizeof bytes + 1];
    sodium_bin2hex(text, sizeof text, bytes, sizeof bytes);
    std::string id = std::string("k") + text;
    if (set.find(id) == nullptr) return id;
  }
}

std::string seal_with(const KeySet& set, std::string_view plain, const SealPlace& place) {
  const std::string about = bytes_of(place);
  std::string bytes(nonce_bytes + plain.size() + tag_bytes, '\0');
  auto* out = reinterpret_cast<unsigned char*>(bytes.data());
  randombytes_buf(out, nonce_bytes);
  unsigned long long size = 0;
  crypto_aead_xchacha20poly1305_ietf_encrypt(out + nonce_bytes, &size, reinterpret_cast<const unsigned char*>(plain.data()), plain.size(),
                                             reinterpret_cast<const unsigned char*>(about.data()), about.size(), nullptr, out,
                                             set.find(set.current)->bytes.data());
  return std::string(prefix) + set.current + ":" + to_text(out, bytes.size());
}

std::string_view key_id(std::string_view sealed) {
  if (!sealed.starts_with(prefix)) return {};
  sealed.remove_prefix(prefix.size());
  const auto colon = sealed.find(':');
  return colon == std::string_view::npos ? std::string_view() : sealed.substr(0, colon);
}

[[noreturn]] void refuse(const SealPlace& place, const std::string& why) {
  std::string where(place.entity);
  if (!place.field.empty()) where.append(".").append(place.field);
  throw Error(ErrorCode::internal, "A sealed value of " + where + " (" + std::string(place.kind) + " " + std::to_string(place.id) + ") " + why);
}

}  // namespace

Keys::Keys(std::filesystem::path file) : file_(std::move(file)) { set_.store(read_keys(file_)); }
Keys::~Keys() = default;

void Keys::create(const std::filesystem::path& file) {
  KeySet set;
  set.hash = random_key();
  set.current = new_id(set);
  set.seal.emplace_back(set.current, random_key());
  write_keys(file, set, true);
}

std::string Keys::seal(std::string_view plain, const SealPlace& place) const { return seal_with(*set_.load(), plain, place); }

std::shared_ptr<const KeySet> Keys::with(std::string_view id) const {
  auto set = set_.load();
  if (set->find(id) != nullptr) return set;
  const std::int64_t now = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
  if (looked_.exchange(now) == now) return set;
  try {
    set = read_keys(file_);
    set_.store(set);
  } catch (const Error&) {  // the old ones are as good as before
  }
  return set;
}

std::string Keys::unseal(std::string_view sealed, const SealPlace& place) const {
  const std::string_view id = key_id(sealed);
  if (id.empty()) refuse(place, "is not sealed: it was written behind the gate's back");
  const auto set = with(id);
  const Key* key = set->find(id);
  if (key == nullptr) refuse(place, "was sealed with the key " + std::string(id) + ", which " + file_.string() + " does not have");
  const auto bytes = from_text(sealed.substr(prefix.size() + id.size() + 1));
  if (!bytes || bytes->size() < nonce_bytes + tag_bytes) refuse(place, "is damaged");
  const std::string about = bytes_of(place);
  std::string plain(bytes->size() - nonce_bytes - tag_bytes, '\0');
  const auto* in = reinterpret_cast<const unsigned char*>(bytes->data());
  unsigned long long size = 0;
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(reinterpret_cast<unsigned char*>(plain.data()), &size, nullptr, in + nonce_bytes,
                                                 bytes->size() - nonce_bytes, reinterpret_cast<const unsigned char*>(about.data()), about.size(), in,
                                                 key->bytes.data()) != 0) {
    refuse(place, "is damaged, or was moved there from somewhere else");
  }
  return plain;
}

std::string Keys::hash(std::string_view record_type, std::string_view member, std::string_view constant) const {
  return keyed(set_.load()->hash, "caravan hash", {record_type, member, constant});
}

std::string Keys::current() const { return set_.load()->current; }

std::vector<KeyInfo> Keys::list() const {
  const auto set = set_.load();
  std::vector<KeyInfo> all;
  for (const auto& [id, key] : set->seal) all.push_back({id, fingerprint(key), id == set->current});
  return all;
}

std::vector<std::pair<std::string, std::string>> Keys::fingerprints() const {
  const auto set = set_.load();
  std::vector<std::pair<std::string, std::string>> all{{"hash", fingerprint(set->hash)}};
  for (const auto& [id, key] : set->seal) all.emplace_back(id, fingerprint(key));
  return all;
}

std::string Keys::add(bool current) const {
  const std::lock_guard lock(mutex_);
  auto set = std::make_shared<KeySet>(*read_keys(file_));
  const std::string id = new_id(*set);
  set->seal.emplace_back(id, random_key());
  if (current) set->current = id;
  write_keys(file_, *set, false);
  set_.store(std::move(set));
  return id;
}

void Keys::make_current(std::string_view id) const {
  const std::lock_guard lock(mutex_);
  auto set = std::make_shared<KeySet>(*read_keys(file_));
  if (set->find(id) == nullptr) throw Error(ErrorCode::not_found, "There is no key \"" + std::string(id) + "\".");
  if (set->current != id) {
    set->current = id;
    write_keys(file_, *set, false);
  }
  set_.store(std::move(set));
}

void Keys::remove(std::string_view id) const {
  const std::lock_guard lock(mutex_);
  auto set = std::make_shared<KeySet>(*read_keys(file_));
  if (set->find(id) == nullptr) throw Error(ErrorCode::not_found, "There is no key \"" + std::string(id) + "\".");
  if (set->current == id) throw Error(ErrorCode::conflict, "The key " + std::string(id) + " is the current one: add another one first.");
  std::erase_if(set->seal, [&](const auto& one) { return one.first == id; });
  write_keys(file_, *set, false);
  set_.store(std::move(set));
}

void Keys::reload() const { set_.store(read_keys(file_)); }

// --- Of the Catalog and of the database

bool any_sensitive(const model::Entity& entity) {
  return std::any_of(entity.fields.begin(), entity.fields.end(), [](const auto& field) { return field->sensitive; });
}

bool any_sensitive(const model::Catalog& catalog) {
  return std::any_of(catalog.entities.begin(), catalog.entities.end(), [](const auto& entity) { return any_sensitive(*entity); });
}

const Keys* keys_of(const model::Catalog& catalog) { return dynamic_cast<const Keys*>(catalog.keys.get()); }

namespace {

Error no_keys() { return Error(ErrorCode::unavailable, "The keys of sensitive fields are not at hand: is there a key file? See `caravan keys`."); }

}  // namespace

const Keys& need_keys(const model::Catalog& catalog) {
  const Keys* keys = keys_of(catalog);
  if (keys == nullptr) throw no_keys();
  return *keys;
}

bool has_keys(storage::Session& session) { return storage::Query(session, "SELECT 1 FROM seal_key LIMIT 1").next(); }

void check_keys(storage::Session& session, const Keys& keys, Timestamp now) {
  std::vector<std::pair<std::string, std::string>> known;
  {
    storage::Query query(session, "SELECT id, fingerprint FROM seal_key");
    while (query.next()) known.emplace_back(query.text(0), query.text(1));
  }
  const auto ours = keys.fingerprints();
  for (const auto& [id, print] : known) {
    const auto found = std::find_if(ours.begin(), ours.end(), [&](const auto& one) { return one.first == id; });
    const std::string file = keys.file().string();
    if (found == ours.end()) {
      throw Error(ErrorCode::invalid_argument, "The key file " + file + " lacks the key " + id +
                                                   ", which the database's sensitive fields use: every node needs the same file. Copy it from a "
                                                   "node that works, or from where you keep copies of it.");
    }
    if (found->second != print) {
      throw Error(ErrorCode::invalid_argument, "The key file " + file + " holds another key \"" + id +
                                                   "\" than the one that the database's sensitive fields were sealed with: it belongs to another "
                                                   "database. Every node needs the same file.");
    }
  }
  for (const auto& [id, print] : ours) {
    if (std::any_of(known.begin(), known.end(), [&](const auto& one) { return one.first == id; })) continue;
    try {
      storage::run_sql(session, "INSERT INTO seal_key (id, fingerprint, created_at) VALUES (?, ?, ?)", id, print, now);
    } catch (const Error& error) {
      if (!storage::DuplicateKey::is(error, nullptr)) throw;
      throw Error(ErrorCode::retry, "Another node registered its keys at the same time.");
    }
  }
}

void forget_key(storage::Session& session, std::string_view id) { storage::run_sql(session, "DELETE FROM seal_key WHERE id = ?", id); }

int SealedRow::bind(storage::Statement& statement, int index, const model::Field& field, const expr::Value& value) {
  const auto* text = value.as<std::string>();
  if (text == nullptr) {
    statement.bind_null(index++);
    statement.bind_null(index++);
    return index;
  }
  if (keys_ == nullptr) throw no_keys();
  statement.bind(index++, std::string_view(texts_.emplace_front(keys_->seal(*text, {"row", entity_.full_name, id_, field.name}))));
  statement.bind(index++, std::string_view(texts_.emplace_front(keys_->hash(entity_.full_name, field.name, *text))));
  return index;
}

expr::Value open_cell(const Keys* keys, const model::Entity& entity, const model::Field& field, std::int64_t id, std::string_view sealed) {
  if (keys == nullptr) throw no_keys();
  return expr::Value(keys->unseal(sealed, {"row", entity.full_name, id, field.name}));
}

// --- JSON

namespace {

constexpr std::string_view mark = "$sealed";

void write_sealed(std::string& out, std::string_view sealed) {
  out.append("{\"").append(mark).append("\":\"").append(sealed).append("\"}");
}

const std::string* sealed_text(const Json& value) {
  const auto* object = value.as<Json::Object>();
  if (object == nullptr || object->size() != 1 || object->front().first != mark) return nullptr;
  const auto* text = object->front().second.as<std::string>();
  return text != nullptr && !key_id(*text).empty() ? text : nullptr;
}

/// Writes the object again, each value (or each of a pair) by `write`, which returns false for what stays as it is.
template <class Write>
std::string rewrite(const std::string& json, const Write& write) {
  const Json parsed = parse_json(json);
  const auto* object = parsed.as<Json::Object>();
  if (object == nullptr) return json;
  std::string out = "{";
  for (const std::pair<std::string, Json>& member : *object) {
    const std::string& name = member.first;
    const Json& value = member.second;
    if (out.size() > 1) out.push_back(',');
    write_json_string(out, name);
    out.push_back(':');
    const Json::Array* pair = value.as<Json::Array>();
    if (pair == nullptr || pair->size() != 2) {
      if (!write(out, name, value)) value.write(out);
      continue;
    }
    out.push_back('[');
    for (std::size_t i = 0; i < 2; ++i) {
      if (i > 0) out.push_back(',');
      if (!write(out, name, (*pair)[i])) (*pair)[i].write(out);
    }
    out.push_back(']');
  }
  out.push_back('}');
  return out;
}

}  // namespace

bool has_sealed(std::string_view json) { return json.find("{\"$sealed\":\"v1:") != std::string_view::npos; }

std::string seal_json(const Keys& keys, const model::Entity& entity, std::string_view kind, std::int64_t id, std::string json) {
  return rewrite(json, [&](std::string& out, const std::string& name, const Json& value) {
    const model::Field* field = entity.field(name);
    const auto* text = value.as<std::string>();
    if (field == nullptr || !field->sensitive || text == nullptr) return false;
    write_sealed(out, keys.seal(*text, {kind, entity.full_name, id, name}));
    return true;
  });
}

namespace {

/// Writes each sealed text by `use`, which gets it in the clear.
template <class Use>
std::string with_opened(const Keys* keys, std::string_view entity, const model::Entity* definition, std::string_view kind, std::int64_t id,
                        std::string json, const Use& use) {
  if (!has_sealed(json)) return json;
  return rewrite(json, [&](std::string& out, const std::string& name, const Json& value) {
    const std::string* sealed = sealed_text(value);
    if (sealed == nullptr) return false;
    // A user's own JSON may look like it.
    const model::Field* field = definition != nullptr ? definition->field(name) : nullptr;
    if (field != nullptr && field->type == model::FieldType::json) return false;
    if (keys == nullptr) throw no_keys();
    const SealPlace place{kind, entity, id, name};
    use(out, place, keys->unseal(*sealed, place));
    return true;
  });
}

}  // namespace

std::string open_json(const Keys* keys, std::string_view entity, const model::Entity* definition, std::string_view kind, std::int64_t id,
                      std::string json) {
  return with_opened(keys, entity, definition, kind, id, std::move(json),
                     [](std::string& out, const SealPlace&, const std::string& plain) { write_json_string(out, plain); });
}

std::string reseal_json(const Keys& keys, std::string_view entity, const model::Entity* definition, std::string_view kind, std::int64_t id,
                        std::string json) {
  return with_opened(&keys, entity, definition, kind, id, std::move(json),
                     [&](std::string& out, const SealPlace& place, const std::string& plain) { write_sealed(out, keys.seal(plain, place)); });
}

}  // namespace caravan::records
