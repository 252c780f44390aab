#include <mysql.h>

#include <cstring>
#include <stdexcept>

#include "sql_bench.h"

namespace caravan::bench {
namespace {

struct CloseConnection {
  void operator()(MYSQL* connection) const { mysql_close(connection); }
};
struct CloseStatement {
  void operator()(MYSQL_STMT* statement) const { mysql_stmt_close(statement); }
};
using ConnectionPtr = std::unique_ptr<MYSQL, CloseConnection>;
using StatementPtr = std::unique_ptr<MYSQL_STMT, CloseStatement>;

ConnectionPtr connect(const std::string& socket, const std::string& database) {
  ConnectionPtr connection(mysql_init(nullptr));
  mysql_options(connection.get(), MYSQL_SET_CHARSET_NAME, "utf8mb4");
  if (mysql_real_connect(connection.get(), nullptr, "root", "", database.c_str(), 0, socket.c_str(), 0) ==
      nullptr) {
    throw std::runtime_error(std::string("cannot connect: ") + mysql_error(connection.get()));
  }
  return connection;
}

bool is_integer(enum_field_types type) {
  return type == MYSQL_TYPE_LONGLONG || type == MYSQL_TYPE_LONG || type == MYSQL_TYPE_INT24 ||
         type == MYSQL_TYPE_SHORT || type == MYSQL_TYPE_TINY;
}

/// A prepared statement with parameters and results bound once: integers as such, everything else as text.
class Prepared {
 public:
  struct Cell {
    long long integer = 0;
    std::string text;
    unsigned long length = 0;
    my_bool null = 0;
    bool is_integer = false;
  };

  Prepared(MYSQL* connection, const std::string& sql) : statement_(mysql_stmt_init(connection)) {
    if (mysql_stmt_prepare(statement_.get(), sql.data(), sql.size()) != 0) fail();
    parameters.resize(mysql_stmt_param_count(statement_.get()));
    parameter_binds_.resize(parameters.size());
    if (MYSQL_RES* fields = mysql_stmt_result_metadata(statement_.get())) {
      const auto count = mysql_num_fields(fields);
      results.resize(count);
      result_binds_.resize(count);
      for (unsigned i = 0; i < count; ++i) {
        const auto& field = *mysql_fetch_field_direct(fields, i);
        names.emplace_back(field.name);
        auto& cell = results[i];
        auto& bind = result_binds_[i];
        std::memset(&bind, 0, sizeof bind);
        cell.is_integer = is_integer(field.type);
        if (cell.is_integer) {
          bind.buffer_type = MYSQL_TYPE_LONGLONG;
          bind.buffer = &cell.integer;
        } else {
          cell.text.resize(8192);
          bind.buffer_type = MYSQL_TYPE_STRING;
          bind.buffer = cell.text.data();
          bind.buffer_length = static_cast<unsigned long>(cell.text.size());
        }
        bind.length = &cell.length;
        bind.is_null = &cell.null;
      }
      mysql_free_result(fields);
      if (mysql_stmt_bind_result(statement_.get(), result_binds_.data()) != 0) fail();
    }
  }

  void bind() {
    bool changed = !bound_;
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      auto& cell = parameters[i];
      auto& bind = parameter_binds_[i];
      const auto type = cell.null != 0    ? MYSQL_TYPE_NULL
                        : cell.is_integer ? MYSQL_TYPE_LONGLONG
                                          : MYSQL_TYPE_STRING;
      void* const buffer = cell.is_integer ? static_cast<void*>(&cell.integer) : cell.text.data();
      changed = changed || bind.buffer_type != type || bind.buffer != buffer;
      bind.buffer_type = type;
      bind.buffer = buffer;
      cell.length = static_cast<unsigned long>(cell.text.size());
      bind.buffer_length = cell.length;
      bind.length = &cell.length;
    }
    // Types travel once; values are read from where they lie.
    if (changed && !parameters.empty() && mysql_stmt_bind_param(statement_.get(), parameter_binds_.data()) != 0) fail();
    bound_ = true;
  }
  void execute() {
    bind();
    if (mysql_stmt_execute(statement_.get()) != 0) fail();
  }
  /// Without waiting for the answer, which receive() reads, in the order of sending; as the product does.
  void send() {
    bind();
    MYSQL* const connection = statement_->mysql;
    const my_bool yes = 1, no = 0;
    mysql_optionsv(connection, MARIADB_OPT_SKIP_READ_RESPONSE, &yes);
    const int refused = mysql_stmt_execute(statement_.get());
    mysql_optionsv(connection, MARIADB_OPT_SKIP_READ_RESPONSE, &no);
    if (refused != 0) fail();
  }
  void receive() {
    MYSQL* const connection = statement_->mysql;
    connection->net.pkt_nr = 1;  // an answer counts from its own question
    if (connection->methods->db_read_execute_response(statement_.get()) != 0) fail();
    if (affected() != 1) throw std::runtime_error("a row was not written");
  }
  bool fetch() {
    const int code = mysql_stmt_fetch(statement_.get());
    if (code == 1) fail();
    return code != MYSQL_NO_DATA;
  }
  void done() { mysql_stmt_free_result(statement_.get()); }
  std::int64_t affected() { return static_cast<std::int64_t>(mysql_stmt_affected_rows(statement_.get())); }
  void set(const std::vector<Cell>& cells) {
    for (std::size_t i = 0; i < cells.size(); ++i) parameters[i] = cells[i];
  }
  void set(std::size_t index, std::int64_t value) {
    parameters[index].is_integer = true;
    parameters[index].null = 0;
    parameters[index].integer = value;
  }
  void set(std::size_t index, const std::string& value) {
    parameters[index].is_integer = false;
    parameters[index].null = 0;
    parameters[index].text.assign(value);
  }

  std::vector<Cell> parameters, results;
  std::vector<std::string> names;

 private:
  [[noreturn]] void fail() const { throw std::runtime_error(mysql_stmt_error(statement_.get())); }
  StatementPtr statement_;
  std::vector<MYSQL_BIND> parameter_binds_, result_binds_;
  bool bound_ = false;
};

void run(MYSQL* connection, const char* sql) {
  if (mysql_query(connection, sql) != 0) throw std::runtime_error(mysql_error(connection));
}

/// The newest row of a table, to be written again under other ids.
struct Row {
  std::vector<std::string> names;
  std::vector<Prepared::Cell> cells;
};

Row newest(MYSQL* connection, const std::string& table, const std::string& condition) {
  Prepared select(connection, "SELECT * FROM " + table + " WHERE " + condition + " ORDER BY id DESC LIMIT 1");
  select.execute();
  if (!select.fetch()) throw std::runtime_error("no row to copy in " + table);
  for (auto& cell : select.results) {
    if (!cell.is_integer) cell.text.resize(std::min<std::size_t>(cell.length, cell.text.size()));
  }
  Row row{select.names, select.results};
  select.done();
  return row;
}

std::string joined(const std::vector<std::string>& names, const char* prefix) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : ", ") + std::string(prefix) + "`" + name + "`";
  return text;
}

std::string marks(std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += i == 0 ? "?" : ", ?";
  return text;
}

std::string insert_sql(const std::string& table, const Row& row) {
  return "INSERT INTO " + table + " (" + joined(row.names, "") + ") VALUES (" + marks(row.names.size()) + ")";
}

/// The row is written only where what it refers to exists, and what it refers to is locked: one statement.
std::string insert_with_references_sql(const Plan& plan, const Row& row) {
  std::string tables, conditions;
  for (std::size_t i = 0; i < plan.references.size(); ++i) {
    const auto alias = "x" + std::to_string(i);
    tables += (i == 0 ? "" : ", ") + plan.references[i].second + " " + alias;
    conditions += (i == 0 ? "" : " AND ") + alias + ".id = ?";
  }
  if (tables.empty()) return insert_sql(plan.table, row);
  return "INSERT INTO " + plan.table + " (" + joined(row.names, "") + ") SELECT " + marks(row.names.size()) + " FROM " +
         tables + " WHERE " + conditions + " LOCK IN SHARE MODE";
}

/// A statement that writes one row again under another id, sent together with others.
class Copier {
 public:
  Copier(MYSQL* connection, const std::string& sql, const Row& row)
      : statement(connection, sql), id_(column_of(row.names, "id")), record_(column_of(row.names, "record_id")),
        version_(column_of(row.names, "version")), number_(column_of(row.names, "number")), lane_(column_of(row.names, "lane")) {
    statement.set(row.cells);
  }
  void send(std::int64_t id, std::int64_t record, std::int64_t version, const std::string& number) {
    statement.set(id_, id);
    if (lane_ != std::string::npos) statement.set(lane_, record);
    if (record_ != std::string::npos) statement.set(record_, record);
    if (record_ != std::string::npos && version_ != std::string::npos) statement.set(version_, version);
    if (number_ != std::string::npos && record_ == std::string::npos) statement.set(number_, number);
    statement.send();
  }
  void receive() { statement.receive(); }
  Prepared statement;

 private:
  std::size_t id_, record_, version_, number_, lane_;
};

class MysqlTarget final : public Target {
 public:
  MysqlTarget(Plan plan_of, std::string socket, std::string database)
      : plan(std::move(plan_of)),
        blocks(plan.block),
        socket_(std::move(socket)),
        database_(std::move(database)),
        leasing_(connect(socket_, database_)) {
    record = newest(leasing_.get(), plan.table, "1 = 1");
    record_columns = joined(record.names, "r.");
    if (plan.operation == "read" || plan.operation == "list") return;
    event = newest(leasing_.get(), "event", "action = '" + plan.action + "'");
    if (plan.outbox) job = newest(leasing_.get(), "job", "kind = 'records.after_commit'");
    lease_ = std::make_unique<Prepared>(leasing_.get(),
                                        "INSERT INTO sequence_block (name, next_value) VALUES (?, 1 + ?) "
                                        "ON DUPLICATE KEY UPDATE next_value = next_value + ?");
    leased_ =
        std::make_unique<Prepared>(leasing_.get(), "SELECT next_value FROM sequence_block WHERE name = ?");
  }
  std::unique_ptr<Worker> worker(std::size_t index, std::size_t count) override;
  std::unique_ptr<Worker> follower() override;
  std::int64_t next(const char* name) {
    return blocks.next(
        name, [this](const std::string& sequence, std::int64_t count) {  // under the lock of `blocks`
          run(leasing_.get(), "START TRANSACTION");
          lease_->set(0, sequence);
          lease_->set(1, count);
          lease_->set(2, count);
          lease_->execute();
          leased_->set(0, sequence);
          leased_->execute();
          if (!leased_->fetch()) throw std::runtime_error("no sequence_block");
          const auto end = leased_->results[0].integer;
          leased_->done();
          run(leasing_.get(), "COMMIT");
          return static_cast<std::int64_t>(end);
        });
  }
  ConnectionPtr connection() const { return connect(socket_, database_); }

  const Plan plan;
  Blocks blocks;
  std::string record_columns;
  Row record, event, job;

 private:
  std::string socket_, database_;
  ConnectionPtr leasing_;
  std::unique_ptr<Prepared> lease_, leased_;
};

class Reader final : public Worker {
 public:
  explicit Reader(MysqlTarget& target)
      : plan_(target.plan),
        connection_(target.connection()),
        statement_(connection_.get(),
                   "SELECT " + target.record_columns + " FROM " + plan_.table +
                       (plan_.operation == "read"
                            ? " r WHERE r.id = ?"
                            : " r WHERE r.state = ? ORDER BY r.created_at DESC, r.id DESC LIMIT 51")) {}
  int once(std::mt19937_64& random) override {
    if (plan_.operation == "read") {
      statement_.set(0, plan_.from + static_cast<std::int64_t>(
                                         random() % static_cast<std::uint64_t>(plan_.to - plan_.from + 1)));
    } else {
      statement_.set(0, plan_.states[random() % plan_.states.size()]);
    }
    statement_.execute();
    int rows = 0;
    while (statement_.fetch()) ++rows;
    statement_.done();
    return rows;
  }

 private:
  const Plan& plan_;
  ConnectionPtr connection_;
  Prepared statement_;
};

class Creator final : public Worker {
 public:
  explicit Creator(MysqlTarget& target)
      : target_(target),
        connection_(target.connection()),
        record_(connection_.get(), insert_with_references_sql(target.plan, target.record), target.record),
        event_(connection_.get(), insert_sql("event", target.event), target.event) {
    auto index = target.record.names.size();
    for (const auto& reference : target.plan.references) {
      record_.statement.set(index++, target.record.cells[column_of(target.record.names, reference.first)].integer);
    }
    mysql_autocommit(connection_.get(), 0);
  }
  int once(std::mt19937_64&) override {
    const auto id = target_.next("record"), event = target_.next("event"), number = target_.next("bench");
    record_.send(id, 0, 1, "SQL-" + std::to_string(number));
    event_.send(event, id, 1, {});
    record_.receive();
    event_.receive();
    if (mysql_commit(connection_.get()) != 0) throw std::runtime_error(mysql_error(connection_.get()));
    return 2;
  }

 private:
  MysqlTarget& target_;
  ConnectionPtr connection_;
  Copier record_, event_;
};

class Changer final : public Worker {
 public:
  Changer(MysqlTarget& target, std::size_t index, std::size_t count)
      : target_(target),
        connection_(target.connection()),
        select_(connection_.get(), "SELECT " + target.record_columns + " FROM " + target.plan.table + " r WHERE r.id = ? FOR UPDATE"),
        update_(connection_.get(), update_sql(target)),
        event_(connection_.get(), insert_sql("event", target.event), target.event),
        own_(target.plan, index, count),
        version_(column_of(target.record.names, "version")),
        updated_at_(column_of(target.record.names, "updated_at")),
        chain_(column_of(target.record.names, "_chain")) {
    if (target.plan.outbox) job_ = std::make_unique<Copier>(connection_.get(), insert_sql("job", target.job), target.job);
    mysql_autocommit(connection_.get(), 0);
  }
  int once(std::mt19937_64&) override {
    const auto id = own_.next(), event = target_.next("event");
    select_.set(0, id);
    select_.execute();
    if (!select_.fetch()) throw std::runtime_error("a record is gone");
    const auto version = select_.results[version_].integer;
    select_.done();
    std::size_t at = 0;
    update_.set(at++, target_.plan.to_state.empty() ? "value " + std::to_string(++values_) : target_.plan.to_state);
    if (chain_ != std::string::npos) update_.set(at++, std::string(43, 'x'));
    update_.set(at++, version + 1);
    const auto& time = target_.record.cells[updated_at_];
    if (time.is_integer) update_.set(at++, time.integer);
    else update_.set(at++, time.text);
    update_.set(at++, id);
    update_.set(at++, version);
    const auto job = job_ ? target_.next("job") : 0;
    update_.send();
    event_.send(event, id, version + 1, {});
    if (job_) job_->send(job, id, 0, {});
    update_.receive();
    event_.receive();
    if (job_) job_->receive();
    if (mysql_commit(connection_.get()) != 0) throw std::runtime_error(mysql_error(connection_.get()));
    return 2;
  }

 private:
  static std::string update_sql(const MysqlTarget& target) {
    const bool chained = column_of(target.record.names, "_chain") != std::string::npos;
    return "UPDATE " + target.plan.table + " SET `" + (target.plan.to_state.empty() ? target.plan.field : "state") + "` = ?, " +
           (chained ? "`_chain` = ?, " : "") + "`version` = ?, `updated_at` = ? WHERE `id` = ? AND `version` = ?";
  }

  MysqlTarget& target_;
  ConnectionPtr connection_;
  Prepared select_, update_;
  Copier event_;
  std::unique_ptr<Copier> job_;
  OwnRecords own_;
  std::size_t version_, updated_at_, chain_;
  std::int64_t values_ = 0;
};

/// What the queue does with each event beside telling the plugin: claimed under locks that others skip, then deleted.
class Follower final : public Worker {
 public:
  explicit Follower(MysqlTarget& target) : connection_(target.connection()) {
    state_ = target.job.cells[column_of(target.job.names, "state")].text;
    run(connection_.get(), "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED");
    mysql_autocommit(connection_.get(), 0);
  }
  int once(std::mt19937_64&) override {
    run(connection_.get(), ("SELECT * FROM job FORCE INDEX (`ix_job$ready`) WHERE state = '" + state_ +
                            "' AND queue = 'events' ORDER BY priority, run_at, id LIMIT 256 FOR UPDATE SKIP LOCKED").c_str());
    std::string ids;
    int rows = 0;
    if (MYSQL_RES* result = mysql_store_result(connection_.get())) {
      while (const MYSQL_ROW row = mysql_fetch_row(result)) {
        ids += (rows++ == 0 ? "" : ",") + std::string(row[0]);
      }
      mysql_free_result(result);
    }
    if (rows > 0) {
      run(connection_.get(), ("UPDATE job FORCE INDEX (PRIMARY) SET state = 'running', attempts = attempts + 1, fence = fence + 1, worker = 'bench', "
                              "lease_until = UTC_TIMESTAMP(6) + INTERVAL 60 SECOND WHERE id IN (" + ids + ")").c_str());
    }
    if (mysql_commit(connection_.get()) != 0) throw std::runtime_error(mysql_error(connection_.get()));
    if (rows > 0) {
      run(connection_.get(), ("DELETE job FROM job FORCE INDEX (PRIMARY) WHERE id IN (" + ids + ")").c_str());
      if (mysql_commit(connection_.get()) != 0) throw std::runtime_error(mysql_error(connection_.get()));
    }
    return rows;
  }

 private:
  ConnectionPtr connection_;
  std::string state_;
};

std::unique_ptr<Worker> MysqlTarget::follower() {
  return plan.outbox ? std::make_unique<Follower>(*this) : nullptr;
}

std::unique_ptr<Worker> MysqlTarget::worker(std::size_t index, std::size_t count) {
  if (plan.operation == "create") return std::make_unique<Creator>(*this);
  if (plan.operation == "patch" || plan.operation == "transition")
    return std::make_unique<Changer>(*this, index, count);
  return std::make_unique<Reader>(*this);
}

}  // namespace

std::unique_ptr<Target> mysql_target(const Plan& plan, const std::string& socket,
                                     const std::string& database) {
  return std::make_unique<MysqlTarget>(plan, socket, database);
}

}  // namespace caravan::bench
