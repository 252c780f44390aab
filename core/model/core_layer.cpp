#include "model/loader.h"

namespace caravan::model {
namespace {

constexpr const char* core_definitions = R"yaml(kind: module
edition: 2026
name: core
label: {en: System, zh-CN: 系统, zh-TW: 系統}
icon: setting
order: 900
---
kind: choices
name: core.locale
label: {en: Language, zh-CN: 语言, zh-TW: 語言}
options:
  zh-CN: {label: {en: Simplified Chinese, zh-CN: 简体中文, zh-TW: 簡體中文}}
  zh-TW: {label: {en: Traditional Chinese, zh-CN: 繁体中文, zh-TW: 繁體中文}}
  en:    {label: {en: English, zh-CN: 英语, zh-TW: 英語}}
---
kind: entity
name: core.user
label: {en: User, zh-CN: 用户, zh-TW: 使用者}
plural: {en: Users, zh-CN: 用户, zh-TW: 使用者}
icon: user
title: name
fields:
  username: {type: text, max: 100, required: true, search: true, label: {en: User name, zh-CN: 用户名, zh-TW: 使用者名稱}}
  name:     {type: text, max: 100, required: true, search: true, label: {en: Name, zh-CN: 姓名, zh-TW: 姓名}}
  locale:   {type: choice, choices: core.locale, label: {en: Language, zh-CN: 界面语言, zh-TW: 介面語言}}
  email:    {type: text, max: 254, search: true, label: {en: E-mail, zh-CN: 电子邮箱, zh-TW: 電子郵件}}
  active:   {type: bool, default: true, label: {en: Active, zh-CN: 启用, zh-TW: 啟用},
             help: {en: People who left are switched off rather than deleted, zh-CN: 离职人员请停用，不要删除, zh-TW: 離職人員請停用，不要刪除}}
  roles:    {type: json, label: {en: Roles, zh-CN: 角色, zh-TW: 角色}}
unique:
  username: {fields: [username], message: {en: Another user has this name, zh-CN: 该用户名已被使用, zh-TW: 該使用者名稱已被使用}}
---
kind: form
name: core.user_form
entity: core.user
label: {en: User, zh-CN: 用户, zh-TW: 使用者}
groups:
  person: {label: {en: Person, zh-CN: 基本信息, zh-TW: 基本資料}, fields: {name: {}, username: {}, email: {}, locale: {}}}
  access: {label: {en: Access, zh-CN: 权限, zh-TW: 權限}, fields: {active: {}, roles: {}}}
---
kind: view
name: core.user_list
entity: core.user
label: {en: Users, zh-CN: 用户, zh-TW: 使用者}
columns: {name: {}, username: {}, email: {}, active: {}, updated_at: {}}
sort: username
---
kind: role
name: core.administrator
label: {en: Administrator, zh-CN: 系统管理员, zh-TW: 系統管理員}
administrator: true
)yaml";

}  // namespace

SourceLayer core_layer() {
  return {"core", {{"core:definitions/core.yaml", core_definitions, "core"}}};
}

}  // namespace caravan::model
