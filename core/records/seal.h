#pragma once

#include <atomic>
#include <cstdint>
#include <forward_list>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/catalog.h"
#include "storage/database.h"

/// Sensitive values (docs/adr/0020-sensitive-fields.md). They are sealed by XChaCha20-Poly1305 (libsodium's
/// crypto_aead_xchacha20poly1305_ietf, https://doc.libsodium.org/secret-key_cryptography/aead) as
///
///   v1:KEYID:BASE64URL(24 bytes of random nonce, ciphertext, 16 bytes of tag)
///
/// with the place they are for as associated data, so that they cannot be moved to another one. The keys lie in a file outside
/// the database; their fingerprints lie in it. Equal values are found by a keyed BLAKE2b (crypto_generichash) of entity, field
/// and value, whose key is never rotated. libsodium stays inside the .cpp.
namespace caravan::records {

struct KeySet;  // seal.cpp

/// Where a sealed value belongs. Every part is covered by the seal.
struct SealPlace {
  std::string_view kind;    ///< row, event, deleted, salt, reply
  std::string_view entity;
  std::int64_t id = 0;      ///< of the record or event
  std::string_view field;
};

struct KeyInfo {
  std::string id, fingerprint;
  bool current = false;     ///< new values are sealed with it
};

/// The keys of one installation, as a view of its file. Thread-safe. A key that is not known makes it read the file again, once a second at most.
class Keys final : public expr::ConstantHash {
 public:
  /// Throws invalid_argument with a message for an administrator: the file is missing, faulty, or open to others.
  explicit Keys(std::filesystem::path file);
  ~Keys() override;
  /// Writes a file (mode 0600) with a first key and the key of hashes; throws where it is there already or cannot be written.
  static void create(const std::filesystem::path& file);

  std::string seal(std::string_view plain, const SealPlace& place) const;
  /// Throws internal where the value is not sealed, by no key that is here, or belongs to another place.
  std::string unseal(std::string_view sealed, const SealPlace& place) const;
  std::string hash(std::string_view record_type, std::string_view member, std::string_view constant) const override;

  std::string current() const;
  std::vector<KeyInfo> list() const;                ///< sealing keys, oldest first
  /// Adds a key to the file; `current`: new values are sealed with it from now on. Returns its id.
  std::string add(bool current) const;
  /// Throws not_found.
  void make_current(std::string_view id) const;
  /// Out of the file. Throws not_found, and conflict for the current one.
  void remove(std::string_view id) const;
  void reload() const;
  const std::filesystem::path& file() const { return file_; }
  /// Fingerprints of all keys by id, that of hashes as `hash`.
  std::vector<std::pair<std::string, std::string>> fingerprints() const;

 private:
  std::shared_ptr<const KeySet> with(std::string_view id) const;
  const std::filesystem::path file_;
  mutable std::atomic<std::shared_ptr<const KeySet>> set_;
  mutable std::mutex mutex_;                        ///< writers of the file
  mutable std::atomic<std::int64_t> looked_{0};     ///< when the file was last read for an unknown key
};

/// Whether an entity of the Catalog has a sensitive field.
bool any_sensitive(const model::Catalog& catalog);
bool any_sensitive(const model::Entity& entity);
/// The Catalog's keys; nullptr where it was given none.
const Keys* keys_of(const model::Catalog& catalog);
/// The same where they are needed: throws unavailable.
const Keys& need_keys(const model::Catalog& catalog);

/// Compares the keys with the fingerprints that the database holds, and registers new ones. Throws invalid_argument where a key
/// is missing or another one than the database's.
void check_keys(storage::Session& session, const Keys& keys, Timestamp now);
/// Whether the database's values were sealed by anybody's keys.
bool has_keys(storage::Session& session);

/// The sensitive values of a record, sealed for its row, as long as they are bound to a statement.
class SealedRow {
 public:
  SealedRow(const Keys* keys, const model::Entity& entity, std::int64_t id) : keys_(keys), entity_(entity), id_(id) {}
  /// Binds value and hash; returns the next free index.
  int bind(storage::Statement& statement, int index, const model::Field& field, const expr::Value& value);

 private:
  const Keys* keys_;
  const model::Entity& entity_;
  const std::int64_t id_;
  std::forward_list<std::string> texts_;  ///< which stay where they are
};

/// A row's value in the clear. Throws where it cannot be opened, also for want of keys.
expr::Value open_cell(const Keys* keys, const model::Entity& entity, const model::Field& field, std::int64_t id, std::string_view sealed);

/// A JSON object in which texts are sealed as `{"$sealed":"v1:…"}`: the changes of an event (field → [old, new]), the row of a
/// deleted record (field → text).
std::string seal_json(const Keys& keys, const model::Entity& entity, std::string_view kind, std::int64_t id, std::string json);
/// The same in the clear. `keys` and `definition` may be null where there are none; what cannot be opened throws.
std::string open_json(const Keys* keys, std::string_view entity, const model::Entity* definition, std::string_view kind, std::int64_t id,
                      std::string json);
/// The same, sealed again with the current key.
std::string reseal_json(const Keys& keys, std::string_view entity, const model::Entity* definition, std::string_view kind, std::int64_t id,
                        std::string json);
/// Whether something is sealed in it.
bool has_sealed(std::string_view json);

/// Brings what lies in the database to what the Catalog says: seals the values of fields that became sensitive (rows, histories,
/// deleted records), and opens those of fields that are no longer. In small transactions; after a kill it goes on where it was.
/// On SQLite free pages are overwritten in the end. Returns how many values were changed.
std::int64_t seal_stored(storage::Database& database, const model::Catalog& catalog, Timestamp now);

/// A part of a rotation: what lies under another key than the current one is sealed with that.
struct Resealed {
  std::int64_t values = 0;
  std::string next;         ///< empty: nothing is left
};
Resealed reseal(storage::Database& database, const model::Catalog& catalog, const std::string& after, std::int64_t work = 2000);
/// How many places of the database hold something sealed with the key.
std::int64_t key_uses(storage::Session& session, const model::Catalog& catalog, std::string_view id);
void forget_key(storage::Session& session, std::string_view id);

}  // namespace caravan::records
