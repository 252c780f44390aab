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
kind: settings
name: core
label: {en: "Agency's public pages", zh-CN: 对外页面, zh-TW: 對外頁面}
settings:
  public_address: {type: text, max: 200, default: "http://127.0.0.1:8080", label: {en: Address of this server for the public, zh-CN: 对外访问地址, zh-TW: 對外存取位址},
                   help: {en: "Links in messages begin with it, e.g. https://crm.example.com", zh-CN: 消息中的链接以此开头，例如 https://crm.example.com, zh-TW: 訊息中的連結以此開頭，例如 https://crm.example.com}}
  public_color:   {type: text, max: 7, default: "#0958d9", label: {en: Colour of public pages, zh-CN: 对外页面主色, zh-TW: 對外頁面主色}, help: {en: "#rrggbb", zh-CN: "#rrggbb", zh-TW: "#rrggbb"}}
  public_logo:    {type: text, default: "/favicon.svg", label: {en: Logo of public pages, zh-CN: 对外页面徽标, zh-TW: 對外頁面徽標},
                   help: {en: "A path on this server, or data:image/png;base64,…", zh-CN: "本服务器上的路径，或 data:image/png;base64,…", zh-TW: "本伺服器上的路徑，或 data:image/png;base64,…"}}
  public_messages_per_hour: {type: int, min: 0, max: 10000, default: 5, label: {en: Messages an hour that strangers set off, zh-CN: 对外表单每小时消息上限, zh-TW: 對外表單每小時訊息上限},
                   help: {en: "To one recipient, because of what people without an account sent; further ones are held", zh-CN: 指因无账号者提交内容而发给同一收件人的消息；超出的会被拦截, zh-TW: 指因無帳號者送出內容而寄給同一收件人的訊息；超出的會被攔截}}
  public_messages_per_day:  {type: int, min: 0, max: 10000, default: 20, label: {en: Messages a day that strangers set off, zh-CN: 对外表单每日消息上限, zh-TW: 對外表單每日訊息上限},
                   help: {en: "To one recipient, because of what people without an account sent; further ones are held", zh-CN: 指因无账号者提交内容而发给同一收件人的消息；超出的会被拦截, zh-TW: 指因無帳號者送出內容而寄給同一收件人的訊息；超出的會被攔截}}
---
kind: choices
name: core.locale
label: {en: Language, zh-CN: 语言, zh-TW: 語言}
options:
  zh-CN: {label: {en: Simplified Chinese, zh-CN: 简体中文, zh-TW: 簡體中文}}
  zh-TW: {label: {en: Traditional Chinese, zh-CN: 繁体中文, zh-TW: 繁體中文}}
  en:    {label: {en: English, zh-CN: 英语, zh-TW: 英語}}
---
kind: choices
name: core.language
label: {en: Spoken languages, zh-CN: 语言能力, zh-TW: 語言能力}
options:
  zh:  {label: {en: Mandarin, zh-CN: 普通话, zh-TW: 國語}}
  yue: {label: {en: Cantonese, zh-CN: 粤语, zh-TW: 粵語}}
  en:  {label: {en: English, zh-CN: 英语, zh-TW: 英語}}
  ja:  {label: {en: Japanese, zh-CN: 日语, zh-TW: 日語}}
  ko:  {label: {en: Korean, zh-CN: 韩语, zh-TW: 韓語}}
  fr:  {label: {en: French, zh-CN: 法语, zh-TW: 法語}}
  de:  {label: {en: German, zh-CN: 德语, zh-TW: 德語}}
  es:  {label: {en: Spanish, zh-CN: 西班牙语, zh-TW: 西班牙語}}
  ru:  {label: {en: Russian, zh-CN: 俄语, zh-TW: 俄語}}
  th:  {label: {en: Thai, zh-CN: 泰语, zh-TW: 泰語}}
---
kind: choices
name: core.skill
label: {en: Skills, zh-CN: 技能, zh-TW: 技能}
options:
  urgent_cases: {label: {en: Urgent cases, zh-CN: 紧急个案, zh-TW: 緊急個案}}
  key_accounts: {label: {en: Key accounts, zh-CN: 重要往来对象, zh-TW: 重要往來對象}}
  mentoring:    {label: {en: Mentoring newcomers, zh-CN: 带教新人, zh-TW: 帶教新人}}
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
  department: {type: choice, choices: core.department, label: {en: Department, zh-CN: 部门, zh-TW: 部門}}
  roles:    {type: json, label: {en: Roles, zh-CN: 角色, zh-TW: 角色}}
  languages: {type: multi, choices: core.language, label: {en: Languages, zh-CN: 语言能力, zh-TW: 語言能力}}
  skills:   {type: multi, choices: core.skill, label: {en: Skills, zh-CN: 技能, zh-TW: 技能}}
  available: {type: bool, default: true, label: {en: Present, zh-CN: 在岗, zh-TW: 在崗},
              help: {en: Who is not present gets nothing assigned, zh-CN: 不在岗的人员不会被分派工作, zh-TW: 不在崗的人員不會被分派工作}}
unique:
  username: {fields: [username], message: {en: Another user has this name, zh-CN: 该用户名已被使用, zh-TW: 該使用者名稱已被使用}}
---
kind: form
name: core.user_form
entity: core.user
label: {en: User, zh-CN: 用户, zh-TW: 使用者}
groups:
  person: {label: {en: Person, zh-CN: 基本信息, zh-TW: 基本資料}, fields: {name: {}, username: {}, email: {}, locale: {}}}
  access: {label: {en: Access, zh-CN: 权限, zh-TW: 權限}, fields: {active: {}, department: {}, roles: {}}}
  work:   {label: {en: Work, zh-CN: 工作安排, zh-TW: 工作安排}, fields: {available: {}, languages: {}, skills: {}}}
---
kind: view
name: core.user_list
entity: core.user
label: {en: Users, zh-CN: 用户, zh-TW: 使用者}
columns: {name: {}, username: {}, department: {}, email: {}, active: {}, updated_at: {}}
sort: username
---
kind: entity
name: core.absence
label: {en: Absence, zh-CN: 缺勤, zh-TW: 缺勤}
plural: {en: Absences, zh-CN: 缺勤, zh-TW: 缺勤}
icon: calendar
title: note
fields:
  # An absence takes somebody's work away from him, so whoever is no administrator enters his own alone.
  user: {type: ref, to: core.user, required: true, right: read, default_expr: "user.id", delete: cascade, label: {en: Absent, zh-CN: 缺勤人员, zh-TW: 缺勤人員}}
  from: {type: instant, required: true, default_expr: "now()", label: {en: From, zh-CN: 开始时间, zh-TW: 開始時間}}
  to:   {type: instant, label: {en: Until, zh-CN: 结束时间, zh-TW: 結束時間},
         help: {en: "Empty: until further notice", zh-CN: 留空表示直至另行通知, zh-TW: 留空表示直至另行通知}}
  note: {type: text, max: 200, label: {en: Note, zh-CN: 说明, zh-TW: 說明}}
indexes:
  by_user: [user, to]
  by_end: [to]
invariants:
  order: {check: "record.to == null || record.to > record.from",
          message: {en: The end must come after the beginning, zh-CN: 结束时间必须晚于开始时间, zh-TW: 結束時間必須晚於開始時間}}
---
kind: form
name: core.absence_form
entity: core.absence
label: {en: Absence, zh-CN: 缺勤, zh-TW: 缺勤}
groups:
  main: {label: {en: Who is away, zh-CN: 缺勤安排, zh-TW: 缺勤安排}, fields: {user: {}, from: {}, to: {}, note: {}}}
---
kind: view
name: core.absence_list
entity: core.absence
label: {en: Absences, zh-CN: 缺勤, zh-TW: 缺勤}
columns: {user: {}, from: {}, to: {}, note: {}}
sort: "-from"
---
kind: entity
name: core.delegation
label: {en: Delegation, zh-CN: 代理授权, zh-TW: 代理授權}
plural: {en: Delegations, zh-CN: 代理授权, zh-TW: 代理授權}
icon: swap
title: note
fields:
  # Whose rights are lent is not for the lender to choose, whatever other roles he has: it is himself.
  user:      {type: ref, to: core.user, required: true, right: read, default_expr: "user.id", label: {en: Absent, zh-CN: 委托人, zh-TW: 委託人},
              help: {en: Whose rights are lent, zh-CN: 由谁授出权限, zh-TW: 由誰授出權限}}
  deputy:    {type: ref, to: core.user, required: true, label: {en: Deputy, zh-CN: 代理人, zh-TW: 代理人},
              help: {en: Who has them beside the own ones, zh-CN: 由谁代为行使, zh-TW: 由誰代為行使}}
  starts_at: {type: instant, required: true, default_expr: "now()", label: {en: From, zh-CN: 开始时间, zh-TW: 開始時間}}
  ends_at:   {type: instant, required: true, label: {en: Until, zh-CN: 结束时间, zh-TW: 結束時間}}
  note:      {type: text, max: 200, label: {en: Note, zh-CN: 说明, zh-TW: 說明}}
indexes:
  by_deputy: [deputy, ends_at]
  by_user: [user, ends_at]
invariants:
  order: {check: "record.ends_at > record.starts_at",
          message: {en: The end must come after the beginning, zh-CN: 结束时间必须晚于开始时间, zh-TW: 結束時間必須晚於開始時間}}
  another: {check: "record.user != record.deputy",
            message: {en: Nobody stands in for himself, zh-CN: 代理人不能是本人, zh-TW: 代理人不能是本人}}
---
kind: form
name: core.delegation_form
entity: core.delegation
label: {en: Delegation, zh-CN: 代理授权, zh-TW: 代理授權}
groups:
  main: {label: {en: Who for whom, zh-CN: 代理安排, zh-TW: 代理安排}, fields: {user: {}, deputy: {}, starts_at: {}, ends_at: {}, note: {}}}
---
kind: view
name: core.delegation_list
entity: core.delegation
label: {en: Delegations, zh-CN: 代理授权, zh-TW: 代理授權}
columns: {user: {}, deputy: {}, starts_at: {}, ends_at: {}, note: {}}
sort: "-starts_at"
---
kind: entity
name: core.notice
label: {en: Notice, zh-CN: 通知, zh-TW: 通知}
plural: {en: Notices, zh-CN: 通知, zh-TW: 通知}
icon: bell
menu: false
title: text
fields:
  user:    {type: ref, to: core.user, required: true, right: read, delete: cascade, label: {en: For, zh-CN: 接收人, zh-TW: 接收人}}
  text:    {type: text, max: 500, required: true, right: read, label: {en: Text, zh-CN: 内容, zh-TW: 內容}}
  about_entity: {type: text, max: 100, right: read, label: {en: Kind of record, zh-CN: 记录类型, zh-TW: 記錄類型}}
  about_id: {type: text, max: 20, right: read, label: {en: Record, zh-CN: 记录, zh-TW: 記錄}}
  urgent:  {type: bool, default: false, right: read, label: {en: Urgent, zh-CN: 紧急, zh-TW: 緊急}}
  seen:    {type: bool, default: false, label: {en: Seen, zh-CN: 已读, zh-TW: 已讀}}
indexes:
  by_user: [user, seen, created_at]
---
kind: view
name: core.notice_list
entity: core.notice
label: {en: Notices, zh-CN: 通知, zh-TW: 通知}
columns: {text: {}, seen: {}, created_at: {}}
sort: "-created_at"
---
kind: entity
name: core.task
label: {en: Task, zh-CN: 任务, zh-TW: 任務}
plural: {en: Tasks, zh-CN: 任务, zh-TW: 任務}
icon: check-square
title: title
fields:
  title:    {type: text, max: 200, required: true, search: true, right: read, label: {en: Task, zh-CN: 任务, zh-TW: 任務}}
  assignee: {type: ref, to: core.user, right: read, delete: clear, label: {en: Assigned to, zh-CN: 负责人, zh-TW: 負責人}}
  role:     {type: text, max: 100, right: read, label: {en: Role, zh-CN: 负责角色, zh-TW: 負責角色}}
  due_at:   {type: instant, right: read, label: {en: Due at, zh-CN: 截止时间, zh-TW: 截止時間}}
  required: {type: bool, default: false, right: read, label: {en: Required, zh-CN: 必需, zh-TW: 必要},
             help: {en: The record waits for it, zh-CN: 记录须等待该任务完成, zh-TW: 記錄須等待該任務完成}}
  note:     {type: text, max: 1000, multiline: true, label: {en: Result, zh-CN: 处理结果, zh-TW: 處理結果}}
  about_entity: {type: text, max: 100, right: read, label: {en: Kind of record, zh-CN: 记录类型, zh-TW: 記錄類型}}
  about_id: {type: text, max: 20, right: read, label: {en: Record, zh-CN: 记录, zh-TW: 記錄}}
  rule:     {type: text, max: 130, right: read, label: {en: Defined as, zh-CN: 定义名称, zh-TW: 定義名稱},
             help: {en: The state that brought it and its name there, zh-CN: 产生该任务的状态及其名称, zh-TW: 產生該任務的狀態及其名稱}}
indexes:
  about: [about_entity, about_id, state]
  by_assignee: [assignee, state, due_at]
  by_role: [role, state, due_at]
workflow:
  initial: open
  states:
    open:      {category: open, color: blue, label: {en: Open, zh-CN: 待办, zh-TW: 待辦}}
    done:      {category: done, color: green, label: {en: Done, zh-CN: 已完成, zh-TW: 已完成}}
    cancelled: {category: cancelled, color: default, label: {en: Cancelled, zh-CN: 已取消, zh-TW: 已取消}}
  transitions:
    finish: {from: open, to: done, form: core.finish_task, label: {en: Done, zh-CN: 完成, zh-TW: 完成}}
    cancel: {from: open, to: cancelled, by: [core.administrator], label: {en: Not needed, zh-CN: 取消, zh-TW: 取消}}
---
kind: form
name: core.finish_task
entity: core.task
label: {en: Task done, zh-CN: 完成任务, zh-TW: 完成任務}
groups:
  main: {label: {en: Result, zh-CN: 处理结果, zh-TW: 處理結果}, fields: {note: {}}}
---
kind: form
name: core.task_form
entity: core.task
label: {en: Task, zh-CN: 任务, zh-TW: 任務}
groups:
  main: {label: {en: Task, zh-CN: 任务, zh-TW: 任務}, fields: {title: {}, assignee: {}, role: {}, due_at: {}, note: {}}}
---
kind: view
name: core.task_list
entity: core.task
label: {en: Tasks, zh-CN: 任务, zh-TW: 任務}
columns: {title: {}, state: {}, due_at: {}, assignee: {}, created_at: {}}
sort: "due_at"
filter: "record.state == 'open'"
---
kind: entity
name: core.message
label: {en: Message, zh-CN: 外发消息, zh-TW: 外寄訊息}
plural: {en: Messages, zh-CN: 外发消息, zh-TW: 外寄訊息}
icon: mail
title: subject
fields:
  channel:   {type: text, max: 80, default: mail, read_only: "record.state != 'held' && record.state != 'failed'", label: {en: Channel, zh-CN: 渠道, zh-TW: 管道}}
  template:  {type: text, max: 100, read_only: "record.state != 'held' && record.state != 'failed'", label: {en: Template, zh-CN: 模板, zh-TW: 範本}}
  recipient: {type: text, max: 254, required: true, search: true, read_only: "record.state != 'held' && record.state != 'failed'", label: {en: To, zh-CN: 收件人, zh-TW: 收件人}}
  subject:   {type: text, max: 400, search: true, read_only: "record.state != 'held' && record.state != 'failed'", label: {en: Subject, zh-CN: 主题, zh-TW: 主旨}}
  body:      {type: text, multiline: true, read_only: "record.state != 'held' && record.state != 'failed'", label: {en: Text, zh-CN: 内容, zh-TW: 內容}}
  about_entity: {type: text, max: 100, read_only: "record.state != 'held' && record.state != 'failed'", label: {en: Kind of record, zh-CN: 记录类型, zh-TW: 記錄類型}}
  about_id:  {type: text, max: 20, read_only: "record.state != 'held' && record.state != 'failed'", label: {en: Record, zh-CN: 记录, zh-TW: 記錄}}
  error:     {type: text, max: 500, read_only: true, label: {en: Why not, zh-CN: 未发送原因, zh-TW: 未寄出原因}}
  sent_at:   {type: instant, read_only: true, label: {en: Sent, zh-CN: 发送时间, zh-TW: 寄出時間}}
indexes:
  about: [about_entity, about_id]
workflow:
  initial: queued
  states:
    queued: {category: open, color: blue, label: {en: Queued, zh-CN: 待发送, zh-TW: 待寄出}, enter: {send: {call: core.deliver_message}}}
    held:   {category: waiting, color: orange, label: {en: Held, zh-CN: 已拦截, zh-TW: 已攔截}}
    sent:   {category: done, color: green, label: {en: Sent, zh-CN: 已发送, zh-TW: 已寄出}}
    failed: {category: cancelled, color: red, label: {en: Failed, zh-CN: 发送失败, zh-TW: 寄送失敗}}
  transitions:
    deliver: {from: queued, to: sent, when: "user.id == null", label: {en: Sent, zh-CN: 已发出, zh-TW: 已寄出},
              message: {en: The server takes this step, zh-CN: 此步骤由服务器执行, zh-TW: 此步驟由伺服器執行}}
    hold:    {from: queued, to: held, when: "user.id == null", label: {en: Hold, zh-CN: 拦截, zh-TW: 攔截},
              message: {en: The server takes this step, zh-CN: 此步骤由服务器执行, zh-TW: 此步驟由伺服器執行}}
    fail:    {from: queued, to: failed, when: "user.id == null", label: {en: Give up, zh-CN: 放弃, zh-TW: 放棄},
              message: {en: The server takes this step, zh-CN: 此步骤由服务器执行, zh-TW: 此步驟由伺服器執行}}
    release: {from: [held, failed], to: queued, label: {en: Send, zh-CN: 重新发送, zh-TW: 重新寄出}}
    discard: {from: [held, queued], to: failed, label: {en: Do not send, zh-CN: 不再发送, zh-TW: 不再寄出}}
---
kind: view
name: core.message_list
entity: core.message
label: {en: Messages, zh-CN: 外发消息, zh-TW: 外寄訊息}
columns: {subject: {}, recipient: {}, state: {}, error: {}, created_at: {}}
sort: "-created_at"
---
kind: entity
name: core.list_view
label: {en: Saved view, zh-CN: 保存的视图, zh-TW: 儲存的檢視}
plural: {en: Saved views, zh-CN: 保存的视图, zh-TW: 儲存的檢視}
icon: unordered-list
menu: false
title: label
fields:
  user:   {type: ref, to: core.user, required: true, right: read, default_expr: "user.id", delete: cascade, label: {en: Of, zh-CN: 所属用户, zh-TW: 所屬使用者}}
  about_entity: {type: text, max: 100, required: true, label: {en: Kind of record, zh-CN: 记录类型, zh-TW: 記錄類型}}
  label:  {type: text, max: 60, required: true, label: {en: Name, zh-CN: 名称, zh-TW: 名稱}}
  look:   {type: json, required: true, label: {en: What it shows, zh-CN: 显示内容, zh-TW: 顯示內容}}
  shared: {type: bool, default: false, label: {en: For everyone, zh-CN: 所有人可用, zh-TW: 所有人可用}}
indexes:
  by_user: [user, about_entity]
  by_entity: [about_entity, shared]
---
kind: view
name: core.list_view_list
entity: core.list_view
label: {en: Saved views, zh-CN: 保存的视图, zh-TW: 儲存的檢視}
columns: {label: {}, about_entity: {}, user: {}, shared: {}}
sort: label
---
kind: entity
name: core.forbidden_phrase
label: {en: Forbidden phrase, zh-CN: 禁用语, zh-TW: 禁用語}
plural: {en: Forbidden phrases, zh-CN: 禁用语, zh-TW: 禁用語}
icon: stop
title: phrase
fields:
  phrase: {type: text, max: 100, required: true, search: true, label: {en: Phrase, zh-CN: 用语, zh-TW: 用語},
           help: {en: A message that contains it is held until somebody releases it, zh-CN: 含有该用语的消息会被拦截，待人工放行, zh-TW: 含有該用語的訊息會被攔截，待人工放行}}
  reason: {type: text, max: 200, label: {en: Why, zh-CN: 原因, zh-TW: 原因}}
  active: {type: bool, default: true, label: {en: Active, zh-CN: 启用, zh-TW: 啟用}}
unique:
  phrase: {fields: [phrase], message: {en: The phrase is listed already, zh-CN: 该用语已存在, zh-TW: 該用語已存在}}
---
kind: role
name: core.everyone
label: {en: Everyone, zh-CN: 所有人, zh-TW: 所有人}
everyone: true
grants:
  core.delegation:
    read: "record.user == user.id || record.deputy == user.id"
    create: "record.user == user.id"
    update: "record.user == user.id"
    delete: "record.user == user.id"
  core.absence:
    read: "record.user == user.id"
    create: "record.user == user.id"
    update: "record.user == user.id"
    delete: "record.user == user.id"
  core.list_view:
    read: "record.shared || record.user == user.id"
    create: "record.user == user.id"
    update: "record.user == user.id"
    delete: "record.user == user.id"
  core.task:
    read: "record.assignee == user.id || record.role in user.roles"
    update: "record.state == 'open' && (record.assignee == user.id || record.role in user.roles)"
  core.notice:
    read: "record.user == user.id"
    update: "record.user == user.id"
    delete: "record.user == user.id"
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
