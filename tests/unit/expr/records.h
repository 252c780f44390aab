#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "expr/expression.h"

/// Records for the tests of expressions: an inquiry that belongs to a customer, who has a guide.
namespace caravan::expr::test {

class FakeType : public RecordType {
 public:
  FakeType(std::string name, std::string table) : name_(std::move(name)), table_(std::move(table)) {}

  void add(std::string name, Type type, const RecordType* reference = nullptr, std::uint8_t scale = 0, std::string currency_column = {}) {
    auto owned = std::make_unique<Owned>();
    owned->name = std::move(name);
    owned->column = "c_" + owned->name;
    owned->currency = std::move(currency_column);
    Member& m = owned->member;
    m.name = owned->name;
    m.type = std::move(type);
    m.slot = static_cast<std::uint32_t>(members_.size());
    m.reference = reference;
    m.column = owned->column;
    m.scale = scale;
    m.currency_column = owned->currency;
    members_.push_back(std::move(owned));
  }
  void add(std::string name, TypeKind kind, const RecordType* reference = nullptr) {
    Type type;
    type.kind = kind;
    add(std::move(name), type, reference);
  }

  std::string_view name() const override { return name_; }
  std::string_view table() const override { return table_; }
  const Member* member(std::string_view name) const override {
    for (const auto& m : members_) {
      if (m->name == name) return &m->member;
    }
    return nullptr;
  }
  std::vector<std::string_view> member_names() const override {
    std::vector<std::string_view> names;
    for (const auto& m : members_) names.push_back(m->name);
    return names;
  }
  std::size_t size() const { return members_.size(); }
  const Member& at(std::size_t i) const { return members_[i]->member; }
  Member& change(std::size_t i) { return members_[i]->member; }

 private:
  struct Owned {
    std::string name, column, currency;
    Member member;
  };
  std::string name_, table_;
  std::vector<std::unique_ptr<Owned>> members_;
};

struct FakeRecord : RecordView {
  explicit FakeRecord(const FakeType& t) : type(&t), values(t.size()) {}
  FakeRecord& set(std::string_view field, Value value) {
    values[type->member(field)->slot] = std::move(value);
    return *this;
  }
  Value get(std::uint32_t slot) const override { return values[slot]; }
  const Value* peek(std::uint32_t slot) const override { return in_place ? &values[slot] : nullptr; }
  std::shared_ptr<const RecordView> follow(std::uint32_t slot) const override {
    ++followed;
    const auto found = targets.find(slot);
    return found == targets.end() ? nullptr : found->second;
  }
  const FakeType* type;
  std::vector<Value> values;
  std::map<std::uint32_t, std::shared_ptr<const FakeRecord>> targets;
  bool in_place = true;
  mutable int followed = 0;
};

inline Value money(std::string_view text, std::string_view currency = {}) {
  Decimal d = parse_decimal(text).value();
  if (!currency.empty()) d.set_currency(currency);
  return d;
}
inline Value day(std::string_view text) { return parse_date(text).value(); }
inline Value moment(std::string_view text) { return parse_timestamp(text).value(); }

struct World {
  World() : guide("guides.guide", "guides_guide"), customer("customers.customer", "customers_customer"), inquiry("sales.inquiry", "sales_inquiry"), user("user", "") {
    Type strings;
    strings.kind = TypeKind::list;
    Type text;
    text.kind = TypeKind::string;
    strings.element = std::make_shared<const Type>(text);
    Type decimal;
    decimal.kind = TypeKind::decimal;
    Type map;
    map.kind = TypeKind::map;

    guide.add("id", TypeKind::int64);
    guide.add("rank", TypeKind::int64);
    guide.add("language", TypeKind::string);

    customer.add("id", TypeKind::int64);
    customer.add("tier", TypeKind::string);
    customer.add("score", TypeKind::int64);
    customer.add("guide", TypeKind::int64, &guide);

    inquiry.add("id", TypeKind::int64);
    inquiry.add("customer", TypeKind::int64, &customer);
    inquiry.add("party_size", TypeKind::int64);
    inquiry.add("children", TypeKind::int64);
    inquiry.add("budget", decimal, nullptr, 2, "c_budget_currency");
    inquiry.add("deposit", decimal, nullptr, 2, "c_deposit_currency");
    inquiry.add("rate", decimal, nullptr, 4);
    inquiry.add("destination", TypeKind::string);
    inquiry.add("channel", TypeKind::string);
    inquiry.add("urgent", TypeKind::boolean);
    inquiry.add("paid", TypeKind::boolean);
    inquiry.add("depart_on", TypeKind::date);
    inquiry.add("return_on", TypeKind::date);
    inquiry.add("created_at", TypeKind::timestamp);
    inquiry.add("updated_at", TypeKind::timestamp);
    inquiry.add("tags", strings);
    inquiry.add("data", map);

    user.add("id", TypeKind::int64);
    user.add("name", TypeKind::string);
    user.add("roles", strings);

    environment.variables = {{"record", record_of(inquiry)}, {"user", record_of(user)}};
  }

  static Type record_of(const RecordType& type) {
    Type t;
    t.kind = TypeKind::record;
    t.record = &type;
    return t;
  }

  FakeType guide, customer, inquiry, user;
  Environment environment;
};

}  // namespace caravan::expr::test
