#include "api/openapi_parts.h"

namespace caravan::api {
namespace {

constexpr OpenapiPart tags[] = {
    {"Session", R"("Sign in and out, one's own settings and access tokens")"},
    {"Records", R"("Records of every kind: read, list, create, change, delete")"},
    {"Workflow", R"("Steps of a record's workflow")"},
    {"Public", R"("Forms and private links for people without an account")"},
    {"Data", R"("Data in bulk")"},
    {"Reports", R"("Reports and dashboards of the definitions")"},
    {"Model", R"("What there is: entities, fields, forms, views, and this document")"},
    {"Administration", R"("For administrators")"},
    {"Plugins", R"("Plugins' own routes")"},
};

constexpr OpenapiPart query[] = {
    {"view", R"({"description":"Name of a view of the entity: only the records that it shows, and in its order where `sort` says nothing. `filter` narrows them further.","schema":{"type":"string"},"example":"core.user_list"})"},
    {"filter", R"({"description":"A condition in CEL over `record` and `user`, e.g. `record.state == \"new\"`.","schema":{"type":"string"},"example":"record.state == \"new\""})"},
    {"sort", R"({"description":"Fields by comma, `-` before those that descend.","schema":{"type":"string"},"example":"-created_at,id"})"},
    {"limit", R"({"description":"Most items of the page.","schema":{"type":"integer","minimum":1,"maximum":200,"default":50}})"},
    {"after", R"({"description":"`next` of the page before. Opaque.","schema":{"type":"string"}})"},
    {"before", R"({"description":"`next` of the page before: the id of an event.","schema":{"type":"string"}})"},
    {"fields", R"({"description":"Only these fields, by comma; `id` and `version` are always there.","schema":{"type":"string"},"example":"number,state"})"},
    {"expand", R"({"description":"References by comma, of which `expanded` shall show the titles; with a point also fields of the target, or references of it.","schema":{"type":"string"},"example":"owner,owner.username"})"},
    {"watch", R"({"description":"By comma at most 20 of: an entity, or one record of it as ENTITY/ID.","schema":{"type":"string"},"example":"core.user,core.delegation/17"})"},
    {"group", R"({"description":"Fields by comma, at most three; dates and times with a part of the calendar: day, week, month, quarter, year.","schema":{"type":"string"},"example":"state,created_at:month"})"},
    {"measure", R"({"description":"By comma, at most ten of: count, sum:FIELD, avg:FIELD, min:FIELD, max:FIELD, count_distinct:FIELD.","schema":{"type":"string","default":"count"},"example":"count"})"},
    {"sort.groups", R"({"description":"Groups and measures by comma, `-` before those that descend.","schema":{"type":"string"},"example":"-count"})"},
    {"limit.groups", R"({"description":"Most groups of the page.","schema":{"type":"integer","minimum":1,"maximum":1000,"default":100}})"},
    {"box", R"({"description":"`waiting`: for the caller's decision, the oldest first. `asked`: by the caller, newest first, also those that ended. `all`: for administrators, all that wait.","schema":{"type":"string","enum":["waiting","asked","all"],"default":"waiting"}})"},
    {"outcome", R"({"description":"Only runs with this outcome.","schema":{"type":"string","enum":["done","skipped","failed"]}})"},
    {"record.runs", R"({"description":"Only runs for the record with this id.","schema":{"type":"string"}})"},
    {"state.jobs", R"({"description":"Only jobs in this state.","schema":{"type":"string","enum":["ready","waiting","running","dead"]}})"},
    {"queue", R"({"description":"Only jobs of this queue.","schema":{"type":"string"},"example":"events"})"},
    {"kind", R"({"description":"Only jobs of this kind.","schema":{"type":"string"},"example":"records.after_commit"})"},
    {"user", R"({"description":"Id of the user asked about; oneself where absent.","schema":{"type":"string"}})"},
    {"user.looks", R"({"description":"Only looks by the user with this id.","schema":{"type":"string"}})"},
    {"id", R"({"description":"Only looks at the record with this id.","schema":{"type":"string"}})"},
    {"q", R"({"description":"Words to be found in the fields that are marked for search.","schema":{"type":"string"}})"},
    {"other", R"({"required":true,"description":"Id of the other record.","schema":{"type":"string"},"example":"1"})"},
    {"dismissed", R"({"description":"1: those that somebody said are not the same.","schema":{"type":"string","enum":["0","1"]}})"},
    {"q.search", R"({"required":true,"description":"Words, the last one perhaps only begun, or Chinese characters; all must be found. Traditional and simplified characters, full and half width, capitals and diacritics are the same; short Chinese texts are found by pinyin and its initials, long numbers by their last four digits.","schema":{"type":"string","maxLength":400},"example":"昆明"})"},
    {"entities", R"({"description":"By comma: only these.","schema":{"type":"string"},"example":"core.user"})"},
    {"limit.search", R"({"description":"Most hits of the page.","schema":{"type":"integer","minimum":1,"maximum":100,"default":20}})"},
    {"count", R"({"description":"1: also `total`.","schema":{"type":"string","enum":["0","1"]}})"},
    {"entity", R"({"description":"Only records of this entity.","schema":{"type":"string"},"example":"core.user"})"},
    {"record", R"({"description":"Only the record with this id; with `entity`.","schema":{"type":"string"}})"},
    {"map", R"({"description":"Name of an import map of the definitions, instead of the part `map`.","schema":{"type":"string"}})"},
    {"field.file", R"({"description":"Field of type file or image whose value the file becomes.","schema":{"type":"string"}})"},
    {"inline", R"({"description":"1: to be shown in a page, where it is a PNG, JPEG, GIF or WebP.","schema":{"type":"string","enum":["0","1"]}})"},
    {"format.export", R"({"description":"How the file is written.","schema":{"type":"string","enum":["csv","jsonl","xlsx"],"default":"csv"}})"},
    {"labels", R"({"description":"1: columns and values as people read them, in the language of the request; 0: names that an import takes again.","schema":{"type":"string","enum":["0","1"]}})"},
    {"raw", R"({"description":"1: cells of CSV as they are, also those that a spreadsheet would run.","schema":{"type":"string","enum":["0","1"]}})"},
    {"source", R"({"description":"Where a file without a map comes from: its columns are named as fields, and this becomes the records' `external_source`.","schema":{"type":"string","maxLength":64}})"},
    {"job", R"({"description":"1: as a job that outlives the server; the answer says where to look for it.","schema":{"type":"string","enum":["0","1"]}})"},
    {"dry_run", R"({"description":"1: check everything, write nothing.","schema":{"type":"string","enum":["0","1"]}})"},
    {"format.report", R"({"description":"`csv`: the rows as a file instead of JSON.","schema":{"type":"string","enum":["json","csv"],"default":"json"}})"},
    {"parameters", R"({"description":"Values of the report's parameters, each by its name.","style":"form","explode":true,"schema":{"type":"object","additionalProperties":{"type":"string"}},"example":{"period":"this_month"}})"},
    {"format.handbook", R"({"description":"`html`: one page of HTML instead of JSON.","schema":{"type":"string","enum":["json","html"],"default":"json"}})"},
    {"from", R"({"required":true,"description":"Earlier revision.","schema":{"type":"string"},"example":"1"})"},
    {"to", R"({"required":true,"description":"Later revision.","schema":{"type":"string"},"example":"1"})"},
    {"from.revision", R"({"description":"Revision of before; the newest one that was published with other plugins where absent.","schema":{"type":"string"},"example":"1"})"},
    {"locale", R"({"description":"Language of labels; that of Accept-Language where absent.","schema":{"type":"string","enum":["zh-CN","zh-TW","en"]}})"},
};

constexpr OpenapiPart request_headers[] = {
    {"If-Match", R"({"description":"The version that the change is made to, or `*` for any.","schema":{"type":"string"},"example":"\"3\""})"},
    {"If-None-Match", R"({"description":"ETags that the client has: 304 where one still holds.","schema":{"type":"string"}})"},
    {"Idempotency-Key", R"({"description":"A value of the client's making, e.g. a UUID, the same when a request is sent again: it has one effect, and the first answer comes again. Kept for 24 hours.","schema":{"type":"string","minLength":1,"maxLength":255}})"},
};

constexpr OpenapiPart answer_headers[] = {
    {"ETag", R"({"description":"The version, in quotes.","required":true,"schema":{"type":"string"}})"},
    {"Location", R"({"description":"Path of what was made.","required":true,"schema":{"type":"string"}})"},
    {"Idempotent-Replayed", R"({"description":"`true` where the answer is that of an earlier request with the same Idempotency-Key.","schema":{"type":"string"}})"},
    {"Undo-Until", R"({"description":"Until when what was deleted can be restored.","schema":{"type":"string","format":"date-time"}})"},
    {"Caravan-Duplicates", R"({"description":"Where a duplicate rule finds records that are probably of the same thing: `RULE=\"ID ID\"`, by comma. Not repeated with an Idempotency-Key.","schema":{"type":"string"},"example":"same_person=\"17 9\""})"},
    {"Link", R"({"description":"Where there is a next page: `<…>; rel=\"next\"`.","schema":{"type":"string"}})"},
    {"Set-Cookie", R"({"description":"The session's cookie.","schema":{"type":"string"}})"},
    {"Retry-After", R"({"description":"Seconds after which to try again.","schema":{"type":"integer","minimum":1}})"},
    {"X-Request-Id", R"({"description":"The request's id: the client's own where it sent one of 1 to 64 of `A–Z a–z 0–9 - . _`.","required":true,"schema":{"type":"string"}})"},
    {"RateLimit", R"({"description":"What is left (draft-ietf-httpapi-ratelimit-headers): `\"user\";r=100;t=2`.","schema":{"type":"string"}})"},
    {"RateLimit-Policy", R"({"description":"The limit (draft-ietf-httpapi-ratelimit-headers): `\"user\";q=2000;w=4`.","schema":{"type":"string"}})"},
    {"Allow", R"({"description":"Methods that the path takes.","schema":{"type":"string"}})"},
};

constexpr OpenapiPart path[] = {
    {"entity", R"({"description":"Full name of an entity.","schema":{"type":"string","pattern":"^[a-z][a-z0-9_]*\\.[a-z][a-z0-9_]*$"},"example":"core.user"})"},
    {"id", R"({"description":"Id, as lists give it.","schema":{"type":"string"},"example":"7"})"},
    {"name", R"({"description":"Name, as lists give it.","schema":{"type":"string"}})"},
    {"report", R"({"description":"Full name of a report.","schema":{"type":"string"}})"},
    {"plugin", R"({"description":"Name of a plugin or pack.","schema":{"type":"string"},"example":"billing"})"},
    {"kind", R"({"description":"Kind of a definition.","schema":{"type":"string"},"example":"entity"})"},
    {"code", R"({"description":"Code of a check.","schema":{"type":"string"},"example":"never-true"})"},
    {"share", R"({"description":"Id of a share.","schema":{"type":"string"}})"},
    {"link", R"({"description":"Id of a link, as the list gives it.","schema":{"type":"string"}})"},
    {"page", R"({"description":"Full name of a public page.","schema":{"type":"string"}})"},
    {"token", R"({"description":"The secret part of a private link.","schema":{"type":"string"}})"},
    {"act", R"({"description":"Name of a step or an entry, as the link shows it.","schema":{"type":"string"}})"},
};

constexpr OpenapiPart schemas[] = {
    // ---- Errors
    {"FieldError", R"({"type":"object","required":["code","message"],"properties":{
"field":{"type":"string","description":"Name of the field; empty or absent where the record as a whole is meant."},
"code":{"type":"string","description":"Stable, for programs."},
"message":{"type":"string","description":"One sentence for a person."},
"file":{"type":"string","description":"Of a mistake in a definition."},
"line":{"type":"integer"},"column":{"type":"integer"},
"hint":{"type":"string","description":"What would be right."}}})"},
    {"Problem", R"({"type":"object","description":"RFC 9457","required":["type","title","status","code","detail","request_id"],"properties":{
"type":{"type":"string","format":"uri-reference","description":"Path of a page that explains the code.","examples":["/problems/stale"]},
"title":{"type":"string"},
"status":{"type":"integer","minimum":400,"maximum":599},
"code":{"$ref":"#/components/schemas/ProblemCode"},
"detail":{"type":"string","description":"One sentence for a person, in the caller's language."},
"request_id":{"type":"string"},
"errors":{"type":"array","items":{"$ref":"#/components/schemas/FieldError"}},
"current":{"$ref":"#/components/schemas/Record"},
"items":{"type":"array","description":"Of a refused bulk change.","items":{"$ref":"#/components/schemas/BulkRow"}}},
"examples":[{"type":"/problems/not_found","title":"Not Found","status":404,"code":"not_found","detail":"There is no record with the id \"7\".","request_id":"01KAMB6ZC1T9S3V5W7X9Y1Z3A5"}]})"},
    // ---- Session
    {"Credentials", R"({"type":"object","additionalProperties":false,"required":["username","password"],"properties":{
"username":{"type":"string"},"password":{"type":"string","format":"password"}},
"examples":[{"username":"wangfang","password":"correct horse battery"}]})"},
    {"Me", R"({"type":"object","required":["id","username","name","locale","roles","administrator","department","department_label","deputy_of"],"properties":{
"id":{"type":"string"},"username":{"type":"string"},"name":{"type":"string"},
"locale":{"type":"string"},
"roles":{"type":"array","items":{"type":"string"}},
"administrator":{"type":"boolean"},
"department":{"type":["string","null"]},"department_label":{"type":["string","null"]},
"deputy_of":{"type":"array","description":"Absent colleagues whose rights one has for the time being.","items":{"type":"object","required":["id","username","name"],
"properties":{"id":{"type":"string"},"username":{"type":"string"},"name":{"type":"string"}}}},
"csrf":{"type":"string","description":"Only for cookie sessions."}}})"},
    {"MeChange", R"({"type":"object","additionalProperties":false,"properties":{
"available":{"type":"boolean","description":"Whether rules of assignment count one as present."},
"locale":{"type":["string","null"],"enum":["zh-CN","zh-TW","en",null]}},"examples":[{"locale":"zh-TW"}]})"},
    {"Session", R"({"type":"object","required":["user","csrf"],"properties":{
"user":{"$ref":"#/components/schemas/Me"},
"csrf":{"type":"string","description":"To be sent as X-CSRF-Token with every request but GET and HEAD."}}})"},
    {"PasswordChange", R"({"type":"object","additionalProperties":false,"required":["current","new"],"properties":{
"current":{"type":"string","format":"password"},"new":{"type":"string","format":"password","minLength":8,"maxLength":1000}}})"},
    {"NewPassword", R"({"type":"object","required":["username","password"],"properties":{
"username":{"type":"string"},"password":{"type":"string","format":"password","description":"Told once."}}})"},
    {"Token", R"({"type":"object","required":["id","label","created_at","expires_at","last_used_at"],"properties":{
"id":{"type":"string"},"label":{"type":"string"},
"created_at":{"type":"string","format":"date-time"},
"expires_at":{"type":["string","null"],"format":"date-time"},
"last_used_at":{"type":["string","null"],"format":"date-time"}}})"},
    {"TokenList", R"({"type":"object","required":["items"],"properties":{
"items":{"type":"array","maxItems":100,"items":{"$ref":"#/components/schemas/Token"}}}})"},
    {"TokenInput", R"({"type":"object","additionalProperties":false,"required":["label"],"properties":{
"label":{"type":"string","minLength":1,"maxLength":100,"description":"What the token is for."},
"expires_at":{"type":["string","null"],"format":"date-time"}},"examples":[{"label":"Website"}]})"},
    {"NewToken", R"({"type":"object","required":["id","token","expires_at"],"properties":{
"id":{"type":"string"},"token":{"type":"string","pattern":"^cvn_"},
"expires_at":{"type":["string","null"],"format":"date-time","description":"Not later than that of the token by which it was made."}}})"},
    // ---- Records
    {"Expanded", R"({"type":"object","required":["id","title"],"description":"What a reference leads to, with the fields that `expand` names.","properties":{"id":{"type":"string"},"title":{"type":"string"},
"expanded":{"type":"object","additionalProperties":{"oneOf":[{"$ref":"#/components/schemas/Expanded"},{"type":"array","items":{"$ref":"#/components/schemas/Expanded"}}]}}},"additionalProperties":true})"},
    {"Record", R"({"type":"object","description":"System fields, then the entity's own: the document for a signed-in user has a schema for each entity.","required":["id","version"],"properties":{
"id":{"type":"string"},
"number":{"type":["string","null"]},
"version":{"type":"integer","minimum":1},
"state":{"type":["string","null"]},
"owner":{"type":["string","null"],"description":"Id of a user."},
"created_at":{"type":["string","null"],"format":"date-time"},
"updated_at":{"type":["string","null"],"format":"date-time"},
"external_source":{"type":["string","null"]},
"external_id":{"type":["string","null"]},
"masked":{"type":"array","items":{"type":"string"},"description":"Fields of which only a part is shown."},
"expanded":{"type":"object","additionalProperties":{"oneOf":[{"$ref":"#/components/schemas/Expanded"},{"type":"array","items":{"$ref":"#/components/schemas/Expanded"}}]}}},
"additionalProperties":true})"},
    {"RecordPage", R"({"type":"object","required":["items","next"],"properties":{
"items":{"type":"array","maxItems":200,"items":{"$ref":"#/components/schemas/Record"}},
"next":{"type":["string","null"],"description":"For `after`; null on the last page."},
"total":{"type":"integer","minimum":0,"description":"With `count=1`: how many records there are in all."},
"total_is":{"type":"string","enum":["exact","estimate","at_least"],"description":"Exact up to 10000; of words (`q`) that very many records hold, `at_least`: so many are there, and perhaps more."}}})"},
    {"ReportParameter", R"({"type":"object","required":["name","label","help","type","required"],"properties":{
"name":{"type":"string"},"label":{"type":"string"},"help":{"type":["string","null"]},
"type":{"type":"string","enum":["period","text","int","bool","decimal","date","choice","ref"]},"required":{"type":"boolean"},
"choices":{"type":"string","description":"Of a choice: its list, in the model."},"to":{"type":"string","description":"Of a ref: its entity."},
"default":{"type":["string","null"],"description":"What is taken where nothing is given."},
"value":{"type":["string","null"],"description":"What was taken; null: its conditions are left out."},
"from":{"type":"string","format":"date","description":"First day of a period."},"to_day":{"type":"string","format":"date","description":"Last day of a period, included."}}})"},
    {"ReportList", R"({"type":"object","required":["items"],"properties":{"items":{"type":"array","items":{"type":"object",
"required":["name","label","help","entity","entity_label","chart","parameters"],"properties":{"name":{"type":"string"},"label":{"type":"string"},"help":{"type":["string","null"]},
"entity":{"type":"string"},"entity_label":{"type":"string"},"chart":{"type":"string","enum":["table","bar","line","pie","number"]},
"parameters":{"type":"array","items":{"$ref":"#/components/schemas/ReportParameter"}}}}}}})"},
    {"ReportFigures", R"({"type":"object","required":["filter","measures"],"properties":{
"filter":{"type":"string","description":"For the list of the entity's records: those of the row; empty: all."},
"measures":{"type":"object","description":"By measure.","additionalProperties":{"type":"object","required":["value"],"properties":{
"value":{"description":"A number, a decimal as text, a date or time, an array of amounts by currency, or null."},
"filter":{"type":"string","description":"Where the measure takes only some of the row's records: these."}}}}}})"},
    {"Report", R"({"type":"object","required":["name","label","help","entity","entity_label","chart","made_at","parameters","groups","measures","rows","total","more"],"properties":{
"name":{"type":"string"},"label":{"type":"string"},"help":{"type":["string","null"]},"entity":{"type":"string"},"entity_label":{"type":"string"},
"chart":{"type":"string","enum":["table","bar","line","pie","number"]},"made_at":{"type":"string","format":"date-time"},
"parameters":{"type":"array","items":{"$ref":"#/components/schemas/ReportParameter"}},
"groups":{"type":"array","items":{"type":"object","required":["name","label","field","type","bucket"],"properties":{"name":{"type":"string"},"label":{"type":"string"},
"field":{"type":"string"},"type":{"type":"string"},"bucket":{"type":["string","null"],"enum":["day","week","month","quarter","year",null]}}}},
"measures":{"type":"array","items":{"type":"object","required":["name","label","type","percent"],"properties":{"name":{"type":"string"},"label":{"type":"string"},
"type":{"type":"string","enum":["int","decimal","money","date","instant"]},"percent":{"type":"boolean","description":"People read it as a share: 0.25 as 25 %."},
"problem":{"type":"string","description":"Why a plugin has not computed it; its values are null then."}}}},
"rows":{"type":"array","maxItems":1000,"items":{"allOf":[{"$ref":"#/components/schemas/ReportFigures"},{"type":"object","required":["group","label"],"properties":{
"group":{"type":"object","description":"By group: the field's value, or the first day of the part of the calendar."},
"label":{"type":"object","description":"By group, where its value does not say it all.","additionalProperties":{"type":"string"}}}}]}},
"total":{"$ref":"#/components/schemas/ReportFigures"},"more":{"type":"boolean","description":"There are more rows than the report shows; `total` counts them, too."}}})"},
    {"DashboardList", R"({"type":"object","required":["items"],"properties":{"items":{"type":"array","items":{"type":"object","required":["name","label","icon","tiles"],"properties":{
"name":{"type":"string"},"label":{"type":"string"},"icon":{"type":["string","null"]},"tiles":{"type":"array","items":{"type":"object",
"required":["name","report","label","chart","width","measures","given","parameters"],"properties":{"name":{"type":"string"},"report":{"type":"string"},"label":{"type":"string"},
"chart":{"type":"string","enum":["table","bar","line","pie","number"]},"width":{"type":"integer","minimum":1,"maximum":24},"measures":{"type":"array","items":{"type":"string"}},
"given":{"type":"object","description":"Values of the report's parameters that the tile gives.","additionalProperties":{"type":"string"}},
"parameters":{"type":"array","items":{"$ref":"#/components/schemas/ReportParameter"}}}}}}}}}})"},
    {"AggregateItem", R"({"type":"object","required":["group","label"],"description":"One group; beside these, a member for each measure by its name.","properties":{
"group":{"type":"object","description":"Value by group; of a part of the calendar its first day.","additionalProperties":true},
"label":{"type":"object","description":"How people call the value, where that is something else.","additionalProperties":{"type":"string"}}},
"additionalProperties":{"description":"A count is a number, money a list of amounts by currency, a decimal a string.","anyOf":[{"type":["number","string","null"]},
{"type":"array","items":{"type":"object","required":["currency","amount"],"properties":{"currency":{"type":"string"},"amount":{"type":"string"}}}}]}})"},
    {"AggregatePage", R"({"type":"object","required":["items","next"],"properties":{
"items":{"type":"array","maxItems":1000,"items":{"$ref":"#/components/schemas/AggregateItem"}},
"next":{"type":["string","null"],"description":"For `after`; null on the last page."}}})"},
    {"Share", R"({"type":"object","required":["id","kind","grantee","label","level","shared_by","shared_at","expires_at","note"],"properties":{
"id":{"type":"string"},"kind":{"type":"string","enum":["user","role","department"]},
"grantee":{"type":"string","description":"Id of the user, or name of the role or department (with those below it)."},
"label":{"type":"string"},"level":{"type":"string","enum":["read","update"]},
"shared_by":{"type":"object","required":["id","name"],"properties":{"id":{"type":"string"},"name":{"type":"string"}}},
"shared_at":{"type":"string","format":"date-time"},"expires_at":{"type":["string","null"],"format":"date-time"},"note":{"type":"string"}}})"},
    {"ShareList", R"({"type":"object","required":["items"],"properties":{
"items":{"type":"array","maxItems":1000,"items":{"$ref":"#/components/schemas/Share"}}}})"},
    {"Link", R"({"type":"object","required":["id","page","label","created_by","created_at","expires_at","used_at","revoked_at"],"properties":{
"id":{"type":"string"},"page":{"type":"string"},"label":{"type":"string"},"created_by":{"type":["string","null"],"description":"Id of a user; null: a rule."},
"created_at":{"type":"string","format":"date-time"},"expires_at":{"type":"string","format":"date-time"},
"used_at":{"type":["string","null"],"format":"date-time","description":"Of a link that serves once."},"revoked_at":{"type":["string","null"],"format":"date-time"}}})"},
    {"LinkList", R"({"type":"object","required":["items","pages"],"properties":{
"items":{"type":"array","maxItems":200,"items":{"$ref":"#/components/schemas/Link"}},
"pages":{"type":"array","items":{"$ref":"#/components/schemas/LinkPage"}}}})"},
    {"LinkPage", R"({"type":"object","required":["name","type","label"],"properties":{
"name":{"type":"string"},"type":{"type":"string","enum":["record","calendar"]},"label":{"type":"string"}}})"},
    {"LinkInput", R"({"type":"object","additionalProperties":false,"required":["page"],"properties":{"page":{"type":"string"}}})"},
    {"NewLink", R"({"type":"object","required":["url","expires_at"],"properties":{
"url":{"type":"string","description":"Told once."},"expires_at":{"type":"string","format":"date-time"}}})"},
    {"PublicAgency", R"({"type":"object","required":["name","time_zone","currency","color","logo"],"properties":{
"name":{"type":"string"},"time_zone":{"type":"string"},"currency":{"type":"string"},"color":{"type":"string"},"logo":{"type":"string"}}})"},
    {"PublicAsked", R"({"type":"object","required":["name","label","help","type","required","multiline","min","max","max_length","options"],"properties":{
"name":{"type":"string"},"label":{"type":"string"},"help":{"type":"string"},"type":{"type":"string"},"required":{"type":"boolean"},"multiline":{"type":"boolean"},
"min":{"type":["string","null"]},"max":{"type":["string","null"]},"max_length":{"type":["integer","null"]},
"options":{"type":"array","items":{"type":"object","required":["name","label"],"properties":{"name":{"type":"string"},"label":{"type":"string"}}}}}})"},
    {"PublicShown", R"({"type":"object","required":["name","label","type","text"],"properties":{
"name":{"type":"string"},"label":{"type":"string"},"type":{"type":"string"},"text":{"type":"string","description":"As people read it."}}})"},
    {"PublicForm", R"({"type":"object","required":["name","type","label","text","locale","agency","consent","fields"],"properties":{
"name":{"type":"string"},"type":{"type":"string","enum":["form"]},"label":{"type":"string"},"text":{"type":"string"},"locale":{"type":"string"},
"agency":{"$ref":"#/components/schemas/PublicAgency"},"consent":{"type":["string","null"],"description":"What must be agreed to."},
"fields":{"type":"array","items":{"$ref":"#/components/schemas/PublicAsked"}}}})"},
    {"PublicFormInput", R"({"type":"object","additionalProperties":false,"properties":{
"input":{"type":"object","description":"Values by field."},"consent":{"type":"boolean"}}})"},
    {"PublicReceipt", R"({"type":"object","required":["number"],"properties":{"number":{"type":["string","null"],"description":"Of the record that was made."}}})"},
    {"PublicActInput", R"({"type":"object","additionalProperties":false,"properties":{"input":{"type":"object","description":"Values by field."}}})"},
    {"PublicRecord", R"({"type":"object","required":["name","type","label","text","locale","agency","expires_at","once","fields","history","acts","added"],"properties":{
"name":{"type":"string"},"type":{"type":"string","enum":["record"]},"label":{"type":"string"},"text":{"type":"string"},"locale":{"type":"string"},
"agency":{"$ref":"#/components/schemas/PublicAgency"},"expires_at":{"type":"string","format":"date-time"},"once":{"type":"boolean"},
"fields":{"type":"array","items":{"$ref":"#/components/schemas/PublicShown"}},
"history":{"type":"array","items":{"type":"object","required":["at","label"],"properties":{"at":{"type":"string","format":"date-time"},"label":{"type":"string"}}}},
"acts":{"type":"array","items":{"type":"object","required":["name","label","fields"],"properties":{
"name":{"type":"string"},"label":{"type":"string"},"fields":{"type":"array","items":{"$ref":"#/components/schemas/PublicAsked"}}}}},
"added":{"type":"array","items":{"type":"object","required":["label","at","fields"],"properties":{
"label":{"type":"string"},"at":{"type":"string","format":"date-time"},"fields":{"type":"array","items":{"$ref":"#/components/schemas/PublicShown"}}}}}}})"},
    {"CalendarFile", R"({"type":"string","description":"iCalendar (RFC 5545)."})", "text/calendar"},
    {"ShareInput", R"({"type":"object","additionalProperties":false,"description":"One of user, role and department.","properties":{
"user":{"type":"string"},"role":{"type":"string"},"department":{"type":"string"},
"level":{"type":"string","enum":["read","update"],"default":"read"},
"expires_at":{"type":["string","null"],"format":"date-time"},"note":{"type":"string","maxLength":500}},
"examples":[{"user":"7","level":"read","expires_at":"2026-12-31T16:00:00Z"}]})"},
    {"AccessGrant", R"({"type":"object","required":["role","held_role","everyone","deputy_of","rule","file","line","result","reads","text"],"properties":{
"role":{"type":"string"},"held_role":{"type":"string","description":"The role that includes it."},"everyone":{"type":"boolean"},
"deputy_of":{"type":["object","null"],"required":["id","name"],"properties":{"id":{"type":"string"},"name":{"type":"string"}}},
"rule":{"type":"string"},"file":{"type":"string"},"line":{"type":"integer"},
"result":{"type":"string","enum":["true","false","unknown","error"]},
"reads":{"type":"array","items":{"type":"object","required":["name","value"],"properties":{"name":{"type":"string"},"value":{}}}},
"text":{"type":"string"}}})"},
    {"AccessReport", R"({"type":"object","required":["entity","id","user","administrator","operations","shares","fields"],"properties":{
"entity":{"type":"string"},"id":{"type":"string"},
"user":{"type":"object","required":["id","username","name"],"properties":{"id":{"type":"string"},"username":{"type":"string"},"name":{"type":"string"}}},
"administrator":{"type":"boolean"},
"operations":{"type":"array","items":{"type":"object","required":["operation","allowed","text","grants","why"],"properties":{
"operation":{"type":"string","enum":["read","create","update","delete"]},"allowed":{"type":"boolean"},"text":{"type":"string"},
"grants":{"type":"array","items":{"$ref":"#/components/schemas/AccessGrant"}},
"why":{"type":["string","null"],"description":"What decided, where no grant did."}}}},
"shares":{"type":"array","items":{"$ref":"#/components/schemas/Share"}},
"fields":{"type":"array","description":"Fields whose right depends on the role.","items":{"type":"object","required":["field","label","right","role","text"],"properties":{
"field":{"type":"string"},"label":{"type":"string"},"right":{"type":"string","enum":["hidden","masked","read","write"]},
"role":{"type":["string","null"]},"text":{"type":"string"}}}}}})"},
    {"RecordInput", R"({"type":"object","description":"Fields by name; null empties one.","additionalProperties":true})"},
    {"DraftInput", R"({"type":"object","additionalProperties":false,"properties":{
"id":{"type":["string","null"],"description":"The record that is changed; absent for a new one."},
"transition":{"type":["string","null"],"description":"The step whose form it is; with `id`."},
"values":{"description":"What was filled in so far.","anyOf":[{"$ref":"#/components/schemas/RecordInput"},{"type":"null"}]}},
"examples":[{"values":{}}]})"},
    {"Draft", R"({"type":"object","required":["fields","computed","errors","duplicates"],"properties":{
"fields":{"type":"object","additionalProperties":{"type":"object","required":["visible","required","read_only"],"properties":{
"visible":{"type":"boolean"},"required":{"type":"boolean"},"read_only":{"type":"boolean"},
"options":{"type":"array","items":{"type":"string"},"description":"Of a choice that depends on another field: what is offered now."}}}},
"computed":{"type":"object","description":"Computed fields by name, as in a record.","additionalProperties":true},
"errors":{"type":"array","description":"What would be refused now.","items":{"$ref":"#/components/schemas/FieldError"}},
"duplicates":{"type":"array","items":{"type":"object","required":["rule","message","more","items"],"properties":{
"rule":{"type":"string"},"message":{"type":"string"},"more":{"type":"boolean","description":"There are further ones."},
"items":{"type":"array","maxItems":5,"items":{"type":"object","required":["id","number","title","state","created_at"],"properties":{
"id":{"type":"string"},"number":{"type":["string","null"]},"title":{"type":"string"},"state":{"type":["string","null"]},
"created_at":{"type":["string","null"],"format":"date-time"}}}}}}}}})"},
    {"SettingsList", R"({"type":"object","required":["items"],"properties":{
"items":{"type":"array","items":{"type":"object","required":["module","label","settings"],"properties":{
"module":{"type":"string"},"label":{"type":"string"},
"settings":{"type":"array","items":{"type":"object","required":["name","path","label","help","type","value","default","value_label","file","line"],"properties":{
"name":{"type":"string"},"path":{"type":"string","description":"As expressions name it."},"label":{"type":"string"},"help":{"type":"string"},
"type":{"type":"string","enum":["text","int","bool","decimal","date","choice"]},
"value":{"type":["string","number","boolean","null"]},"default":{"type":["string","number","boolean","null"]},
"value_label":{"type":["string","null"],"description":"Of a choice."},
"file":{"type":"string","description":"Where the value was said."},"line":{"type":"integer"}}}}}}}}})"},
    {"AvailableTransition", R"({"type":"object","required":["name","label","to","to_label","allowed","why","form","comment_required"],"properties":{
"name":{"type":"string"},"label":{"type":"string"},
"to":{"type":"string","description":"Name of the state."},"to_label":{"type":"string"},
"allowed":{"type":"boolean"},
"why":{"type":"string","description":"Why not; empty where it is allowed."},
"form":{"type":["string","null"],"description":"Form whose fields the step asks for."},
"comment_required":{"type":"boolean"},
"approval":{"type":"boolean","description":"Others must agree before it is taken."}}})"},
    {"ApprovalUser", R"({"type":"object","required":["id","name"],"properties":{"id":{"type":"string"},"name":{"type":"string"}}})"},
    {"ApprovalDecision", R"({"type":"object","required":["by","deputy_of","verdict","comment","at","version"],"properties":{
"by":{"anyOf":[{"$ref":"#/components/schemas/ApprovalUser"},{"type":"null"}]},
"deputy_of":{"description":"The colleague whose deputy he decided as.","anyOf":[{"$ref":"#/components/schemas/ApprovalUser"},{"type":"null"}]},
"verdict":{"type":"string","enum":["approve","reject"]},"comment":{"type":["string","null"]},"at":{"type":"string","format":"date-time"},
"version":{"type":["integer","null"],"description":"Of the record that was decided about; null where it was not kept."}}})"},
    {"ApprovalStep", R"({"type":"object","required":["name","label","state","all","deciders","waiting_for","decisions"],"properties":{
"name":{"type":"string"},"label":{"type":"string"},
"state":{"type":"string","enum":["done","open","coming","ended"]},
"all":{"type":"boolean","description":"All of `deciders` must agree; else one of them."},
"deciders":{"type":"array","items":{"type":"string"},"description":"Labels of roles and names of users."},
"waiting_for":{"type":"array","items":{"type":"string"},"description":"Those of them who may decide now."},
"decisions":{"type":"array","items":{"$ref":"#/components/schemas/ApprovalDecision"}}}})"},
    {"Approval", R"({"type":"object","required":["id","entity","entity_label","record","transition","state","asked_by","asked_at","comment","input","steps","may_decide","may_withdraw","ended_at","reason"],"properties":{
"id":{"type":"string"},"entity":{"type":"string"},"entity_label":{"type":"string"},
"record":{"type":"object","required":["id","title","version"],"properties":{"id":{"type":"string"},"title":{"type":["string","null"],"description":"null where the caller may not see it."},
"version":{"type":["integer","null"],"description":"For If-Match, so that what is decided about is what was seen; null where the caller may not see it."}}},
"transition":{"type":"object","required":["name","label"],"properties":{"name":{"type":"string"},"label":{"type":"string"}}},
"state":{"type":"string","enum":["waiting","approved","rejected","withdrawn","void"],"description":"`void`: the record has changed so that the step cannot be taken as it was asked, or the step is gone."},
"asked_by":{"anyOf":[{"$ref":"#/components/schemas/ApprovalUser"},{"type":"null"}]},"asked_at":{"type":"string","format":"date-time"},
"comment":{"type":["string","null"]},
"input":{"type":"array","description":"What is given with the step, while it waits and as far as the caller may see it; sensitive values never.","items":{"type":"object","required":["field","label","value"],"properties":{
"field":{"type":"string"},"label":{"type":"string"},"value":{"description":"As in a record."}}}},
"steps":{"type":"array","items":{"$ref":"#/components/schemas/ApprovalStep"}},
"may_decide":{"type":"boolean"},"may_withdraw":{"type":"boolean"},
"ended_at":{"type":["string","null"],"format":"date-time"},
"reason":{"type":["string","null"],"description":"Why it was rejected, or is void."}}})"},
    {"ApprovalPage", R"({"type":"object","required":["items","next"],"properties":{
"items":{"type":"array","maxItems":200,"items":{"$ref":"#/components/schemas/Approval"}},
"next":{"type":["string","null"],"description":"For `after`; null on the last page."},
"total":{"type":"integer","minimum":0,"description":"With `count=1`: how many there are in all."}}})"},
    {"ApprovalComment", R"({"type":"object","additionalProperties":false,"properties":{"comment":{"type":["string","null"]}},"examples":[{"comment":"Too expensive"}]})"},
    {"ClockLine", R"({"type":"object","required":["kind","text","from","to","seconds"],"properties":{
"kind":{"type":"string","enum":["started","limit","worked","break","free","holiday","offset","paused","carried","more","due","result"]},
"text":{"type":"string"},
"from":{"type":["string","null"],"format":"date-time"},"to":{"type":["string","null"],"format":"date-time"},
"seconds":{"type":"integer","description":"Working time that the line adds."}}})"},
    {"Clock", R"({"type":"object","required":["name","label","run","state","started_at","paused_at","due_at","met_at","breached_at","limit_seconds","remaining_seconds","elapsed_seconds","calendar","time_zone","lines"],"properties":{
"name":{"type":"string"},"label":{"type":"string"},
"run":{"type":"integer","description":"How often it has begun with this record, this time included."},
"state":{"type":"string","enum":["running","paused","met"]},
"started_at":{"type":"string","format":"date-time"},
"paused_at":{"type":["string","null"],"format":"date-time","description":"Since when it stands still."},
"due_at":{"type":["string","null"],"format":"date-time","description":"When its time is over, or was; null while it is paused before that, where it was met before, and without a limit."},
"met_at":{"type":["string","null"],"format":"date-time"},
"breached_at":{"type":["string","null"],"format":"date-time","description":"When its time was over; null where it is in time."},
"limit_seconds":{"type":["integer","null"]},
"remaining_seconds":{"type":["integer","null"],"description":"In the clock's own time; below 0: it is over by that."},
"elapsed_seconds":{"type":"integer"},
"calendar":{"type":["string","null"],"description":"Label of the calendar whose working time counts; null: every hour does."},
"time_zone":{"type":"string","description":"In which the lines tell times."},
"lines":{"type":"array","items":{"$ref":"#/components/schemas/ClockLine"}}}})"},
    {"ClockList", R"({"type":"object","required":["now","items"],"properties":{
"now":{"type":"string","format":"date-time"},
"items":{"type":"array","items":{"$ref":"#/components/schemas/Clock"}}}})"},
    {"TaskList", R"({"type":"object","required":["items"],"properties":{"items":{"type":"array","maxItems":100,"items":{"type":"object",
"required":["id","version","title","state","state_label","required","due_at","assignee","role","note","created_at","updated_at","may_finish"],"properties":{
"id":{"type":"string"},"version":{"type":"integer"},"title":{"type":"string","description":"In the caller's language."},
"state":{"type":"string","enum":["open","done","cancelled"]},"state_label":{"type":"string"},
"required":{"type":"boolean","description":"Steps that wait for tasks wait for it."},"due_at":{"type":["string","null"],"format":"date-time"},
"assignee":{"type":["object","null"],"required":["id","name"],"properties":{"id":{"type":"string"},"name":{"type":"string"}}},
"role":{"type":["object","null"],"description":"Whoever holds it may do the task.","required":["name","label"],"properties":{"name":{"type":"string"},"label":{"type":"string"}}},
"note":{"type":["string","null"],"description":"What came of it."},"created_at":{"type":"string","format":"date-time"},"updated_at":{"type":"string","format":"date-time"},
"may_finish":{"type":"boolean","description":"The caller may do it."}}}}}})"},
    {"OwnClockList", R"({"type":"object","required":["now","items","more"],"properties":{
"now":{"type":"string","format":"date-time"},"more":{"type":"boolean"},
"items":{"type":"array","maxItems":200,"items":{"type":"object","required":["entity","id","title","name","label","due_at","breached_at","limit_seconds","remaining_seconds"],
"properties":{"entity":{"type":"string"},"id":{"type":"string"},"title":{"type":"string"},"name":{"type":"string"},"label":{"type":"string"},
"due_at":{"type":"string","format":"date-time"},"breached_at":{"type":["string","null"],"format":"date-time"},
"limit_seconds":{"type":"integer"},"remaining_seconds":{"type":"integer","description":"Of the clock's own time; below 0: over."}}}}}})"},
    {"CommentInput", R"({"type":"object","additionalProperties":false,"required":["text"],"properties":{
"text":{"type":"string","maxLength":4000},"mentions":{"type":["array","null"],"maxItems":20,"items":{"type":"string"},"description":"Ids of users."}},
"examples":[{"text":"Please call her back.","mentions":["7"]}]})"},
    {"CommentDone", R"({"type":"object","required":["version","told"],"properties":{
"version":{"type":"integer"},"told":{"type":"array","items":{"type":"string"},"description":"Ids of the users who got a notice."}}})"},
    {"RoleList", R"({"type":"object","required":["items"],"properties":{
"items":{"type":"array","items":{"type":"object","required":["name","label","administrator","everyone","department","includes","grants"],"properties":{
"name":{"type":"string"},"label":{"type":"string"},"administrator":{"type":"boolean"},"everyone":{"type":"boolean","description":"Held by every user."},
"department":{"type":["string","null"]},"includes":{"type":"array","items":{"type":"string"},"description":"Roles whose rights it has, too."},
"grants":{"type":"array","items":{"type":"object","required":["entity","label","operation","when","file","line"],"properties":{
"entity":{"type":"string"},"label":{"type":"string"},"operation":{"type":"string","enum":["read","create","update","delete"]},
"when":{"type":["string","null"],"description":"CEL over `record` and `user`; null: always."},"file":{"type":"string"},"line":{"type":"integer"}}}}}}}}})"},
    {"Assignee", R"({"type":["object","null"],"required":["id","name"],"properties":{"id":{"type":"string"},"name":{"type":"string"}}})"},
    {"AssignmentCandidate", R"({"type":"object","required":["user","fit","score","load","turn"],"properties":{
"user":{"$ref":"#/components/schemas/Assignee"},
"fit":{"type":"string","enum":["chosen","away","absent","unsuitable","full","score","load","turn"],"description":"`score`, `load` and `turn`: what the chosen one was better in."},
"score":{"type":["string","null"]},
"load":{"type":["integer","null"],"description":"Open records that he had."},
"turn":{"type":["integer","null"],"description":"His last turn by the rule; 0: none yet."}}})"},
    {"Assignment", R"({"type":"object","required":["id","field","field_label","rule","label","outcome","user","at","fallback","rules","candidates","hidden"],"properties":{
"id":{"type":"string"},"field":{"type":"string"},"field_label":{"type":"string"},"rule":{"type":"string"},"label":{"type":"string"},
"outcome":{"type":"string","enum":["assigned","taken","waiting"]},
"user":{"description":"null: nobody, or somebody whom the caller may not see.","$ref":"#/components/schemas/Assignee"},
"at":{"type":"string","format":"date-time"},
"fallback":{"type":"boolean","description":"No candidate was there, so the rule's fallback counted."},
"rules":{"type":"array","description":"Rules that were asked before.","items":{"type":"object","required":["rule","label","why"],"properties":{
"rule":{"type":"string"},"label":{"type":"string"},"why":{"type":"string","enum":["closed","nobody"],"description":"`closed`: out of its calendar's hours."}}}},
"candidates":{"type":"array","items":{"$ref":"#/components/schemas/AssignmentCandidate"}},
"hidden":{"type":"integer","description":"Candidates whom the caller may not see."}}})"},
    {"AssignmentList", R"({"type":"object","required":["items"],"properties":{
"items":{"type":"array","items":{"$ref":"#/components/schemas/Assignment"}}}})"},
    {"Queue", R"({"type":"object","required":["name","label","entity","entity_label","strategy","waiting"],"properties":{
"name":{"type":"string"},"label":{"type":"string"},"entity":{"type":"string"},"entity_label":{"type":"string"},
"strategy":{"type":"string","enum":["round_robin","load","queue"]},
"waiting":{"type":"integer","description":"Records that wait in it, for whomever."}}})"},
    {"QueueList", R"({"type":"object","required":["available","items"],"properties":{
"available":{"type":"boolean","description":"Whether rules of assignment count the caller as present."},
"items":{"type":"array","items":{"$ref":"#/components/schemas/Queue"}}}})"},
    {"ModelAssignment", R"({"type":"object","required":["name","label","field","strategy"],"properties":{
"name":{"type":"string"},"label":{"type":"string"},"field":{"type":"string"},
"strategy":{"type":"string","enum":["round_robin","load","queue"]}}})"},
    {"TransitionList", R"({"type":"object","required":["items"],"properties":{
"items":{"type":"array","items":{"$ref":"#/components/schemas/AvailableTransition"}},
"approvals":{"type":"array","description":"What waits with the record; absent where there is nothing.","items":{"$ref":"#/components/schemas/Approval"}},
"undo":{"type":"object","required":["name","label","until"],"description":"The last step, where the caller may take it back until then.","properties":{
"name":{"type":"string"},"label":{"type":"string"},"until":{"type":"string","format":"date-time"}}}}})"},
    {"TransitionInput", R"({"type":"object","additionalProperties":false,"properties":{
"input":{"type":["object","null"],"description":"Fields that the step's form asks for.","additionalProperties":true},
"comment":{"type":["string","null"]}}})"},
    {"Change", R"({"type":"object","required":["field","label","old","new","old_text","new_text"],"properties":{
"field":{"type":"string"},"label":{"type":"string"},
"old":{"description":"As in a record."},"new":{"description":"As in a record."},
"old_text":{"type":["string","null"],"description":"For people: the choice's label, the reference's title."},
"new_text":{"type":["string","null"]}}})"},
    {"TimelineEvent", R"({"type":"object","required":["id","at","actor","source","action","version","changes","note","request_id"],"properties":{
"id":{"type":"string"},"at":{"type":"string","format":"date-time"},
"actor":{"type":"object","required":["id","name"],"properties":{"id":{"type":"string"},"name":{"type":"string"}}},
"source":{"type":"string","description":"What did it: api, cli, an import, an effect, a job."},
"action":{"type":"string","description":"create, update, delete, transition:NAME …"},
"transition":{"type":"object","required":["name","label"],"properties":{"name":{"type":"string"},"label":{"type":"string"}}},
"version":{"type":"integer"},
"changes":{"type":"array","items":{"$ref":"#/components/schemas/Change"}},
"note":{"type":"string"},"request_id":{"type":"string"}}})"},
    {"TimelinePage", R"({"type":"object","required":["items","next"],"properties":{
"items":{"type":"array","maxItems":200,"items":{"$ref":"#/components/schemas/TimelineEvent"}},
"next":{"type":["string","null"],"description":"For `before`; null on the last page."}}})"},
    {"BulkInput", R"({"type":"object","additionalProperties":false,"required":["action"],"properties":{
"action":{"type":"string","enum":["create","update","delete","transition","restore"]},
"items":{"type":"array","maxItems":1000,"description":"The records, or `filter`.","items":{"type":"object","additionalProperties":false,"properties":{
"id":{"type":"string"},"version":{"type":["integer","null"],"minimum":1,"description":"As If-Match."},"input":{"$ref":"#/components/schemas/RecordInput"}}}},
"filter":{"type":"string","description":"CEL, as with lists: the records that the caller sees, by id."},
"limit":{"type":"integer","minimum":1,"maximum":1000,"default":1000,"description":"Of the filter."},
"input":{"$ref":"#/components/schemas/RecordInput"},
"transition":{"type":"string"},"comment":{"type":"string"},
"atomic":{"type":"boolean","default":false,"description":"All or nothing: 422 with `items` where one is refused."},
"dry_run":{"type":"boolean","default":false,"description":"Nothing is done; the answer says what would become of each row, after those before it."}},
"examples":[{"action":"update","items":[{"id":"7","version":3}],"input":{"owner":"12"}}]})"},
    {"BulkItem", R"({"type":"object","required":["id","status","version"],"properties":{
"id":{"type":["string","null"]},"status":{"type":"string","enum":["done","waiting","refused"],"description":"`waiting`: the step needs approval, which was asked for."},
"approval":{"type":"string","description":"Id of the approval that it waits for."},
"version":{"type":["integer","null"]},"error":{"$ref":"#/components/schemas/Problem"}}})"},
    {"BulkResult", R"({"type":"object","required":["items","done","refused","more"],"properties":{
"items":{"type":"array","maxItems":1000,"items":{"$ref":"#/components/schemas/BulkItem"}},
"done":{"type":"integer"},"refused":{"type":"integer"},"waiting":{"type":"integer","description":"How many wait for approval; absent where none does."},
"more":{"type":"boolean","description":"The filter finds more than the limit."},"dry_run":{"type":"boolean","description":"True: nothing was done; else absent."}}})"},
    {"Deleted", R"({"type":"object","required":["id","version","number","title","deleted_at","until","deleted_by"],"properties":{
"id":{"type":"string"},"version":{"type":"integer"},"number":{"type":["string","null"]},"title":{"type":["string","null"]},
"deleted_at":{"type":"string","format":"date-time"},"until":{"type":"string","format":"date-time"},
"deleted_by":{"type":["string","null"],"description":"Id of a user."}}})"},
    {"DeletedPage", R"({"type":"object","required":["items","next"],"properties":{
"items":{"type":"array","maxItems":200,"items":{"$ref":"#/components/schemas/Deleted"}},"next":{"type":["string","null"]}}})"},
    {"AuditFault", R"({"type":"object","required":["entity","id","version","event","code","what"],"properties":{
"entity":{"type":"string"},"id":{"type":"string"},"version":{"type":["integer","null"]},"event":{"type":["string","null"]},
"code":{"type":"string","enum":["event_changed","event_missing","event_added","content_missing","row_changed","row_missing","row_added","deleted_changed"]},
"what":{"type":"string"}}})"},
    {"AuditPage", R"({"type":"object","required":["records","deleted","events","erased_events","older_records","older_events","items","next"],"properties":{
"records":{"type":"integer"},"deleted":{"type":"integer"},"events":{"type":"integer"},"erased_events":{"type":"integer"},
"older_records":{"type":"integer","description":"From before there was a chain."},"older_events":{"type":"integer"},
"items":{"type":"array","items":{"$ref":"#/components/schemas/AuditFault"}},"next":{"type":["string","null"]}}})"},
    {"Look", R"({"type":"object","required":["id","entity","record","fields","at","user","username","request_id","source"],"properties":{
"id":{"type":"string"},"entity":{"type":"string"},"record":{"type":"string"},"fields":{"type":"array","items":{"type":"string"}},
"at":{"type":"string","format":"date-time"},"user":{"type":["string","null"]},"username":{"type":"string"},
"request_id":{"type":"string"},"source":{"type":"string"}}})"},
    {"LookPage", R"({"type":"object","required":["items","next"],"properties":{
"items":{"type":"array","maxItems":200,"items":{"$ref":"#/components/schemas/Look"}},
"next":{"type":["string","null"],"description":"For `before`."}}})"},
    {"Key", R"({"type":"object","required":["id","fingerprint","current","uses"],"properties":{
"id":{"type":"string"},"fingerprint":{"type":"string"},"current":{"type":"boolean","description":"New values are sealed with it."},
"uses":{"type":"integer","description":"Rows, events and deleted records with something sealed by it."}}})"},
    {"KeyList", R"({"type":"object","required":["items"],"properties":{"items":{"type":"array","items":{"$ref":"#/components/schemas/Key"}}}})"},
    {"KeyInput", R"({"type":"object","additionalProperties":false,"properties":{
"use":{"type":"string","enum":["now","later"],"default":"now","description":"`later`: not before a rotation to it, when every node has the file."}}})"},
    {"RotationInput", R"({"type":"object","additionalProperties":false,"properties":{
"key":{"type":"string","description":"Made the current one first."},"after":{"type":"string","description":"`next` of the part before."}}})"},
    {"Rotation", R"({"type":"object","required":["key","values","next"],"properties":{
"key":{"type":"string"},"values":{"type":"integer"},"next":{"type":["string","null"]}}})"},
    {"BulkRow", R"({"type":"object","required":["id","status","version"],"properties":{
"id":{"type":["string","null"]},"status":{"type":"string","enum":["done","refused"]},"version":{"type":["integer","null"]},
"error":{"$ref":"#/components/schemas/Problem"}}})"},
    {"RevisionPage", R"({"type":"object","required":["items","next"],"properties":{
"items":{"type":"array","maxItems":200,"items":{"type":"object","required":["id","hash","created_at","author","note","active"],"properties":{
"id":{"type":"string"},"hash":{"type":"string"},"created_at":{"type":"string","format":"date-time"},
"author":{"type":"string"},"note":{"type":"string"},"active":{"type":"boolean"}}}},
"next":{"type":["string","null"],"description":"For `before`."}}})"},
    {"Job", R"({"type":"object","required":["id","queue","kind","state","priority","attempts","max_attempts","run_at","created_at","caused_by","request_id","worker","lease_until","last_error","progress"],"properties":{
"id":{"type":"string"},"queue":{"type":"string"},"kind":{"type":"string"},
"state":{"type":"string","enum":["ready","waiting","running","dead"],"description":"`waiting`: for `run_at`; `dead`: given up."},
"priority":{"type":"integer","description":"The lowest goes first."},"attempts":{"type":"integer"},"max_attempts":{"type":"integer"},
"run_at":{"type":"string","format":"date-time"},"created_at":{"type":"string","format":"date-time"},
"caused_by":{"type":["string","null"],"description":"Id of a user."},"request_id":{"type":["string","null"]},
"worker":{"type":["string","null"]},"lease_until":{"type":["string","null"],"format":"date-time"},"last_error":{"type":["string","null"]},
"progress":{"type":"object","required":["done","total","note"],"properties":{
"done":{"type":"integer"},"total":{"type":"integer","description":"0 where unknown."},"note":{"type":"string"}}},
"payload":{"type":"string","description":"Only of one job, not in lists."}}})"},
    {"JobPage", R"({"type":"object","required":["items","next"],"properties":{
"items":{"type":"array","maxItems":200,"items":{"$ref":"#/components/schemas/Job"}},"next":{"type":["string","null"]}}})"},
    {"RuleRun", R"({"type":"object","required":["id","entity","record","event","at","outcome","reason","effects"],"properties":{
"id":{"type":"string"},"entity":{"type":["string","null"]},"record":{"type":["string","null"],"description":"Id of the record; null: of none, or of all."},
"event":{"type":"string","description":"What set it off, e.g. `state booked`."},"at":{"type":"string","format":"date-time"},
"outcome":{"type":"string","enum":["done","skipped","failed"]},"reason":{"type":["string","null"],"description":"Why it was not done."},
"effects":{"type":"integer","description":"How many were done; of a schedule over records, how many records."}}})"},
    {"RuleRunPage", R"({"type":"object","required":["items","next"],"properties":{
"items":{"type":"array","maxItems":200,"items":{"$ref":"#/components/schemas/RuleRun"}},"next":{"type":["string","null"]}}})"},
    {"AutomationList", R"({"type":"object","required":["items"],"properties":{
"items":{"type":"array","items":{"type":"object","required":["name","label","entity","on","in_transaction","active","done","skipped","failed"],"properties":{
"name":{"type":"string"},"label":{"type":"string"},"entity":{"type":"string"},
"on":{"type":"string","description":"`created`, `updated`, `deleted`, `state NAME`, `transition NAME` or `time`."},
"in_transaction":{"type":"boolean"},"active":{"type":"boolean"},
"done":{"type":"integer"},"skipped":{"type":"integer"},"failed":{"type":"integer"}}}}}})"},
    {"ScheduleList", R"({"type":"object","required":["items"],"properties":{
"items":{"type":"array","items":{"type":"object","required":["name","label","entity","cron","active","next","last"],"properties":{
"name":{"type":"string"},"label":{"type":"string"},"entity":{"type":["string","null"]},"cron":{"type":"string"},"active":{"type":"boolean"},
"next":{"type":["string","null"],"format":"date-time"},"last":{"anyOf":[{"$ref":"#/components/schemas/RuleRun"},{"type":"null"}]}}}}}})"},
    {"QueuedRun", R"({"type":"object","required":["job"],"properties":{"job":{"type":"string","description":"Id of the job that does it."}}})"},
    {"DuplicateSearch", R"({"type":"object","required":["started"],"properties":{"started":{"type":"boolean","description":"False: one was waiting already."}}})"},
    {"DuplicateRecord", R"({"type":"object","required":["id","version","title"],"properties":{"id":{"type":"string"},"version":{"type":"integer"},"title":{"type":"string"}}})"},
    {"DuplicatePair", R"({"type":"object","required":["first","second","rule","score","dismissed","found_at"],"properties":{
"first":{"$ref":"#/components/schemas/DuplicateRecord"},"second":{"$ref":"#/components/schemas/DuplicateRecord"},"rule":{"type":"string"},
"score":{"type":"string","description":"Sum of the rule's weights."},"dismissed":{"type":"boolean"},"found_at":{"type":"string","format":"date-time"}}})"},
    {"DuplicatePage", R"({"type":"object","required":["items","next"],"properties":{
"items":{"type":"array","maxItems":200,"items":{"$ref":"#/components/schemas/DuplicatePair"}},
"next":{"type":["string","null"],"description":"For `after`; null on the last page."}}})"},
    {"DuplicateDecision", R"({"type":"object","additionalProperties":false,"properties":{"dismissed":{"type":["boolean","null"],"default":true}},"examples":[{"dismissed":true}]})"},
    {"MergePreview", R"({"type":"object","required":["mine","theirs","fields","references"],"properties":{
"mine":{"type":"object","additionalProperties":true},"theirs":{"type":"object","additionalProperties":true},
"fields":{"type":"array","items":{"type":"object","required":["field","label","keep","differs","settable"],"properties":{"field":{"type":"string"},"label":{"type":"string"},
"keep":{"type":"string","enum":["mine","theirs","both"],"description":"What is kept where nobody says."},"differs":{"type":"boolean"},
"settable":{"type":"boolean","description":"Whether the caller may choose."}}}},
"references":{"type":"array","description":"What refers to the other record, of entities that the caller may read whole.","items":{"type":"object","required":["entity","entity_label","field","field_label","count"],"properties":{
"entity":{"type":"string"},"entity_label":{"type":"string"},"field":{"type":"string"},"field_label":{"type":"string"},"count":{"type":"integer"}}}}}})"},
    {"MergeInput", R"({"type":"object","required":["other"],"additionalProperties":false,"properties":{
"other":{"type":"string","description":"Id of the record that goes into this one."},"other_version":{"type":["integer","null"],"description":"Refused where it is not this one."},
"fields":{"type":["object","null"],"description":"Whose value is kept, by field; else this one's, or the other's where it has none.","additionalProperties":{"type":"string","enum":["mine","theirs","both"]}},
"note":{"type":["string","null"],"maxLength":4000}},"examples":[{"other":"1","fields":{}}]})"},
    {"Merge", R"({"type":"object","required":["id","merged","number","title","at","by","undo_until","undone_at"],"properties":{"id":{"type":"string"},
"merged":{"type":"string","description":"Id of the record that was merged into this one; its timeline stays."},"number":{"type":["string","null"]},"title":{"type":["string","null"]},
"at":{"type":"string","format":"date-time"},"by":{"type":["string","null"]},"undo_until":{"type":"string","format":"date-time"},"undone_at":{"type":["string","null"],"format":"date-time"}}})"},
    {"MergeList", R"({"type":"object","required":["items"],"properties":{"items":{"type":"array","maxItems":100,"items":{"$ref":"#/components/schemas/Merge"}}}})"},
    {"SearchHit", R"({"type":"object","required":["entity","entity_label","id","title","number","field","field_label","rank","fragment"],"properties":{
"entity":{"type":"string"},"entity_label":{"type":"string"},"id":{"type":"string"},"title":{"type":"string"},"number":{"type":["string","null"]},
"field":{"type":"string","description":"Where it was found."},"field_label":{"type":"string"},"rank":{"type":"integer","minimum":1,"maximum":3},
"fragment":{"type":"array","description":"The text around the place, in pieces.","items":{"type":"object","required":["text","hit"],"properties":{"text":{"type":"string"},"hit":{"type":"boolean"}}}}}})"},
    {"SearchPage", R"({"type":"object","required":["items","next","building"],"properties":{
"items":{"type":"array","maxItems":100,"items":{"$ref":"#/components/schemas/SearchHit"}},
"next":{"type":["string","null"],"description":"For `after`; null on the last page."},
"building":{"type":"array","items":{"type":"string"}}}})"},
    {"SearchIndex", R"({"type":"object","required":["waiting","dead","lag_seconds","items"],"properties":{
"waiting":{"type":"integer","description":"Jobs of the index that are to be done."},"dead":{"type":"integer"},
"lag_seconds":{"type":"integer","description":"For how long the oldest of them waits."},
"items":{"type":"array","items":{"type":"object","required":["entity","complete","fields"],"properties":{"entity":{"type":"string"},"complete":{"type":"boolean"},
"fields":{"type":"array","items":{"type":"string"}}}}}}})"},
    {"SearchRebuild", R"({"type":"object","additionalProperties":false,"properties":{"entities":{"type":["array","null"],"description":"All unless given.","items":{"type":"string"}}},"examples":[{"entities":["core.user"]}]})"},
    {"SearchRebuilt", R"({"type":"object","required":["entities"],"properties":{"entities":{"type":"integer","description":"How many are being built."}}})"},
    {"JobStats", R"({"type":"object","required":["items"],"properties":{
"items":{"type":"array","items":{"type":"object","required":["queue","ready","waiting","running","dead","oldest_ready_seconds"],"properties":{
"queue":{"type":"string"},"ready":{"type":"integer"},"waiting":{"type":"integer"},"running":{"type":"integer"},"dead":{"type":"integer"},
"oldest_ready_seconds":{"type":"integer"}}}}}})"},
    {"MessagePreviews", R"({"type":"object","required":["items"],"properties":{"items":{"type":"array","items":{"type":"object",
"required":["name","label","channel","subject","body","forbidden"],"properties":{"name":{"type":"string"},"label":{"type":"string"},
"channel":{"type":"string"},"subject":{"type":"string"},"body":{"type":"string"},
"forbidden":{"type":"array","description":"Phrases for which the message would be held.","items":{"type":"object","required":["phrase","reason"],
"properties":{"phrase":{"type":"string"},"reason":{"type":"string"}}}}}}}}})"},
    {"EventStream", R"({"type":"string","description":"https://html.spec.whatwg.org/multipage/server-sent-events.html","examples":["event: record\ndata: {\"entity\":\"core.user\",\"id\":\"17\",\"version\":3}\n\n"]})", "text/event-stream"},
    // ---- Data
    {"ImportMapList", R"({"type":"object","required":["items"],"properties":{"items":{"type":"array","items":{
"type":"object","required":["name","label","source"],"properties":{"name":{"type":"string"},"label":{"type":"string"},
"source":{"type":"string","description":"The records' `external_source`."}}}}}})"},
    {"ImportForm", R"({"type":"object","required":["file"],"properties":{
"map":{"type":"string","description":"The import map, YAML; required unless one is named, or `source` is given."},
"file":{"type":"string","contentMediaType":"application/octet-stream","description":"CSV or JSON lines."}}})", "multipart/form-data"},
    {"ImportReport", R"({"type":"object","required":["rows","created","updated","unchanged","failed","encoding","notes","errors","error_file"],"properties":{
"encoding":{"type":"string","description":"Of the file, as given or found out."},
"rows":{"type":"integer"},"created":{"type":"integer"},"updated":{"type":"integer"},"unchanged":{"type":"integer"},"failed":{"type":"integer"},
"notes":{"type":"object","additionalProperties":{"type":"integer"}},
"errors":{"type":"array","items":{"type":"object","required":["row","column","message"],"properties":{
"row":{"type":"integer"},"column":{"type":"string"},"message":{"type":"string"}}}},
"error_file":{"type":"string","description":"The rows that failed, as the file was written, with the reason."}}})"},
    {"ImportRun", R"({"type":"object","required":["id","entity","map","state","dry_run","file_name","file_bytes","done","by","created_at","finished_at","message","rows","created","updated","unchanged","failed","encoding","notes"],"properties":{
"id":{"type":"string"},"entity":{"type":"string"},"map":{"type":"string"},"state":{"type":"string","enum":["waiting","running","done","failed"]},
"dry_run":{"type":"boolean"},"file_name":{"type":"string"},"file_bytes":{"type":"integer"},"done":{"type":"integer","description":"Rows so far."},
"by":{"type":"string"},"created_at":{"type":"string","format":"date-time"},"finished_at":{"type":["string","null"],"format":"date-time"},
"message":{"type":["string","null"],"description":"Why it failed."},"rows":{"type":"integer"},"created":{"type":"integer"},"updated":{"type":"integer"},
"unchanged":{"type":"integer"},"failed":{"type":"integer"},"encoding":{"type":"string"},"notes":{"type":"object","additionalProperties":{"type":"integer"}},
"errors":{"type":"array","description":"The first 1000; only where one import is asked for.","items":{"type":"object","required":["row","column","message"],"properties":{
"row":{"type":"integer"},"column":{"type":"string"},"message":{"type":"string"}}}}}})"},
    {"ImportRunPage", R"({"type":"object","required":["items","next"],"properties":{"items":{"type":"array","maxItems":200,"items":{"$ref":"#/components/schemas/ImportRun"}},"next":{"type":["string","null"]}}})"},
    {"AttachmentForm", R"({"type":"object","required":["file"],"properties":{"file":{"type":"string","contentMediaType":"application/octet-stream"}}})", "multipart/form-data"},
    {"Attachment", R"({"type":"object","required":["id","name","media_type","size","sha256","field","current","created_at","created_by","href"],"properties":{
"id":{"type":"string"},"name":{"type":"string"},"media_type":{"type":"string","description":"As the content says."},"size":{"type":"integer"},
"sha256":{"type":"string"},"field":{"type":["string","null"],"description":"Field whose value it is or was."},
"current":{"type":"boolean","description":"It is the field's value now."},"created_at":{"type":"string","format":"date-time"},
"created_by":{"type":["string","null"]},"href":{"type":"string"}}})"},
    {"AttachmentList", R"({"type":"object","required":["items"],"properties":{"items":{"type":"array","maxItems":1000,"items":{"$ref":"#/components/schemas/Attachment"}}}})"},
    {"ExportPage", R"({"type":"object","required":["items","next"],"properties":{"items":{"type":"array","maxItems":200,"items":{
"type":"object","required":["id","entity","at","user","username","source","request_id","format","fields","filter","rows"],"properties":{
"id":{"type":"string"},"entity":{"type":"string"},"at":{"type":"string","format":"date-time"},"user":{"type":["string","null"]},"username":{"type":"string"},
"source":{"type":"string"},"request_id":{"type":"string"},"format":{"type":"string"},"fields":{"type":"string"},"filter":{"type":"string"},"rows":{"type":"integer"}}}},
"next":{"type":["string","null"]}}})"},
    {"FileContent", R"({"type":"string","format":"binary"})", "application/octet-stream"},
    {"ErrorFile", R"({"type":"string","description":"CSV or JSON lines, as the file was."})", "text/csv application/jsonl"},
    {"ExportFile", R"({"type":"string","description":"As `format` says."})", "text/csv application/jsonl application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
    // ---- Model
    {"ModelField", R"({"type":"object","required":["name","label","help","type","to","right","system","required","rollup","read_only","search","multiline","sensitive","max","min","scale","choices","depends_on","default","sortable"],"properties":{
"depends_on":{"type":["string","null"],"description":"Choice field whose value decides which options are offered."},
"name":{"type":"string"},"label":{"type":"string"},"help":{"type":"string"},
"type":{"type":"string","enum":["id","text","int","bool","decimal","money","date","instant","choice","ref","json","multi","refs","localized","file","image"]},
"to":{"type":["string","null"],"description":"Entity that a ref points to."},
"right":{"type":"string","enum":["hidden","masked","read","write"],"description":"The most that the user has on the field of any record."},
"system":{"type":"boolean"},"required":{"type":"boolean"},"rollup":{"type":["string","null"],"enum":["count","sum","min","max",null],"description":"Kept up from the records that refer to this one."},"read_only":{"type":"boolean"},"search":{"type":"boolean"},"multiline":{"type":"boolean"},
"max":{"type":["integer","string","null"],"description":"Of text, the longest length; of numbers, the bound. Decimal bounds are strings."},
"min":{"type":["integer","string","null"]},
"scale":{"type":["integer","null"]},
"choices":{"type":["string","null"],"description":"Name of the list of choices."},
"default":{"description":"What a new record begins with; null where it depends on more than the definition."},
"sensitive":{"type":"boolean","description":"Sealed in the database; looks at it are logged."},
"sortable":{"type":"boolean"}}})"},
    {"ModelState", R"({"type":"object","required":["name","label","category","color"],"properties":{
"name":{"type":"string"},"label":{"type":"string"},
"category":{"type":"string","enum":["open","waiting","done","cancelled"]},"color":{"type":"string"},
"tasks":{"type":"array","description":"Tasks that a record brings with it when it comes to the state; absent where there are none.","items":{"type":"object","required":["name","label","required"],
"properties":{"name":{"type":"string"},"label":{"type":"string"},"required":{"type":"boolean"}}}}}})"},
    {"ModelTransition", R"({"type":"object","required":["name","label","from","to","form","comment_required"],"properties":{
"name":{"type":"string"},"label":{"type":"string"},"from":{"type":"array","items":{"type":"string"}},"to":{"type":"string"},
"form":{"type":["string","null"]},"comment_required":{"type":"boolean"},
"waits_for_tasks":{"type":"boolean","description":"Not possible while a required task of the state is open; absent where it is not."},
"approval":{"type":"array","description":"Steps of the approval that it may need.","items":{"type":"object","required":["name","label"],"properties":{
"name":{"type":"string"},"label":{"type":"string"}}}}}})"},
    {"ModelForm", R"({"type":"object","required":["name","label","groups"],"properties":{
"name":{"type":"string"},"label":{"type":"string"},
"groups":{"type":"array","items":{"$ref":"#/components/schemas/ModelFormGroup"}}}})"},
    {"ModelFormGroup", R"({"type":"object","required":["name","label","fields"],"properties":{
"name":{"type":"string"},"label":{"type":"string"},"fields":{"type":"array","items":{"type":"string"}}}})"},
    {"ModelView", R"({"type":"object","required":["name","label","type","columns","group","start","end","sort","filter"],"properties":{
"name":{"type":"string"},"label":{"type":"string"},"type":{"type":"string","enum":["list","board","calendar","timeline"]},
"columns":{"type":"array","items":{"type":"string"},"description":"Fields: of a list its columns, of the others what is shown of each record."},
"group":{"type":["string","null"],"description":"Of a board the field of its columns, of a timeline that of its lanes."},
"start":{"type":["string","null"],"description":"Of a calendar or timeline: the date or instant at which a record begins."},
"end":{"type":["string","null"]},
"sort":{"type":"string"},"filter":{"type":["string","null"],"description":"CEL; all records where it is null. Parameter `view` of the list applies it."}}})"},
    {"ModelRights", R"({"type":"object","required":["read","create","update","delete"],"properties":{
"read":{"type":"boolean"},"create":{"type":"boolean"},"update":{"type":"boolean"},"delete":{"type":"boolean"}}})"},
    {"ModelClock", R"({"type":"object","required":["name","label","calendar"],"properties":{
"name":{"type":"string"},"label":{"type":"string"},
"calendar":{"type":["string","null"],"description":"Label of the calendar whose working time counts; null: every hour does."}}})"},
    {"ModelEntity", R"({"type":"object","required":["name","label","plural","module","icon","menu","ledger","title","rights","live","duplicates","fields","initial","states","transitions","forms","views","clocks","assignments"],"properties":{
"live":{"type":"boolean","description":"Forms ask the draft route while they are filled in."},
"duplicates":{"type":"boolean","description":"There are rules that find records which are probably the same."},
"name":{"type":"string"},"label":{"type":"string"},"plural":{"type":"string"},"module":{"type":"string"},"icon":{"type":"string"},"menu":{"type":"boolean"},"ledger":{"type":"boolean","description":"Records are only added, never changed or deleted."},
"title":{"type":"string","description":"The field that a reference to the record shows."},
"rights":{"$ref":"#/components/schemas/ModelRights"},
"fields":{"type":"array","items":{"$ref":"#/components/schemas/ModelField"}},
"initial":{"type":["string","null"]},
"states":{"type":"array","items":{"$ref":"#/components/schemas/ModelState"}},
"transitions":{"type":"array","items":{"$ref":"#/components/schemas/ModelTransition"}},
"events":{"type":"array","description":"What plugins tell of its records; the timeline's action is `event:NAME`. Absent where there is none.","items":{
"type":"object","required":["name","label"],"properties":{"name":{"type":"string"},"label":{"type":"string"}}}},
"forms":{"type":"array","minItems":1,"items":{"$ref":"#/components/schemas/ModelForm"}},
"clocks":{"type":"array","items":{"$ref":"#/components/schemas/ModelClock"}},
"assignments":{"type":"array","description":"Rules that say who gets a record.","items":{"$ref":"#/components/schemas/ModelAssignment"}},
"links":{"type":"array","description":"Pages for people without an account of which the caller may make private links to some of its records. Absent where there is none.","items":{"$ref":"#/components/schemas/LinkPage"}},
"views":{"type":"array","minItems":1,"items":{"$ref":"#/components/schemas/ModelView"}}}})"},
    {"ModelChoice", R"({"type":"object","required":["name","label","color","active","of"],"properties":{
"of":{"type":"array","items":{"type":"string"},"description":"Options of the controlling field with which it is offered; empty: all."},
"name":{"type":"string"},"label":{"type":"string"},"color":{"type":"string"},"active":{"type":"boolean"}}})"},
    {"ModelModule", R"({"type":"object","required":["name","label","icon","entities","pages"],"properties":{
"name":{"type":"string"},"label":{"type":"string"},"icon":{"type":"string"},"entities":{"type":"array","items":{"type":"string"}},
"pages":{"type":"array","items":{"type":"string"}}}})"},
    {"ModelBlock", R"({"type":"object","required":["name","label","type","width","entity","view","form","text","chart","group","measure","filter"],"properties":{
"name":{"type":"string"},"label":{"type":"string"},"type":{"type":"string","enum":["view","form","chart","markdown","work","button"]},
"width":{"type":"integer","minimum":1,"maximum":24,"description":"Of 24 columns."},
"entity":{"type":["string","null"]},"view":{"type":["string","null"]},"form":{"type":["string","null"]},
"text":{"type":["string","null"],"description":"Markdown. HTML in it is text."},
"chart":{"type":["string","null"],"enum":["bar","line","pie","number",null]},
"group":{"type":["string","null"],"description":"For the route of groups."},"measure":{"type":["string","null"]},
"filter":{"type":["string","null"]}}})"},
    {"ModelPage", R"({"type":"object","required":["name","label","icon","menu","module","blocks"],"properties":{
"name":{"type":"string"},"label":{"type":"string"},"icon":{"type":"string"},"menu":{"type":"boolean"},"module":{"type":"string"},
"blocks":{"type":"array","items":{"$ref":"#/components/schemas/ModelBlock"}}}})"},
    {"Model", R"({"type":"object","required":["hash","locale","locales","agency","modules","entities","choices","pages"],"properties":{
"hash":{"type":"string"},"locale":{"type":"string"},"locales":{"type":"array","items":{"type":"string"}},
"agency":{"type":"object","required":["name","currency","time_zone","color","logo"],"properties":{
"name":{"type":"string"},"currency":{"type":"string"},"time_zone":{"type":"string"},
"color":{"type":"string","description":"`#rrggbb`, of public pages and printed ones."},"logo":{"type":"string","description":"A path on this server or a data URL; empty: none."}}},
"modules":{"type":"array","items":{"$ref":"#/components/schemas/ModelModule"}},
"entities":{"type":"object","additionalProperties":{"$ref":"#/components/schemas/ModelEntity"}},
"choices":{"type":"object","additionalProperties":{"type":"array","items":{"$ref":"#/components/schemas/ModelChoice"}}},
"pages":{"type":"object","additionalProperties":{"$ref":"#/components/schemas/ModelPage"},"description":"Those that the caller may see, with the blocks of which he may see something."}}})"},
    {"HandbookSpan", R"({"type":"object","required":["kind","text"],"properties":{
"kind":{"type":"string","enum":["text","strong","code","place","category","link"],"description":"`code`: as definitions write it. `place`: of a template, filled in when it is sent. `category`: of states, `to` is its word. `link`: `to` is the id of a section."},
"text":{"type":"string"},"to":{"type":"string"},
"language":{"type":"string","description":"Where the text is not in the handbook's language, the one that it is in."}}})"},
    {"HandbookLine", R"({"type":"array","items":{"$ref":"#/components/schemas/HandbookSpan"}})"},
    {"HandbookCell", R"({"type":"array","description":"Lines below each other.","items":{"$ref":"#/components/schemas/HandbookLine"}})"},
    {"HandbookTable", R"({"type":"object","required":["caption","head","rows"],"properties":{
"caption":{"type":["string","null"]},"head":{"type":"array","items":{"type":"string"}},
"rows":{"type":"array","items":{"type":"array","items":{"$ref":"#/components/schemas/HandbookCell"}}}}})"},
    {"HandbookNode", R"({"type":"object","required":["id","label","language","category","category_label","initial","lines","x","y","width","height"],"properties":{
"id":{"type":"string"},"label":{"type":"string"},"language":{"type":["string","null"]},
"category":{"type":"string","enum":["open","waiting","done","cancelled"]},"category_label":{"type":"string"},"initial":{"type":"boolean"},
"lines":{"type":"array","items":{"type":"string"},"description":"The label, broken."},
"x":{"type":"integer"},"y":{"type":"integer"},"width":{"type":"integer"},"height":{"type":"integer"}}})"},
    {"HandbookEdge", R"({"type":"object","required":["number","label","dashed","from","to","label_x","label_y","lines","points"],"properties":{
"number":{"type":"integer"},"label":{"type":"string"},"dashed":{"type":"boolean","description":"Taken by itself."},
"from":{"type":"string"},"to":{"type":"string"},"label_x":{"type":"integer"},"label_y":{"type":"integer"},
"lines":{"type":"array","items":{"type":"string"},"description":"Number and label, broken; the last one stands at `label_y`."},
"points":{"type":"array","items":{"type":"array","items":{"type":"integer"}}}}})"},
    {"HandbookChart", R"({"type":"object","required":["title","width","height","start","nodes","edges"],"properties":{
"title":{"type":"string"},"width":{"type":"integer","description":"0 where there are too many states for a chart."},"height":{"type":"integer"},
"start":{"type":"array","items":{"type":"integer"},"description":"Left of the initial state."},
"nodes":{"type":"array","items":{"$ref":"#/components/schemas/HandbookNode"}},
"edges":{"type":"array","items":{"$ref":"#/components/schemas/HandbookEdge"}}}})"},
    {"HandbookBlock", R"({"type":"object","required":["kind","lines","table","chart"],"properties":{
"kind":{"type":"string","enum":["paragraph","list","table","chart"]},
"lines":{"type":"array","items":{"$ref":"#/components/schemas/HandbookLine"},"description":"Of a chart: what it shows, in words."},
"table":{"anyOf":[{"$ref":"#/components/schemas/HandbookTable"},{"type":"null"}]},
"chart":{"anyOf":[{"$ref":"#/components/schemas/HandbookChart"},{"type":"null"}]}}})"},
    {"HandbookSection", R"({"type":"object","required":["id","name","title","blocks","sections"],"properties":{
"id":{"type":"string"},"name":{"type":["string","null"],"description":"Of what it is about, as definitions name it."},
"title":{"$ref":"#/components/schemas/HandbookLine"},
"blocks":{"type":"array","items":{"$ref":"#/components/schemas/HandbookBlock"}},
"sections":{"type":"array","items":{"$ref":"#/components/schemas/HandbookSection"}}}})"},
    {"Handbook", R"({"type":"object","required":["locale","title","hash","contents","in_words","sections"],"properties":{
"locale":{"type":"string"},"title":{"type":"string"},"hash":{"type":"string"},
"contents":{"type":"string","description":"Heading of the table of contents."},
"in_words":{"type":"string","description":"Heading of what a chart shows in words."},
"sections":{"type":"array","items":{"$ref":"#/components/schemas/HandbookSection"}}}})"},
    {"OpenapiDocument", R"({"type":"object","required":["openapi","info","paths"],"properties":{
"openapi":{"type":"string"},"info":{"type":"object","additionalProperties":true},"paths":{"type":"object","additionalProperties":true}},"additionalProperties":true})"},
    // ---- Administration
    {"Plugin", R"({"type":"object","required":["name","version","label","kind","state","file","sdk","error","hooks","routes","hash","vendor","description","signature","signed_by","installed","requires","dependents","decided","versions","migrations","health"],"properties":{
"name":{"type":"string"},"version":{"type":"string"},"label":{"type":"string"},"kind":{"type":"string","enum":["library","pack"]},
"state":{"type":"string","enum":["enabled","disabled","refused","quarantined"]},
"file":{"type":"string"},"sdk":{"type":"string"},
"error":{"type":["string","null"],"description":"Why it was refused, or is in quarantine."},
"hooks":{"type":"integer"},
"routes":{"type":"array","items":{"type":"string"}},
"hash":{"type":"string","description":"SHA-256 of the file."},"vendor":{"type":"string"},"description":{"type":"string"},
"signature":{"type":"string","enum":["unsigned","damaged","unknown","trusted"]},"signed_by":{"type":["string","null"],"description":"The trusted key's name."},
"installed":{"type":"boolean","description":"Its file was installed, and is not of the server's own folder."},
"requires":{"type":"array","items":{"type":"string"},"description":"Plugins with ranges of versions."},
"dependents":{"type":"array","items":{"type":"string"},"description":"Plugins in use that need it."},
"decided":{"type":["object","null"],"description":"What was said while the server ran; null: caravan.yaml says it.","required":["on","by","at"],
"properties":{"on":{"type":"boolean"},"by":{"type":"string"},"at":{"type":"string","format":"date-time"}}},
"versions":{"type":"array","items":{"type":"object","required":["version","file","hash","used","error"],"properties":{
"version":{"type":"string"},"file":{"type":"string"},"hash":{"type":"string"},"used":{"type":"boolean"},"error":{"type":["string","null"]}}}},
"migrations":{"type":"array","description":"Changes of data that it asks for.","items":{"type":"object","required":["name","version","records","done_at"],"properties":{
"name":{"type":"string"},"version":{"type":["string","null"],"description":"With which it began; null: it waits."},"records":{"type":"integer"},"done_at":{"type":["string","null"],"format":"date-time"}}}},
"health":{"type":"object","description":"Since the process began.","required":["calls","errors","refusals","paused","callbacks"],"properties":{
"calls":{"type":"integer"},"errors":{"type":"integer"},"refusals":{"type":"integer"},"paused":{"type":"integer","description":"Callbacks that are not called for some seconds, after repeated errors."},
"callbacks":{"type":"array","items":{"type":"object","required":["name","calls","errors","refusals","late","micros","longest_micros","paused_seconds"],"properties":{
"name":{"type":"string"},"calls":{"type":"integer"},"errors":{"type":"integer"},"refusals":{"type":"integer"},
"late":{"type":"integer","description":"Calls that took longer than they may."},"micros":{"type":"integer"},"longest_micros":{"type":"integer"},
"paused_seconds":{"type":"integer"}}}}}}}})"},
    {"PluginList", R"({"type":"object","required":["items"],"properties":{
"items":{"type":"array","items":{"$ref":"#/components/schemas/Plugin"}}}})"},
    {"PluginForm", R"({"type":"object","required":["file"],"properties":{"file":{"type":"string","contentMediaType":"application/octet-stream","description":"NAME.so, or a pack."}}})", "multipart/form-data"},
    {"PluginEnable", R"({"type":"object","additionalProperties":false,"properties":{"version":{"type":["string","null"]},"dependencies":{"type":["boolean","null"],"description":"Also what it needs."}}})"},
    {"PluginDisable", R"({"type":"object","additionalProperties":false,"properties":{"dependents":{"type":["boolean","null"],"description":"Also what needs it."}}})"},
    {"PluginUpgrade", R"({"type":"object","additionalProperties":false,"properties":{"version":{"type":["string","null"],"description":"The newest that is here where absent."}}})"},
    {"PluginChange", R"({"type":"object","required":["hash","changed","on","off","restarting","restart_needed"],"properties":{
"hash":{"type":"string"},"changed":{"type":"boolean"},"on":{"type":"array","items":{"type":"string"}},"off":{"type":"array","items":{"type":"string"}},
"restarting":{"type":"boolean","description":"A fresh process takes over in a moment."},
"restart_needed":{"type":"boolean","description":"The server must be restarted by hand."},
"warnings":{"type":"array","items":{"$ref":"#/components/schemas/FieldError"}}}})"},
    {"PurgePreview", R"({"type":"object","required":["tables","confirm"],"properties":{"confirm":{"type":"string","description":"To be sent back."},
"tables":{"type":"array","items":{"type":"object","required":["table","rows"],"properties":{"table":{"type":"string"},"rows":{"type":"integer"}}}}}})"},
    {"PurgeInput", R"({"type":"object","additionalProperties":false,"required":["confirm"],"properties":{"confirm":{"type":"string"}}})"},
    {"PurgeResult", R"({"type":"object","required":["tables","backup"],"properties":{"backup":{"type":"string","description":"Folder with the rows, on the server."},
"tables":{"type":"array","items":{"type":"object","required":["table","rows"],"properties":{"table":{"type":"string"},"rows":{"type":"integer"}}}}}})"},
    {"PluginHistory", R"({"type":"object","required":["items","next"],"properties":{"next":{"type":["string","null"]},
"items":{"type":"array","items":{"type":"object","required":["id","at","action","version","by","detail","request_id"],"properties":{
"id":{"type":"string"},"at":{"type":"string","format":"date-time"},"action":{"type":"string"},"version":{"type":["string","null"]},
"by":{"type":["string","null"]},"detail":{"type":["string","null"]},"request_id":{"type":["string","null"]}}}}}})"},
    {"PluginSettings", R"({"type":"object","required":["settings"],"properties":{
"settings":{"type":"array","items":{"type":"object","required":["name","label","help","type","value","default","changed_here","file","line","options"],"properties":{
"name":{"type":"string"},"label":{"type":"string"},"help":{"type":"string"},"type":{"type":"string"},"value":{},"default":{},
"changed_here":{"type":"boolean","description":"By this route, and not by a file."},"file":{"type":"string"},"line":{"type":"integer"},
"options":{"type":"array","items":{"type":"object","required":["name","label"],"properties":{"name":{"type":"string"},"label":{"type":"string"}}}}}}}}})"},
    {"PluginSettingsInput", R"({"type":"object","additionalProperties":{"type":["string","number","boolean","null"]},"examples":[{"max_discount":"0.2"}]})"},
    {"DefinitionSource", R"({"type":"object","required":["layer","file","line"],"properties":{
"layer":{"type":"string","description":"`core`, `plugin sales`, `pack agency`, `agency`, `console edits`, `console` (its settings)."},
"file":{"type":"string"},"line":{"type":"integer","description":"Where the document begins."},"text":{"type":"string"}}})"},
    {"DefinitionSaying", R"({"type":"object","required":["value","removed","layer","file","line"],"properties":{"value":{"type":"string"},
"removed":{"type":"boolean"},"layer":{"type":"string"},"file":{"type":"string"},"line":{"type":"integer"}}})"},
    {"DefinitionList", R"({"type":"object","required":["base","items"],"properties":{"base":{"type":"string","description":"Revision in use."},
"items":{"type":"array","items":{"type":"object","required":["kind","name","label","edited","sources"],"properties":{
"kind":{"type":"string"},"name":{"type":"string"},"label":{"type":["string","null"]},"edited":{"type":"boolean","description":"The console says something of it."},
"sources":{"type":"array","items":{"$ref":"#/components/schemas/DefinitionSource"}}}}}}})"},
    {"Definition", R"({"type":"object","required":["kind","name","edited","sources","words"],"properties":{
"kind":{"type":"string"},"name":{"type":"string"},"edited":{"type":"boolean"},
"sources":{"type":"array","description":"In the order of their merge.","items":{"$ref":"#/components/schemas/DefinitionSource"}},
"words":{"type":"array","items":{"type":"object","required":["path","sayings"],"properties":{"path":{"type":"string","examples":["fields.budget.label.en"]},
"sayings":{"type":"array","description":"The last one counts.","items":{"$ref":"#/components/schemas/DefinitionSaying"}}}}}}})"},
    {"DefinitionEdit", R"({"type":"object","additionalProperties":false,"required":["kind","name"],"properties":{"kind":{"type":"string"},"name":{"type":"string"},
"text":{"type":["string","null"],"description":"One YAML document; null: the console says nothing of it any more."}}})"},
    {"DefinitionCheckInput", R"({"type":"object","additionalProperties":false,"properties":{
"base":{"type":"string","description":"Revision on which the draft was begun."},
"documents":{"type":"array","maxItems":500,"items":{"$ref":"#/components/schemas/DefinitionEdit"}},
"plan":{"type":"boolean","description":"Also look at the rows of the database."}},
"examples":[{"documents":[]}]})"},
    {"DefinitionPlan", R"({"type":["object","null"],"description":"What it would make of the database beyond what is added; null where nobody looked.","required":["steps","confirm"],"properties":{
"steps":{"type":"array","items":{"type":"object","required":["table","what","samples","loses","blocked"],"properties":{
"table":{"type":"string"},"what":{"type":"string"},"samples":{"type":"array","items":{"type":"string"},"description":"Some values or rows that it is about."},
"loses":{"type":"boolean"},"blocked":{"type":"boolean","description":"The draft cannot be published before the rows are mended, or while servers run."}}}},
"confirm":{"type":["string","null"],"description":"To be sent back with `leftovers: drop`."}}})"},
    {"DefinitionFinding", R"({"type":"object","required":["severity","kind","name","known","file","line","column","code","message","hint","explained"],"properties":{
"severity":{"type":"string","enum":["error","warning"]},"kind":{"type":["string","null"]},"name":{"type":["string","null"]},
"known":{"type":"boolean","description":"Also found in what is in use."},"file":{"type":"string"},"line":{"type":"integer"},"column":{"type":"integer"},
"code":{"type":"string"},"message":{"type":"string"},"hint":{"type":"string"},"explained":{"type":"boolean","description":"`/admin/config/codes/{code}` tells more."}}})"},
    {"DefinitionCheck", R"({"type":"object","required":["base","stale","sound","findings","plan"],"properties":{
"base":{"type":"string","description":"Revision in use."},"stale":{"type":"boolean","description":"The draft was begun on another one."},"sound":{"type":"boolean"},
"findings":{"type":"array","maxItems":2000,"items":{"$ref":"#/components/schemas/DefinitionFinding"}},
"plan":{"$ref":"#/components/schemas/DefinitionPlan"}}})"},
    {"DefinitionPublishInput", R"({"type":"object","additionalProperties":false,"required":["base","documents","comment"],"properties":{
"base":{"type":"string"},"documents":{"type":"array","maxItems":500,"items":{"$ref":"#/components/schemas/DefinitionEdit"}},
"comment":{"type":"string","maxLength":500},
"leftovers":{"type":"string","enum":["keep","drop"],"description":"What becomes of columns and tables that nothing names any more: kept for a later revision, or dropped with their values."},
"confirm":{"type":"string"}},
"examples":[{"base":"1","documents":[],"comment":"Another label"}]})"},
    {"DefinitionPublication", R"({"type":"object","required":["revision","hash","changed","dropped","not_dropped","warnings"],"properties":{
"revision":{"type":"string"},"hash":{"type":"string"},"changed":{"type":"boolean"},
"dropped":{"type":"array","items":{"type":"string"}},"not_dropped":{"type":["string","null"],"description":"Why what was to be dropped is still there."},
"warnings":{"type":"array","items":{"$ref":"#/components/schemas/FieldError"}}}})"},
    {"DefinitionComparison", R"({"type":"object","required":["from","to","items"],"properties":{"from":{"type":"string"},"to":{"type":"string"},
"items":{"type":"array","items":{"type":"object","required":["kind","name","layer","before","after"],"properties":{"kind":{"type":"string"},"name":{"type":"string"},"layer":{"type":"string"},
"before":{"anyOf":[{"$ref":"#/components/schemas/DefinitionSource"},{"type":"null"}]},
"after":{"anyOf":[{"$ref":"#/components/schemas/DefinitionSource"},{"type":"null"}]}}}}}})"},
    {"DefinitionUpgrade", R"({"type":"object","required":["from","to","plugins","items"],"properties":{
"from":{"type":["string","null"],"description":"null: plugins were never others."},"to":{"type":"string"},
"plugins":{"type":"array","items":{"type":"object","required":["name","change"],"properties":{"name":{"type":"string"},"change":{"type":"string","enum":["added","removed","changed"]}}}},
"items":{"type":"array","items":{"type":"object","required":["kind","name","path","effect","before","after","agency"],"properties":{
"kind":{"type":"string"},"name":{"type":"string"},"path":{"type":"string"},
"effect":{"type":"string","enum":["takes_effect","overridden","same_as_override","orphaned"]},
"before":{"anyOf":[{"$ref":"#/components/schemas/DefinitionSaying"},{"type":"null"}]},
"after":{"anyOf":[{"$ref":"#/components/schemas/DefinitionSaying"},{"type":"null"}]},
"agency":{"anyOf":[{"$ref":"#/components/schemas/DefinitionSaying"},{"type":"null"}],"description":"The agency's own word on it."}}}}}})"},
    {"DefinitionHistory", R"({"type":"object","required":["items","next"],"properties":{"next":{"type":["string","null"]},
"items":{"type":"array","items":{"type":"object","required":["id","at","action","revision","by","detail","request_id"],"properties":{
"id":{"type":"string"},"at":{"type":"string","format":"date-time"},"action":{"type":"string","enum":["published","restored"]},"revision":{"type":"string"},
"by":{"type":"string"},"detail":{"type":["string","null"]},"request_id":{"type":["string","null"]}}}}}})"},
    {"DefinitionSchema", R"({"type":"object","description":"JSON Schema, draft 2020-12, of one document."})"},
    {"CheckCode", R"({"type":"object","required":["code","severity","what","wrong","right"],"properties":{"code":{"type":"string"},
"severity":{"type":"string","enum":["error","warning"]},"what":{"type":"string"},"wrong":{"type":["string","null"]},"right":{"type":["string","null"]}}})"},
    {"ReloadResult", R"({"type":"object","required":["hash","changed"],"properties":{
"hash":{"type":"string"},"changed":{"type":"boolean"},
"warnings":{"type":"array","items":{"$ref":"#/components/schemas/FieldError"}}}})"},
};

constexpr OpenapiParts parts{schemas, query, request_headers, answer_headers, path, tags};

}  // namespace

const OpenapiParts& openapi_parts() {
  return parts;
}

const OpenapiPart* find_part(std::span<const OpenapiPart> list, std::string_view name) {
  for (const OpenapiPart& part : list) {
    if (part.name == name) return &part;
  }
  return nullptr;
}

}  // namespace caravan::api
