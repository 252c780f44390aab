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

  void execute() {
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      auto& cell = parameters[i];
      auto& bind = parameter_binds_[i];
      std::memset(&bind, 0, sizeof bind);
      bind.buffer_type = cell.null != 0    ? MYSQL_TYPE_NULL
                         : cell.is_integer ? MYSQL_TYPE_LONGLONG
                                           : MYSQL_TYPE_STRING;
      bind.buffer = cell.is_integer ? static_cast<void*>(&cell.integer) : cell.text.data();
      cell.length = static_cast<unsigned long>(cell.text.size());
      bind.buffer_length = cell.length;
      bind.length = &cell.length;
    }
    if (!parameters.empty() && mysql_stmt_bind_param(statement_.get(), parameter_binds_.data()) != 0) fail();
    if (mysql_stmt_execute(statement_.get()) != 0) fail();
  }
  bool fetch() {
    const int code = mysql_stmt_fetch(statement_.get());
    if (code == 1) fail();
    return code != MYSQL_NO_DATA;
  }
  void done() { mysql_stmt_free_result(statement_.get()); }
  void set(std::size_t index, std::int64_t value) {
    parameters[index].is_integer = true;
    parameters[index].null = 0;
    parameters[index].integer = value;
  }
  void set(std::size_t index, std::string value) {
    parameters[index].is_integer = false;
    parameters[index].null = 0;
    parameters[index].text = std::move(value);
  }

  std::vector<Cell> parameters, results;
  std::vector<std::string> names;

 private:
  [[noreturn]] void fail() const { throw std::runtime_error(mysql_stmt_error(statement_.get())); }
  StatementPtr statement_;
  std::vector<MYSQL_BIND> parameter_binds_, result_binds_;
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

std::string insert_sql(const std::string& table, const Row& row) {
  std::string marks;
  for (std::size_t i = 0; i < row.names.size(); ++i) marks += i == 0 ? "?" : ", ?";
  return "INSERT INTO " + table + " (" + joined(row.names, "") + ") VALUES (" + marks + ")";
}

class MysqlTarget;

class MysqlWorker final : public Worker {
 public:
  MysqlWorker(MysqlTarget& target, const Plan& plan, const std::string& socket, const std::string& database);
  int once(std::mt19937_64& random) override;

 private:
  int fetch_all() {
    int rows = 0;
    while (statement_->fetch()) ++rows;
    statement_->done();
    return rows;
  }
  MysqlTarget& target_;
  const Plan& plan_;
  ConnectionPtr connection_;
  std::unique_ptr<Prepared> statement_, event_;
};

class MysqlTarget final : public Target {
 public:
  MysqlTarget(Plan plan_of, std::string socket, std::string database)
      : plan(std::move(plan_of)),
        blocks(plan.block),
        socket_(std::move(socket)),
        database_(std::move(database)),
        leasing_(connect(socket_, database_)) {
    const auto columns = newest(leasing_.get(), plan.table, "1 = 1");
    record_columns = joined(columns.names, "r.");
    if (plan.operation != "create") return;
    record = newest(leasing_.get(), plan.table, "1 = 1");
    event = newest(leasing_.get(), "event", "action = 'create'");
    lease_ = std::make_unique<Prepared>(leasing_.get(),
                                        "INSERT INTO sequence_block (name, next_value) VALUES (?, 1 + ?) "
                                        "ON DUPLICATE KEY UPDATE next_value = next_value + ?");
    leased_ =
        std::make_unique<Prepared>(leasing_.get(), "SELECT next_value FROM sequence_block WHERE name = ?");
  }
  std::unique_ptr<Worker> worker() override {
    return std::make_unique<MysqlWorker>(*this, plan, socket_, database_);
  }
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

  const Plan plan;
  Blocks blocks;
  std::string record_columns;
  Row record, event;

 private:
  std::string socket_, database_;
  ConnectionPtr leasing_;
  std::unique_ptr<Prepared> lease_, leased_;
};

MysqlWorker::MysqlWorker(MysqlTarget& target, const Plan& plan, const std::string& socket,
                         const std::string& database)
    : target_(target), plan_(plan), connection_(connect(socket, database)) {
  if (plan.operation == "read") {
    statement_ = std::make_unique<Prepared>(
        connection_.get(), "SELECT " + target.record_columns + " FROM " + plan.table + " r WHERE r.id = ?");
  } else if (plan.operation == "list") {
    statement_ = std::make_unique<Prepared>(
        connection_.get(), "SELECT " + target.record_columns + " FROM " + plan.table +
                               " r WHERE r.state = ? ORDER BY r.created_at DESC, r.id DESC LIMIT 51");
  } else {
    statement_ = std::make_unique<Prepared>(connection_.get(), insert_sql(plan.table, target.record));
    statement_->parameters = target.record.cells;
    event_ = std::make_unique<Prepared>(connection_.get(), insert_sql("event", target.event));
    event_->parameters = target.event.cells;
  }
}

int MysqlWorker::once(std::mt19937_64& random) {
  if (plan_.operation == "read") {
    statement_->set(0, plan_.from + static_cast<std::int64_t>(
                                        random() % static_cast<std::uint64_t>(plan_.to - plan_.from + 1)));
    statement_->execute();
    return fetch_all();
  }
  if (plan_.operation == "list") {
    statement_->set(0, plan_.states[random() % plan_.states.size()]);
    statement_->execute();
    return fetch_all();
  }
  const auto id = target_.next("record"), event = target_.next("event"), number = target_.next("bench");
  run(connection_.get(), "START TRANSACTION");
  for (std::size_t i = 0; i < target_.record.names.size(); ++i) {
    if (target_.record.names[i] == "id") statement_->set(i, id);
    if (target_.record.names[i] == "number") statement_->set(i, "SQL-" + std::to_string(number));
  }
  statement_->execute();
  for (std::size_t i = 0; i < target_.event.names.size(); ++i) {
    if (target_.event.names[i] == "id") event_->set(i, event);
    if (target_.event.names[i] == "record_id") event_->set(i, id);
  }
  event_->execute();
  run(connection_.get(), "COMMIT");
  return 2;
}

}  // namespace

std::unique_ptr<Target> mysql_target(const Plan& plan, const std::string& socket,
                                     const std::string& database) {
  return std::make_unique<MysqlTarget>(plan, socket, database);
}

}  // namespace caravan::bench
