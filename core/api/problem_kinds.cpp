#include "api/problem_kinds.h"

#include <algorithm>

namespace caravan::api {
namespace {

constexpr ProblemKind kinds[] = {
    {"invalid_argument", "400 415",
     {"The request is malformed: its address, a parameter, a header, its Content-Type or its JSON. `detail` says which. Sent again as it is, it will fail again.",
      "请求格式有误：地址、参数、请求头、Content-Type 或 JSON 不正确，`detail` 说明具体位置。原样重发仍会失败。",
      "請求格式有誤：位址、參數、標頭、Content-Type 或 JSON 不正確，`detail` 說明具體位置。原樣重送仍會失敗。"}},
    {"unauthenticated", "401",
     {"Nobody is signed in: the session has ended, or the access token is unknown, expired or revoked. Sign in, or send `Authorization: Bearer …`.",
      "尚未登录：会话已结束，或访问令牌无效、已过期、已撤销。请登录，或发送 `Authorization: Bearer …`。",
      "尚未登入：工作階段已結束，或存取權杖無效、已過期、已撤銷。請登入，或傳送 `Authorization: Bearer …`。"}},
    {"forbidden", "403",
     {"The caller may not do this: no role gives the right, or the X-CSRF-Token header is missing. Nothing was changed.",
      "调用者无权执行此操作：没有角色授予该权限，或缺少 X-CSRF-Token 请求头。数据未作任何更改。",
      "呼叫者無權執行此操作：沒有角色授予該權限，或缺少 X-CSRF-Token 標頭。資料未作任何變更。"}},
    {"not_found", "404",
     {"There is nothing at this address, or the caller may not see it: the two are not told apart.",
      "此地址没有内容，或调用者无权查看；两种情况不作区分。", "此位址沒有內容，或呼叫者無權檢視；兩種情況不作區分。"}},
    {"merged", "410",
     {"The record was merged into another one: `merged_into` and `Location` say which.", "该记录已合并到另一条记录：`merged_into` 和 `Location` 说明是哪一条。",
      "該記錄已合併到另一筆記錄：`merged_into` 和 `Location` 說明是哪一筆。"}},
    {"method_not_allowed", "405",
     {"The address exists but does not take this method. The `Allow` header names those that it takes.",
      "该地址存在，但不接受此方法。`Allow` 响应头列出可用的方法。", "該位址存在，但不接受此方法。`Allow` 標頭列出可用的方法。"}},
    {"timeout", "408",
     {"The request did not arrive completely in time. Send it again, faster.", "请求未在规定时间内完整送达。请更快地重新发送。",
      "請求未在規定時間內完整送達。請更快地重新傳送。"}},
    {"conflict", "409",
     {"The change collides with what is there: a value that must be unique, records that refer to this one, a state that has moved on, or a request with the same Idempotency-Key that is still running.",
      "更改与现有数据冲突：值必须唯一、有其他记录引用此记录、状态已变化，或相同 Idempotency-Key 的请求仍在处理。",
      "變更與現有資料衝突：值必須唯一、有其他記錄參照此記錄、狀態已變化，或相同 Idempotency-Key 的請求仍在處理。"}},
    {"definitions_stale", "409",
     {"Somebody else has published definitions since the draft was begun. `base` is the revision in use, `collisions` what was changed of the same documents: merge, check, and publish with that base.",
      "草稿开始之后已有他人发布了定义。`base` 是当前版本，`collisions` 是同一文档的更改：请合并、检查后以该版本为基础发布。",
      "草稿開始之後已有他人發布了定義。`base` 是目前版本，`collisions` 是同一文件的變更：請合併、檢查後以該版本為基礎發布。"}},
    {"definitions_unconfirmed", "409",
     {"Published as it is, the draft would leave values without a place, or rows stand against it: `plan` lists them. Say with `leftovers` whether they are kept or dropped; what is blocked must be mended first.",
      "按此发布会使部分数据无处存放，或有记录与之冲突：`plan` 已列出。请用 `leftovers` 说明保留还是删除；被阻止的步骤须先处理。",
      "依此發布會使部分資料無處存放，或有記錄與之衝突：`plan` 已列出。請以 `leftovers` 說明保留或刪除；被阻止的步驟須先處理。"}},
    {"stale", "412",
     {"Somebody else has changed the record since the version in If-Match. `current` holds the record as it stands: merge, and send again with its version.",
      "自 If-Match 所示版本之后，该记录已被他人修改。`current` 是当前记录：请合并后以其版本重新发送。",
      "自 If-Match 所示版本之後，該記錄已被他人修改。`current` 是目前記錄：請合併後以其版本重新傳送。"}},
    {"too_large", "413 414 431",
     {"The body, the address or the headers are larger than the server takes. `detail` names the bound.",
      "请求内容、地址或请求头超过服务器上限，`detail` 说明上限。", "請求內容、位址或標頭超過伺服器上限，`detail` 說明上限。"}},
    {"invalid_record", "422",
     {"The request is well-formed, but the content is refused: a required field is empty, a value is out of range, a rule or a step's condition does not hold. `errors` lists every mistake by field.",
      "请求格式正确，但内容被拒绝：必填字段为空、值超出范围、规则或步骤条件不满足。`errors` 按字段列出所有错误。",
      "請求格式正確，但內容被拒絕：必填欄位為空、值超出範圍、規則或步驟條件不符。`errors` 依欄位列出所有錯誤。"}},
    {"precondition_required", "428",
     {"A change needs the version that it is made to: send If-Match with the record's ETag, or `*` for any.",
      "更改需要注明所基于的版本：请在 If-Match 中发送记录的 ETag，`*` 表示任意版本。",
      "變更需要註明所依據的版本：請在 If-Match 中傳送記錄的 ETag，`*` 表示任意版本。"}},
    {"too_many_requests", "429",
     {"The user or the address asks too often, or there were too many failed log-ins. Wait as many seconds as `Retry-After` says.",
      "该用户或地址请求过于频繁，或登录失败次数过多。请等待 `Retry-After` 所示秒数。",
      "該使用者或位址請求過於頻繁，或登入失敗次數過多。請等待 `Retry-After` 所示秒數。"}},
    {"idempotency_key_reused", "422",
     {"The Idempotency-Key was used for another request within the last 24 hours. A new request needs a new key.",
      "该 Idempotency-Key 在 24 小时内已用于另一个请求。新的请求需要新的键。",
      "該 Idempotency-Key 在 24 小時內已用於另一個請求。新的請求需要新的鍵。"}},
    {"idempotency_key_in_use", "409",
     {"The first request with this Idempotency-Key has no answer yet. Try again after `Retry-After` seconds.",
      "使用此 Idempotency-Key 的首个请求尚未完成。请在 `Retry-After` 秒后重试。",
      "使用此 Idempotency-Key 的首個請求尚未完成。請於 `Retry-After` 秒後重試。"}},
    {"idempotency_reply_lost", "409",
     {"The request with this Idempotency-Key was done, but its answer was too large to keep. Read what it made instead.",
      "使用此 Idempotency-Key 的请求已完成，但结果过大未予保存。请直接读取其产生的数据。",
      "使用此 Idempotency-Key 的請求已完成，但結果過大未予保存。請直接讀取其產生的資料。"}},
    {"bulk_refused", "422",
     {"Some of the records of an atomic bulk change are refused, so nothing was changed. `items` says which and why.",
      "批量操作要求全部成功，但部分记录被拒绝，因此未作任何更改。`items` 说明具体记录和原因。",
      "批次操作要求全部成功，但部分記錄被拒絕，因此未作任何變更。`items` 說明具體記錄與原因。"}},
    {"internal", "500",
     {"The server failed. Give the administrator the `request_id`: the log has the cause under it.",
      "服务器出错。请将 `request_id` 告知管理员，日志中以此编号记录了原因。",
      "伺服器發生錯誤。請將 `request_id` 告知管理員，日誌中以此編號記錄了原因。"}},
    {"not_supported", "417 501 505",
     {"The request uses a part of HTTP that the server does not speak: another version or transfer coding.",
      "请求使用了服务器不支持的 HTTP 功能：其他版本或传输编码。", "請求使用了伺服器不支援的 HTTP 功能：其他版本或傳輸編碼。"}},
    {"unavailable", "503",
     {"The server cannot answer at this moment: it starts, is overloaded, or the database does not answer. Try again after `Retry-After` seconds.",
      "服务器暂时无法响应：正在启动、负载过高，或数据库无响应。请在 `Retry-After` 秒后重试。",
      "伺服器暫時無法回應：正在啟動、負載過高，或資料庫無回應。請於 `Retry-After` 秒後重試。"}},
};

std::string html(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '<') out += "&lt;";
    else if (c == '>') out += "&gt;";
    else if (c == '&') out += "&amp;";
    else if (c != '`') out.push_back(c);
  }
  return out;
}

}  // namespace

std::span<const ProblemKind> problem_kinds() {
  return kinds;
}

std::string problem_page(std::string_view code, std::string_view locale) {
  const auto found = std::find_if(std::begin(kinds), std::end(kinds), [&](const ProblemKind& kind) { return kind.code == code; });
  if (found == std::end(kinds)) return {};
  const std::size_t column = locale == "zh-TW" ? 2 : locale.starts_with("zh") ? 1 : 0;
  const std::string name(code);
  return "<!DOCTYPE html>\n<html lang=\"" + std::string(column == 2 ? "zh-TW" : column == 1 ? "zh-CN" : "en") +
         "\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>" + name +
         "</title></head>\n<body><h1>" + name + "</h1>\n<p>HTTP " + std::string(found->statuses) + "</p>\n<p>" +
         html(found->meaning[column]) + "</p>\n</body></html>\n";
}

std::string problems_reference() {
  std::string out =
      "# Problems\n\nEvery error is `application/problem+json` (RFC 9457). Its `type` is `/problems/CODE`, which the server answers with "
      "the text below\nin the reader's language; `code` is stable. Printed by `caravan docs problems`.\n";
  for (const ProblemKind& kind : kinds) {
    out += "\n## " + std::string(kind.code) + "\n\nHTTP " + std::string(kind.statuses) + "\n\n";
    for (const std::string_view text : kind.meaning) out += "- " + std::string(text) + "\n";
  }
  return out;
}

}  // namespace caravan::api
