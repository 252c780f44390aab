#include "expr/expression.h"

#include <algorithm>

#include "expr/ast.h"
#include "expr/checker.h"
#include "expr/evaluator.h"
#include "expr/functions.h"
#include "expr/parser.h"

namespace caravan::expr {

std::string to_string(const Type& type) {
  switch (type.kind) {
    case TypeKind::any: return "dyn";
    case TypeKind::null: return "null_type";
    case TypeKind::boolean: return "bool";
    case TypeKind::int64: return "int";
    case TypeKind::uint64: return "uint";
    case TypeKind::float64: return "double";
    case TypeKind::decimal: return "decimal";
    case TypeKind::string: return "string";
    case TypeKind::bytes: return "bytes";
    case TypeKind::date: return "date";
    case TypeKind::timestamp: return "timestamp";
    case TypeKind::duration: return "duration";
    case TypeKind::list: return "list(" + (type.element ? to_string(*type.element) : "dyn") + ")";
    case TypeKind::map: return "map(" + (type.key ? to_string(*type.key) : "dyn") + ", " + (type.element ? to_string(*type.element) : "dyn") + ")";
    case TypeKind::type: return "type";
    case TypeKind::record: return type.record ? std::string(type.record->name()) : "record";
  }
  return "dyn";
}

Program::Program(std::string source, std::shared_ptr<const Node> root, Type type)
    : source_(std::move(source)), root_(std::move(root)), type_(std::move(type)) {}
Program::~Program() = default;

Evaluation Program::evaluate(const Activation& activation) const { return evaluate_tree(*root_, activation); }

Compiled compile(std::string_view source, const Environment& environment) {
  Compiled result;
  std::optional<Issue> issue;
  NodePtr root = parse(source, issue);
  if (!root) {
    result.issues.push_back(std::move(*issue));
    return result;
  }
  check(root, source, environment, result.issues);
  if (!result.issues.empty()) {
    std::stable_sort(result.issues.begin(), result.issues.end(), [](const Issue& a, const Issue& b) {
      return std::pair(a.line, a.column) < std::pair(b.line, b.column);
    });
    return result;
  }
  Type type = root->type;
  result.program = std::make_shared<const Program>(std::string(source), std::shared_ptr<const Node>(std::move(root)), std::move(type));
  return result;
}

namespace {

void collect_followed(const Node& node, std::vector<const RecordType*>& types) {
  if (node.op == Op::follow && node.type.record != nullptr &&
      std::find(types.begin(), types.end(), node.type.record) == types.end()) {
    types.push_back(node.type.record);
  }
  for (const auto& child : node.children) collect_followed(*child, types);
}

void collect_read(const Node& node, std::vector<ReadField>& fields) {
  for (const auto& child : node.children) collect_read(*child, fields);
  if (node.op != Op::member && node.op != Op::has_member && node.op != Op::follow) return;
  const ReadField field{node.children[0]->type.record, node.slot};
  if (std::find(fields.begin(), fields.end(), field) == fields.end()) fields.push_back(field);
}

bool varies_here(const Node& node) {
  if (node.op == Op::variable && node.slot != 0) return true;
  if (node.op == Op::function) {
    const auto named = functions(node.text);
    if (named.empty() || std::any_of(named.begin(), named.end(), [](const Function& f) { return !f.pure; })) return true;
  }
  return std::any_of(node.children.begin(), node.children.end(), [](const auto& child) { return varies_here(*child); });
}

}  // namespace

bool varies(const Program& program) { return varies_here(program.root()); }

std::vector<ReadField> read_fields(const Program& program) {
  std::vector<ReadField> fields;
  collect_read(program.root(), fields);
  return fields;
}

std::vector<const RecordType*> followed_types(const Program& program) {
  std::vector<const RecordType*> types;
  collect_followed(program.root(), types);
  return types;
}

}  // namespace caravan::expr
