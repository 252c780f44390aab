#include "api/messages.h"

#include <array>
#include <unordered_map>

namespace caravan::api {
namespace {

using Texts = std::array<std::string_view, 3>;  // en, zh-CN, zh-TW

const std::unordered_map<std::string_view, Texts>& catalogue() {
  static const std::unordered_map<std::string_view, Texts> texts{
      {"login_refused",
       {"The user name or the password is wrong.", "用户名或密码错误。", "使用者名稱或密碼錯誤。"}},
      {"throttled",
       {"Too many failed attempts. Try again in {0} s.", "失败次数过多，请在 {0} 秒后重试。",
        "失敗次數過多，請於 {0} 秒後再試。"}},
      {"login_busy",
       {"Too many people are signing in at this moment. Try again in a few seconds.",
        "当前登录人数过多，请几秒后重试。", "目前登入人數過多，請幾秒後再試。"}},
      {"not_signed_in", {"Sign in first.", "请先登录。", "請先登入。"}},
      {"token_refused",
       {"The access token is unknown, expired or revoked.", "访问令牌无效、已过期或已撤销。",
        "存取權杖無效、已過期或已撤銷。"}},
      {"csrf",
       {"The X-CSRF-Token header is missing or not that of this session. Reload the page.",
        "缺少 X-CSRF-Token，或与当前会话不符。请刷新页面。",
        "缺少 X-CSRF-Token，或與目前工作階段不符。請重新整理頁面。"}},
      {"administrators_only", {"This is for administrators.", "仅限管理员使用。", "僅限管理員使用。"}},
      {"no_route", {"There is nothing at this address.", "此地址不存在。", "此位址不存在。"}},
      {"no_revision", {"There is no revision \"{0}\".", "没有版本“{0}”。", "沒有版本「{0}」。"}},
      {"method_not_allowed", {"This address takes {0}.", "此地址只接受 {0}。", "此位址只接受 {0}。"}},
      {"unknown_entity", {"There is no entity \"{0}\".", "没有名为“{0}”的实体。", "沒有名為「{0}」的實體。"}},
      {"no_record",
       {"There is no record with the id \"{0}\".", "没有 id 为“{0}”的记录。", "沒有 id 為「{0}」的記錄。"}},
      {"content_type",
       {"The body's Content-Type must be {0}.", "请求内容的 Content-Type 必须是 {0}。",
        "請求內容的 Content-Type 必須是 {0}。"}},
      {"body_too_large",
       {"The body may have at most {0} KiB.", "请求内容最多 {0} KiB。", "請求內容最多 {0} KiB。"}},
      {"body_object",
       {"The body must be a JSON object.", "请求内容必须是 JSON 对象。", "請求內容必須是 JSON 物件。"}},
      {"unknown_member",
       {"The body has no member \"{0}\"; expected are: {1}.", "请求内容不应包含“{0}”，可用的有：{1}。",
        "請求內容不應包含「{0}」，可用的有：{1}。"}},
      {"member_string", {"\"{0}\" must be a text.", "“{0}”必须是文本。", "「{0}」必須是文字。"}},
      {"member_object", {"\"{0}\" must be an object.", "“{0}”必须是对象。", "「{0}」必須是物件。"}},
      {"member_required", {"\"{0}\" is required.", "缺少“{0}”。", "缺少「{0}」。"}},
      {"instant",
       {"\"{0}\" must be a time such as 2026-12-20T08:30:00Z.",
        "“{0}”必须是时间，例如 2026-12-20T08:30:00Z。", "「{0}」必須是時間，例如 2026-12-20T08:30:00Z。"}},
      {"unknown_locale",
       {"\"locale\" must be one of zh-CN, zh-TW, en.", "“locale”必须是 zh-CN、zh-TW 或 en。",
        "「locale」必須是 zh-CN、zh-TW 或 en。"}},
      {"if_match_required",
       {"Say in If-Match which version you have seen, e.g. If-Match: \"3\" (or * for any).",
        "请在 If-Match 中注明您看到的版本，例如 If-Match: \"3\"（* 表示任意版本）。",
        "請在 If-Match 中註明您看到的版本，例如 If-Match: \"3\"（* 表示任意版本）。"}},
      {"if_match_malformed",
       {"If-Match must be one version in quotes, e.g. \"3\", or *.",
        "If-Match 必须是带引号的一个版本，例如 \"3\"，或 *。",
        "If-Match 必須是帶引號的一個版本，例如 \"3\"，或 *。"}},
      {"unknown_parameter",
       {"There is no parameter \"{0}\"; there are: {1}.", "没有参数“{0}”，可用的有：{1}。",
        "沒有參數「{0}」，可用的有：{1}。"}},
      {"repeated_parameter", {"The parameter \"{0}\" stands twice.", "参数“{0}”重复。", "參數「{0}」重複。"}},
      {"limit",
       {"limit must be a number from 1 to 200.", "limit 必须是 1 到 200 的整数。",
        "limit 必須是 1 到 200 的整數。"}},
      {"flag", {"{0} must be 0 or 1.", "{0} 必须是 0 或 1。", "{0} 必須是 0 或 1。"}},
      {"event_id",
       {"before must be the id of an event.", "before 必须是事件的 id。", "before 必須是事件的 id。"}},
      {"unknown_field",
       {"{0}: there is no field \"{1}\" in {2}.", "{0}：{2} 没有字段“{1}”。", "{0}：{2} 沒有欄位「{1}」。"}},
      {"not_a_reference",
       {"expand: \"{0}\" is not a reference.", "expand：“{0}”不是引用字段。",
        "expand：「{0}」不是參照欄位。"}},
      {"expand_many",
       {"expand: at most 30 names, 10 of them with a point.", "expand：最多 30 个名称，其中带点的最多 10 个。",
        "expand：最多 30 個名稱，其中帶點的最多 10 個。"}},
      {"expand_deep",
       {"expand: \"{0}\" follows more than two references.", "expand：“{0}”跟随的引用超过两层。",
        "expand：「{0}」跟隨的參照超過兩層。"}},
      {"limit_groups",
       {"limit must be a number from 1 to 1000.", "limit 必须是 1 到 1000 的整数。",
        "limit 必須是 1 到 1000 的整數。"}},
      {"invalid_record", {"Some fields need attention.", "有些字段需要修正。", "有些欄位需要修正。"}},
      {"password_wrong", {"The current password is wrong.", "当前密码错误。", "目前密碼錯誤。"}},
      {"password_short",
       {"A password needs at least 8 characters.", "密码至少需要 8 个字符。", "密碼至少需要 8 個字元。"}},
      {"password_long",
       {"A password may have at most 1000 characters.", "密码最多 1000 个字符。", "密碼最多 1000 個字元。"}},
      {"label_required", {"Say what the token is for.", "请填写令牌用途。", "請填寫權杖用途。"}},
      {"label_long",
       {"The label may have at most 100 characters.", "名称最多 100 个字符。", "名稱最多 100 個字元。"}},
      {"expiry_past",
       {"The expiry must lie in the future.", "有效期必须晚于当前时间。", "有效期限必須晚於目前時間。"}},
      {"too_many_tokens",
       {"There are 100 tokens already, which is the most one person may have. Delete one first.",
        "每人最多 100 个令牌，请先删除一个。", "每人最多 100 個權杖，請先刪除一個。"}},
      {"no_token", {"There is no such token.", "没有这个令牌。", "沒有這個權杖。"}},
      {"users_only",
       {"This is for users, not for the system itself.", "仅限用户使用，不适用于系统本身。",
        "僅限使用者使用，不適用於系統本身。"}},
      {"part_missing", {"The form needs a part \"{0}\".", "表单缺少“{0}”部分。", "表單缺少「{0}」部分。"}},
      {"map_refused",
       {"The import map has mistakes ({0}).", "导入映射有 {0} 处错误。", "匯入對照有 {0} 處錯誤。"}},
      {"map_entity",
       {"The import map is for {0}, not for {1}.", "导入映射用于 {0}，而不是 {1}。",
        "匯入對照用於 {0}，而不是 {1}。"}},
      {"reload_refused",
       {"The definitions have mistakes ({0}); those in use stay.", "定义有 {0} 处错误，继续使用原有定义。",
        "定義有 {0} 處錯誤，繼續使用原有定義。"}},
      {"no_file",
       {"There is no such file. The API is at /api/v1.", "没有这个文件。API 位于 /api/v1。", "沒有這個檔案。API 位於 /api/v1。"}},
      {"too_many_requests",
       {"Too many requests. Try again in {0} s.", "请求过于频繁，请在 {0} 秒后重试。", "請求過於頻繁，請於 {0} 秒後再試。"}},
      {"starting",
       {"The server is starting. Try again in a moment.", "服务器正在启动，请稍后重试。",
        "伺服器正在啟動，請稍後再試。"}},
      {"unavailable",
       {"The server cannot answer at this moment. Try again shortly.", "服务器暂时无法响应，请稍后重试。",
        "伺服器暫時無法回應，請稍後再試。"}},
      {"internal",
       {"Something went wrong on the server. Tell the administrator this request's id.",
        "服务器出错。请将请求编号告知管理员。", "伺服器發生錯誤。請將請求編號告知管理員。"}},
  };
  return texts;
}

}  // namespace

std::string say(std::string_view code, std::string_view locale,
                std::initializer_list<std::string_view> arguments) {
  const auto found = catalogue().find(code);
  if (found == catalogue().end()) return std::string(code);
  const std::size_t column = locale == "zh-TW" ? 2 : locale.starts_with("zh") ? 1 : 0;
  const std::string_view text = found->second[column];
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '{' && i + 2 < text.size() && text[i + 2] == '}' && text[i + 1] >= '0' &&
        text[i + 1] <= '9') {
      const auto index = static_cast<std::size_t>(text[i + 1] - '0');
      if (index < arguments.size()) out.append(arguments.begin()[index]);
      i += 2;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

}  // namespace caravan::api
