#include "api/routes.h"

#include <algorithm>

namespace caravan::api {

// One entry a route. Names in `query`, `body` and `answers` are those of openapi_parts.cpp; tests/unit/api/openapi_test.cpp
// refuses an entry that says too little. What every route has (400, 401, 403, 429, …, X-Request-Id, Idempotency-Key with
// POST) is added by openapi.cpp.
std::span<const Route> route_table() {
  using enum Access;
  using enum Paging;
  static constexpr Route routes[] = {
      // Session
      {{.method = "POST", .pattern = "/session", .access = anyone,
        .summary = "Sign in with user name and password; sets the session cookie",
        .operation = "signIn", .tag = "Session", .body = "Credentials", .answers = "200:Session+Set-Cookie",
        .idempotency = Idempotency::refused},
       sign_in},
      {{.method = "DELETE", .pattern = "/session", .summary = "Sign out",
        .operation = "signOut", .tag = "Session", .answers = "204+Set-Cookie"},
       sign_out},
      {{.method = "GET", .pattern = "/me", .summary = "Who is signed in",
        .operation = "showMe", .tag = "Session", .answers = "200:Me"},
       show_me},
      {{.method = "PATCH", .pattern = "/me", .summary = "Change one's own language, or whether one is present",
        .operation = "changeMe", .tag = "Session", .body = "MeChange", .answers = "200:Me", .refusals = "415 422"},
       change_me},
      {{.method = "POST", .pattern = "/me/password", .summary = "Change one's own password; ends one's other sessions",
        .operation = "changePassword", .tag = "Session", .body = "PasswordChange", .answers = "204", .refusals = "422",
        .idempotency = Idempotency::refused},
       change_password},
      {{.method = "GET", .pattern = "/tokens", .summary = "One's own access tokens",
        .operation = "listTokens", .tag = "Session", .answers = "200:TokenList", .paging = bounded,
        .description = "At most 100: nobody may have more."},
       list_tokens},
      {{.method = "POST", .pattern = "/tokens", .summary = "Create an access token; it is shown once",
        .operation = "createToken", .tag = "Session", .body = "TokenInput", .answers = "201:NewToken+Location",
        .refusals = "409 422", .idempotency = Idempotency::refused},
       create_token},
      {{.method = "DELETE", .pattern = "/tokens/{id}", .summary = "Revoke an access token",
        .operation = "deleteToken", .tag = "Session", .answers = "204"},
       delete_token},
      // Records
      {{.method = "GET", .pattern = "/records/{entity}", .summary = "A page of records, filtered and sorted",
        .operation = "listRecords", .tag = "Records", .query = "view filter sort limit after fields expand q count",
        .answers = "200:RecordPage+Link", .paging = cursor},
       list_records},
      {{.method = "POST", .pattern = "/records/{entity}", .summary = "Create a record",
        .operation = "createRecord", .tag = "Records", .body = "RecordInput", .answers = "201:Record+Location+ETag+Caravan-Duplicates",
        .refusals = "409 422", .idempotency = Idempotency::transaction},
       create_record},
      {{.method = "POST", .pattern = "/records/{entity}/bulk", .summary = "Change up to 1,000 records, with a result for each",
        .operation = "changeRecords", .tag = "Records", .body = "BulkInput", .answers = "200:BulkResult+Undo-Until",
        .refusals = "409 422", .idempotency = Idempotency::transaction},
       change_records},
      {{.method = "POST", .pattern = "/records/{entity}/draft", .summary = "What a form shows while it is filled in; writes nothing",
        .operation = "draftRecord", .tag = "Records", .body = "DraftInput", .answers = "200:Draft", .refusals = "422",
        .description = "For whoever may create, or update the record. Conditions of fields, options that are offered now, computed values, what "
                       "would be refused, and probable duplicates, as far as the caller may see what decides them. Plugins are not asked."},
       draft_record},
      {{.method = "POST", .pattern = "/records/{entity}/duplicates", .access = administrator, .summary = "Look through all records for pairs that are probably the same, as a job",
        .operation = "findDuplicates", .tag = "Records", .answers = "202:DuplicateSearch"},
       find_duplicates},
      // Before /{id}, which would take the word.
      {{.method = "GET", .pattern = "/records/{entity}/duplicates", .summary = "Pairs of records that are probably the same, likeliest first", .operation = "listDuplicates",
        .tag = "Records", .query = "dismissed limit after", .answers = "200:DuplicatePage+Link", .paging = cursor,
        .description = "What the last bulk run found by the entity's rules. For whoever may update such records; pairs of which the caller may read both, and all "
                       "that the rule compares."},
       list_duplicates},
      {{.method = "POST", .pattern = "/records/{entity}/{id}/duplicates/{other}", .summary = "Say that two records are not the same", .operation = "decideDuplicate",
        .tag = "Records", .body = "DuplicateDecision?", .answers = "204", .description = "For whoever may update both. The pair is not listed again, unless asked for."},
       decide_duplicate},
      {{.method = "GET", .pattern = "/records/{entity}/{id}/merge", .summary = "What a merge with another record would keep", .operation = "previewMerge", .tag = "Records",
        .query = "other", .answers = "200:MergePreview"},
       preview_merge},
      {{.method = "POST", .pattern = "/records/{entity}/{id}/merge", .summary = "Merge another record into this one", .operation = "mergeRecords", .tag = "Records",
        .headers = "If-Match?", .body = "MergeInput", .answers = "200:Record+ETag", .refusals = "409 412 422",
        .description = "For whoever may update both. What refers to the other one refers to this one from then on; the other one goes to the trash, and whoever asks for "
                       "it is told where it is now.",
        .idempotency = Idempotency::transaction},
       merge_records},
      {{.method = "GET", .pattern = "/records/{entity}/{id}/merges", .summary = "What was merged into the record, newest first", .operation = "listMerges", .tag = "Records",
        .answers = "200:MergeList", .paging = bounded, .description = "At most 100."},
       list_merges},
      {{.method = "POST", .pattern = "/records/{entity}/{id}/merges/{merge}/undo", .summary = "Take the newest merge back", .operation = "undoMerge", .tag = "Records",
        .answers = "200:Record+ETag", .refusals = "409 422",
        .description = "While the other record can be restored. Fields that have changed since stay as they are.", .idempotency = Idempotency::transaction},
       undo_merge},
      // Before /{id}, which would take the word.
      {{.method = "GET", .pattern = "/records/{entity}/aggregate", .summary = "Groups of records with counts, sums and the like",
        .operation = "aggregateRecords", .tag = "Records", .query = "view group measure filter q sort.groups limit.groups after",
        .answers = "200:AggregatePage+Link", .refusals = "422", .paging = cursor},
       aggregate_records},
      {{.method = "GET", .pattern = "/reports", .summary = "Reports that the caller may see",
        .operation = "listReports", .tag = "Reports", .answers = "200:ReportList", .paging = bounded,
        .description = "As many as the definitions have."},
       list_reports},
      {{.method = "GET", .pattern = "/reports/{report}", .summary = "A report, made now under the caller's rights",
        .operation = "showReport", .tag = "Reports", .query = "format.report parameters", .answers = "200:Report", .refusals = "422",
        .description = "Values of its parameters by their names: `?period=this_month&channel=web`; a period is a name (`today`, `last_30_days` …) or "
                       "`2026-01-01..2026-03-31`. With `format=csv` the rows as a file. Each `filter` is one for the list of the entity's records: it leads to "
                       "those that the figure is made of."},
       show_report},
      {{.method = "GET", .pattern = "/dashboards", .summary = "Dashboards that the caller may see, with their tiles",
        .operation = "listDashboards", .tag = "Reports", .answers = "200:DashboardList", .paging = bounded,
        .description = "A tile's figures come from its report, with `given` and whatever is asked for the whole dashboard as parameters."},
       list_dashboards},
      {{.method = "GET", .pattern = "/records/{entity}/{id}", .summary = "One record",
        .operation = "showRecord", .tag = "Records", .query = "expand", .headers = "If-None-Match?",
        .answers = "200:Record+ETag 304+ETag", .refusals = "410"},
       show_record},
      {{.method = "PATCH", .pattern = "/records/{entity}/{id}", .summary = "Change a record by merge patch",
        .operation = "updateRecord", .tag = "Records", .headers = "If-Match", .body = "RecordInput",
        .answers = "200:Record+ETag", .refusals = "409 412 422 428"},
       update_record},
      {{.method = "DELETE", .pattern = "/records/{entity}/{id}", .summary = "Delete a record",
        .operation = "deleteRecord", .tag = "Records", .headers = "If-Match", .answers = "204+Undo-Until", .refusals = "409 412 428"},
       delete_record},
      {{.method = "POST", .pattern = "/records/{entity}/{id}/restore", .summary = "Bring a deleted record back",
        .operation = "restoreRecord", .tag = "Records", .answers = "200:Record+ETag", .refusals = "409",
        .idempotency = Idempotency::transaction},
       restore_record},
      {{.method = "GET", .pattern = "/deleted/{entity}", .summary = "Deleted records that can be restored, newest first",
        .operation = "listDeleted", .tag = "Records", .query = "limit after", .answers = "200:DeletedPage+Link", .paging = cursor},
       list_deleted},
      {{.method = "GET", .pattern = "/records/{entity}/{id}/transitions",
        .summary = "Steps that lead on from the record's state",
        .operation = "listTransitions", .tag = "Workflow", .answers = "200:TransitionList+ETag", .paging = bounded,
        .description = "As many as the definition has steps from the record's state."},
       list_transitions},
      {{.method = "POST", .pattern = "/records/{entity}/{id}/transitions/{name}", .summary = "Take a step of the workflow",
        .operation = "runTransition", .tag = "Workflow", .headers = "If-Match?", .body = "TransitionInput?",
        .answers = "200:Record+ETag 202:Approval+Location", .refusals = "409 412 422",
        .description = "202: the step needs approval, which was asked for; the record stays in its state until the last has agreed.",
        .idempotency = Idempotency::transaction},
       run_transition},
      {{.method = "GET", .pattern = "/approvals", .summary = "Approvals that wait for the caller, or that he asked for",
        .operation = "listApprovals", .tag = "Workflow", .query = "box limit after count", .answers = "200:ApprovalPage+Link", .paging = cursor},
       list_approvals},
      {{.method = "GET", .pattern = "/approvals/{id}", .summary = "One approval, with what was decided so far",
        .operation = "showApproval", .tag = "Workflow", .answers = "200:Approval",
        .description = "For whoever asked, those who decide or have decided, and administrators."},
       show_approval},
      {{.method = "POST", .pattern = "/approvals/{id}/approve", .summary = "Agree; the last one's agreement takes the step",
        .operation = "approve", .tag = "Workflow", .body = "ApprovalComment?", .answers = "200:Approval", .refusals = "409 422",
        .description = "The step is taken as whoever asked, in the same transaction and with all checks. Where they refuse it, the answer's state is `void`, with the reason.",
        .idempotency = Idempotency::transaction},
       approve},
      {{.method = "POST", .pattern = "/approvals/{id}/reject", .summary = "Refuse what was asked for, with a reason",
        .operation = "reject", .tag = "Workflow", .body = "ApprovalComment", .answers = "200:Approval", .refusals = "409 422",
        .idempotency = Idempotency::transaction},
       reject},
      {{.method = "POST", .pattern = "/approvals/{id}/withdraw", .summary = "Take back what one asked for",
        .operation = "withdrawApproval", .tag = "Workflow", .body = "ApprovalComment?", .answers = "200:Approval", .refusals = "409 422",
        .idempotency = Idempotency::transaction},
       withdraw_approval},
      {{.method = "GET", .pattern = "/records/{entity}/{id}/clocks", .summary = "Time limits that run with the record, and how they came about",
        .operation = "listClocks", .tag = "Workflow", .answers = "200:ClockList", .paging = bounded,
        .description = "The latest run of each clock of its entity that has begun. `lines` explains the due time, in the caller's language."},
       list_clocks},
      {{.method = "GET", .pattern = "/records/{entity}/{id}/tasks", .summary = "Tasks that came with the record's states",
        .operation = "listTasks", .tag = "Workflow", .answers = "200:TaskList", .paging = bounded,
        .description = "For whoever may read the record: the open ones by their due time, then the others, the last ended first; at most 100. A task is "
                       "done by its own step: `POST /records/core.task/{id}/transitions/finish`."},
       list_tasks},
      {{.method = "GET", .pattern = "/clocks", .summary = "Time limits that run with the caller's own records, the soonest first",
        .operation = "listOwnClocks", .tag = "Records", .query = "limit", .answers = "200:OwnClockList", .paging = bounded,
        .description = "Of records that he owns and may read; overdue ones are among them. `more`: there are further ones."},
       list_own_clocks},
      {{.method = "GET", .pattern = "/records/{entity}/{id}/assignments", .summary = "Who got the record, and why",
        .operation = "listAssignments", .tag = "Workflow", .answers = "200:AssignmentList", .paging = bounded,
        .description = "What rules of assignment decided in the last 180 days, the newest first, at most 50. Users whom the caller may not "
                       "see are only counted."},
       list_assignments},
      {{.method = "GET", .pattern = "/queues", .summary = "Queues from which one may take records",
        .operation = "listQueues", .tag = "Workflow", .answers = "200:QueueList", .paging = bounded,
        .description = "Rules of assignment of which the caller is a candidate: queues, and others in which records wait."},
       list_queues},
      {{.method = "POST", .pattern = "/queues/{assignment}/next", .summary = "Take the next record of a queue",
        .operation = "takeNext", .tag = "Workflow", .answers = "200:Record+ETag", .refusals = "409 422",
        .description = "Assigns to the caller the record that goes first among those that wait and fit him, by priority and age; each "
                       "record to one caller only. 404 where nothing waits for him, 409 where he has as many as the rule allows."},
       take_from_queue},
      {{.method = "POST", .pattern = "/records/{entity}/{id}/undo", .summary = "Take the record's last step back",
        .operation = "undoTransition", .tag = "Workflow", .headers = "If-Match?", .answers = "200:Record+ETag",
        .refusals = "409 412 422",
        .description = "For whoever took it, in the time that the step's `undo` gives, where nothing was changed since and the step changed no other record.",
        .idempotency = Idempotency::transaction},
       undo_step},
      {{.method = "GET", .pattern = "/records/{entity}/{id}/timeline", .summary = "History of the record, newest first",
        .operation = "showTimeline", .tag = "Records", .query = "limit before", .answers = "200:TimelinePage+Link",
        .paging = cursor},
       show_timeline},
      {{.method = "POST", .pattern = "/records/{entity}/{id}/comments", .summary = "Comment on a record, and tell those who are mentioned",
        .operation = "commentRecord", .tag = "Records", .body = "CommentInput", .answers = "201:CommentDone+Location+ETag", .refusals = "404 409 422",
        .description = "For whoever may read it. The comment is an entry of its history and a new version. Whoever is mentioned and may read "
                       "the record gets a notice."},
       comment_record},
      {{.method = "GET", .pattern = "/records/{entity}/{id}/messages", .summary = "Messages about the record, filled from it",
        .operation = "previewMessages", .tag = "Workflow", .query = "locale", .answers = "200:MessagePreviews",
        .paging = bounded,
        .description = "One for each `kind: message` of the entity whose places the caller may read. To send one, create a record of "
                       "`core.message` with `recipient`, `subject`, `body`, and `about_entity` and `about_id`."},
       preview_messages},
      {{.method = "GET", .pattern = "/events", .summary = "What changes, as it changes (server-sent events)",
        .operation = "listenToEvents", .tag = "Records", .query = "watch", .answers = "200:EventStream", .refusals = "404",
        .description = "Does not end by itself. `record`: a record that was watched, or one of a watched entity, has a new version (or "
                       "is `gone`); `many`: more of an entity than are told one by one; `bye`: the session has ended. Only of what the "
                       "caller may read at that moment. Notices to him (`core.notice`) are watched without being named. Events may be "
                       "lost with the connection: read again what is shown after connecting again."},
       listen_to_events},
      // Access
      {{.method = "GET", .pattern = "/records/{entity}/{id}/shares", .summary = "With whom the record is shared",
        .operation = "listShares", .tag = "Records", .answers = "200:ShareList", .paging = bounded,
        .description = "For those who may change the record. At most 1000."},
       list_shares},
      {{.method = "POST", .pattern = "/records/{entity}/{id}/shares", .summary = "Share the record with a user, role or department",
        .operation = "createShare", .tag = "Records", .body = "ShareInput", .answers = "201:Share+Location", .refusals = "409 422"},
       create_share},
      {{.method = "DELETE", .pattern = "/records/{entity}/{id}/shares/{share}", .summary = "Share the record no longer",
        .operation = "deleteShare", .tag = "Records", .answers = "204", .refusals = "409"},
       delete_share},
      {{.method = "GET", .pattern = "/records/{entity}/{id}/access",
        .summary = "Why somebody may, or may not, see and change the record",
        .operation = "explainAccess", .tag = "Records", .query = "user", .answers = "200:AccessReport",
        .description = "Administrators may ask about anybody, everyone about himself."},
       explain_access},
      {{.method = "GET", .pattern = "/records/{entity}/{id}/attachments", .summary = "Files at the record", .operation = "listAttachments", .tag = "Records",
        .answers = "200:AttachmentList", .paging = bounded, .description = "At most 1000. Those of fields that the caller may not read are not among them."},
       list_attachments},
      {{.method = "POST", .pattern = "/records/{entity}/{id}/attachments", .summary = "Attach a file to the record", .operation = "addAttachment", .tag = "Records",
        .query = "field.file", .body = "AttachmentForm", .answers = "201:Attachment+Location", .refusals = "413 415 422",
        .description = "For those who may change the record. What the file is, is told by its content. The record gets a new version."},
       add_attachment},
      {{.method = "GET", .pattern = "/records/{entity}/{id}/attachments/{attachment}", .summary = "Download a file", .operation = "showAttachment", .tag = "Records",
        .query = "inline", .headers = "If-None-Match?", .answers = "200:FileContent+ETag 304+ETag",
        .description = "For those who may read the record. A download, whatever it is; pictures that run nothing may be asked for `inline`."},
       show_attachment},
      {{.method = "DELETE", .pattern = "/records/{entity}/{id}/attachments/{attachment}", .summary = "Remove a file from the record",
        .operation = "removeAttachment", .tag = "Records", .answers = "204", .refusals = "422",
        .description = "For those who may change the record. A field whose value it is becomes empty."},
       remove_attachment},
      // Data
      {{.method = "GET", .pattern = "/import/{entity}", .access = administrator, .summary = "Import maps of the definitions for this entity",
        .operation = "listImportMaps", .tag = "Data", .answers = "200:ImportMapList", .paging = bounded,
        .description = "As many as the definitions have for it."},
       list_import_maps},
      {{.method = "POST", .pattern = "/import/{entity}", .access = administrator, .summary = "Import a file of CSV or JSON lines by a map",
        .operation = "importRecords", .tag = "Data", .query = "dry_run map job source", .body = "ImportForm",
        .answers = "200:ImportReport 202:ImportRun+Location", .refusals = "413 415 422",
        .description = "In the place of the entity may stand the full name of an import map of the definitions. Delimiter and encoding are found out where the "
                       "map does not say them. Sent again, nothing is doubled."},
       import_records},
      {{.method = "GET", .pattern = "/imports", .access = administrator, .summary = "Imports that were jobs, newest first", .operation = "listImports",
        .tag = "Data", .query = "limit after", .answers = "200:ImportRunPage+Link", .paging = cursor},
       list_imports},
      {{.method = "GET", .pattern = "/imports/{import}", .access = administrator, .summary = "How far an import is, and what it found", .operation = "showImport",
        .tag = "Data", .answers = "200:ImportRun"},
       show_import},
      {{.method = "GET", .pattern = "/imports/{import}/errors", .access = administrator, .summary = "The rows that failed, as a file to be mended and sent again",
        .operation = "showImportErrors", .tag = "Data", .answers = "200:ErrorFile"},
       show_import_errors},
      {{.method = "GET", .pattern = "/export/{entity}", .summary = "Records as a file: CSV, JSON lines or XLSX", .operation = "exportRecords", .tag = "Data",
        .query = "view filter sort q fields format.export labels locale raw", .answers = "200:ExportFile", .refusals = "400 403 503",
        .description = "All records that the caller may read and the filter keeps, however many, without the fields that are hidden from him. `Caravan-Rows` says how "
                       "many. Cells that a spreadsheet would take for a formula begin with an apostrophe. Who took what out is kept."},
       export_records},
      {{.method = "GET", .pattern = "/admin/exports", .access = administrator, .summary = "Who exported what, newest first", .operation = "listExports",
        .tag = "Administration", .query = "limit after", .answers = "200:ExportPage+Link", .paging = cursor},
       list_exports},
      {{.method = "GET", .pattern = "/search", .summary = "Full-text search across entities", .operation = "searchRecords", .tag = "Records",
        .query = "q.search entities limit.search after", .answers = "200:SearchPage+Link", .paging = cursor,
        .description = "By rank (3: a field is just what was looked for; 2: all words are in the title; 1: elsewhere), then newest first. Only records that the caller may "
                       "read, found by fields that he may read. `building` names entities of which not all records are in the index yet."},
       search_records},
      // Model
      {{.method = "GET", .pattern = "/model", .summary = "What the console renders for this user",
        .operation = "showModel", .tag = "Model", .query = "locale", .headers = "If-None-Match?",
        .answers = "200:Model+ETag 304+ETag",
        .description = "Everything that the user may see of the definitions, as one document."},
       show_model},
      {{.method = "GET", .pattern = "/openapi.json", .summary = "This document, for the entities that the user may read",
        .operation = "showOpenapi", .tag = "Model", .query = "locale", .headers = "If-None-Match?",
        .answers = "200:OpenapiDocument+ETag 304+ETag", .description = "Also at `/openapi.json`."},
       show_openapi},
      {{.method = "GET", .pattern = "/handbook", .summary = "The operating manual that the definitions make, for this user",
        .operation = "showHandbook", .tag = "Model", .query = "locale format.handbook", .headers = "If-None-Match?",
        .answers = "200:Handbook+ETag 304+ETag",
        .description = "Only entities that the user may read, without the fields that are hidden from him; administrators see everything. With "
                       "`format=html` one page of HTML for reading and printing."},
       show_handbook},
      // Administration
      {{.method = "GET", .pattern = "/admin/settings", .access = administrator, .summary = "Settings that rules read, with their origin",
        .operation = "listSettings", .tag = "Administration", .answers = "200:SettingsList", .paging = bounded,
        .description = "As many as the definitions have."},
       list_settings},
      {{.method = "GET", .pattern = "/admin/roles", .access = administrator, .summary = "Roles, with what each may do and where that is said",
        .operation = "listRoles", .tag = "Administration", .answers = "200:RoleList", .paging = bounded,
        .description = "As many as the definitions have."},
       list_roles},
      {{.method = "GET", .pattern = "/admin/plugins", .access = administrator, .summary = "Plugins and their state",
        .operation = "listPlugins", .tag = "Administration", .answers = "200:PluginList", .paging = bounded,
        .description = "As many as there are in the folders of plugins and packs."},
       list_plugins},
      {{.method = "POST", .pattern = "/admin/plugins", .access = administrator, .summary = "Install the file of a plugin or pack; it is not switched on",
        .operation = "installPlugin", .tag = "Administration", .body = "PluginForm", .answers = "201:Plugin+Location", .refusals = "409 413 415",
        .description = "At most 64 MiB. The file is examined first, and its signature where the settings ask for one; every node gets it."},
       install_plugin},
      {{.method = "GET", .pattern = "/admin/plugins/{plugin}", .access = administrator, .summary = "One plugin",
        .operation = "showPlugin", .tag = "Administration", .answers = "200:Plugin"},
       show_plugin},
      {{.method = "DELETE", .pattern = "/admin/plugins/{plugin}", .access = administrator, .summary = "Delete the installed files of a plugin that is off; its data stays",
        .operation = "removePlugin", .tag = "Administration", .answers = "204", .refusals = "409"},
       remove_plugin},
      {{.method = "POST", .pattern = "/admin/plugins/{plugin}/enable", .access = administrator, .summary = "Switch a plugin on, here and on every node",
        .operation = "enablePlugin", .tag = "Administration", .body = "PluginEnable?", .answers = "200:PluginChange", .refusals = "409 422",
        .description = "Its definitions are checked with all others; with a mistake, or where it does not start, nothing changes. 409 says what it needs."},
       enable_plugin},
      {{.method = "POST", .pattern = "/admin/plugins/{plugin}/disable", .access = administrator, .summary = "Switch a plugin off, here and on every node; its data stays",
        .operation = "disablePlugin", .tag = "Administration", .body = "PluginDisable?", .answers = "200:PluginChange", .refusals = "409 422",
        .description = "Calls inside end first. 422 names the lines of other files that refer to what it defines."},
       disable_plugin},
      {{.method = "POST", .pattern = "/admin/plugins/{plugin}/upgrade", .access = administrator, .summary = "Use another version of a plugin that is on",
        .operation = "upgradePlugin", .tag = "Administration", .body = "PluginUpgrade?", .answers = "200:PluginChange", .refusals = "409 422",
        .description = "The new definitions are checked and the schema is brought up to them; then a fresh process takes over. Where the new version does not start, the one before is used on."},
       upgrade_plugin},
      {{.method = "DELETE", .pattern = "/admin/plugins/{plugin}/quarantine", .access = administrator, .summary = "Let the code of a plugin in quarantine run again",
        .operation = "clearQuarantine", .tag = "Administration", .answers = "200:PluginChange", .refusals = "409"},
       clear_quarantine},
      {{.method = "GET", .pattern = "/admin/plugins/{plugin}/purge", .access = administrator, .summary = "What data a plugin that is off has left",
        .operation = "previewPurge", .tag = "Administration", .answers = "200:PurgePreview", .refusals = "409"},
       preview_purge},
      {{.method = "POST", .pattern = "/admin/plugins/{plugin}/purge", .access = administrator, .summary = "Delete the data of a plugin that is off, after a copy",
        .operation = "purgePlugin", .tag = "Administration", .body = "PurgeInput", .answers = "200:PurgeResult", .refusals = "409"},
       purge_plugin},
      {{.method = "GET", .pattern = "/admin/plugins/{plugin}/history", .access = administrator, .summary = "Who did what with the plugin, newest first",
        .operation = "listPluginHistory", .tag = "Administration", .query = "limit before", .answers = "200:PluginHistory+Link", .paging = cursor},
       list_plugin_history},
      {{.method = "GET", .pattern = "/admin/plugins/{plugin}/settings", .access = administrator, .summary = "Settings of the plugin",
        .operation = "showPluginSettings", .tag = "Administration", .answers = "200:PluginSettings"},
       show_plugin_settings},
      {{.method = "PATCH", .pattern = "/admin/plugins/{plugin}/settings", .access = administrator, .summary = "Change settings of the plugin; null takes a change back",
        .operation = "changePluginSettings", .tag = "Administration", .body = "PluginSettingsInput", .answers = "200:PluginSettings", .refusals = "409 415 422",
        .description = "Checked with all definitions; on top of what files say, and on every node."},
       change_plugin_settings},
      {{.method = "GET", .pattern = "/admin/audit", .access = administrator,
        .summary = "Check histories and records against what was written; a part at a time",
        .operation = "showAudit", .tag = "Administration", .query = "entity record after", .answers = "200:AuditPage+Link",
        .paging = bounded, .description = "At most about 500 findings, and as many records as 50,000 events and rows make."},
       show_audit},
      {{.method = "GET", .pattern = "/admin/audit/looks", .access = administrator,
        .summary = "Who saw sensitive values in the clear, newest first",
        .operation = "listLooks", .tag = "Administration", .query = "entity id user.looks limit before", .answers = "200:LookPage+Link",
        .paging = cursor},
       list_looks},
      {{.method = "GET", .pattern = "/admin/keys", .access = administrator, .summary = "Keys of sensitive fields, oldest first",
        .operation = "listKeys", .tag = "Administration", .answers = "200:KeyList", .paging = bounded,
        .description = "As many as the key file has. The keys themselves are never told."},
       list_keys},
      {{.method = "POST", .pattern = "/admin/keys", .access = administrator, .summary = "Add a key to the key file",
        .operation = "addKey", .tag = "Administration", .body = "KeyInput", .answers = "201:Key+Location", .refusals = "422"},
       add_key},
      {{.method = "POST", .pattern = "/admin/keys/rotate", .access = administrator,
        .summary = "Seal stored values with the current key; a part at a time",
        .operation = "rotateKeys", .tag = "Administration", .body = "RotationInput", .answers = "200:Rotation", .refusals = "422"},
       rotate_keys},
      {{.method = "DELETE", .pattern = "/admin/keys/{id}", .access = administrator, .summary = "Remove a key that is no longer used",
        .operation = "removeKey", .tag = "Administration", .answers = "204", .refusals = "409"},
       remove_key},
      {{.method = "GET", .pattern = "/admin/search", .access = administrator, .summary = "The search index: what it holds, and how far it lags behind",
        .operation = "showSearchIndex", .tag = "Administration", .answers = "200:SearchIndex", .paging = bounded, .description = "One item an entity that is searched."},
       show_search_index},
      {{.method = "POST", .pattern = "/admin/search/rebuild", .access = administrator, .summary = "Build the search index anew while it stays in use",
        .operation = "rebuildSearchIndex", .tag = "Administration", .body = "SearchRebuild?", .answers = "202:SearchRebuilt"},
       rebuild_search_index},
      {{.method = "POST", .pattern = "/admin/reload", .access = administrator,
        .summary = "Check the definitions and put them in use",
        .operation = "reloadDefinitions", .tag = "Administration", .answers = "200:ReloadResult", .refusals = "422"},
       reload},
      {{.method = "GET", .pattern = "/admin/revisions", .access = administrator,
        .summary = "Published revisions of the definitions, newest first",
        .operation = "listRevisions", .tag = "Administration", .query = "limit before", .answers = "200:RevisionPage+Link",
        .paging = cursor},
       list_revisions},
      {{.method = "POST", .pattern = "/admin/revisions/{id}/activate", .access = administrator,
        .summary = "Put an earlier revision of the definitions in use again, on every node",
        .operation = "activateRevision", .tag = "Administration", .answers = "200:ReloadResult", .refusals = "409 422"},
       activate_revision},
      {{.method = "GET", .pattern = "/admin/automations", .access = administrator, .summary = "Automations, and how often they ran in the last 24 hours",
        .operation = "listAutomations", .tag = "Administration", .answers = "200:AutomationList", .paging = bounded,
        .description = "As many as the definitions have."},
       list_automations},
      {{.method = "GET", .pattern = "/admin/automations/{name}/runs", .access = administrator,
        .summary = "What an automation did and why, or why not, newest first",
        .operation = "listAutomationRuns", .tag = "Administration", .query = "outcome record.runs limit after",
        .answers = "200:RuleRunPage+Link", .paging = cursor,
        .description = "Kept for 30 days. Of runs that a condition kept from happening, the first 20 an hour on each server."},
       list_automation_runs},
      {{.method = "GET", .pattern = "/admin/schedules", .access = administrator, .summary = "Schedules, with the next and the last run",
        .operation = "listSchedules", .tag = "Administration", .answers = "200:ScheduleList", .paging = bounded,
        .description = "As many as the definitions have."},
       list_schedules},
      {{.method = "GET", .pattern = "/admin/schedules/{name}/runs", .access = administrator, .summary = "Runs of a schedule, newest first",
        .operation = "listScheduleRuns", .tag = "Administration", .query = "outcome record.runs limit after",
        .answers = "200:RuleRunPage+Link", .paging = cursor,
        .description = "With the records that were refused, at most 100 a run. Kept for 30 days."},
       list_schedule_runs},
      {{.method = "POST", .pattern = "/admin/schedules/{name}/run", .access = administrator, .summary = "Run a schedule now",
        .operation = "runSchedule", .tag = "Administration", .answers = "202:QueuedRun", .refusals = "409",
        .description = "Beside its own times, also where it is switched off."},
       run_schedule},
      {{.method = "GET", .pattern = "/admin/jobs", .access = administrator,
        .summary = "Jobs of the queue: of one state by time, else newest first",
        .operation = "listJobs", .tag = "Administration", .query = "state.jobs queue kind limit after",
        .answers = "200:JobPage+Link", .paging = cursor},
       list_jobs},
      // Before /{id}, which would take the word.
      {{.method = "GET", .pattern = "/admin/jobs/stats", .access = administrator, .summary = "How many jobs each queue holds",
        .operation = "showJobStats", .tag = "Administration", .answers = "200:JobStats", .paging = bounded,
        .description = "One item a queue; queues are named by the program, not by users."},
       show_job_stats},
      {{.method = "GET", .pattern = "/admin/jobs/{id}", .access = administrator, .summary = "One job, with its payload",
        .operation = "showJob", .tag = "Administration", .answers = "200:Job"},
       show_job},
      {{.method = "POST", .pattern = "/admin/jobs/{id}/replay", .access = administrator,
        .summary = "Run a dead letter again as if it were new, or a waiting job at once",
        .operation = "replayJob", .tag = "Administration", .answers = "204", .refusals = "409"},
       replay_job},
      {{.method = "DELETE", .pattern = "/admin/jobs/{id}", .access = administrator, .summary = "Delete a job that does not run",
        .operation = "deleteJob", .tag = "Administration", .answers = "204", .refusals = "409"},
       delete_job},
      // Plugins
      {{.method = "*", .pattern = "/plugins/{plugin}/{rest...}", .summary = "A plugin's own routes",
        .operation = "callPlugin", .tag = "Plugins"},
       plugin_route},
  };
  return routes;
}

Router::Router(std::span<const Route> routes) {
  for (const Route& route : routes) {
    Pattern pattern{&route, {}};
    std::string_view rest = route.info.pattern.substr(1);
    for (;;) {
      const auto slash = rest.find('/');
      pattern.segments.push_back(rest.substr(0, slash));
      if (slash == std::string_view::npos) break;
      rest = rest.substr(slash + 1);
    }
    patterns_.push_back(std::move(pattern));
  }
}

bool Router::fits(const Pattern& pattern, std::string_view path, std::array<std::string_view, 3>& arguments) {
  std::size_t argument = 0;
  for (const std::string_view segment : pattern.segments) {
    if (segment.ends_with("...}")) {
      arguments[argument] = path.starts_with('/') ? path.substr(1) : path;
      return true;
    }
    if (!path.starts_with('/')) return false;
    path.remove_prefix(1);
    const std::string_view given = path.substr(0, path.find('/'));
    path.remove_prefix(given.size());
    if (segment.front() == '{') {
      if (given.empty()) return false;
      arguments[argument++] = given;
    } else if (segment != given) {
      return false;
    }
  }
  return path.empty();
}

Router::Match Router::find(std::string_view method, std::string_view path) const {
  const std::string_view wanted = method == "HEAD" ? std::string_view("GET") : method;
  Match match;
  for (const Pattern& pattern : patterns_) {
    std::array<std::string_view, 3> arguments;
    const std::string_view has = pattern.route->info.method;
    if ((has != wanted && has != "*") || !fits(pattern, path, arguments)) continue;
    match.route = pattern.route;
    match.arguments = arguments;
    return match;
  }
  for (const Pattern& pattern : patterns_) {
    std::array<std::string_view, 3> arguments;
    if (!fits(pattern, path, arguments)) continue;
    if (!match.allowed.empty()) match.allowed += ", ";
    match.allowed += pattern.route->info.method;
    if (pattern.route->info.method == "GET") match.allowed += ", HEAD";
  }
  return match;
}

}  // namespace caravan::api
