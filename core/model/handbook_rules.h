#pragma once

#include <optional>
#include <string>
#include <vector>

#include "expr/expression.h"
#include "model/handbook_words.h"

/// Internal to core/model: expressions and effects in words.
namespace caravan::model {

/// What the reader may see, with the questions answered where nobody asks otherwise.
class HandbookSight {
 public:
  explicit HandbookSight(const HandbookScope& scope) : scope_(scope) {}
  bool everything() const { return scope_.everything; }
  bool shows(const Entity& entity) const { return !scope_.entity || scope_.entity(entity); }
  FieldRight right(const Entity& entity, const Field& field) const { return scope_.right ? scope_.right(entity, field) : FieldRight::write; }
  bool shows(const Entity& entity, const Field& field) const { return right(entity, field) != FieldRight::hidden; }
  bool shows(const Page& page) const { return !scope_.page || scope_.page(page); }
  bool holds(const Role& role) const { return scope_.holds && scope_.holds(role); }
  /// Whether he may read everything that the program reads: its text tells of it.
  bool shows(const expr::Program& program) const;

 private:
  const HandbookScope& scope_;
};

/// Says in words what a program says. Thread-compatible; borrows everything.
class HandbookRules {
 public:
  HandbookRules(const Catalog& catalog, const HandbookWords& words, const HandbookSight& sight)
      : catalog_(catalog), words_(words), sight_(sight) {}

  /// A condition in words; where it is too much for that, as it stands; `…` where the reader may not see what it reads.
  HandbookLine condition(const expr::Program& program) const;
  /// The same of a value that belongs into `field` (may be null).
  HandbookLine value(const expr::Program& program, const Field* field, const Entity* entity) const;
  /// A literal, as people write it: options and states by their labels.
  HandbookLine literal(const expr::Value& value, const Field* field, const Entity* entity) const;

  HandbookLine field(const Entity& entity, const Field& field) const;
  HandbookLine fields(const Entity& entity, const std::vector<const Field*>& fields) const;
  HandbookLine role(std::string_view name) const;
  HandbookLine roles(const std::vector<std::string>& names) const;
  HandbookLine state(const State& state) const;
  HandbookLine entity(const Entity& entity) const;
  /// A template's text, its places by what they show.
  HandbookLine text(const TextTemplate& text, const Entity* entity) const;
  /// One effect in words; `record` is the entity it happens to, may be null.
  HandbookLine effect(const Effect& effect, const Entity* record) const;
  HandbookCell effects(const std::vector<Effect>& effects, const Entity* record) const;

  /// Sections that are there, which links may lead to.
  std::function<bool(const Role&)> linked_role;
  std::function<bool(const Entity&)> linked_entity;

 private:
  using Words = std::optional<HandbookLine>;
  Words say(const expr::Node& node) const;
  Words clause(const expr::Node& node) const;  ///< as a condition
  Words operand(const expr::Node& node, const expr::Node& other) const;
  Words comparison(const expr::Node& node) const;
  Words membership(const expr::Node& node, bool not_in) const;
  Words member(const expr::Node& node) const;
  Words joined(const expr::Node& node, Phrase phrase) const;

  const Catalog& catalog_;
  const HandbookWords& words_;
  const HandbookSight& sight_;
};

/// Ids of sections.
std::string entity_section(const Entity& entity);
std::string role_section(const Role& role);

}  // namespace caravan::model
