#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/handbook.h"

/// Internal to core/model: what the handbook says beside the definitions' own texts, in its three languages.
namespace caravan::model {

// One line a phrase: name, English, Simplified Chinese, Traditional Chinese. `{0}` stands for what is spoken of.
#define CARAVAN_HANDBOOK_PHRASES(X)                                                                                          \
  X(comma, ", ", "、", "、")                                                                                                 \
  X(semicolon, "; ", "；", "；")                                                                                             \
  X(colon, "{0}: {1}", "{0}：{1}", "{0}：{1}")                                                                               \
  X(parenthesis, "({0})", "（{0}）", "（{0}）")                                                                              \
  X(aside, "{0} ({1})", "{0}（{1}）", "{0}（{1}）")                                                                          \
  X(quoted, "“{0}”", "“{0}”", "「{0}」")                                                                                     \
  X(stop, "{0}.", "{0}。", "{0}。")                                                                                          \
  X(yes, "yes", "是", "是")                                                                                                  \
  X(no, "no", "否", "否")                                                                                                    \
  X(title, "{0}: operating manual", "{0}操作手册", "{0}操作手冊")                                                            \
  X(contents, "Contents", "目录", "目錄")                                                                                    \
  X(how_to_read, "How to read this manual", "使用说明", "使用說明")                                                          \
  X(made_from, "Made from the definitions in use (revision {0}); what they say is what the system does.",                     \
    "由当前生效的定义自动生成（版本 {0}），内容与系统的实际行为一致。", "由目前生效的定義自動產生（版本 {0}），內容與系統的實際行為一致。") \
  X(under_rights, "It shows what the reader's own rights let him see.", "仅显示您有权查看的内容。", "僅顯示您有權查看的內容。") \
  X(about_dashed, "In flow charts a dashed line is a step that is taken by itself; numbers are those of the table of steps.",  \
    "流程图中的虚线表示系统自动执行的步骤，编号与步骤表一致。", "流程圖中的虛線表示系統自動執行的步驟，編號與步驟表一致。")      \
  X(about_language, "Texts that the definitions lack in this language are shown in another one, marked with its tag: {0}.",    \
    "定义中缺少本语言的文字以其他语言显示，并附语言标记：{0}。", "定義中缺少本語言的文字以其他語言顯示，並附語言標記：{0}。")    \
  X(about_hidden, "“…” stands for what the reader's rights do not show.", "“…”表示超出您查看权限的内容。", "「…」表示超出您查看權限的內容。") \
  X(hidden, "…", "…", "…")                                                                                                   \
  X(agency, "Agency", "机构信息", "機構資訊")                                                                                \
  X(currency, "Currency", "币种", "幣別")                                                                                    \
  X(time_zone, "Time zone", "时区", "時區")                                                                                  \
  X(working_calendar, "Working calendar", "工作日历", "工作日曆")                                                            \
  X(process, "Process", "流程", "流程")                                                                                      \
  X(purpose_process, "A process: begins as {0}", "业务流程：从{0}开始", "業務流程：從{0}開始")                               \
  X(purpose_ends, "ends as {0}", "以{0}结束", "以{0}結束")                                                                   \
  X(purpose_size, "{0} states, {1} steps", "共 {0} 个状态、{1} 个步骤", "共 {0} 個狀態、{1} 個步驟")                         \
  X(purpose_taken_by, "Steps are taken by {0}.", "由{0}办理。", "由{0}辦理。")                                               \
  X(purpose_records, "Records without a flow of states; {0} fields.", "没有流转状态的记录，共 {0} 个字段。", "沒有流轉狀態的記錄，共 {0} 個欄位。") \
  X(numbered, "Numbered {0}.", "编号格式：{0}。", "編號格式：{0}。")                                                         \
  X(gap_free, "Numbers have no gaps.", "编号连续，不留空号。", "編號連續，不留空號。")                                        \
  X(ledger, "Records are only added: nobody changes or deletes one.", "记录只增不改，任何人不得修改或删除。", "記錄只增不改，任何人不得修改或刪除。") \
  X(fields_of, "Fields", "字段", "欄位")                                                                                     \
  X(rights, "Who may do what", "权限", "權限")                                                                               \
  X(role, "Post", "岗位", "崗位")                                                                                            \
  X(may_read, "See", "查看", "檢視")                                                                                         \
  X(may_create, "Make", "新建", "新增")                                                                                      \
  X(may_update, "Change", "修改", "修改")                                                                                    \
  X(may_delete, "Delete", "删除", "刪除")                                                                                    \
  X(may_everything, "{0} may do everything.", "{0}可执行所有操作。", "{0}可執行所有操作。")                                  \
  X(nobody_else, "Nobody else has rights here.", "其他岗位没有权限。", "其他崗位沒有權限。")                                  \
  X(all_records, "all", "全部", "全部")                                                                                      \
  X(none, "–", "–", "–")                                                                                                     \
  X(chart, "Flow chart", "流程图", "流程圖")                                                                                 \
  X(chart_of, "Flow chart: {0}", "流程图：{0}", "流程圖：{0}")                                                               \
  X(chart_in_words, "The chart in words", "流程图文字说明", "流程圖文字說明")                                                \
  X(chart_step, "{0} {1}: from {2} to {3}", "{0} {1}：从{2}到{3}", "{0} {1}：從{2}到{3}")                                    \
  X(chart_begins, "Begins as {0}", "起始状态：{0}", "起始狀態：{0}")                                                         \
  X(states, "States", "状态", "狀態")                                                                                        \
  X(state, "State", "状态", "狀態")                                                                                          \
  X(category, "Category", "类别", "類別")                                                                                    \
  X(meaning, "Meaning", "含义", "含義")                                                                                      \
  X(open, "open", "进行中", "進行中")                                                                                        \
  X(waiting, "waiting", "等待中", "等待中")                                                                                  \
  X(done, "done", "已完成", "已完成")                                                                                        \
  X(cancelled, "cancelled", "已终止", "已終止")                                                                              \
  X(means_open, "Somebody has to act.", "需要有人处理。", "需要有人處理。")                                                  \
  X(means_waiting, "It waits for somebody else.", "等待他人或外部答复。", "等待他人或外部回覆。")                            \
  X(means_done, "It has ended as intended.", "已按预期办结。", "已按預期辦結。")                                             \
  X(means_cancelled, "It has ended without its result.", "未达成结果而终止。", "未達成結果而終止。")                          \
  X(first_state, "Where it begins.", "起始状态。", "起始狀態。")                                                             \
  X(on_entering, "On entering", "进入时", "進入時")                                                                          \
  X(on_leaving, "On leaving", "离开时", "離開時")                                                                            \
  X(clocks_running, "Time limits that run", "计时项目", "計時項目")                                                          \
  X(tasks, "Tasks", "任务", "任務")                                                                                             \
  X(task_of, "{0} ({1})", "{0}（{1}）", "{0}（{1}）")                                                                           \
  X(task_within, "within {0}", "须在 {0} 内完成", "須在 {0} 內完成")                                                                  \
  X(task_optional, "not required", "非必需", "非必要")                                                                            \
  X(task_actor, "whoever brought the record there", "操作人本人", "操作人本人")                                                       \
  X(steps, "Steps", "步骤", "步驟")                                                                                          \
  X(step, "Step", "步骤", "步驟")                                                                                            \
  X(number, "No.", "编号", "編號")                                                                                           \
  X(from_to, "From → to", "从 → 到", "從 → 到")                                                                              \
  X(who, "Who", "办理人", "辦理人")                                                                                          \
  X(needs, "What is needed", "办理要求", "辦理要求")                                                                         \
  X(happens, "What happens", "系统动作", "系統動作")                                                                         \
  X(who_may_edit, "whoever may change the record", "有权修改该记录的人", "有權修改該記錄的人")                               \
  X(server, "the system", "系统", "系統")                                                                                    \
  X(by_itself, "taken by itself as soon as the condition holds", "条件满足时自动执行", "條件滿足時自動執行")                 \
  X(by_itself_at, "taken by itself at: {0}", "到时自动执行：{0}", "到時自動執行：{0}")                                       \
  X(undo, "can be taken back within {0}", "{0}内可撤回", "{0}內可撤回")                                                      \
  X(need_fields, "Filled in: {0}", "须填写：{0}", "須填寫：{0}")                                                             \
  X(need_condition, "Condition: {0}", "条件：{0}", "條件：{0}")                                                              \
  X(need_form, "Form: {0}", "表单：{0}", "表單：{0}")                                                                        \
  X(need_comment, "A comment", "须填写备注", "須填寫備註")                                                                   \
  X(need_tasks, "The required tasks of the state have ended", "该状态的必需任务已结束", "該狀態的必要任務已結束")                                 \
  X(else_message, "otherwise: {0}", "否则提示：{0}", "否則提示：{0}")                                                        \
  X(approval, "Approval", "审批", "審批")                                                                                    \
  X(approval_step, "Approval {0} {1}: {2}", "审批 {0} {1}：{2}", "審批 {0} {1}：{2}")                                        \
  X(one_of_roles, "one of {0}", "{0}之一", "{0}之一")                                                                        \
  X(each_of_roles, "one of each of {0}", "{0}各一人", "{0}各一人")                                                           \
  X(the_person, "the person in {0}", "{0}所指定的人", "{0}所指定的人")                                                       \
  X(self_approval, "also whoever asked", "申请人本人亦可", "申請人本人亦可")                                                 \
  X(remind, "reminded after {0}", "{0}后提醒", "{0}後提醒")                                                                  \
  X(forms, "Forms", "表单", "表單")                                                                                          \
  X(form_of_steps, "Asked for with: {0}", "办理以下步骤时填写：{0}", "辦理以下步驟時填寫：{0}")                              \
  X(field, "Field", "字段", "欄位")                                                                                          \
  X(type, "Type", "类型", "類型")                                                                                            \
  X(required, "Required", "必填", "必填")                                                                                    \
  X(notes, "Rules and options", "规则与选项", "規則與選項")                                                                  \
  X(when, "if {0}", "当{0}时", "當{0}時")                                                                                    \
  X(other_fields, "Fields on no form", "未列入表单的字段", "未列入表單的欄位")                                               \
  X(shown_when, "Shown if {0}", "仅当{0}时显示", "僅當{0}時顯示")                                                            \
  X(fixed_when, "Cannot be changed if {0}", "当{0}时不可修改", "當{0}時不可修改")                                            \
  X(computed, "Computed: {0}", "自动计算：{0}", "自動計算：{0}")                                                             \
  X(default_is, "Unless given: {0}", "默认值：{0}", "預設值：{0}")                                                           \
  X(not_by_people, "Not set by people", "不由人工填写", "不由人工填寫")                                                      \
  X(sensitive, "Sensitive: sealed; every look is logged", "敏感信息：加密保存，查看留痕", "敏感資訊：加密保存，檢視留痕")     \
  X(options, "Options: {0}", "选项：{0}", "選項：{0}")                                                                       \
  X(option_with, "{0} (only with {1})", "{0}（仅限{1}）", "{0}（僅限{1}）")                                                  \
  X(depends_on, "Options depend on {0}", "选项取决于{0}", "選項取決於{0}")                                                   \
  X(at_least_value, "At least {0}", "不小于 {0}", "不小於 {0}")                                                              \
  X(at_most_value, "At most {0}", "不大于 {0}", "不大於 {0}")                                                                \
  X(at_most_characters, "At most {0} characters", "最多 {0} 字", "最多 {0} 字")                                              \
  X(digits, "{0} decimal places", "{0} 位小数", "{0} 位小數")                                                                \
  X(right_of_all, "For everybody: {0}", "所有人：{0}", "所有人：{0}")                                                         \
  X(right_of_others, "others: {0}", "其他人员：{0}", "其他人員：{0}")                                                        \
  X(right_hidden, "hidden", "不可见", "不可見")                                                                              \
  X(right_masked, "masked", "仅显示掩码", "僅顯示遮罩")                                                                      \
  X(right_read, "read only", "只读", "唯讀")                                                                                 \
  X(right_write, "may be changed", "可修改", "可修改")                                                                       \
  X(count_of, "Number of {0}", "{0}的数量", "{0}的數量")                                                                     \
  X(sum_of, "Sum of {0} of {1}", "{1}的{0}合计", "{1}的{0}合計")                                                             \
  X(least_of, "Least {0} of {1}", "{1}的最小{0}", "{1}的最小{0}")                                                            \
  X(greatest_of, "Greatest {0} of {1}", "{1}的最大{0}", "{1}的最大{0}")                                                      \
  X(kept_up, "Kept up by the system: {0}", "由系统维护：{0}", "由系統維護：{0}")                                             \
  X(kept_up_hidden, "Kept up by the system", "由系统维护", "由系統維護")                                                     \
  X(delete_clear, "Becomes empty when {0} is deleted", "{0}删除后清空", "{0}刪除後清空")                                     \
  X(delete_cascade, "Deleted together with {0}", "随{0}一并删除", "隨{0}一併刪除")                                           \
  X(type_text, "text", "文本", "文字")                                                                                       \
  X(type_lines, "text of several lines", "多行文本", "多行文字")                                                             \
  X(type_int, "whole number", "整数", "整數")                                                                                \
  X(type_bool, "yes or no", "是/否", "是/否")                                                                                \
  X(type_decimal, "number", "数字", "數字")                                                                                  \
  X(type_money, "amount of money", "金额", "金額")                                                                           \
  X(type_date, "date", "日期", "日期")                                                                                       \
  X(type_instant, "date and time", "日期时间", "日期時間")                                                                   \
  X(type_choice, "one of several options", "单选", "單選")                                                                   \
  X(type_multi, "several options", "多选", "多選")                                                                           \
  X(type_ref, "reference to {0}", "关联{0}", "關聯{0}")                                                                      \
  X(type_refs, "several references to {0}", "关联多个{0}", "關聯多個{0}")                                                    \
  X(type_json, "structured data", "结构化数据", "結構化資料")                                                                \
  X(type_file, "file", "文件", "檔案")                                                                                        \
  X(type_image, "picture", "图片", "圖片")                                                                                   \
  X(type_localized, "text by language", "多语言文本", "多語言文字")                                                          \
  X(type_id, "id", "标识", "識別碼")                                                                                         \
  X(rules, "Rules that always hold", "始终有效的规则", "始終有效的規則")                                                     \
  X(rule_invariant, "Always: {0}", "必须满足：{0}", "必須滿足：{0}")                                                         \
  X(rule_unique, "No two have the same {0}", "{0}不得重复", "{0}不得重複")                                                   \
  X(rule_exclusive, "No two of the same {0} overlap between {1} and {2}", "同一{0}的{1}至{2}不得重叠", "同一{0}的{1}至{2}不得重疊") \
  X(rule_alike, "A warning where another one is much alike in {0}", "{0}与其他记录相近时提示可能重复", "{0}與其他記錄相近時提示可能重複")        \
  X(rule_duplicates, "A warning where another one has the same {0}", "{0}相同时提示可能重复", "{0}相同時提示可能重複")        \
  X(counting, "counting those where {0}", "仅计{0}的记录", "僅計{0}的記錄")                                                  \
  X(said, "said: {0}", "提示：{0}", "提示：{0}")                                                                             \
  X(clocks, "Time limits", "时限", "時限")                                                                                   \
  X(clock, "Time limit", "时限", "時限")                                                                                     \
  X(clock_within, "Time", "时间", "時間")                                                                                    \
  X(clock_runs, "Runs", "计时", "計時")                                                                                      \
  X(clock_in_states, "In the states {0}", "处于以下状态时：{0}", "處於以下狀態時：{0}")                                      \
  X(clock_start, "Starts when {0}", "开始：{0}", "開始：{0}")                                                                \
  X(clock_pause, "Stands still while {0}", "暂停：{0}", "暫停：{0}")                                                         \
  X(clock_stop, "Met when {0}", "达成：{0}", "達成：{0}")                                                                    \
  X(clock_calendar, "Counts working time of {0}", "按{0}的工作时间计算", "按{0}的工作時間計算")                              \
  X(clock_every_hour, "Every hour counts", "按自然时间计算", "按自然時間計算")                                               \
  X(clock_actions, "What happens", "系统动作", "系統動作")                                                                   \
  X(warn_before, "{0} before it is due: {1}", "到期前 {0}：{1}", "到期前 {0}：{1}")                                          \
  X(breach_now, "When it is over: {0}", "超时后：{0}", "逾時後：{0}")                                                        \
  X(breach_after, "{0} after it was over: {1}", "超时 {0} 后：{1}", "逾時 {0} 後：{1}")                                      \
  X(assignment, "Who gets it", "分配规则", "分配規則")                                                                       \
  X(assignment_sets, "{0}: sets {1}", "{0}：设置{1}", "{0}：設定{1}")                                                        \
  X(assignment_roles, "Among {0}", "候选岗位：{0}", "候選崗位：{0}")                                                         \
  X(assignment_candidate, "Only who meets: {0}", "候选条件：{0}", "候選條件：{0}")                                           \
  X(assignment_score, "Best first by: {0}", "优先依据：{0}", "優先依據：{0}")                                                \
  X(by_turns, "By turns", "轮流分配", "輪流分配")                                                                            \
  X(by_load, "Whoever has least to do", "在办最少者优先", "在辦最少者優先")                                                  \
  X(by_queue, "Waits in a queue until somebody takes it", "进入队列，由成员领取", "進入佇列，由成員領取")                     \
  X(load_counts, "Load: records where {0}", "工作量：{0}的记录", "工作量：{0}的記錄")                                        \
  X(capacity, "At most {0} at a time", "每人同时最多 {0} 件", "每人同時最多 {0} 件")                                         \
  X(assignment_priority, "Of those that wait, the highest first by: {0}", "排队顺序：{0}（高者优先）", "排隊順序：{0}（高者優先）") \
  X(assignment_fallback, "Where there is no candidate: {0}", "无候选人时：{0}", "無候選人時：{0}")                              \
  X(assignment_told, "Then: {0}", "分配后：{0}", "分配後：{0}")                                                              \
  X(reassigned, "Open records of somebody absent are given to others", "成员缺勤时，其在办记录重新分配", "成員缺勤時，其處理中記錄重新分配") \
  X(only_in, "Only in the working time of {0}", "仅在{0}的工作时间内", "僅在{0}的工作時間內")                                \
  X(automations, "What happens by itself", "自动处理", "自動處理")                                                           \
  X(rule, "Rule", "规则", "規則")                                                                                            \
  X(trigger, "When", "触发时机", "觸發時機")                                                                                 \
  X(on_created, "When one is made", "新建时", "新增時")                                                                      \
  X(on_updated, "When one is changed", "修改时", "修改時")                                                                   \
  X(on_deleted, "When one is deleted", "删除时", "刪除時")                                                                   \
  X(on_state, "When it comes to {0}", "进入{0}时", "進入{0}時")                                                              \
  X(on_event, "When this is told: {0}", "收到事件{0}时", "收到事件{0}時")                                                     \
  X(on_transition, "When this step is taken: {0}", "执行步骤{0}时", "執行步驟{0}時")                                         \
  X(on_time, "At: {0}", "时间：{0}", "時間：{0}")                                                                            \
  X(on_becomes, "This begins to hold: {0}", "变为满足：{0}", "變為滿足：{0}")                                                \
  X(at_once, "Together with what sets it off", "与触发动作同时生效", "與觸發動作同時生效")                                   \
  X(soon_after, "Right after it", "随后执行", "隨後執行")                                                                    \
  X(switched_off, "switched off", "已停用", "已停用")                                                                        \
  X(schedules, "Schedules", "定时任务", "定時任務")                                                                          \
  X(every_day_at, "Every day at {0}", "每天 {0}", "每天 {0}")                                                                \
  X(on_days_at, "{0} at {1}", "{0} {1}", "{0} {1}")                                                                          \
  X(on_day_of_month, "On day {0} of every month at {1}", "每月 {0} 日 {1}", "每月 {0} 日 {1}")                               \
  X(every_hour_at, "Every hour at minute {0}", "每小时第 {0} 分", "每小時第 {0} 分")                                         \
  X(for_each, "For each where {0}", "对每条{0}的记录", "對每筆{0}的記錄")                                                    \
  X(for_every_one, "For every record", "对每条记录", "對每筆記錄")                                                           \
  X(not_on_free_days, "Not on free days of {0}", "{0}的休息日除外", "{0}的休息日除外")                                       \
  X(messages, "Messages", "消息模板", "訊息範本")                                                                            \
  X(message, "Message", "消息", "訊息")                                                                                      \
  X(channel, "Channel", "渠道", "管道")                                                                                      \
  X(channel_mail, "mail", "邮件", "郵件")                                                                                    \
  X(channel_console, "notice in the console", "控制台通知", "主控台通知")                                                    \
  X(text_column, "Text", "内容", "內容")                                                                                     \
  X(views, "Views", "视图", "檢視")                                                                                          \
  X(view, "View", "视图", "檢視")                                                                                            \
  X(view_list, "list", "列表", "清單")                                                                                       \
  X(view_board, "board", "看板", "看板")                                                                                     \
  X(view_calendar, "calendar", "日历", "日曆")                                                                               \
  X(view_timeline, "timeline", "时间线", "時間軸")                                                                           \
  X(shows_all, "all records", "全部记录", "全部記錄")                                                                        \
  X(shows_where, "records where {0}", "{0}的记录", "{0}的記錄")                                                              \
  X(shows, "Shows", "显示", "顯示")                                                                                          \
  X(pages, "Pages and reports", "页面与报表", "頁面與報表")                                                                  \
  X(page, "Page", "页面", "頁面")                                                                                            \
  X(seen_by, "Seen by", "可见岗位", "可見崗位")                                                                              \
  X(everybody, "everybody", "所有人", "所有人")                                                                              \
  X(page_holds, "What is on it", "内容", "內容")                                                                             \
  X(block_view, "view {0}", "视图{0}", "檢視{0}")                                                                            \
  X(block_form, "form for a new {0}", "新建{0}的表单", "新增{0}的表單")                                                      \
  X(block_chart, "chart of {0}", "{0}图表", "{0}圖表")                                                                       \
  X(calendars, "Working calendars", "工作日历", "工作日曆")                                                                  \
  X(days, "Days", "日期", "日期")                                                                                            \
  X(hours, "Hours", "时段", "時段")                                                                                          \
  X(closed, "closed", "休息", "休息")                                                                                        \
  X(occasion, "Occasion", "说明", "說明")                                                                                    \
  X(exceptions, "Holidays and shifted days", "节假日与调休", "假日與調班")                                                   \
  X(zone, "Hours in the zone {0}.", "时区：{0}。", "時區：{0}。")                                                            \
  X(until, "{0} – {1}", "{0} 至 {1}", "{0} 至 {1}")                                                                          \
  X(monday, "Monday", "周一", "週一")                                                                                        \
  X(tuesday, "Tuesday", "周二", "週二")                                                                                      \
  X(wednesday, "Wednesday", "周三", "週三")                                                                                  \
  X(thursday, "Thursday", "周四", "週四")                                                                                    \
  X(friday, "Friday", "周五", "週五")                                                                                        \
  X(saturday, "Saturday", "周六", "週六")                                                                                    \
  X(sunday, "Sunday", "周日", "週日")                                                                                        \
  X(settings, "Settings", "参数设置", "參數設定")                                                                            \
  X(setting, "Setting", "参数", "參數")                                                                                      \
  X(value, "Value", "当前值", "目前值")                                                                                      \
  X(default_value, "Default", "默认值", "預設值")                                                                            \
  X(departments, "Departments and posts", "部门与岗位", "部門與崗位")                                                        \
  X(department, "Department", "部门", "部門")                                                                                \
  X(part_of, "Part of", "上级部门", "上級部門")                                                                              \
  X(posts, "Posts", "岗位", "崗位")                                                                                          \
  X(posts_anywhere, "Posts of no department", "不属于特定部门的岗位", "不屬於特定部門的崗位")                                \
  X(responsibilities, "Responsibilities", "岗位职责", "崗位職責")                                                            \
  X(of_department, "Department: {0}.", "所属部门：{0}。", "所屬部門：{0}。")                                                 \
  X(includes, "Has all rights of {0}, too.", "同时拥有{0}的全部权限。", "同時擁有{0}的全部權限。")                           \
  X(held_by_all, "Held by every user.", "所有用户均具备。", "所有使用者均具備。")                                            \
  X(is_administrator, "May do everything.", "可执行所有操作。", "可執行所有操作。")                                          \
  X(no_duties, "The definitions give this post nothing of its own.", "定义中未赋予该岗位任何职责。", "定義中未賦予該崗位任何職責。") \
  X(records, "Records", "记录", "記錄")                                                                                      \
  X(takes_steps, "Takes these steps", "办理的步骤", "辦理的步驟")                                                            \
  X(decides, "Decides", "负责审批", "負責審批")                                                                              \
  X(is_told, "Is told", "接收通知", "接收通知")                                                                              \
  X(gets_work, "Gets work", "接受分配", "接受分配")                                                                          \
  X(sees_pages, "Sees the pages {0}.", "可使用页面：{0}。", "可使用頁面：{0}。")                                             \
  X(duty_step, "{0}: {1}", "{0}：{1}", "{0}：{1}")                                                                           \
  X(told_warning, "{0} is nearly over", "{0}即将到期", "{0}即將到期")                                                        \
  X(told_breach, "{0} is over", "{0}超时", "{0}逾時")                                                                        \
  X(do_set, "sets {0} to {1}", "将{0}设为{1}", "將{0}設為{1}")                                                               \
  X(do_each, "in each {0} of it ({1}): {2}", "在其每条{0}（{1}）中：{2}", "在其每筆{0}（{1}）中：{2}")                     \
  X(do_set_of, "in {0}: {1}", "在{0}中：{1}", "在{0}中：{1}")                                                                \
  X(do_create, "makes a new {0}", "新建{0}", "新增{0}")                                                                      \
  X(with_value, "{0}: {1}", "{0}：{1}", "{0}：{1}")                                                                          \
  X(do_step, "takes the step {0}", "执行步骤{0}", "執行步驟{0}")                                                             \
  X(do_step_of, "takes the step {0} of {1}", "对{1}执行步骤{0}", "對{1}執行步驟{0}")                                         \
  X(do_notify, "tells {0}: {1}", "通知{0}：{1}", "通知{0}：{1}")                                                             \
  X(do_notify_urgent, "tells {0} urgently: {1}", "紧急通知{0}：{1}", "緊急通知{0}：{1}")                                     \
  X(do_send, "sends {0} to {1}", "向{1}发送{0}", "向{1}傳送{0}")                                                             \
  X(do_call, "starts {0}", "执行{0}", "執行{0}")                                                                             \
  X(do_webhook, "tells the outside system {0}", "通知外部系统{0}", "通知外部系統{0}")                                        \
  X(do_webhook_somewhere, "tells an outside system", "通知外部系统", "通知外部系統")                                         \
  X(somebody, "whom the rule names", "规则指定的人", "規則指定的人")                                                         \
  X(does_when, "{0}, if {1}", "当{1}时{0}", "當{1}時{0}")                                                                    \
  X(record_number, "number", "编号", "編號")                                                                                 \
  X(is, "{0} is {1}", "{0}为{1}", "{0}為{1}")                                                                                \
  X(is_not, "{0} is not {1}", "{0}不为{1}", "{0}不為{1}")                                                                    \
  X(is_empty, "{0} is empty", "{0}为空", "{0}為空")                                                                          \
  X(is_filled, "{0} is filled in", "{0}已填写", "{0}已填寫")                                                                 \
  X(is_true, "{0}: yes", "{0}：是", "{0}：是")                                                                               \
  X(is_false, "{0}: no", "{0}：否", "{0}：否")                                                                               \
  X(less, "{0} is less than {1}", "{0}小于{1}", "{0}小於{1}")                                                                \
  X(less_equal, "{0} is at most {1}", "{0}不大于{1}", "{0}不大於{1}")                                                        \
  X(greater, "{0} is more than {1}", "{0}大于{1}", "{0}大於{1}")                                                             \
  X(greater_equal, "{0} is at least {1}", "{0}不小于{1}", "{0}不小於{1}")                                                    \
  X(before, "{0} is before {1}", "{0}早于{1}", "{0}早於{1}")                                                                 \
  X(not_after, "{0} is not after {1}", "{0}不晚于{1}", "{0}不晚於{1}")                                                       \
  X(after, "{0} is after {1}", "{0}晚于{1}", "{0}晚於{1}")                                                                   \
  X(not_before, "{0} is not before {1}", "{0}不早于{1}", "{0}不早於{1}")                                                     \
  X(one_of, "{0} is one of {1}", "{0}属于以下之一：{1}", "{0}屬於以下之一：{1}")                                             \
  X(none_of, "{0} is none of {1}", "{0}不属于：{1}", "{0}不屬於：{1}")                                                       \
  X(among, "{0} is among {1}", "{0}包含于{1}", "{0}包含於{1}")                                                               \
  X(conjunction, "{0} and {1}", "{0}，且{1}", "{0}，且{1}")                                                                  \
  X(disjunction, "{0} or {1}", "{0}，或{1}", "{0}，或{1}")                                                                   \
  X(negation, "not: {0}", "并非{0}", "並非{0}")                                                                              \
  X(holds_role, "the user holds the post {0}", "当前用户担任{0}", "目前使用者擔任{0}")                                       \
  X(in_departments, "{0} is the user's department or below it", "{0}为当前用户所在部门或其下级", "{0}為目前使用者所在部門或其下級") \
  X(owned, "{0} is the user himself", "{0}为当前用户本人", "{0}為目前使用者本人")                                            \
  X(nobody_acts, "the system acts, not a user", "由系统执行而非用户", "由系統執行而非使用者")                                \
  X(the_user, "the user", "当前用户", "目前使用者")                                                                          \
  X(of_user, "the user's {0}", "当前用户的{0}", "目前使用者的{0}")                                                           \
  X(of_candidate, "the candidate's {0}", "候选人的{0}", "候選人的{0}")                                                       \
  X(this_record, "this record", "本记录", "本記錄")                                                                          \
  X(before_change, "{0} before the change", "修改前的{0}", "修改前的{0}")                                                    \
  X(of_reference, "{1} of {0}", "{0}的{1}", "{0}的{1}")                                                                      \
  X(user_name_word, "name", "姓名", "姓名")                                                                                  \
  X(user_username, "user name", "用户名", "使用者名稱")                                                                      \
  X(user_roles_word, "posts", "岗位", "崗位")                                                                                \
  X(user_locale_word, "language", "语言", "語言")                                                                            \
  X(user_department_word, "department", "部门", "部門")                                                                      \
  X(user_departments_word, "departments", "所辖部门", "所轄部門")                                                            \
  X(now, "now", "当前时间", "目前時間")                                                                                      \
  X(today, "today", "今天", "今天")                                                                                          \
  X(nothing, "empty", "空", "空")                                                                                            \
  X(hours_minutes, "{0} h {1} min", "{0} 小时 {1} 分钟", "{0} 小時 {1} 分鐘")                                                \
  X(only_hours, "{0} h", "{0} 小时", "{0} 小時")                                                                             \
  X(only_minutes, "{0} min", "{0} 分钟", "{0} 分鐘")                                                                         \
  X(only_seconds, "{0} s", "{0} 秒", "{0} 秒")                                                                               \
  X(empty_handbook, "The definitions show you nothing yet.", "目前没有您可以查看的内容。", "目前沒有您可以檢視的內容。")

enum class Phrase : std::uint16_t {
#define X(name, en, zh_cn, zh_tw) name,
  CARAVAN_HANDBOOK_PHRASES(X)
#undef X
};

struct PhraseTexts {
  std::string_view name, en, zh_cn, zh_tw;
};
/// All phrases, by number.
const std::vector<PhraseTexts>& handbook_phrases();

/// The handbook's language at work: phrases, labels, and how lines are put together.
class HandbookWords {
 public:
  explicit HandbookWords(std::string_view locale) : locale_(locale) {}
  const std::string& locale() const { return locale_; }

  std::string_view text(Phrase phrase) const;
  /// As text, with `{0}`, `{1}` … replaced.
  std::string say(Phrase phrase, const std::vector<std::string>& arguments = {}) const;
  /// As a line whose places may hold anything.
  HandbookLine line(Phrase phrase, const std::vector<HandbookLine>& arguments = {}) const;
  /// A definitions' text in this language, or marked with the language that it is in; `name` as code where there is none.
  HandbookLine label(const Text& text, std::string_view name) const;
  HandbookSpan span(const Text& text, std::string_view name, HandbookSpan::Kind kind = HandbookSpan::Kind::text) const;
  HandbookLine joined(const std::vector<HandbookLine>& lines, Phrase between = Phrase::comma) const;
  std::string duration(std::int64_t seconds) const;

 private:
  std::string locale_;
};

HandbookLine plain(std::string text);
HandbookLine code(std::string text);
/// Appends, and makes neighbours of one kind one span.
void append(HandbookLine& line, const HandbookLine& more);
/// What a line says, without marks.
std::string text_of(const HandbookLine& line);

}  // namespace caravan::model
