#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/date_time.h"
#include "expr/value.h"

/// The Common Expression Language (https://github.com/google/cel-spec, langdef.md) over Caravan's records.
namespace caravan::expr {

/// Static type of an expression. `any` (CEL dyn) is compatible with every type.
enum class TypeKind : std::uint8_t {
  any, null, boolean, int64, uint64, float64, decimal, string, bytes, date, timestamp, duration, list, map, type, record
};

class RecordType;

struct Type {
  TypeKind kind = TypeKind::any;
  std::shared_ptr<const Type> element;  ///< of a list, or the value type of a map; null means any
  std::shared_ptr<const Type> key;      ///< of a map; null means any
  const RecordType* record = nullptr;   ///< of a record; borrowed from the Catalog, which outlives the program
};
/// As CEL writes it: `int`, `list(string)`, or the record type's name.
std::string to_string(const Type& type);

/// One member of a record type.
struct Member {
  std::string_view name;
  Type type;                             ///< of the value in the slot (a reference's id is an int)
  std::uint32_t slot = 0;                ///< index for RecordView::get
  const RecordType* reference = nullptr; ///< what a further `.member` follows to, for a reference field
  std::string_view column;               ///< SQL column of the slot; empty where it has none
  std::uint8_t scale = 0;                ///< fraction digits of a decimal column
  std::string_view currency_column;      ///< SQL column with the currency of an amount of money; empty for plain decimals
  std::string_view link_table;           ///< of a list of references: SQL table with a row (record, target) for each
  std::string_view hash_column;          ///< of a sealed text: SQL column with its keyed hash, the one thing that can be compared
};

/// What the checker and the SQL compiler know of an entity. Implemented by the Catalog. Thread-safe.
class RecordType {
 public:
  virtual ~RecordType() = default;
  virtual std::string_view name() const = 0;
  virtual std::string_view table() const = 0;
  /// nullptr where there is no such member.
  virtual const Member* member(std::string_view name) const = 0;
  /// For "did you mean": the names of all members.
  virtual std::vector<std::string_view> member_names() const = 0;
};

/// Turns a constant that a sealed member is compared with into what its hash column holds. Thread-safe.
class ConstantHash {
 public:
  virtual ~ConstantHash() = default;
  virtual std::string hash(std::string_view record_type, std::string_view member, std::string_view constant) const = 0;
};

/// A record at evaluation. Slots are those of its RecordType.
class RecordView {
 public:
  virtual ~RecordView() = default;
  virtual Value get(std::uint32_t slot) const = 0;
  /// The same without a copy: the value in place, valid and unchanged as long as the view; nullptr where it has to be
  /// made by get().
  virtual const Value* peek(std::uint32_t slot) const;
  /// The record that the reference in `slot` points at; nullptr where it is empty or gone. May read the database.
  virtual std::shared_ptr<const RecordView> follow(std::uint32_t slot) const = 0;
};

/// A top-level name that an expression may use; its index in Environment::variables is its slot in the activation.
struct Variable {
  std::string name;
  Type type;
};

/// A name that stands for a value, e.g. `settings.sales.max_discount`. Programs hold the value itself.
struct Constant {
  Value value;  ///< may be null
  Type type;
};
using Constants = std::map<std::string, Constant, std::less<>>;

struct Environment {
  std::vector<Variable> variables;
  /// By dotted path; null: none. Paths begin with names that are no variables.
  std::shared_ptr<const Constants> constants;
  /// Result the context demands: a guard must be bool. `any` accepts everything.
  TypeKind result = TypeKind::any;
  /// CEL container: the namespace in which names are looked up first, e.g. `com.example`.
  std::string container;
  /// False: no type check; names and overloads that do not exist are errors at evaluation.
  bool checked = true;
};

/// One mistake in an expression; line and column count from 1, columns in Unicode characters.
struct Issue {
  std::uint32_t line = 1;
  std::uint32_t column = 1;
  std::string message;  ///< what is wrong
  std::string hint;     ///< what would be right; may be empty
};

/// The agency's working days, for workdays(). Thread-safe.
class WorkCalendar {
 public:
  virtual ~WorkCalendar() = default;
  virtual bool is_workday(Date date) const = 0;
};
/// Monday to Friday, without holidays.
const WorkCalendar& monday_to_friday();

/// Values for the variables, in the environment's order, and the moment that now() and today() mean.
struct Activation {
  const Value* variables = nullptr;
  std::size_t count = 0;
  Timestamp now;
  std::string_view time_zone = "UTC";  ///< IANA name of the agency's zone, for today()
  const WorkCalendar* calendar = nullptr;  ///< for workdays(); nullptr: monday_to_friday()
  const ConstantHash* hash = nullptr;      ///< for to_sql(), which refuses to compare sealed members with texts without it
};

enum class Outcome : std::uint8_t {
  value,
  unknown,  ///< an operator met an empty field; denies in a guard, passes in an invariant
  error     ///< overflow, division by zero, no such key …
};

struct Evaluation {
  Outcome outcome = Outcome::value;
  Value value;          ///< for Outcome::value
  std::string message;  ///< for Outcome::error
  bool is_true() const {
    const bool* b = value.as<bool>();
    return outcome == Outcome::value && b && *b;
  }
};

struct Node;  // core/expr/ast.h

/// A checked expression. Immutable; evaluate() is const, thread-safe and does no I/O beyond RecordView::follow. It is
/// bounded in steps (a million) and in the size of what it builds (1 MiB of text, 100,000 elements).
/// An empty reference gives empty members: `record.owner.name == null` holds where there is no owner.
class Program {
 public:
  Program(std::string source, std::shared_ptr<const Node> root, Type type);
  ~Program();
  Evaluation evaluate(const Activation& activation) const;
  const std::string& source() const { return source_; }
  const Type& type() const { return type_; }
  const Node& root() const { return *root_; }

 private:
  std::string source_;
  std::shared_ptr<const Node> root_;
  Type type_;
};

struct Compiled {
  std::shared_ptr<const Program> program;  ///< nullptr where there are issues
  std::vector<Issue> issues;               ///< all of them, in order of position
};

/// Parses and type-checks. Never throws for bad input; bounded in depth (64 levels of nesting, 250 operators in a row)
/// and source size (16 KiB).
Compiled compile(std::string_view source, const Environment& environment);

/// The types of records that the program reaches through references, each once.
std::vector<const RecordType*> followed_types(const Program& program);

/// A field that a program reads: `slot` of a record of `type`.
struct ReadField {
  const RecordType* type = nullptr;
  std::uint32_t slot = 0;
  bool operator==(const ReadField&) const = default;
};

/// All fields that the program may read, each once, in order of position: of its variables and, through references, of
/// other records. `record.owner.name` reads `owner` of the record and `name` of the user; has() reads too.
std::vector<ReadField> read_fields(const Program& program);

/// Whether the program reads anything but variable 0 and constants: another variable, or the time. Where it does not, its
/// SQL and the parameters of that are always the same.
bool varies(const Program& program);

enum class Dialect : std::uint8_t { sqlite, mysql };

/// A condition for a WHERE clause, with `?` placeholders in the order of `parameters`.
struct SqlCondition {
  std::string sql;
  std::vector<Value> parameters;       ///< already in the column's scale where one is compared
  std::optional<Issue> refused;        ///< set where the expression cannot be pushed down, with the reason
};

/// Compiles a boolean program over one record (variable 0 of its environment, columns qualified by `alias`) to SQL.
/// Other variables are constants, taken from `constants` (same slots; slot 0 is ignored). Semantics of empty fields as in
/// evaluate(): a row is kept only where the program is true. References are followed for at most two levels. Whether it
/// is refused depends on the program alone, but for constants that a column cannot be compared with exactly (a NUL
/// character in text, a double beyond 2^53, nanoseconds) and for lists of more than 30,000 elements. Dates are bound as
/// text, other values as they are.
SqlCondition to_sql(const Program& program, Dialect dialect, std::string_view alias, const Activation& constants);

}  // namespace caravan::expr
