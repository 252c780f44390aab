#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "model/catalog.h"

namespace caravan::testing {

/// Builds small Catalogs in code, for tests below the loader.
class HandEntity {
 public:
  HandEntity(model::Catalog& catalog, std::string name) {
    using model::FieldType;
    auto owned = std::make_unique<model::Entity>();
    entity_ = owned.get();
    entity_->full_name = std::move(name);
    entity_->module = entity_->full_name.substr(0, entity_->full_name.find('.'));
    entity_->table_name = model::table_name(entity_->full_name);
    const std::pair<const char*, FieldType> system[] = {
        {"id", FieldType::id},           {"number", FieldType::text},          {"version", FieldType::integer},
        {"state", FieldType::text},      {"owner", FieldType::ref},            {"created_at", FieldType::instant},
        {"updated_at", FieldType::instant}, {"external_source", FieldType::text}, {"external_id", FieldType::text}};
    for (const auto& [field_name, type] : system) {
      field(field_name, type);
      entity_->fields.back()->system = true;
    }
    catalog.entities.push_back(std::move(owned));
    catalog.entity_by_name[entity_->full_name] = entity_;
  }

  /// `size`: characters of a text, fraction digits of a decimal or money.
  HandEntity& field(const std::string& name, model::FieldType type, std::uint32_t size = 0) {
    auto f = std::make_unique<model::Field>();
    f->name = f->column = name;
    f->slot = static_cast<std::uint32_t>(entity_->fields.size());
    f->type = type;
    if (type == model::FieldType::text) f->max_length = size;
    if (type == model::FieldType::decimal || type == model::FieldType::money) f->scale = static_cast<std::uint8_t>(size);
    if (type == model::FieldType::money) f->currency_column = name + "_currency";
    entity_->fields.push_back(std::move(f));
    return *this;
  }

  HandEntity& index(const std::string& name, const std::vector<std::string>& fields, bool unique) {
    model::Index i;
    i.name = name;
    i.unique = unique;
    for (const std::string& wanted : fields) {
      for (const auto& f : entity_->fields) {
        if (f->name == wanted) i.fields.push_back(f.get());
      }
    }
    entity_->indexes.push_back(std::move(i));
    return *this;
  }

  HandEntity& numbered(const std::string& format) {
    entity_->number_format = format;
    return *this;
  }

  model::Entity& entity() { return *entity_; }

 private:
  model::Entity* entity_ = nullptr;
};

}  // namespace caravan::testing
