#include "records/messages.h"

#include <array>
#include <unordered_map>

namespace caravan::records {
namespace {

using Texts = std::array<std::string_view, 3>;  // en, zh-CN, zh-TW

const std::unordered_map<std::string_view, Texts>& catalogue() {
  static const std::unordered_map<std::string_view, Texts> texts{
      {"required", {"{0} is required.", "请填写{0}。", "請填寫{0}。"}},
      {"wrong_type", {"{0} must be {1}.", "{0}必须是{1}。", "{0}必須是{1}。"}},
      {"type_text", {"a text", "文本", "文字"}},
      {"type_int", {"a whole number", "整数", "整數"}},
      {"type_bool", {"true or false", "是或否（true/false）", "是或否（true/false）"}},
      {"type_decimal", {"a decimal number such as \"12.50\"", "小数，例如 \"12.50\"", "小數，例如 \"12.50\""}},
      {"type_money", {"an amount such as \"12000.00\"", "金额，例如 \"12000.00\"", "金額，例如 \"12000.00\""}},
      {"type_date", {"a date such as 2026-12-20", "日期，例如 2026-12-20", "日期，例如 2026-12-20"}},
      {"type_instant", {"a time such as 2026-12-20T08:30:00Z", "时间，例如 2026-12-20T08:30:00Z", "時間，例如 2026-12-20T08:30:00Z"}},
      {"type_choice", {"one of: {0}", "以下之一：{0}", "以下之一：{0}"}},
      {"type_ref", {"the id of a record", "记录的编号（id）", "記錄的編號（id）"}},
      {"type_json", {"JSON", "JSON", "JSON"}},
      {"type_multi", {"a list of: {0}", "以下选项的列表：{0}", "以下選項的清單：{0}"}},
      {"type_file", {"the id of an attachment of this record", "本记录附件的编号（id）", "本記錄附件的編號（id）"}},
      {"type_image", {"the id of an attachment of this record", "本记录附件的编号（id）", "本記錄附件的編號（id）"}},
      {"type_refs", {"a list of ids of records", "记录编号（id）的列表", "記錄編號（id）的清單"}},
      {"type_localized", {"texts by language, such as {\"en\": \"…\"}", "按语言给出的文本，例如 {\"zh-CN\": \"…\"}", "依語言提供的文字，例如 {\"zh-TW\": \"…\"}"}},
      {"too_many", {"{0} may have at most {1} values.", "{0}最多 {1} 个值。", "{0}最多 {1} 個值。"}},
      {"too_long", {"{0} may have at most {1} characters.", "{0}最多 {1} 个字符。", "{0}最多 {1} 個字元。"}},
      {"too_small", {"{0} must be at least {1}.", "{0}不能小于 {1}。", "{0}不能小於 {1}。"}},
      {"too_large", {"{0} must be at most {1}.", "{0}不能大于 {1}。", "{0}不能大於 {1}。"}},
      {"too_precise", {"{0} may have at most {1} decimal places.", "{0}最多 {1} 位小数。", "{0}最多 {1} 位小數。"}},
      {"control_character", {"{0} holds a control character.", "{0}含有控制字符。", "{0}含有控制字元。"}},
      {"unknown_field", {"There is no field {0}.", "没有名为 {0} 的字段。", "沒有名為 {0} 的欄位。"}},
      {"read_only_now", {"{0} cannot be changed now.", "{0}现在不可修改。", "{0}現在不可修改。"}},
      {"not_visible", {"{0} cannot be filled in now.", "{0}现在不可填写。", "{0}現在不可填寫。"}},
      {"not_offered", {"{0}: \"{1}\" does not go with what {2} is.", "{0}：“{1}”与{2}的取值不符。", "{0}：「{1}」與{2}的取值不符。"}},
      {"read_only", {"{0} cannot be set.", "{0}不可修改。", "{0}不可修改。"}},
      {"unknown_reference", {"{0}: there is no such {1}, or you may not see it.", "{0}：没有这条{1}，或您无权查看。", "{0}：沒有這筆{1}，或您無權檢視。"}},
      {"unknown_currency", {"{0} is not a currency code such as CNY.", "{0} 不是货币代码（例如 CNY）。", "{0} 不是幣別代碼（例如 TWD）。"}},
      {"duplicate", {"Another record already has this {0}.", "已有其他记录使用相同的{0}。", "已有其他記錄使用相同的{0}。"}},
      {"rule_depth", {"Rules set each other off without end: {0}.", "规则互相触发，没有尽头：{0}。", "規則互相觸發，沒有盡頭：{0}。"}},
      {"rule_effects", {"Rules would do more than {0} things at once: {1}.", "规则一次要做的事超过 {0} 件：{1}。", "規則一次要做的事超過 {0} 件：{1}。"}},
      {"rule_refused", {"The rule {0} stands in the way: {1}", "规则 {0} 不允许：{1}", "規則 {0} 不允許：{1}"}},
      {"effect_no_target", {"{0} is empty, so a rule cannot change what it points at.", "{0}为空，规则无法更改它所指的记录。", "{0}為空，規則無法更改它所指的記錄。"}},
      {"queue_forbidden", {"You are no candidate of this queue.", "您不是该队列的候选人。", "您不是該佇列的候選人。"}},
      {"queue_full", {"You have as many open records as the queue allows: {0}.", "您的在办记录已达该队列的上限：{0}。", "您的在辦記錄已達該佇列的上限：{0}。"}},
      {"queue_empty", {"Nothing waits in this queue for you.", "该队列中没有适合您的待办记录。", "該佇列中沒有適合您的待辦記錄。"}},
      {"reassign_left", {"{0} is no longer active", "{0} 已停用", "{0} 已停用"}},
      {"reassign_away", {"{0} is not present", "{0} 不在岗", "{0} 不在崗"}},
      {"reassign_absent", {"{0} is absent", "{0} 缺勤", "{0} 缺勤"}},
      {"reassign_absent_until", {"{0} is absent until {1}", "{0} 缺勤至 {1}", "{0} 缺勤至 {1}"}},
      {"undo_none", {"There is no step to take back.", "没有可以撤销的步骤。", "沒有可以撤銷的步驟。"}},
      {"undo_other", {"Only whoever took the step may take it back.", "只有执行该步骤的人可以撤销。", "只有執行該步驟的人可以撤銷。"}},
      {"undo_late", {"The time to take the step back has passed.", "撤销该步骤的时限已过。", "撤銷該步驟的時限已過。"}},
      {"undo_changed", {"The record was changed since the step.", "该步骤之后记录已被更改。", "該步驟之後記錄已被更改。"}},
      {"undo_effects", {"The step also changed other records, so it cannot be taken back.", "该步骤还更改了其他记录，无法撤销。", "該步驟還更改了其他記錄，無法撤銷。"}},
      {"invalid_record", {"Some fields need attention.", "有些字段需要修正。", "有些欄位需要修正。"}},
      {"not_found", {"There is no {0} with this id, or you may not see it.", "没有这条{0}，或您无权查看。", "沒有這筆{0}，或您無權檢視。"}},
      {"forbidden_read", {"You may not see {0}.", "您无权查看{0}。", "您無權檢視{0}。"}},
      {"forbidden_field", {"You may not read the field {0}, so records cannot be filtered, sorted or grouped by it.", "您无权查看字段 {0}，因此不能按它筛选、排序或分组。", "您無權檢視欄位 {0}，因此不能按它篩選、排序或分組。"}},
      {"duplicate_hidden", {"Another record already has these values.", "已有其他记录使用相同的值。", "已有其他記錄使用相同的值。"}},
      {"too_large_measure", {"{0}: the result is too large to be told exactly; narrow the records with a filter.", "{0}：结果过大，无法精确表示；请用筛选条件缩小范围。", "{0}：結果過大，無法精確表示；請用篩選條件縮小範圍。"}},
      {"hidden_field", {"A field that you may not see needs attention; ask an administrator.", "有一个您无权查看的字段需要修正，请联系管理员。", "有一個您無權檢視的欄位需要修正，請聯絡管理員。"}},
      {"forbidden_share", {"You may not share this {0}: that is for those who may change it by a role of their own.", "您无权共享此{0}：只有自身角色允许修改它的人才能共享。", "您無權共用此{0}：只有自身角色允許修改它的人才能共用。"}},
      {"shared_read", {"{0} may read.", "{0}可以查看。", "{0}可以檢視。"}},
      {"shared_update", {"{0} may read and change.", "{0}可以查看和修改。", "{0}可以檢視和修改。"}},
      {"shared_until", {"Until {0}.", "至 {0}。", "至 {0}。"}},
      {"unshared", {"{0}: no longer shared.", "{0}：已取消共享。", "{0}：已取消共用。"}},
      {"no_share", {"There is no such share of this {0}.", "此{0}没有这项共享。", "此{0}沒有這項共用。"}},
      {"unknown_user", {"There is no such user, or you may not see him.", "没有这个用户，或您无权查看。", "沒有這個使用者，或您無權檢視。"}},
      {"unknown_role", {"There is no role {0}.", "没有名为 {0} 的角色。", "沒有名為 {0} 的角色。"}},
      {"unknown_department", {"There is no department {0}.", "没有名为 {0} 的部门。", "沒有名為 {0} 的部門。"}},
      {"expiry_past", {"The expiry must lie in the future.", "到期时间必须在未来。", "到期時間必須在未來。"}},
      {"forbidden_create", {"You may not create this {0}.", "您无权新建此{0}。", "您無權新增此{0}。"}},
      {"forbidden_update", {"You may not change this {0}.", "您无权修改此{0}。", "您無權修改此{0}。"}},
      {"forbidden_delete", {"You may not delete this {0}.", "您无权删除此{0}。", "您無權刪除此{0}。"}},
      {"forbidden_restore", {"You may not restore this {0}.", "您无权恢复此{0}。", "您無權還原此{0}。"}},
      {"not_deleted", {"There is no deleted {0} with this id that could be restored.", "没有可恢复的已删除{0}。", "沒有可還原的已刪除{0}。"}},
      {"value_gone", {"{0}: \"{1}\" is no more; say with `moved` in the definitions what takes its place.", "{0}：“{1}”已不存在，请在定义中用 `moved` 指明替代项。", "{0}：「{1}」已不存在，請在定義中用 `moved` 指明替代項。"}},
      {"reference_gone", {"{0}: the {1} it refers to is gone.", "{0}：所引用的{1}已不存在。", "{0}：所引用的{1}已不存在。"}},
      {"function_type", {"What {0} answers is no value of the field {1}.", "{0} 返回的值不适用于字段“{1}”。", "{0} 傳回的值不適用於欄位「{1}」。"}},
      {"stale", {"This {0} was changed by somebody else meanwhile (version {1} now).", "此{0}已被他人修改（当前版本 {1}）。", "此{0}已被他人修改（目前版本 {1}）。"}},
      {"referenced", {"This {0} cannot be deleted: {1} refers to it.", "无法删除此{0}：{1}仍引用它。", "無法刪除此{0}：{1}仍引用它。"}},
      {"referenced_needed", {"This {0} cannot be deleted: {1} would not be valid without it: {2}", "无法删除此{0}：没有它，{1}将不再有效：{2}", "無法刪除此{0}：沒有它，{1}將不再有效：{2}"}},
      {"referenced_many", {"This {0} cannot be deleted: more than {1} other records would be deleted or changed with it.", "无法删除此{0}：会连带删除或修改超过 {1} 条其他记录。", "無法刪除此{0}：會連帶刪除或修改超過 {1} 筆其他記錄。"}},
      {"with_target", {"With the deletion of {0} {1}.", "随{0} {1} 的删除。", "隨{0} {1} 的刪除。"}},
      {"moved_by_definitions", {"Moved from {0} to {1} by the definitions.", "定义变更：由 {0} 移至 {1}。", "定義變更：由 {0} 移至 {1}。"}},
      {"ledger", {"{0}: its records are a ledger, they are never changed or deleted. Add a new one that corrects it.", "{0}是只增账簿，记录不可修改或删除；如需更正，请新增一条。", "{0}是只增帳簿，記錄不可修改或刪除；如需更正，請新增一筆。"}},
      {"overlap", {"{0} is already taken at this time.", "{0}在此时段已被占用。", "{0}在此時段已被占用。"}},
      {"ends_before", {"{0} must not lie before {1}.", "{0}不能早于{1}。", "{0}不能早於{1}。"}},
      {"rollup_too_large", {"{0} would become too large.", "{0}将超出允许的范围。", "{0}將超出允許的範圍。"}},
      {"mixed_currencies", {"{0} adds up amounts of one currency only: {1} is in another one.", "{0}只能汇总同一币种的金额：{1}的币种不同。", "{0}只能彙總同一幣別的金額：{1}的幣別不同。"}},
      {"invariant", {"The rule {0} does not hold.", "不满足规则 {0}。", "不符合規則 {0}。"}},
      {"too_many_recipients",
       {"\"{0}\" would tell {1} people; at most {2} are told at once.", "“{0}”将通知 {1} 人，一次最多 {2} 人。", "「{0}」將通知 {1} 人，一次最多 {2} 人。"}},
      {"compute_error", {"{0} cannot be computed: {1}.", "无法计算{0}：{1}。", "無法計算{0}：{1}。"}},
      {"state_wrong", {"\"{0}\" is not possible from the state \"{1}\".", "在“{1}”状态下不能“{0}”。", "在「{1}」狀態下不能「{0}」。"}},
      {"transition_role", {"\"{0}\" is for: {1}.", "只有以下岗位可以“{0}”：{1}。", "只有以下職位可以「{0}」：{1}。"}},
      {"transition_guard", {"\"{0}\" is not possible yet: {1}", "暂时不能“{0}”：{1}", "暫時不能「{0}」：{1}"}},
      {"transition_comment", {"\"{0}\" needs a comment.", "“{0}”需要填写说明。", "「{0}」需要填寫說明。"}},
      {"transition_fields", {"\"{0}\" needs: {1}.", "“{0}”之前请填写：{1}。", "「{0}」之前請填寫：{1}。"}},
      {"transition_hidden", {"\"{0}\" is not possible yet: it depends on fields that you may not see.", "暂时不能“{0}”：取决于您无权查看的字段。", "暫時不能「{0}」：取決於您無權檢視的欄位。"}},
      {"approval_needed", {"\"{0}\" needs approval, so it has to be asked for.", "“{0}”需要审批，须先提出申请。", "「{0}」需要簽核，須先提出申請。"}},
      {"approval_waits", {"Waiting for approval by {0}.", "等待审批：{0}。", "等待簽核：{0}。"}},
      {"approval_rule", {"The system", "系统", "系統"}},
      {"tasks_open", {"\"{0}\" waits until these tasks have ended: {1}.", "“{0}”须等待以下任务结束：{1}。", "「{0}」須等待以下任務結束：{1}。"}},
      {"task_notice", {"A task for you: {0} ({1})", "您有一项任务：{0}（{1}）", "您有一項任務：{0}（{1}）"}},
      {"approval_nobody", {"\"{0}\" needs approval, but nobody is named who decides the step \"{1}\".", "“{0}”需要审批，但步骤“{1}”没有审批人。", "「{0}」需要簽核，但步驟「{1}」沒有簽核人。"}},
      {"approval_only_you", {"\"{0}\" needs approval in the step \"{1}\", and it would be your own.", "“{0}”的步骤“{1}”需要他人审批，不能由您本人审批。", "「{0}」的步驟「{1}」需要他人簽核，不能由您本人簽核。"}},
      {"approval_none", {"There is no such approval, or you may not see it.", "没有这项审批，或您无权查看。", "沒有這項簽核，或您無權檢視。"}},
      {"approval_all", {"All approvals are for administrators.", "只有管理员可以查看全部审批。", "只有管理員可以檢視全部簽核。"}},
      {"approval_cursor", {"after: this is no cursor of this list.", "after：不是此列表的游标。", "after：不是此清單的游標。"}},
      {"approval_own", {"Nobody decides about his own request.", "不能审批本人的申请。", "不能簽核本人的申請。"}},
      {"approval_not_yours", {"Only whoever asked may take the request back.", "只有申请人可以撤回申请。", "只有申請人可以撤回申請。"}},
      {"approval_decided", {"You have decided about this step already.", "您已对此步骤作出决定。", "您已對此步驟作出決定。"}},
      {"approval_unseen", {"You may not see the record that this is about, so you cannot decide.", "您无权查看相关记录，因此不能审批。", "您無權檢視相關記錄，因此不能簽核。"}},
      {"approval_reason", {"A rejection needs a reason.", "驳回时请填写理由。", "駁回時請填寫理由。"}},
      {"approval_ended_approved", {"It has been approved already.", "该申请已获批准。", "該申請已獲核准。"}},
      {"approval_ended_rejected", {"It has been rejected already.", "该申请已被驳回。", "該申請已被駁回。"}},
      {"approval_ended_withdrawn", {"The request was taken back.", "该申请已撤回。", "該申請已撤回。"}},
      {"approval_ended_void", {"The request is void.", "该申请已失效。", "該申請已失效。"}},
      {"approval_void_definition", {"The step is no longer there.", "该步骤已不存在。", "該步驟已不存在。"}},
      {"approval_void_record_gone", {"The record was deleted.", "记录已删除。", "記錄已刪除。"}},
      {"approval_void_left_state", {"The record has moved on meanwhile.", "记录状态已改变。", "記錄狀態已改變。"}},
      {"approval_void_changed", {"{0} was changed meanwhile.", "{0}已被更改。", "{0}已被更改。"}},
      {"approval_void_asker_gone", {"Whoever asked has left.", "申请人已离职。", "申請人已離職。"}},
      {"approval_void_refused", {"The step was not possible any more: {0}", "该步骤已无法执行：{0}", "該步驟已無法執行：{0}"}},
      {"approval_notice_ask", {"{0} asks for your approval: {1} ({2})", "{0}申请您审批：{1}（{2}）", "{0}申請您簽核：{1}（{2}）"}},
      {"approval_notice_remind", {"Still waiting for your approval: {1} ({2}), asked by {0}", "仍在等待您审批：{1}（{2}），申请人：{0}", "仍在等待您簽核：{1}（{2}），申請人：{0}"}},
      {"approval_notice_withdrawn", {"{0} has taken the request back: {1} ({2})", "{0}已撤回申请：{1}（{2}）", "{0}已撤回申請：{1}（{2}）"}},
      {"approval_notice_void", {"The request of {0} is void: {1} ({2}). {3}", "{0}的申请已失效：{1}（{2}）。{3}", "{0}的申請已失效：{1}（{2}）。{3}"}},
      {"approval_notice_your_approved", {"Approved: {1} ({2})", "已批准：{1}（{2}）", "已核准：{1}（{2}）"}},
      {"approval_notice_your_rejected", {"Rejected: {1} ({2}). {3}", "已驳回：{1}（{2}）。{3}", "已駁回：{1}（{2}）。{3}"}},
      {"approval_notice_your_withdrawn", {"Your request was taken back: {1} ({2})", "您的申请已被撤回：{1}（{2}）", "您的申請已被撤回：{1}（{2}）"}},
      {"approval_notice_your_void", {"Your request is void: {1} ({2}). {3}", "您的申请已失效：{1}（{2}）。{3}", "您的申請已失效：{1}（{2}）。{3}"}},
      {"no_transition", {"There is no transition {0}.", "没有名为 {0} 的流转。", "沒有名為 {0} 的流轉。"}},
      {"clock_started", {"Started {0}.", "{0} 开始计时。", "{0} 開始計時。"}},
      {"clock_limit", {"Time limit {0}, by {1}.", "时限 {0}，按{1}计算。", "時限 {0}，按{1}計算。"}},
      {"clock_no_limit", {"There is no time limit for this record; counted by {0}.", "此记录没有时限；按{0}计算。", "此記錄沒有時限；按{0}計算。"}},
      {"clock_every_hour", {"every hour of every day", "全天候（每天每小时）", "全天候（每天每小時）"}},
      {"clock_worked", {"{0}: +{1} from {2} to {3}, {4} in all.", "{0}：{2} 至 {3}，+{1}，累计 {4}。", "{0}：{2} 至 {3}，+{1}，累計 {4}。"}},
      {"clock_worked_day", {"{0} ({5}): +{1} from {2} to {3}, {4} in all.", "{0}（{5}）：{2} 至 {3}，+{1}，累计 {4}。", "{0}（{5}）：{2} 至 {3}，+{1}，累計 {4}。"}},
      {"clock_break", {"{0}: break from {1} to {2}.", "{0}：{1} 至 {2} 休息。", "{0}：{1} 至 {2} 休息。"}},
      {"clock_free", {"{0}: free.", "{0}：休息日。", "{0}：休息日。"}},
      {"clock_holiday", {"{0}: holiday, {1}.", "{0}：节假日，{1}。", "{0}：節假日，{1}。"}},
      {"clock_offset", {"{0}: clocks are changed, UTC{1} from now on.", "{0}：时钟调整，此后为 UTC{1}。", "{0}：時鐘調整，此後為 UTC{1}。"}},
      {"clock_paused", {"Paused from {0} to {1}.", "{0} 至 {1} 暂停计时。", "{0} 至 {1} 暫停計時。"}},
      {"clock_paused_since", {"Paused since {0}.", "自 {0} 起暂停计时。", "自 {0} 起暫停計時。"}},
      {"clock_carried", {"{0} from earlier times between pauses.", "此前各段累计 {0}。", "此前各段累計 {0}。"}},
      {"clock_more", {"… up to {0}: +{1}, {2} in all.", "……至 {0}：+{1}，累计 {2}。", "……至 {0}：+{1}，累計 {2}。"}},
      {"clock_due", {"Due {0}.", "到期：{0}。", "到期：{0}。"}},
      {"clock_never_due", {"The calendar has not so much working time within a hundred years.", "日历在一百年内没有这么多工作时间。", "行事曆在一百年內沒有這麼多工作時間。"}},
      {"clock_until_now", {"{0} gone by until now ({1}); {2} left.", "截至目前（{1}）已用 {0}，剩余 {2}。", "截至目前（{1}）已用 {0}，剩餘 {2}。"}},
      {"clock_over", {"{0} gone by until now ({1}); {2} over.", "截至目前（{1}）已用 {0}，超出 {2}。", "截至目前（{1}）已用 {0}，超出 {2}。"}},
      {"clock_met", {"Met {0} after {1}, in time.", "{0} 完成，用时 {1}，按时。", "{0} 完成，用時 {1}，準時。"}},
      {"clock_met_late", {"Met {0} after {1}, too late.", "{0} 完成，用时 {1}，已超时。", "{0} 完成，用時 {1}，已逾時。"}},
      {"clock_ended", {"Ended {0} after {1}.", "{0} 结束，用时 {1}。", "{0} 結束，用時 {1}。"}},
      {"clock_hours", {"{0} h", "{0} 小时", "{0} 小時"}},
      {"clock_minutes", {"{0} min", "{0} 分", "{0} 分"}},
      {"clock_seconds", {"{0} s", "{0} 秒", "{0} 秒"}},
      {"not_in_form", {"{0} is not asked for by this step.", "此步骤不包含{0}。", "此步驟不包含{0}。"}},
  };
  return texts;
}

}  // namespace

std::string message(std::string_view code, std::string_view locale, std::initializer_list<std::string_view> arguments) {
  const auto found = catalogue().find(code);
  if (found == catalogue().end()) return std::string(code);
  const std::size_t column = locale == "zh-TW" || locale == "zh-HK" ? 2 : locale.starts_with("zh") ? 1 : 0;
  const std::string_view text = found->second[column];
  std::string out;
  out.reserve(text.size() + 32);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '{' && i + 2 < text.size() && text[i + 2] == '}' && text[i + 1] >= '0' && text[i + 1] <= '9') {
      const auto index = static_cast<std::size_t>(text[i + 1] - '0');
      if (index < arguments.size()) out.append(arguments.begin()[index]);
      i += 2;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

}  // namespace caravan::records
