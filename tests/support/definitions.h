#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "model/loader.h"

namespace caravan::test {

/// The Catalog of the core and one module `shop` with these documents; fails the test where they have a mistake.
inline std::shared_ptr<const model::Catalog> catalog_of(const std::string& yaml) {
  model::Module module;
  module.name = "shop";
  const auto result = model::load_catalog({model::core_layer(), {"plugin shop", {{"shop.yaml", yaml, "shop"}}}}, {module});
  std::string mistakes;
  for (const auto& diagnostic : result.diagnostics) {
    if (diagnostic.severity == model::Diagnostic::Severity::error) mistakes += model::to_string(diagnostic) + "\n";
  }
  if (!result.catalog) ADD_FAILURE() << mistakes;
  return result.catalog;
}

/// A small shop: people and their orders, with every kind of field and a workflow.
inline const char* const shop = R"(
kind: choices
name: shop.channel
label: {en: Channel, zh-CN: 渠道}
options:
  phone: {label: {en: Phone, zh-CN: 电话}}
  web: {label: {en: Website, zh-CN: 网站}}
---
kind: entity
name: shop.person
label: {en: Person, zh-CN: 人员}
title: name
fields:
  name: {type: text, max: 20, required: true, search: true, label: {en: Name, zh-CN: 姓名}}
  tier: {type: text, max: 10, label: {en: Tier, zh-CN: 等级}}
---
kind: entity
name: shop.order
label: {en: Order, zh-CN: 订单}
number: "ORD-{yyyy}-{seq:4}"
fields:
  person: {type: ref, to: shop.person, required: true, label: {en: Person, zh-CN: 客人}}
  channel: {type: choice, choices: shop.channel, label: {en: Channel, zh-CN: 渠道}}
  seats: {type: int, min: 1, max: 500, label: {en: Seats, zh-CN: 座位}}
  price: {type: money, label: {en: Price, zh-CN: 价格}}
  each: {type: money, compute: "record.price / record.seats", label: {en: Each, zh-CN: 人均}}
  rate: {type: decimal, scale: 3, label: {en: Rate, zh-CN: 费率}}
  paid: {type: bool, default: false, label: {en: Paid, zh-CN: 已付}}
  on: {type: date, label: {en: Date, zh-CN: 日期}}
  at: {type: instant, label: {en: Time, zh-CN: 时间}}
  remark: {type: text, multiline: true, search: true, label: {en: Remark, zh-CN: 备注}}
  extra: {type: json, label: {en: Extra, zh-CN: 其他}}
  code: {type: text, max: 30, label: {en: Code, zh-CN: 代码}}
  reason: {type: text, max: 100, label: {en: Reason, zh-CN: 原因}}
unique:
  by_code: [code]
invariants:
  cheap: {check: "record.price < 1000000", message: {en: Too dear, zh-CN: 太贵了}}
indexes:
  by_state: [state, created_at]
workflow:
  initial: new
  states:
    new: {category: open, label: {en: New, zh-CN: 新建}}
    sold: {category: done, label: {en: Sold, zh-CN: 已售}}
    lost: {category: cancelled, label: {en: Lost, zh-CN: 丢单}}
  transitions:
    sell:
      from: new
      to: sold
      by: [seller]
      when: "record.seats >= 1"
      message: {en: Enter the number of seats first., zh-CN: 请先填写座位数。}
      label: {en: Sell, zh-CN: 出售}
      do:
        mark: {set: {paid: "true"}}
        follow_up: {create: shop.person, with: {name: "'Follow ' + record.number"}}
    lose: {from: [new, sold], to: lost, by: [seller, boss], require: [reason], form: shop.lose, label: {en: Lose, zh-CN: 丢单}, comment: required}
    reopen: {from: lost, to: new, by: [boss], label: {en: Reopen, zh-CN: 重开}}
---
kind: form
name: shop.lose
entity: shop.order
label: {en: Why lost, zh-CN: 丢单原因}
groups:
  why: {label: {en: Why, zh-CN: 原因}, fields: [reason]}
---
kind: role
name: shop.seller
label: {en: Seller, zh-CN: 销售}
grants:
  core.user: {read: true}
  shop.person: {read: true, create: true, update: true}
  shop.order: {read: "record.owner == user.id || record.state == 'new'", create: true, update: "record.owner == user.id"}
---
kind: role
name: shop.boss
label: {en: Boss, zh-CN: 经理}
grants:
  core.user: {read: true}
  shop.person: {read: true, create: true, update: true, delete: true}
  shop.order: {read: true, create: true, update: true, delete: true}
---
kind: role
name: shop.clerk
label: {en: Clerk, zh-CN: 文员}
grants:
  shop.order: {read: true}
---
kind: role
name: shop.keeper
label: {en: Keeper, zh-CN: 管理员}
grants:
  core.user: {read: true, create: true, update: true}
---
kind: role
name: shop.guest
label: {en: Guest, zh-CN: 访客}
grants:
  shop.person: {read: true}
)";

}  // namespace caravan::test
