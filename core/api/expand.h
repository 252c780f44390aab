#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "api/call.h"

namespace caravan::api {

/// What `expand` asks for: references with their titles, fields of their targets, and references of those. Everything is read
/// under the targets' own rights; what may not be seen is left out, as is what does not exist.
class Expansion {
 public:
  /// Reads the parameter; throws invalid_argument.
  Expansion(const Call& call, const model::Entity& entity);
  bool empty() const { return roots_.empty(); }
  /// Fields of the records whose ids load() and write() take.
  const std::vector<const model::Field*>& references() const { return references_; }

  /// Ids of references that are lists, one list each, record after record.
  using Lists = std::vector<std::vector<std::int64_t>>;
  /// One query per target entity (and level). `ids`: one per reference, record after record; 0: none, or a list.
  void load(const records::RecordService& records, const records::Context& context, const std::vector<std::int64_t>& ids, const Lists& lists);
  /// Appends `"expanded":{…}` of the record `at`, of those whose ids are given.
  void write(std::string& out, std::size_t at, const std::vector<std::int64_t>& ids, const Lists& lists, std::string_view locale) const;

 private:
  struct Node {
    const model::Field* field = nullptr;
    std::vector<const model::Field*> fields;  ///< of the target
    std::vector<Node> children;               ///< references of the target
  };
  using Targets = std::unordered_map<const model::Entity*, std::unordered_map<std::int64_t, records::Record>>;

  void add(const Call& call, const model::Entity& entity, std::string_view path);
  static Node& node_for(std::vector<Node>& nodes, const model::Field& field);
  static void read(const records::RecordService& records, const records::Context& context,
                   const std::unordered_map<const model::Entity*, std::pair<std::vector<std::int64_t>, std::vector<std::uint32_t>>>& wanted,
                   Targets& targets);
  static void want(std::pair<std::vector<std::int64_t>, std::vector<std::uint32_t>>& place, const Node& node);
  /// `"name":{…}` or, of a list, `"name":[{…},…]`.
  void write_node(std::string& out, bool& first, const Node& node, std::int64_t id, const std::vector<std::int64_t>* list, std::size_t level,
                  std::string_view locale) const;
  const records::Record* target(const Node& node, std::int64_t id, std::size_t level) const;
  void write_target(std::string& out, const Node& node, const records::Record& record, std::size_t level, std::string_view locale) const;
  std::size_t lists_each_ = 0;  ///< references of a record that are lists

  std::vector<Node> roots_;
  std::vector<const model::Field*> references_;
  Targets targets_[2];  ///< by level
};

}  // namespace caravan::api
