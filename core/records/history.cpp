#include "records/history.h"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/error.h"
#include "records/bulk.h"
#include "records/codec.h"
#include "records/seal.h"
#include "records/work.h"
#include "storage/query.h"

// One entry of a record's history, in the transaction of the change.

namespace caravan::records {
namespace {

constexpr std::size_t hash_bytes = 32, salt_bytes = 16;
constexpr int base64 = sodium_base64_VARIANT_URLSAFE_NO_PADDING;

void ready() {
  static const bool ok = sodium_init() >= 0;
  if (!ok) throw Error(ErrorCode::internal, "libsodium cannot start: no source of random numbers");
}

template <std::size_t Size>
std::string encoded(const std::array<unsigned char, Size>& bytes) {
  char text[sodium_base64_ENCODED_LEN(Size, base64)];
  sodium_bin2base64(text, sizeof text, bytes.data(), Size, base64);
  return text;
}

class Hasher {
 public:
  Hasher() { crypto_generichash_init(&state_, nullptr, 0, hash_bytes); }
  Hasher& number(std::uint64_t value) {
    unsigned char bytes[8];
    for (int i = 0; i < 8; ++i) bytes[i] = static_cast<unsigned char>(value >> (8 * i));
    return raw(bytes, sizeof bytes);
  }
  Hasher& integer(std::int64_t value) { return number(static_cast<std::uint64_t>(value)); }
  Hasher& integer(const std::optional<std::int64_t>& value) { return integer(value.value_or(INT64_MIN)); }
  Hasher& text(std::string_view value) {
    return number(value.size()).raw(reinterpret_cast<const unsigned char*>(value.data()), value.size());
  }
  Hasher& text(const std::optional<std::string_view>& value) { return value ? text(*value) : number(UINT64_MAX); }
  std::string end() {
    std::array<unsigned char, hash_bytes> out{};
    crypto_generichash_final(&state_, out.data(), out.size());
    return encoded(out);
  }

 private:
  Hasher& raw(const unsigned char* data, std::size_t size) {
    crypto_generichash_update(&state_, data, size);
    return *this;
  }
  crypto_generichash_state state_{};
};

/// The differences as JSON: field → [old, new], values as in the API.
std::string changes_json(const Record& record, const Record* before, bool removed) {
  std::string changes = "{", old_text, new_text;
  const auto add = [&](std::string_view name, std::string_view old_value, std::string_view new_value) {
    if (changes.size() > 1) changes.push_back(',');
    changes.append("\"").append(name).append("\":[").append(old_value).append(",").append(new_value).append("]");
  };
  const auto currency = [](const expr::Value& value) -> std::string {
    const auto* d = value.as<Decimal>();
    return d != nullptr && d->has_currency() ? "\"" + std::string(d->currency_code()) + "\"" : "null";
  };
  const expr::Value none;
  for (const auto& field : record.entity().fields) {
    if (field->slot == model::slot_id || field->slot == model::slot_version || field->slot == model::slot_updated_at ||
        field->slot == model::slot_created_at) {
      continue;
    }
    const expr::Value& old_value = before != nullptr ? (*before)[field->slot] : none;
    const expr::Value& new_value = removed ? none : record[field->slot];
    if (old_value.same_as(new_value)) continue;
    old_text.clear();
    new_text.clear();
    write_value(old_text, *field, old_value);
    write_value(new_text, *field, new_value);
    if (old_text != new_text) add(field->name, old_text, new_text);
    if (field->type == model::FieldType::money && currency(old_value) != currency(new_value)) {
      add(field->currency_column, currency(old_value), currency(new_value));
    }
  }
  changes.push_back('}');
  return changes;
}

}  // namespace

std::string random_salt() {
  // Salts go into the database as they are: that their bytes stay in memory until they are used gives nothing away that
  // the row would not, but used ones are not kept.
  struct Pool {
    std::array<unsigned char, 128 * salt_bytes> bytes;
    std::size_t used = sizeof bytes;
  };
  thread_local Pool pool;
  if (pool.used == pool.bytes.size()) {
    ready();
    randombytes_buf(pool.bytes.data(), pool.bytes.size());
    pool.used = 0;
  }
  std::array<unsigned char, salt_bytes> salt{};
  std::memcpy(salt.data(), pool.bytes.data() + pool.used, salt_bytes);
  std::memset(pool.bytes.data() + pool.used, 0, salt_bytes);
  pool.used += salt_bytes;
  return encoded(salt);
}

std::string commitment(std::string_view salt, const EventContent& content) {
  return Hasher().text(salt).text(content.changes).text(content.note).text(content.actor_name).end();
}

std::string event_hash(const EventFacts& facts, std::string_view commitment) {
  return Hasher()
      .text(facts.previous)
      .integer(facts.id)
      .text(facts.entity)
      .integer(facts.record_id)
      .integer(facts.version)
      .integer(facts.at.micros)
      .integer(facts.actor_id)
      .text(facts.request_id)
      .text(facts.source)
      .text(facts.action)
      .text(commitment)
      .end();
}

std::string digest(std::initializer_list<std::string_view> parts) {
  ready();
  Hasher hasher;
  for (const std::string_view part : parts) hasher.text(part);
  return hasher.end();
}

TransactionWork::NewEvent TransactionWork::next_event(Record& record, const Record* before, std::string_view action,
                                                      std::string_view note) {
  if (before != nullptr && !before->has_chain()) {
    throw Error(ErrorCode::internal, "A record of " + record.entity().full_name + " was to be written that was not loaded for a change.");
  }
  NewEvent event;
  event.id = take("event");
  event.action = action;
  event.note = note;
  event.changes = changes_json(record, before, action == "delete");
  event.salt = random_salt();
  event.commitment = commitment(event.salt, {event.changes, note.empty() ? std::nullopt : std::optional(note), context_.actor.name});
  EventFacts facts;
  facts.previous = record.chain();
  facts.id = event.id;
  facts.entity = record.entity().full_name;
  facts.record_id = record.id();
  facts.version = record.version();
  facts.at = context_.now;
  if (context_.actor.user_id != 0) facts.actor_id = context_.actor.user_id;
  facts.request_id = context_.request_id;
  facts.source = source_;
  facts.action = action;
  record.set_chain(event_hash(facts, event.commitment));
  const EntityPlan& plan = plans_->of(record.entity());
  const auto holds = [](const Record& one) {
    return std::any_of(one.entity().fields.begin(), one.entity().fields.end(),
                       [&](const auto& field) { return field->sensitive && !one[field->slot].is_null(); });
  };
  if (plan.seals && (holds(record) || (before != nullptr && holds(*before)))) {
    // What was committed to is the plain text: with the salt in the clear it could be guessed.
    std::string sealed = seal_json(need_keys(plans_->catalog()), record.entity(), "event", event.id, event.changes);
    if (sealed != event.changes) event.salt = plan.keys->seal(event.salt, {"salt", record.entity().full_name, event.id, {}});
    event.changes = std::move(sealed);
  }
  return event;
}

storage::Statement& TransactionWork::event_statement(const Record& record, const NewEvent& event) {
  storage::Statement& statement = session_.prepare(
      "INSERT INTO event (id, entity, record_id, version, at, actor_id, actor_name, request_id, source, action, changes, note, "
      "salt, commitment, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  statement.bind(1, event.id);
  statement.bind(2, std::string_view(record.entity().full_name));
  statement.bind(3, record.id());
  statement.bind(4, record.version());
  statement.bind(5, expr::Value(context_.now), storage::instant_column);
  if (context_.actor.user_id != 0) statement.bind(6, context_.actor.user_id);
  else statement.bind_null(6);
  statement.bind(7, std::string_view(context_.actor.name));
  statement.bind(8, std::string_view(context_.request_id));
  statement.bind(9, std::string_view(source_));
  statement.bind(10, event.action);
  statement.bind(11, std::string_view(event.changes));
  if (event.note.empty()) statement.bind_null(12);
  else statement.bind(12, event.note);
  statement.bind(13, std::string_view(event.salt));
  statement.bind(14, std::string_view(event.commitment));
  statement.bind(15, std::string_view(record.chain()));
  return statement;
}

void TransactionWork::write_event(const Record& record, const NewEvent& event) {
  const auto announced = announcement(record, event);
  storage::Statement& statement = event_statement(record, event);
  statement.step();
  statement.reset();
  if (!announced) return;
  jobs::enqueue(session_, announced->id, announced->job, context_.now);
  announced_ = true;
}

std::int64_t TransactionWork::write_with_event(storage::Statement& row, const Record& record, const NewEvent& event) {
  const auto announced = announcement(record, event);
  storage::Statement& entry = event_statement(record, event);
  storage::Statement* const job = announced ? &jobs::enqueue_statement(session_, announced->id, announced->job, context_.now) : nullptr;
  row.send();
  entry.send();
  if (job != nullptr) job->send();
  if (unwaited_ok_) {
    constexpr std::size_t most_unwaited = 20;
    unwaited_.push_back({&row, &entry, job});
    announced_ = announced_ || job != nullptr;
    if (unwaited_.size() == most_unwaited) settle_unwaited();
    return 1;
  }
  const auto erase = [&](const char* sql, std::int64_t id) {
    storage::Statement& statement = session_.prepare(sql);
    statement.bind(1, id);
    statement.step();
    statement.reset();
  };
  // Whoever called may go on in this transaction (an import's next row): nothing may stay of what did not happen.
  const auto forget = [&] {
    entry.finish();
    if (job != nullptr) job->finish();
    erase("DELETE FROM event WHERE id = ?", event.id);
    if (job != nullptr) erase("DELETE FROM job WHERE id = ?", announced->id);
  };
  std::int64_t written = 0;
  try {
    row.finish();
    written = row.affected();
  } catch (const Error& error) {
    row.reset();
    if (session_.dialect() == storage::Dialect::sqlite) {
      entry.reset();
      if (job != nullptr) job->reset();
    } else if (error.code() != ErrorCode::retry && error.code() != ErrorCode::unavailable) {
      forget();
    }
    throw;
  }
  row.reset();
  if (written == 0) {
    forget();
  } else {
    entry.finish();
    if (job != nullptr) job->finish();
  }
  entry.reset();
  if (job != nullptr) job->reset();
  announced_ = announced_ || (job != nullptr && written != 0);
  return written;
}

void TransactionWork::settle_unwaited() {
  const auto end = [&](storage::Statement* statement, bool row) {
    if (statement == nullptr) return;
    try {
      statement->finish();
      if (row && statement->affected() == 0 && !failed_unwaited_) failed_unwaited_.emplace(ErrorCode::conflict, "A row was not written.");
    } catch (const Error& error) {
      if (!failed_unwaited_) failed_unwaited_ = error;
    }
    statement->reset();
  };
  for (const Unwaited& one : unwaited_) {
    end(one.row, true);
    end(one.event, false);
    end(one.job, false);
  }
  unwaited_.clear();
}

bool TransactionWork::written_as_meant() {
  settle_unwaited();
  if (failed_unwaited_ && !is_refusal(*failed_unwaited_)) throw *failed_unwaited_;
  return !failed_unwaited_;
}

}  // namespace caravan::records
