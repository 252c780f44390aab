#include "model/words.h"

#include <algorithm>
#include <charconv>
#include <vector>

#include "base/decimal.h"
#include "base/words.h"
#include "model/loader.h"

namespace caravan::model {
namespace {

constexpr Word after_word{
    "after", Shape::text,
    "Place among the others: the name of the one before it; `\"\"` for the first place."};
constexpr Word label_word{"label", Shape::label,
                          "What people read: a text, or one per language (`{en: …, zh-CN: …, zh-TW: …}`)."};

constexpr Word invariant_list[] = {
    {.name = "check",
     .shape = Shape::expression,
     .doc = "Condition over `record` that must hold after every change. Empty fields pass.",
     .required = true},
    {"message", Shape::label, "Said to the user when it does not hold."},
    after_word,
};
constexpr Words invariant_words{
    "invariant", "A condition that every record must meet, enforced by the database.", invariant_list};

constexpr Word unique_list[] = {
    {.name = "fields",
     .shape = Shape::names,
     .doc = "The fields that must differ together.",
     .required = true},
    {"message", Shape::label, "Said to the user when another record has the same values."},
};
constexpr Words unique_words{
    "unique key", "Fields whose values no two records share. Short form: a list of fields.", unique_list};

constexpr Word index_list[] = {
    {.name = "fields",
     .shape = Shape::names,
     .doc = "The fields, in the order of comparison.",
     .required = true},
};
constexpr Words index_words{
    "index", "Fields by which the database finds or sorts records quickly. Short form: a list of fields.",
    index_list};

constexpr Word rollup_list[] = {
    {"count", Shape::flag, "true: how many there are (int)."},
    {"sum", Shape::name, "Field of theirs that is added up (int, decimal or money, of the same type and scale); 0 without records."},
    {"min", Shape::name, "Field of theirs whose smallest value is kept (also date and instant); empty without records."},
    {"max", Shape::name, "Field of theirs whose greatest value is kept (also date and instant)."},
    {.name = "of", .shape = Shape::name, .doc = "Entity whose records count.", .required = true},
    {.name = "by", .shape = Shape::name, .doc = "Their reference to this record.", .required = true},
    {"where", Shape::expression, "Which of them count: a condition over their own fields as `record`; all unless given."},
};
constexpr Words rollup_words{"rollup",
                             "A number of children, their sum, or their smallest or greatest value: one of `count`, `sum`, `min`, `max`.",
                             rollup_list};

constexpr Word exclusive_list[] = {
    {.name = "resource", .shape = Shape::name, .doc = "Reference to what cannot be had twice at a time (ref).", .required = true},
    {.name = "from", .shape = Shape::name, .doc = "Field with the beginning: a date (included) or an instant.", .required = true},
    {.name = "to", .shape = Shape::name, .doc = "Field with the end, of the same type: a date is included, an instant is not.", .required = true},
    {"where", Shape::expression, "Which records count: a condition over their own fields as `record`; all unless given."},
    {"message", Shape::label, "Said to the user when the time is taken."},
    after_word,
};
constexpr Words exclusive_words{
    "exclusive rule", "No two records of one resource overlap in time. A record without resource, beginning or end does not count.",
    exclusive_list};

constexpr Word field_list[] = {
    {.name = "type",
     .shape = Shape::keyword,
     .doc = "Kind of value.",
     .keywords = "text int bool decimal money date instant choice ref json multi refs localized file image",
     .required = true},
    label_word,
    {"help", Shape::label, "A sentence shown beside the input."},
    {"visible", Shape::expression,
     "Condition over `record` and `user`; unless it holds, the field is not shown on forms, need not hold a value and "
     "cannot be set by clients. A value that is there stays."},
    {"required", Shape::rule,
     "Must hold a value, on creation and after every change: true, or while a condition over `record` and `user` holds."},
    {"default", Shape::texts, "Value of a new record where none is given; of a multi, a list of options."},
    {"default_expr", Shape::expression, "The same as an expression over `user`, evaluated on creation."},
    {"read_only", Shape::rule,
     "Clients may not set it; effects and plugins may. true, or while a condition over `record` and `user` holds for the "
     "record as it was before the change."},
    {"search", Shape::flag, "Found by the search box of lists (text, localized)."},
    {"multiline", Shape::flag, "Several lines of text, of any length unless `max` is given."},
    {"max", Shape::number,
     "Largest value (int, decimal, money), or greatest number of characters (text, localized; 255 unless given)."},
    {"min", Shape::number, "Smallest value (int, decimal, money)."},
    {"scale", Shape::integer, "Digits after the point (decimal, money), 0 to 18; 2 unless given."},
    {"to", Shape::name, "Entity that a ref or refs points at."},
    {"max_size", Shape::text, "Largest size of a file or image: `500 KB`, `10 MB`; the server's own limit unless given."},
    {"accept", Shape::texts,
     "Media types that a file or image may have, as its content says: `application/pdf`, `image/*`; any unless given, of an image those that browsers show."},
    {"choices", Shape::name, "List that a choice or multi is taken from."},
    {.name = "right",
     .shape = Shape::keyword,
     .doc = "What roles that say nothing about the field may do with it; `write` unless given. `masked` shows a "
            "text's last characters.",
     .keywords = "hidden masked read write"},
    {"compute", Shape::expression,
     "Expression over `record` that gives the value on every write; clients cannot set it."},
    {"depends_on", Shape::name,
     "Choice field of the same entity (choice): its value decides which options are offered, see `of` of an option."},
    after_word,
    {"sensitive", Shape::flag,
     "Sealed in the database and in the history with a key that lies outside (text). Filters can ask only whether it equals a text "
     "or is empty; each look at it is logged."},
    {.name = "delete",
     .shape = Shape::keyword,
     .doc = "What happens when the record that a ref or refs points at is deleted: `restrict` (unless given) refuses that, `clear` "
            "empties the reference or takes the id out of the list, `cascade` deletes the record that refers.",
     .keywords = "restrict clear cascade"},
    {"rollup", Shape::object,
     "Value kept up from the records that refer to this one, in the transaction of their change; clients cannot set it.",
     &rollup_words},
};
constexpr Words field_words{"field", "A field of an entity, which is a column of its table.", field_list};

constexpr Word effect_list[] = {
    {"set", Shape::expressions,
     "Fields to set, each by an expression over `record` and `user`: of the record itself or, with `of`, of the one that it refers to."},
    {"create", Shape::name, "Entity of which a record is made in the same transaction."},
    {"with", Shape::expressions, "Fields of the new record, each by an expression over `record` and `user`."},
    {"transition", Shape::identifier,
     "Step that is taken, of the record itself or, with `of`, of the one that it refers to. Its guard and required fields are asked, roles "
     "are not; where it cannot be taken, nothing of the transaction happens."},
    {"of", Shape::identifier, "Reference of the record to the one that is meant; of `set` and `transition`."},
    {"each", Shape::name,
     "Entity whose records are changed, each one that refers to the record (with `of`, to the one that is meant) by `by`; of `set` and "
     "`transition`, whose expressions are over the record that the rule is about. At most 1000."},
    {"by", Shape::identifier, "Reference of the records of `each`."},
    {"where", Shape::expression, "Which records of `each`: a condition over their fields as `record`; all unless given."},
    {"notify", Shape::label,
     "A notice in the console, by language, with places such as `{{record.number}}`; to `roles` and `users`, who get it in their own language."},
    {"roles", Shape::names, "Roles whose holders are told; of `notify` and `send`."},
    {"users", Shape::expression, "Id of a user, or a list of ids, over `record` and `user`; of `notify` and `send`."},
    {"urgent", Shape::flag, "Marks the notice as urgent; of `notify`."},
    {"send", Shape::name, "Message (`kind: message`) that is sent to `to`, `users` and `roles` after the transaction."},
    {"to", Shape::expression, "Address, or a list of addresses, over `record` and `user`; of `send`."},
    {"language", Shape::expression,
     "Language in which those addresses get the message, over `record` and `user`: `record.language`, or `'zh-TW'`; the agency's where it is empty "
     "and unless given. Users get it in their own. Of `send`."},
    {"call", Shape::name,
     "Action of a plugin that is done with the record in the same transaction: `PLUGIN.ACTION`, with `payload`; with `into`, a function of a plugin "
     "whose answers are set on the record: `PLUGIN.FUNCTION`."},
    {"into", Shape::mapping,
     "Fields of the record that take what a function answers, by the name of the answer: `{category: label, confidence: score}`; of `call`."},
    {"webhook", Shape::text, "Address (https) that gets the `payload` as JSON after the transaction, signed as Standard Webhooks say."},
    {"payload", Shape::expressions, "What a webhook or an action is told, each by an expression over `record` and `user`."},
    {"when", Shape::expression, "Condition over `record` and `user` without which the effect is left out."},
    after_word,
};
constexpr Words effect_words{"effect", "Something that happens with a step or by a rule, in its transaction.",
                             effect_list};

constexpr Word task_list[] = {
    label_word,
    {"by", Shape::name, "Role whose holders may do it."},
    {"by_user", Shape::expression,
     "Id of the user who does it, over `record` and `user` (who brought the record to the state): `record.owner`. Where it is empty and "
     "there is no `by`, whoever brought the record there does it."},
    {"when", Shape::expression, "Condition over `record` and `user` without which it is left out."},
    {"within", Shape::expression, "How much time there is: `24h`, `90m`, or an expression over `record` that gives a duration."},
    {"calendar", Shape::name, "Calendar whose working time `within` counts; every hour counts unless given."},
    {"required", Shape::flag, "false: steps with `wait_for: tasks` do not wait for it; true unless given."},
    after_word,
};
constexpr Words task_words{"task",
                           "Work that somebody is given when a record comes to the state: a record of `core.task`. Tasks of one state are done beside "
                           "each other; those that are open when the record leaves it are cancelled.",
                           task_list};

constexpr Word state_list[] = {
    label_word,
    {.name = "category",
     .shape = Shape::keyword,
     .doc = "What the state means to lists and reports; `open` unless given.",
     .keywords = "open waiting done cancelled"},
    {"color", Shape::text, "A preset of the console (`blue`, `green`, `gold` …) or `#rrggbb`."},
    after_word,
    {"enter", Shape::named, "What happens whenever a record comes to the state, also as a new one, in that transaction.", &effect_words},
    {"exit", Shape::named, "What happens whenever a record leaves the state, in that transaction.", &effect_words},
    {"clock", Shape::names, "Clock, or clocks, without `start` of their own, that run while a record is in the state."},
    {"tasks", Shape::named, "Tasks that a record brings with it when it comes to the state, also as a new one.", &task_words},
};
constexpr Words state_words{"state", "A state of a record.", state_list};

constexpr Word approval_list[] = {
    label_word,
    {"by", Shape::names, "Roles whose holders decide; one of them is enough."},
    {"by_user", Shape::expression, "Id of the user who decides, or a list of ids, over `record` as it is asked, e.g. `record.manager`."},
    {"all", Shape::flag, "true: one holder of each role in `by`, and each user of `by_user`, must agree."},
    {"when", Shape::expression,
     "Condition over `record` and `user` (who asks) under which the step is needed; asked once. Where it cannot be told, for an empty field, it is needed."},
    {"self", Shape::flag, "true: whoever asked may decide himself. Else he may not, nor somebody as his deputy."},
    {"remind", Shape::text, "Those who can decide are reminded whenever this time has passed: `24h`; at least `1m`."},
    after_word,
};
constexpr Words approval_words{"approval", "A step of an approval.", approval_list};

constexpr Word transition_list[] = {
    label_word,
    {.name = "from", .shape = Shape::names, .doc = "State, or states, that it leaves.", .required = true},
    {.name = "to", .shape = Shape::name, .doc = "State that it leads to.", .required = true},
    {"by", Shape::names, "Roles that may take it; without it, whoever may edit the record."},
    {"require", Shape::names, "Fields that must hold a value, before the step or given with it."},
    {"when", Shape::expression, "Guard over `record` and `user`."},
    {"message", Shape::label, "Said to the user when the guard does not hold."},
    {"form", Shape::name, "Form whose fields are asked for with the step."},
    {.name = "comment",
     .shape = Shape::keyword,
     .doc = "Whether a comment must be given with the step; `optional` unless given.",
     .keywords = "optional required"},
    {"do", Shape::named, "Effects of the step, in order.", &effect_words},
    after_word,
    {"approval", Shape::named,
     "Who must agree before it is taken, step by step. Whoever takes it asks for that, and it is taken by itself when the last has agreed.",
     &approval_words},
    {"void_on", Shape::names,
     "Fields of the record whose change voids an approval that waits, beside those that `when` of the step, and `when` and `by_user` of its approval, read."},
    {"automatic", Shape::flag,
     "true: taken by itself, in the same transaction, as soon as `when` and `require` hold after any change of the record. Of several, the first."},
    {"at", Shape::expression,
     "Timestamp or date (its first moment at the agency) over `record` at which it is taken by itself; where `when` does not hold then, as "
     "soon as it does after a change. Reads the record's own fields."},
    {.name = "wait_for",
     .shape = Shape::keyword,
     .doc = "`tasks`: not taken while a required task of the state that it leaves is open. With `automatic`, it is taken when the last one ends.",
     .keywords = "tasks"},
    {"undo", Shape::text, "Time in which whoever took it may take it back, where nothing was changed since: `15m`, `2h`; at most `168h`."},
};
constexpr Words transition_words{"transition", "A step from one state to another.", transition_list};

constexpr Word workflow_list[] = {
    {.name = "initial", .shape = Shape::name, .doc = "State of a new record.", .required = true},
    {.name = "states",
     .shape = Shape::named,
     .doc = "The states, in order.",
     .inner = &state_words,
     .required = true},
    {"transitions", Shape::named, "The steps between them, in order.", &transition_words},
    {"moved", Shape::mapping,
     "States that are no more, and where their records go when the definitions are put in use: `{parked: waiting}`."},
};
constexpr Words workflow_words{"workflow", "The states of a record and the steps between them.",
                               workflow_list};

constexpr Word name_word{
    .name = "name",
    .shape = Shape::name,
    .doc = "Full name, `module.name`; in a plugin's own files the module may be left out.",
    .required = true};

constexpr Word match_compare_list[] = {
    {"fields", Shape::texts, "What is compared; of several, values may stand in one another's place. The field of the comparison's own name unless given."},
    {.name = "as",
     .shape = Shape::keyword,
     .doc = "How: `exact`; `text` (Jaro-Winkler) and `edit` (edit distance) by similarity; `name` of a person, Latin or Chinese, by pinyin too; "
            "`phone`, `email`, `document` by their normal forms; `date` with day and month swapped; `address` word by word; `number`.",
     .keywords = "exact text edit name phone email date address number document",
     .required = true},
    {.name = "agree", .shape = Shape::number, .doc = "Weight of agreement: the logarithm to base 2 of how much likelier it is among pairs than among others.", .required = true},
    {.name = "disagree", .shape = Shape::number, .doc = "Weight of disagreement, 0 or less. A value that is empty weighs nothing.", .required = true},
    {"near", Shape::number, "Similarity, 0 to 1, up to which two values disagree; from there to 1 the weight grows evenly."},
    {"tolerance", Shape::number, "Difference up to which numbers agree, or dates, in days."},
    after_word,
};
constexpr Words match_compare_words{"comparison", "What one comparison says of whether two are the same.", match_compare_list};

constexpr Word match_key_list[] = {
    {.name = "on",
     .shape = Shape::texts,
     .doc = "Parts that are equal in both: a field, `first(FIELD, 3)`, `last(FIELD, 4)`, or `sound(FIELD)`, which is the same for words that sound alike.",
     .required = true},
    after_word,
};
constexpr Words match_key_words{"matching key", "Only what has one of the keys in common is compared at all.", match_key_list};

constexpr Word match_compare_word{"compare", Shape::named, "Comparisons, whose weights are added.", &match_compare_words};
constexpr Word match_keys_word{"keys", Shape::named, "What two must have in common to be compared: at least one of these.", &match_key_words};
constexpr Word match_threshold_word{"threshold", Shape::number, "Sum of weights from which two are taken for the same."};
constexpr Word match_region_word{"region", Shape::text, "Country of phone numbers that name none; `CN` unless given."};

constexpr Word matching_list[] = {
    name_word, label_word, match_compare_word, match_keys_word, match_threshold_word, match_region_word,
};
constexpr Words matching_words{"matching", "Which rows of files are of the same thing, for `caravan dedupe`.", matching_list};

constexpr Word duplicate_list[] = {
    {"warn", Shape::names, "Fields that are equal in both records; where one of them is empty, nothing is found. Or `compare`."},
    match_compare_word,
    match_keys_word,
    match_threshold_word,
    match_region_word,
    {"where", Shape::expression, "Which stored records count, over `record`; all unless given."},
    {"message", Shape::label, "Said to the user where such records are found."},
    after_word,
};
constexpr Words duplicate_words{
    "duplicate rule", "Finds records that are probably of the same thing. Users are warned; nothing is forbidden.",
    duplicate_list};

constexpr Word event_list[] = {
    label_word,
    after_word,
};
constexpr Words event_words{"event", "Something that happens to a record without changing it; a plugin tells it.", event_list};

constexpr Word entity_list[] = {
    name_word,
    label_word,
    {"plural", Shape::label, "Label of several; the label unless given."},
    {"icon", Shape::text, "Icon of the console, e.g. `phone`."},
    {"menu", Shape::flag, "Shown in the navigation; true unless given."},
    {"number", Shape::text,
     "Format of the visible number: text with `{yyyy}`, `{mm}` and `{seq:6}` (digits; counted anew each year "
     "where `{yyyy}` stands), e.g. `ORD-{yyyy}-{seq:6}`."},
    {"title", Shape::name, "Field that a reference to the record shows; the number unless given."},
    {"fields", Shape::named, "The fields, in order.", &field_words},
    {"invariants", Shape::named, "Conditions that every record must meet.", &invariant_words},
    {"indexes", Shape::named, "Fields by which the database finds or sorts records quickly.", &index_words},
    {"unique", Shape::named, "Fields whose values no two records share.", &unique_words},
    {"workflow", Shape::object, "States and transitions.", &workflow_words},
    {"duplicates", Shape::named, "Rules that find records that are probably of the same thing.", &duplicate_words},
    {"exclusive", Shape::named, "No overlap in time per resource.", &exclusive_words},
    {"events", Shape::named, "What plugins may tell of a record beside its changes; automations follow by `on: ENTITY.event.NAME`.", &event_words},
    {"ledger", Shape::flag, "Records are only added: nobody changes or deletes one, the database refuses it, too."},
    {"gap_free", Shape::flag,
     "Numbers follow each other without a gap: they are taken in the transaction, one record after the other. Slower; only where it is "
     "demanded."},
    {.name = "delete", .shape = Shape::text, .doc = "Rules of deletion.", .available = false},
};
constexpr Words entity_words{
    "entity",
    "A kind of record: its fields, rules and workflow. The core makes its table, screens and routes.",
    entity_list};

constexpr Word option_list[] = {
    label_word,
    {"color", Shape::text, "A preset of the console (`blue`, `green`, `gold` …) or `#rrggbb`."},
    {"active", Shape::flag, "false: kept for old records, no longer offered; true unless given."},
    {"of", Shape::options,
     "Options of the field that the choice depends on (`depends_on`) with which this one is offered; all unless given."},
    after_word,
};
constexpr Words option_words{"option", "A value to choose; its name is what is stored.", option_list,
                             KeySyntax::option};

constexpr Word choices_list[] = {
    name_word,
    label_word,
    {.name = "options",
     .shape = Shape::named,
     .doc = "The values, in order.",
     .inner = &option_words,
     .required = true},
    {"moved", Shape::mapping,
     "Options that are no more, and what their records get instead when the definitions are put in use: `{fax: phone}`."},
};
constexpr Words choices_words{"choices", "A list of values for choice fields.", choices_list};

constexpr Word group_list[] = {
    label_word,
    {.name = "fields",
     .shape = Shape::names,
     .doc = "The fields shown in the group, in order; as a map (`{due_on: {}}`), other layers can add to it.",
     .required = true},
    after_word,
};
constexpr Words group_words{"group", "Fields that stand together on a form.", group_list};

constexpr Word form_list[] = {
    name_word,
    label_word,
    {.name = "entity", .shape = Shape::name, .doc = "Entity whose fields it shows.", .required = true},
    {.name = "groups",
     .shape = Shape::named,
     .doc = "Groups of fields, in order.",
     .inner = &group_words,
     .required = true},
};
constexpr Words form_words{
    "form", "Fields to fill in: `ENTITY_form` for create and edit, others for transitions.", form_list};

constexpr Word view_list[] = {
    name_word,
    label_word,
    {.name = "type",
     .shape = Shape::keyword,
     .doc = "How the records are shown; `list` unless given.",
     .keywords = "list board calendar timeline"},
    {.name = "entity", .shape = Shape::name, .doc = "Entity whose records it shows.", .required = true},
    {"columns", Shape::names,
     "Fields shown, in order: of a list its columns (required there), of the others what a card, an entry or a bar shows "
     "beside the record's title."},
    {"group", Shape::name,
     "Of a board: the field whose values are its columns, `state` (unless given) or a choice. Of a timeline: the field "
     "whose values are its lanes, `state`, a choice or a ref; one lane unless given."},
    {"start", Shape::name, "Of a calendar or timeline: the date or instant at which a record begins (required there)."},
    {"end", Shape::name, "Of a calendar or timeline: the field, of the type of `start`, at which it ends."},
    {"sort", Shape::texts, "Fields to sort by; `-` before a name for descending, e.g. `-created_at`."},
    {"filter", Shape::expression, "Which records it shows, over `record` and `user`."},
};
constexpr Words view_words{"view",
                           "Records shown together: a list, a board, a calendar or a timeline. `ENTITY_list` is the "
                           "default list; the others are offered beside it.",
                           view_list};

constexpr Word block_list[] = {
    label_word,
    {.name = "type",
     .shape = Shape::keyword,
     .doc = "What the block is. `work` shows the records of a list one after the other, each whole, with its steps; `button` opens a form.",
     .keywords = "view form chart markdown work button",
     .required = true},
    {"width", Shape::integer, "Columns of 24 that it takes; 24 unless given."},
    {"view", Shape::name, "Of a view or work: its name; of work it is a list."},
    {"form", Shape::name, "Of a form or button: its name. It makes a record of its entity."},
    {"text", Shape::label, "Of markdown: the text. HTML in it is shown as text."},
    {.name = "chart",
     .shape = Shape::keyword,
     .doc = "Of a chart: its shape; `bar` unless given. `number` is one number without groups.",
     .keywords = "bar line pie number"},
    {"entity", Shape::name, "Of a chart: the entity whose records are counted."},
    {"group", Shape::text,
     "Of a chart: the field that records are grouped by; dates and instants with a part of the calendar: "
     "`created_at:month` (day, week, month, quarter or year)."},
    {"measure", Shape::text,
     "Of a chart: `count` (unless given), or `sum`, `avg`, `min`, `max` or `count_distinct` of a field: `sum:budget`."},
    {"filter", Shape::expression, "Of a chart: which records are counted, over `record` and `user`."},
    after_word,
};
constexpr Words block_words{"block", "A part of a page.", block_list};

constexpr Word page_list[] = {
    name_word,
    label_word,
    {"icon", Shape::text, "Icon of the console, e.g. `dashboard`."},
    {"menu", Shape::flag, "Shown in the navigation, in its module; true unless given."},
    {"roles", Shape::names,
     "Whose holders see the page; everybody unless given. What a block shows is under the viewer's own rights."},
    {.name = "blocks",
     .shape = Shape::named,
     .doc = "What stands on the page, in order.",
     .inner = &block_words,
     .required = true},
};
constexpr Words page_words{"page", "A page of the console made of blocks: views, work to be done, forms, buttons, charts and texts.", page_list};

constexpr Word report_parameter_list[] = {
    {.name = "type",
     .shape = Shape::keyword,
     .doc = "Kind of value. `period`: days from and to, both included; its conditions read `params.NAME.from` and `.to` (dates), `.start` and `.end` (timestamps; "
            "the end is not included).",
     .keywords = "period text int bool decimal date choice ref",
     .required = true},
    label_word,
    {"help", Shape::label, "A sentence shown beside the value."},
    {"choices", Shape::name, "List that a choice is taken from."},
    {"to", Shape::name, "Entity that a ref points at."},
    {"default", Shape::text,
     "Value where none is given; of a period: `today`, `yesterday`, `this_week`, `last_week`, `this_month`, `last_month`, `this_quarter`, `last_quarter`, "
     "`this_year`, `last_year`, `last_7_days`, `last_30_days`, `last_90_days`, `last_365_days`, or `2026-01-01..2026-03-31`."},
    {"required", Shape::flag, "true: the report is not made without it."},
    after_word,
};
constexpr Words report_parameter_words{"report parameter", "A value that whoever asks for a report may give. Its rules read it as `params.NAME`.", report_parameter_list};

constexpr Word report_group_list[] = {
    {.name = "by",
     .shape = Shape::text,
     .doc = "Field that records are grouped by; dates and instants with a part of the calendar, in the agency's zone: `created_at:month` (day, week, month, "
            "quarter or year).",
     .required = true},
    {"label", Shape::label, "What people read; the field's label unless given."},
    after_word,
};
constexpr Words report_group_words{"report group", "What the rows of a report are.", report_group_list};

constexpr Word report_measure_list[] = {
    label_word,
    {"of", Shape::text,
     "What is measured: `count`, or `sum`, `avg`, `min`, `max`, `median`, `pNN` (percentile, `p1` to `p99`) or `count_distinct` of a field: `sum:budget`, "
     "`p90:hours`."},
    {"where", Shape::expression, "Which records of the group it measures, over `record`, `user` and `params`; all unless given."},
    {"value", Shape::expression,
     "Instead of `of`: computed from the measures before it, which are decimals here: `measures.won / measures.all`. Empty where it cannot be computed."},
    {"call", Shape::name,
     "Instead of `of`: a plugin's function (`kind: function` with `for: measure`), which computes it of the values of `field`. Empty where the plugin cannot."},
    {"field", Shape::identifier, "With `call`: the field whose values, one a record that has one, the function is given."},
    {"percent", Shape::flag, "People read it as a share: 0.25 as 25 %."},
    after_word,
};
constexpr Words report_measure_words{"report measure", "A figure of each group: exactly one of `of`, `value` and `call`.", report_measure_list};

constexpr Word report_list[] = {
    name_word,
    label_word,
    {"help", Shape::label, "A sentence on what it tells."},
    {.name = "entity", .shape = Shape::name, .doc = "Entity whose records are measured.", .required = true},
    {"roles", Shape::names, "To whose holders it is offered; whoever may read the entity unless given. What it shows is under the viewer's own rights."},
    {"parameters", Shape::named, "What may be asked for, in order.", &report_parameter_words},
    {"filters", Shape::expressions,
     "Which records: conditions over `record`, `user` and `params`, by name. All must hold; one that reads a parameter which is not given is left out."},
    {"groups", Shape::named, "What the rows are, at most three, in order; without it, one row.", &report_group_words},
    {.name = "measures", .shape = Shape::named, .doc = "The figures, at most ten, in order.", .inner = &report_measure_words, .required = true},
    {"sort", Shape::texts, "Groups and measures to sort by; `-` before a name for descending. By the groups unless given."},
    {"limit", Shape::integer, "Most rows, 1 to 1000; 100 unless given."},
    {.name = "chart",
     .shape = Shape::keyword,
     .doc = "How it is drawn; `table` unless given. `number`: the figures alone, without groups.",
     .keywords = "table bar line pie number"},
};
constexpr Words report_words{"report", "Figures about the records of one entity, by groups.", report_list};

constexpr Word tile_list[] = {
    {.name = "report", .shape = Shape::name, .doc = "Its name.", .required = true},
    {"label", Shape::label, "What people read; the report's label unless given."},
    {.name = "chart", .shape = Shape::keyword, .doc = "How it is drawn; as the report says unless given.", .keywords = "table bar line pie number"},
    {"measures", Shape::names, "Measures of the report that are shown; all unless given."},
    {"width", Shape::integer, "Columns of 24 that it takes; 12 unless given."},
    {"parameters", Shape::mapping, "Values of the report's parameters: `{period: this_year}`."},
    after_word,
};
constexpr Words tile_words{"dashboard tile", "One report on a dashboard.", tile_list};

constexpr Word dashboard_list[] = {
    name_word,
    label_word,
    {"icon", Shape::text, "Icon of the console, e.g. `dashboard`."},
    {"roles", Shape::names, "To whose holders it is offered; everybody unless given."},
    {.name = "tiles", .shape = Shape::named, .doc = "The reports, in order.", .inner = &tile_words, .required = true},
};
constexpr Words dashboard_words{"dashboard", "Reports beside each other. A parameter that several of them have is one for all.", dashboard_list};

constexpr Word grant_list[] = {
    {"read", Shape::rule, "See records: true, false, or a condition over `record` and `user`."},
    {"create", Shape::rule, "Make records."},
    {"update", Shape::rule, "Change records."},
    {"delete", Shape::rule, "Delete records."},
};
constexpr Words grant_words{"grant", "Rights on one entity.", grant_list, KeySyntax::name};

constexpr Word role_list[] = {
    name_word,
    label_word,
    {"administrator", Shape::flag, "May do everything."},
    {"everyone", Shape::flag, "Held by every signed-in user."},
    {"department", Shape::identifier, "Department where the post belongs."},
    {"includes", Shape::names, "Roles whose rights it has too, with all that those include."},
    {"grants", Shape::named,
     "Rights by entity, e.g. `{sales.order: {read: true, update: \"record.owner == user.id\"}}`.",
     &grant_words},
    {.name = "fields",
     .shape = Shape::field_words,
     .doc = "Rights on fields that differ from the field's own `right`, by entity and field, e.g. "
            "`{sales.order: {margin: hidden}}`. Of several roles that read an entity, the one that gives most counts.",
     .keywords = "hidden masked read write"},
    {"routes", Shape::texts, "Permissions of plugin routes."},
};
constexpr Words role_words{"role", "What the holders of a post may do.", role_list};

constexpr Word department_list[] = {
    {.name = "name",
     .shape = Shape::identifier,
     .doc = "Name of the department, without a dot; `user.department` in rules.",
     .required = true},
    label_word,
    {"parent", Shape::identifier, "Department that it is a part of."},
};
constexpr Words department_words{
    "department", "A part of the agency. Users belong to one (`core.user`, field `department`).", department_list};

constexpr Word module_list[] = {
    {.name = "name",
     .shape = Shape::identifier,
     .doc = "Name of the module, the part before the dot of its entities.",
     .required = true},
    label_word,
    {"icon", Shape::text, "Icon of the console."},
    {"order", Shape::integer, "Place in the navigation, lowest first; 100 unless given."},
};
constexpr Words module_words{"module", "A group of the navigation.", module_list};

constexpr Word agency_list[] = {
    {"name", Shape::text, "Name of the agency."},
    {"currency", Shape::text, "ISO 4217 code of amounts without one, e.g. `CNY`."},
    {"time_zone", Shape::text, "IANA name, e.g. `Asia/Shanghai`; decides what today is."},
    {"locale", Shape::text, "Language where a user has chosen none, e.g. `zh-CN`."},
    {"calendar", Shape::name,
     "When the agency works: what workdays() counts with, and clocks that name no calendar. Without it, Monday to Friday, and every hour "
     "counts for clocks."},
};
constexpr Words agency_words{"agency", "Settings of the agency.", agency_list};

constexpr Word week_list[] = {
    {"daily", Shape::texts, "Working hours of every day that is not named, e.g. `[\"09:00-12:00\", \"13:30-18:00\"]`."},
    {"weekdays", Shape::texts, "Of Monday to Friday, where the day itself is not named."},
    {"monday", Shape::texts, "Of Mondays; `[]`: closed. A part ends after it begins, at `24:00` at the latest."},
    {"tuesday", Shape::texts, "Of Tuesdays."},
    {"wednesday", Shape::texts, "Of Wednesdays."},
    {"thursday", Shape::texts, "Of Thursdays."},
    {"friday", Shape::texts, "Of Fridays."},
    {"saturday", Shape::texts, "Of Saturdays."},
    {"sunday", Shape::texts, "Of Sundays."},
};
constexpr Words week_words{"week", "Working hours by day of the week; days that are not named are free.", week_list};

constexpr Word holiday_list[] = {label_word};
constexpr Words holiday_words{"holiday", "A date, or all from the first to the last (`2026-10-01..2026-10-07`), on which nobody works.",
                              holiday_list, KeySyntax::date};

constexpr Word workday_list[] = {
    label_word,
    {"hours", Shape::texts, "Working hours of this date; those of `like` unless given."},
    {.name = "like",
     .shape = Shape::keyword,
     .doc = "Day of the week whose hours hold; `monday` unless given.",
     .keywords = "monday tuesday wednesday thursday friday saturday sunday"},
};
constexpr Words workday_words{"workday", "A date with hours of its own, such as a Saturday that is worked for a bridge day; goes before holidays.",
                              workday_list, KeySyntax::date};

constexpr Word calendar_list[] = {
    name_word,
    label_word,
    {"base", Shape::name, "Calendar whose zone, hours, holidays and workdays hold where this one says nothing else."},
    {"time_zone", Shape::text, "IANA name of the zone of the hours; the agency's unless given."},
    {"hours", Shape::object, "Working hours of the days of the week.", &week_words},
    {"holidays", Shape::named, "Dates on which nobody works.", &holiday_words},
    {"workdays", Shape::named, "Dates with hours of their own.", &workday_words},
};
constexpr Words calendar_words{"calendar", "When an office works: hours, holidays and days that are shifted to be worked.", calendar_list};

constexpr Word clock_warn_list[] = {
    {.name = "before", .shape = Shape::text, .doc = "How long before the due time, in the clock's own time: `2h`, `90m`, `1h30m`.", .required = true},
    {"do", Shape::named, "What happens then.", &effect_words},
};
constexpr Words clock_warn_words{"warning", "Something that happens while there is little time left.", clock_warn_list};

constexpr Word clock_breach_list[] = {
    {"after", Shape::text, "How long after the due time, in the clock's own time; `0h` unless given. Several make a chain of escalation."},
    {"do", Shape::named, "What happens then.", &effect_words},
};
constexpr Words clock_breach_words{"breach", "Something that happens when the time is over.", clock_breach_list};

constexpr Word clock_list[] = {
    name_word,
    label_word,
    {.name = "entity", .shape = Shape::name, .doc = "Entity with whose records it runs.", .required = true},
    {"start", Shape::expression,
     "Condition over `record` that begins it. Without it, it runs in the states that name it (`clock:` of a state)."},
    {"pause", Shape::expression, "Condition over `record` while which it stands still."},
    {"stop", Shape::expression, "Condition over `record` with which it is met; without it, it is when `start` (or its states) no longer holds."},
    {.name = "within",
     .shape = Shape::expression,
     .doc = "How much time there is: `24h`, `90m`, `1h30m`, or an expression over `record` that gives a duration.",
     .required = true},
    {"calendar", Shape::name,
     "Calendar whose working time is counted; the agency's unless given. `always`: every hour counts."},
    {"warn", Shape::named, "Warnings before the due time.", &clock_warn_words},
    {"breach", Shape::named, "What happens at the due time and after it.", &clock_breach_words},
};
constexpr Words clock_words{"clock", "A time limit that runs with a record (SLA).", clock_list};

constexpr Word assignment_list[] = {
    name_word,
    label_word,
    {.name = "entity", .shape = Shape::name, .doc = "Entity whose records are assigned.", .required = true},
    {"field", Shape::identifier, "Reference to a user that is set; the owner unless given."},
    {"order", Shape::integer, "Of the rules of one field, the lowest is asked first, then by name; 100 unless given. The first one whose `when` holds and that finds somebody assigns."},
    {"when", Shape::expression, "Condition over `record`, asked while the field is empty; without it, every record."},
    {"roles", Shape::names, "Candidates: whoever holds one of these roles; without it, every active user."},
    {"candidate", Shape::expression, "Condition over `record` and `candidate` (a record of core.user): whether he may have it, e.g. `record.language in candidate.languages`."},
    {"score", Shape::expression, "Number over `record` and `candidate`: the highest goes first; among equals the strategy decides."},
    {"priority", Shape::expression, "Number over `record`: of the records that wait, the highest goes first, then the oldest."},
    {.name = "strategy",
     .shape = Shape::keyword,
     .doc = "`round_robin`: whose turn is longest ago, unless given. `load`: who has the fewest open records. `queue`: it waits until a candidate takes it.",
     .keywords = "round_robin load queue"},
    {"open", Shape::expression, "Condition over `record`: which of a user's records are his load, and which are assigned at all; the states open and waiting unless given."},
    {"capacity", Shape::integer, "Most open records that one user gets by the rule; without it, no limit."},
    {"calendar", Shape::name, "Calendar in whose hours it assigns; at other times records wait. Without it, at any time."},
    {"fallback", Shape::name, "Role whose holders get it, or rule with the strategy `queue` in which it waits, where no candidate is there."},
    {"notify", Shape::flag, "Whether whoever gets it has a notice in the console; false unless given."},
    {"reassign", Shape::flag, "Whether the open records of a user who becomes absent go through the rules again; false unless given."},
};
constexpr Words assignment_words{"assignment", "Who gets a record: the candidates, and whose turn it is.", assignment_list};

constexpr Word setting_list[] = {
    {.name = "type",
     .shape = Shape::keyword,
     .doc = "Kind of value.",
     .keywords = "text int bool decimal date choice",
     .required = true},
    label_word,
    {"help", Shape::label, "A sentence shown beside the value."},
    {"default", Shape::text, "Value unless a layer above sets another."},
    {"value", Shape::text, "The value that counts; what a layer above writes."},
    {"max", Shape::number, "Largest value (int, decimal), or greatest number of characters (text)."},
    {"min", Shape::number, "Smallest value (int, decimal)."},
    {"scale", Shape::integer, "Digits after the point (decimal), 0 to 18; 2 unless given."},
    {"choices", Shape::name, "List that a choice is taken from."},
    after_word,
};
constexpr Words setting_words{"setting", "A value that rules read as `settings.MODULE.NAME`.", setting_list};

constexpr Word settings_list[] = {
    {.name = "name",
     .shape = Shape::identifier,
     .doc = "Module whose settings they are, e.g. `sales`.",
     .required = true},
    label_word,
    {.name = "settings",
     .shape = Shape::named,
     .doc = "The settings, in order.",
     .inner = &setting_words,
     .required = true},
};
constexpr Words settings_words{
    "settings", "Values that the agency sets, of one module. Expressions read them as `settings.MODULE.NAME`.", settings_list};

constexpr Word automation_list[] = {
    name_word,
    label_word,
    {.name = "on",
     .shape = Shape::text,
     .doc = "What sets it off: `sales.order.created`, `.updated` (by an edit or a step), `.deleted`; `sales.order.STATE`: a record comes to the "
            "state; `sales.order.transition.NAME`: the step is taken; `sales.order.event.NAME`: a plugin tells it (`events` of the entity). (`sales.order.state.NAME` where a state is called like one of these.) With "
            "`at`, the entity alone: `sales.order`.",
     .required = true},
    {.name = "in",
     .shape = Shape::keyword,
     .doc = "`after_commit` (unless given): from the queue, tried again where it fails. `transaction`: in that of the change, which is refused where "
            "it fails.",
     .keywords = "transaction after_commit"},
    {"when", Shape::expression,
     "Condition over `record`, `before` (the record before the change; null for a new one) and `user`, asked at the event; for `at`, when its time has come."},
    {"becomes", Shape::expression, "Condition over `record` that holds now and did not before the change."},
    {"at", Shape::expression,
     "Instead of an event, a moment over `record`: a timestamp or a date (its first moment at the agency), e.g. `workdays(record.end_on, 3)`. Empty: "
     "never. Reads the record's own fields."},
    {.name = "do", .shape = Shape::named, .doc = "Effects, in order.", .inner = &effect_words, .required = true},
    {"active", Shape::flag, "false: switched off; true unless given."},
};
constexpr Words automation_words{"automation", "When something happens to a record, do something.", automation_list};

constexpr Word schedule_list[] = {
    name_word,
    label_word,
    {.name = "cron",
     .shape = Shape::text,
     .doc = "Minute, hour, day of month, month, day of week, as in crontab: `0 8 * * mon-fri`; in the zone of `calendar` or of the agency.",
     .required = true},
    {"calendar", Shape::name, "Calendar on whose free days it does not run."},
    {"entity", Shape::name, "The effects are done for each record of it; without, once, and they can only create."},
    {"where", Shape::expression, "Which records, over `record`; all unless given."},
    {.name = "do", .shape = Shape::named, .doc = "Effects, in order.", .inner = &effect_words, .required = true},
    {"active", Shape::flag, "false: switched off; true unless given."},
};
constexpr Words schedule_words{"schedule", "Something that is done again and again.", schedule_list};

constexpr Word import_field_list[] = {
    {"column", Shape::text, "Column of the file."},
    {"template", Shape::text, "Text with columns in braces: `\"Row {ID}\"`."},
    {"value", Shape::text, "The same value in every row."},
    {"record", Shape::identifier, "A record made earlier in the row, for references."},
    {"expr", Shape::expression, "Expression over `row` (column to cell, `row['Price']`) and `row_number`."},
    {"transform", Shape::expression, "What becomes of the cell of `column` before `map`: an expression over `value`, `row` and `row_number`."},
    {"call", Shape::name,
     "A plugin's function (`kind: function` with `for: transform`) that makes of the cell of `column` what goes on to `map`, or refuses it; after `transform`."},
    {"lookup", Shape::identifier, "Field of the record that a ref or refs points at, by which it is found; for each of several where `expr` gives a list."},
    {.name = "missing",
     .shape = Shape::keyword,
     .doc = "No record is found by `lookup`: an error of the row (`refuse`, unless given), counted and left out, or left out.",
     .keywords = "refuse note null"},
    {"currency", Shape::text, "Column with the currency of an amount of money; the agency's unless given."},
    {"trim", Shape::flag, "Cut spaces at both ends of the cell; true unless given."},
    {"map", Shape::mapping, "Cell to value; cells are compared exactly, after trimming."},
    {.name = "unmapped",
     .shape = Shape::keyword,
     .doc = "A cell that `map` does not have: an error of the row (`refuse`, unless given), taken as it is, or counted and left out.",
     .keywords = "refuse keep note"},
    {.name = "empty",
     .shape = Shape::keyword,
     .doc = "An empty cell: the field stays empty (`null`, unless given), the same and counted, or an error of the row.",
     .keywords = "null note refuse"},
    {"default", Shape::text, "Value for an empty cell, and for an unmapped one under `unmapped: note`."},
    {"note", Shape::texts, "Cells that are taken but counted in the report."},
};
constexpr Words import_field_words{"imported field", "Where a value comes from: exactly one of `column`, `template`, `value`, `record` and `expr`.",
                                   import_field_list};

constexpr Word import_record_list[] = {
    {.name = "entity", .shape = Shape::name, .doc = "Entity of which a record is made.", .required = true},
    {.name = "external_id",
     .shape = Shape::object,
     .doc = "Where its id in the source is: a `column`, `value`, `template` or `expr`.",
     .inner = &import_field_words,
     .required = true},
    {"when", Shape::expression, "Whether the row makes it: a condition over `row` and `row_number`; always unless given."},
    {"sets_state", Shape::flag, "true: `state` and read-only fields may be among the fields. A new record begins in that state, without the steps that lead there and what they set off; for administrators."},
    {.name = "fields", .shape = Shape::named, .doc = "The fields that are set.", .inner = &import_field_words, .required = true},
};
constexpr Words import_record_words{"imported record", "What one row makes.", import_record_list};

constexpr Word import_format_list[] = {
    {.name = "type", .shape = Shape::keyword, .doc = "Found out from the file unless given.", .keywords = "detect csv jsonl"},
    {"delimiter", Shape::text, "One character; found out from the file unless given."},
    {"guarded", Shape::flag, "true: cells begin with `'` where a spreadsheet would take them for a formula, as exports write them."},
    {"encoding", Shape::text, "`utf-8`, `gb18030` or another name that ICU knows; found out from the file unless given."},
};

constexpr Word import_note_list[] = {
    label_word,
    {.name = "when", .shape = Shape::expression, .doc = "Which rows are counted: a condition over `row` and `row_number`.", .required = true},
};
constexpr Words import_note_words{"import note", "Something about rows that the report counts.", import_note_list};
constexpr Words import_format_words{"import format", "How the file is written.", import_format_list};

constexpr Word import_map_list[] = {
    name_word,
    label_word,
    {.name = "entity", .shape = Shape::name, .doc = "Entity of a row's main record.", .required = true},
    {.name = "source",
     .shape = Shape::text,
     .doc = "Name of the place that the file came from, at most 64 bytes; it is the records' `external_source`.",
     .required = true},
    {"format", Shape::object, "How the file is written.", &import_format_words},
    {.name = "repeats",
     .shape = Shape::keyword,
     .doc = "A row whose main record an earlier row of the file has made: changes it (`update`, unless given), is left out, or is an error. Counted in any case.",
     .keywords = "update skip refuse"},
    {"notes", Shape::named, "What the report counts beside, by name.", &import_note_words},
    {.name = "records",
     .shape = Shape::named,
     .doc = "What one row makes, in this order.",
     .inner = &import_record_words,
     .required = true},
};
constexpr Words import_map_words{"import map", "How the rows of a file become records.", import_map_list};

constexpr Word message_list[] = {
    name_word,
    label_word,
    {.name = "entity", .shape = Shape::name, .doc = "Entity whose record the places speak about.", .required = true},
    {.name = "channel",
     .shape = Shape::text,
     .doc = "How it is sent: by `mail`, unless given, as a notice in the `console`, or by a plugin: `PLUGIN.CHANNEL`."},
    {"subject", Shape::label, "Subject by language, with places such as `{{record.number}}`; of `mail`."},
    {.name = "body",
     .shape = Shape::label,
     .doc = "Text by language, with places: an expression over `record` and `user` between `{{` and `}}`.",
     .required = true},
};
constexpr Words message_words{"message", "A text that is sent by rules or by hand, with places that a record fills.", message_list};

constexpr Word function_list[] = {
    name_word,
    label_word,
    {"help", Shape::label, "A sentence on what it does."},
    {.name = "for",
     .shape = Shape::keyword,
     .doc = "What may name it: `call` of an imported field (`transform`), or `call` of a report's measure (`measure`).",
     .keywords = "transform measure",
     .required = true},
};
constexpr Words function_words{"function", "What a plugin's code computes for imports or reports, under the same name.", function_list};

constexpr Word public_addition_list[] = {
    label_word,
    {.name = "create", .shape = Shape::name, .doc = "Entity of which a record is made.", .required = true},
    {.name = "by", .shape = Shape::text, .doc = "Its reference to the page's record.", .required = true},
    {.name = "fields", .shape = Shape::names, .doc = "What is filled in.", .required = true},
    after_word,
};
constexpr Words public_addition_words{"public addition", "An entry that the holder of a link may add to the record.", public_addition_list};

constexpr Word public_entries_list[] = {
    {.name = "entity", .shape = Shape::name, .doc = "Entity of the entries.", .required = true},
    {.name = "by", .shape = Shape::text, .doc = "Its reference to the page's record.", .required = true},
    {.name = "start", .shape = Shape::text, .doc = "Field of date or instant where an entry begins.", .required = true},
    {"end", Shape::text, "Field of the same type where it ends."},
    {.name = "fields", .shape = Shape::names, .doc = "What is told of it: the first is the title.", .required = true},
    {"where", Shape::expression, "Which records, over `record`; all unless given."},
    after_word,
};
constexpr Words public_entries_words{"public entries", "Records that stand in a calendar that is read by a private link.", public_entries_list};

constexpr Word public_page_list[] = {
    name_word,
    label_word,
    {.name = "type",
     .shape = Shape::keyword,
     .doc = "A `form` that anybody may send, which makes a record; a `record` that the holder of a private link sees; a `calendar` that he subscribes to.",
     .keywords = "form record calendar",
     .required = true},
    {.name = "entity", .shape = Shape::name, .doc = "Entity of the record that is made, or to which links lead.", .required = true},
    {"text", Shape::label, "A few sentences at the top of the page."},
    {"fields", Shape::names, "Of a form: what is filled in; of a record: what is shown."},
    {"with", Shape::expressions, "Of a form: what the record gets besides, by field; there is no `record`."},
    {"consent", Shape::label, "Of a form: what whoever sends it must agree to; kept in the record's history."},
    {"history", Shape::flag, "Of a record: the states that it went through are shown, with their times."},
    {"steps", Shape::names, "Of a record: transitions that the holder of a link may take, with what their forms ask for."},
    {"adds", Shape::named, "Of a record: entries that he may add, and sees, by name.", &public_addition_words},
    {"entries", Shape::named, "Of a calendar: what stands in it, by name.", &public_entries_words},
    {"once", Shape::flag, "true: a link serves one step or entry, and leads nowhere afterwards."},
    {"valid", Shape::text, "How long a link leads to the record, e.g. `2160h`; 180 days unless given."},
    {"issue", Shape::names, "Roles whose holders may make a link to a record that they may read; beside them, whoever may update it."},
    {"active", Shape::flag, "false: the page and its links lead nowhere; true unless given."},
};
constexpr Words public_page_words{"public page", "What people without an account may do, openly or by a private link. Nothing but what it names is told or taken.", public_page_list};

constexpr KindInfo kind_list[] = {
    {"entity", &entity_words}, {"choices", &choices_words},
    {"form", &form_words},     {"view", &view_words},
    {"role", &role_words},     {"module", &module_words},
    {"agency", &agency_words}, {"page", &page_words},
    {"department", &department_words}, {"calendar", &calendar_words},
    {"clock", &clock_words},        {"assignment", &assignment_words},
    {"automation", &automation_words},   {"schedule", &schedule_words},
    {"message", &message_words},      {"report", &report_words},
    {"dashboard", &dashboard_words},    {"segment", nullptr},
    {"import_map", &import_map_words},   {"matching", &matching_words},
    {"settings", &settings_words},     {"function", &function_words},
    {"public_page", &public_page_words},
    {"classifier", nullptr},
    {"rollup", nullptr},       {"approval", nullptr},
};

/// Words that every document may have.
constexpr Word document_list[] = {
    {.name = "kind", .shape = Shape::text, .doc = "What the document defines.", .required = true},
    {.name = "edition",
     .shape = Shape::keyword,
     .doc = "Edition of the language it is written in: 2026.",
     .keywords = "2026"},
};

std::string tick(std::string_view word) {
  return "`" + std::string(word) + "`";
}

bool is_option(std::string_view text) {
  const auto alphanumeric = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  return !text.empty() && text.size() <= 64 && alphanumeric(text.front()) &&
         std::all_of(text.begin(), text.end(),
                     [&](char c) { return alphanumeric(c) || c == '_' || c == '-' || c == '.'; });
}

/// Digits where a date has them; whether the day exists is for the builder.
bool is_date_key(std::string_view text) {
  const auto one = [](std::string_view date) {
    for (std::size_t i = 0; i < date.size(); ++i) {
      if (i == 4 || i == 7 ? date[i] != '-' : date[i] < '0' || date[i] > '9') return false;
    }
    return date.size() == 10;
  };
  return one(text) || (text.size() == 22 && text.substr(10, 2) == ".." && one(text.substr(0, 10)) && one(text.substr(12)));
}

class ShapeChecker {
 public:
  ShapeChecker(bool patch, Diagnostics& diagnostics) : patch_(patch), diagnostics_(diagnostics) {}

  void object(Node& node, const Words& words, bool document) {
    for (Entry& entry : node.entries) {
      const Word* word = find(words, document, entry.key);
      if (!word) {
        unknown(entry, words, document);
      } else if (!word->available) {
        diagnostics_.error(
            entry.at, "not-available",
            tick(word->name) + " of " + article(words.name) + " is not available in this version",
            "remove it");
        entry.value.bad = true;
      } else if (!entry.value.bad) {
        value(entry, *word);
      }
    }
  }

 private:
  static std::string article(std::string_view name) {
    const bool vowel = name.find_first_of("aeiou") == 0 && !name.starts_with("uni");
    return (vowel ? "an " : "a ") + std::string(name);
  }

  static const Word* find(const Words& words, bool document, std::string_view key) {
    for (const Word& word : words.words) {
      if (word.name == key) return &word;
    }
    if (document) {
      for (const Word& word : document_list) {
        if (word.name == key) return &word;
      }
    }
    return nullptr;
  }

  void unknown(Entry& entry, const Words& words, bool document) {
    std::vector<std::string_view> known;
    for (const Word& word : words.words) {
      if (word.available) known.push_back(word.name);
    }
    if (document) {
      for (const Word& word : document_list) known.push_back(word.name);
    }
    diagnostics_.error(entry.at, "unknown-word",
                       quoted(entry.key) + " is not a word of " + article(words.name),
                       diagnostics_.wanted() ? suggest(entry.key, known) : std::string());
    entry.value.bad = true;
  }

  void wrong(Node& node, const Word& word, std::string_view needs, std::string hint) {
    diagnostics_.error(node.at, "wrong-type",
                       tick(word.name) + " needs " + std::string(needs) + ", not " + what(node),
                       std::move(hint));
    node.bad = true;
  }

  static std::string what(const Node& node) {
    switch (node.kind) {
      case Node::Kind::null:
        return "an empty value";
      case Node::Kind::map:
        return "a map";
      case Node::Kind::list:
        return "a list";
      case Node::Kind::scalar:
        break;
    }
    return quoted(node.text);
  }

  void value(Entry& entry, const Word& word) {
    Node& node = entry.value;
    if (node.is_null()) {
      if (patch_) return;
      if (word.shape == Shape::keyword && word.keywords.find("null") != std::string_view::npos) {
        node.kind = Node::Kind::scalar;  // `empty: null`, which YAML reads as nothing
        node.text = "null";
        return;
      }
      if (word.shape == Shape::object || word.shape == Shape::named || word.shape == Shape::expressions ||
          word.shape == Shape::field_words || word.shape == Shape::mapping) {
        node.kind = Node::Kind::map;
        return;
      }
      diagnostics_.error(entry.at, "no-value", tick(word.name) + " has no value",
                         "give it one, or remove the line");
      node.bad = true;
      return;
    }
    switch (word.shape) {
      case Shape::text:
        if (!node.is_scalar()) wrong(node, word, "a text", "write it in one line");
        break;
      case Shape::expression:
        if (!node.is_scalar())
          wrong(node, word, "an expression", "write it as a text, e.g. \"record.amount > 0\"");
        break;
      case Shape::rule:
        if (!node.is_scalar()) wrong(node, word, "true, false or an expression", "");
        break;
      case Shape::flag:
        if (!node.is_scalar() || node.quoted || (node.text != "true" && node.text != "false"))
          wrong(node, word, "true or false", "write it without quotes");
        break;
      case Shape::integer: {
        std::int64_t number = 0;
        const char* end = node.text.data() + node.text.size();
        const auto [stop, code] = std::from_chars(node.text.data(), end, number);
        if (!node.is_scalar() || node.quoted || code != std::errc() || stop != end)
          wrong(node, word, "a whole number", "");
        break;
      }
      case Shape::number:
        if (!node.is_scalar() || !parse_decimal(node.text))
          wrong(node, word, "a number", "e.g. 100 or 0.05, at most 18 digits");
        break;
      case Shape::name:
      case Shape::identifier:
        name(node, word);
        break;
      case Shape::keyword:
        keyword(node, word);
        break;
      case Shape::label:
        label(node, word);
        break;
      case Shape::names:
        names(node, word);
        break;
      case Shape::options:
        names(node, word, KeySyntax::option);
        break;
      case Shape::texts:
        texts(node, word);
        break;
      case Shape::expressions:
        if (!node.is_map()) {
          wrong(node, word, "a map from field to expression", "e.g. `{note: \"record.number\"}`");
        } else {
          for (Entry& field : node.entries) {
            if (!check_key(field, KeySyntax::identifier, "field") || (patch_ && field.value.is_null()))
              continue;
            if (!field.value.is_scalar() && !field.value.bad) {
              diagnostics_.error(field.at, "wrong-type",
                                 tick(field.key) + " needs an expression, not " + what(field.value), "");
              field.value.bad = true;
            }
          }
        }
        break;
      case Shape::field_words:
        field_words(node, word);
        break;
      case Shape::mapping:
        if (!node.is_map()) {
          wrong(node, word, "a map from text to text", "e.g. `{old: new}`");
        } else {
          for (Entry& one : node.entries) {
            if (one.value.is_scalar() || one.value.bad || one.value.is_null()) continue;
            diagnostics_.error(one.at, "wrong-type", tick(one.key) + " needs a text, not " + what(one.value), "e.g. `{old: new}`");
            one.value.bad = true;
          }
        }
        break;
      case Shape::object:
        if (!node.is_map()) {
          wrong(node, word, "a map", "");
        } else {
          object(node, *word.inner, false);
        }
        break;
      case Shape::named:
        named(node, word);
        break;
    }
  }

  void field_words(Node& node, const Word& word) {
    constexpr std::string_view hint = "e.g. `{sales.order: {margin: hidden}}`";
    if (!node.is_map()) return wrong(node, word, "a map from entity to its fields", std::string(hint));
    for (Entry& entity : node.entries) {
      if (!check_key(entity, KeySyntax::name, "entity") || entity.value.bad || (patch_ && entity.value.is_null())) continue;
      if (!entity.value.is_map()) {
        diagnostics_.error(entity.at, "wrong-type", tick(entity.key) + " needs a map from field to right, not " + what(entity.value),
                           std::string(hint));
        entity.value.bad = true;
        continue;
      }
      for (Entry& field : entity.value.entries) {
        if (!check_key(field, KeySyntax::identifier, "field") || field.value.bad || (patch_ && field.value.is_null())) continue;
        keyword(field.value, word);
      }
    }
  }

  void name(Node& node, const Word& word) {
    if (!node.is_scalar()) {
      wrong(node, word, "a name", "");
    } else if (word.shape == Shape::identifier ? !is_identifier(node.text) : !is_name(node.text)) {
      diagnostics_.error(node.at, "bad-name", quoted(node.text) + " is not a name",
                         name_hint(word.shape == Shape::identifier));
      node.bad = true;
    }
  }

  static constexpr std::string_view option_hint = "use letters, digits, `_`, `-` and `.`, at most 64 characters";

  static std::string name_hint(bool identifier) {
    return std::string(
               "a name has small letters, digits and `_`, begins with a letter and has at most 48 "
               "characters") +
           (identifier ? "" : "; a full one has its module before a dot");
  }

  void keyword(Node& node, const Word& word) {
    if (!node.is_scalar()) {
      wrong(node, word, "a word", "known are " + std::string(word.keywords));
      return;
    }
    const std::vector<std::string_view> known = split_words(word.keywords);
    if (std::find(known.begin(), known.end(), node.text) != known.end()) return;
    diagnostics_.error(node.at, "unknown-value", tick(word.name) + " cannot be " + quoted(node.text),
                       suggest(node.text, known));
    node.bad = true;
  }

  void label(Node& node, const Word& word) {
    if (node.is_list())
      return wrong(node, word, "a text, or one per language", "e.g. `{en: Order, zh-CN: 订单}`");
    for (Entry& entry : node.entries) {
      if (!is_locale(entry.key)) {
        diagnostics_.error(entry.at, "bad-locale", quoted(entry.key) + " is not a language tag",
                           "write e.g. en, zh-CN or zh-TW");
        entry.value.bad = true;
      } else if (!entry.value.is_scalar() && !entry.value.bad && !(patch_ && entry.value.is_null())) {
        diagnostics_.error(entry.value.at, "wrong-type", "the text in " + entry.key + " is missing",
                           "write a text in quotes");
        entry.value.bad = true;
      }
    }
  }

  /// Items may be system or own names; what they mean is for the builder.
  void names(Node& node, const Word& word, KeySyntax syntax = KeySyntax::name) {
    const auto item = [&](Node& one) {
      if (one.bad) return;
      if (!one.is_scalar()) {
        wrong(one, word, "names", "");
      } else if (syntax == KeySyntax::option ? !is_option(one.text) : !is_name(one.text)) {
        diagnostics_.error(one.at, "bad-name", quoted(one.text) + " is not a name",
                           syntax == KeySyntax::option ? std::string(option_hint) : name_hint(false));
        one.bad = true;
      }
    };
    if (node.is_scalar()) {
      item(node);
    } else if (node.is_list()) {
      for (Node& one : node.items) item(one);
    } else {
      for (Entry& entry : node.entries) {
        if (!check_key(entry, syntax, "name") || entry.value.bad) continue;
        if (entry.value.is_null() && !patch_) entry.value.kind = Node::Kind::map;
        if (entry.value.is_null()) continue;
        if (!entry.value.is_map()) {
          diagnostics_.error(entry.value.at, "wrong-type", quoted(entry.key) + " takes no value here",
                             "write `" + entry.key + ": {}`, or `{after: NAME}`");
          entry.value.bad = true;
        } else {
          object(entry.value, placed_words, false);
        }
      }
    }
  }

  void texts(Node& node, const Word& word) {
    if (node.is_scalar()) return;
    if (!node.is_list()) return wrong(node, word, "a text or a list of texts", "");
    for (Node& one : node.items) {
      if (!one.is_scalar() && !one.bad) wrong(one, word, "texts", "");
    }
  }

  void named(Node& node, const Word& word) {
    if (!node.is_map()) {
      const bool list = node.is_list();
      return wrong(node, word, "a map from name to " + std::string(word.inner->name),
                   list ? "write `NAME: …` for each, without the dashes" : "");
    }
    for (Entry& entry : node.entries) {
      if (!check_key(entry, word.inner->keys, word.inner->name) || entry.value.bad) continue;
      Node& inner = entry.value;
      if (inner.is_null()) {
        if (!patch_) inner.kind = Node::Kind::map;
        continue;
      }
      if ((word.inner == &unique_words || word.inner == &index_words) && !inner.is_map()) {
        // The short form: the fields themselves.
        names(inner, unique_list[0]);
      } else if (!inner.is_map()) {
        diagnostics_.error(
            inner.at, "wrong-type",
            std::string(word.inner->name) + " " + quoted(entry.key) + " needs a map, not " + what(inner),
            example(*word.inner));
        inner.bad = true;
      } else {
        object(inner, *word.inner, false);
      }
    }
  }

  static std::string example(const Words& words) {
    for (const Word& word : words.words) {
      if (word.required) return "e.g. `{" + std::string(word.name) + ": …}`";
    }
    return "e.g. `{label: …}`";
  }

  bool check_key(Entry& entry, KeySyntax syntax, std::string_view subject) {
    const bool good = syntax == KeySyntax::identifier ? is_identifier(entry.key)
                      : syntax == KeySyntax::name     ? is_name(entry.key)
                      : syntax == KeySyntax::date     ? is_date_key(entry.key)
                                                      : is_option(entry.key);
    if (good) return true;
    diagnostics_.error(entry.at, "bad-name", quoted(entry.key) + " is not a name for " + article(subject),
                       syntax == KeySyntax::date ? "write a date in quotes, \"2026-10-01\", or the first and the last, \"2026-10-01..2026-10-07\""
                       : syntax == KeySyntax::option
                           ? std::string(option_hint)
                           : name_hint(syntax == KeySyntax::identifier));
    entry.bad = true;
    return false;
  }

  static constexpr Word placed_list[] = {after_word};
  static constexpr Words placed_words{"place in a list", "", placed_list};

  const bool patch_;
  Diagnostics& diagnostics_;
};

/// Whether a map in a named place is an object with words (not the short form of a key).
void required_in(const Node& node, const Words& words, const std::string& subject, const Place& at,
                 Diagnostics& diagnostics) {
  for (const Word& word : words.words) {
    const Entry* entry = node.entry(word.name);
    if (!entry) {
      if (word.required) {
        diagnostics.error(at, "missing-word", subject + " has no " + tick(word.name),
                          word.keywords.empty()
                              ? std::string(word.doc.substr(0, word.doc.find_last_not_of('.') + 1))
                              : "one of " + std::string(word.keywords));
      }
      continue;
    }
    if (entry->bad || entry->value.bad || !entry->value.is_map() || !word.inner) continue;
    if (word.shape == Shape::object) {
      required_in(entry->value, *word.inner, std::string(word.inner->name) + " of " + subject, entry->at,
                  diagnostics);
    } else if (word.shape == Shape::named) {
      for (const Entry& inner : entry->value.entries) {
        if (inner.bad || inner.value.bad || !inner.value.is_map()) continue;
        required_in(inner.value, *word.inner, std::string(word.inner->name) + " " + quoted(inner.key),
                    inner.at, diagnostics);
      }
    }
  }
}

std::string shape_text(const Word& word) {
  switch (word.shape) {
    case Shape::text:
      return "text";
    case Shape::label:
      return "text, or map from language to text";
    case Shape::flag:
      return "true or false";
    case Shape::integer:
      return "whole number";
    case Shape::number:
      return "number";
    case Shape::name:
    case Shape::identifier:
      return "name";
    case Shape::names:
    case Shape::options:
      return "name, list of names, or map with the names as keys";
    case Shape::texts:
      return "text, or list of texts";
    case Shape::keyword: {
      std::string out;
      for (std::string_view one : split_words(word.keywords))
        out += (out.empty() ? "`" : ", `") + std::string(one) + "`";
      return out;
    }
    case Shape::expression:
      return "expression";
    case Shape::rule:
      return "true, false or expression";
    case Shape::expressions:
      return "map from field to expression";
    case Shape::mapping:
      return "map from text to text";
    case Shape::field_words: {
      std::string out;
      for (std::string_view one : split_words(word.keywords)) out += (out.empty() ? "`" : ", `") + std::string(one) + "`";
      return "map from entity to map from field to " + out;
    }
    case Shape::object:
      return "map, see *" + std::string(word.inner->name) + "*";
    case Shape::named:
      return "map from name to *" + std::string(word.inner->name) + "*";
  }
  return {};
}

void describe(std::string& out, const Words& words, std::span<const Word> list, std::string_view heading,
              std::vector<const Words*>& done) {
  if (std::find(done.begin(), done.end(), &words) != done.end()) return;
  done.push_back(&words);
  out += std::string(heading) + " " + std::string(words.name) + "\n\n" + std::string(words.doc) +
         "\n\n| word | value | meaning |\n|---|---|---|\n";
  for (const Word& word : list) {
    if (!word.available) continue;
    out += "| `" + std::string(word.name) + "`" + (word.required ? " (required)" : "") + " | " +
           shape_text(word) + " | " + std::string(word.doc) + " |\n";
  }
  out += "\n";
  for (const Word& word : list) {
    if (word.available && word.inner) describe(out, *word.inner, word.inner->words, "####", done);
  }
}

}  // namespace

std::span<const KindInfo> kinds() {
  return kind_list;
}

std::span<const Word> document_words() {
  return document_list;
}

const KindInfo* find_kind(std::string_view name) {
  for (const KindInfo& kind : kind_list) {
    if (kind.name == name) return &kind;
  }
  return nullptr;
}

void check_shape(Node& document, const Words& words, bool patch, Diagnostics& diagnostics) {
  ShapeChecker(patch, diagnostics).object(document, words, true);
}

void check_required(const Node& document, const Words& words, const std::string& subject, const Place& at,
                    Diagnostics& diagnostics) {
  required_in(document, words, subject, at, diagnostics);
}

bool is_identifier(std::string_view text) {
  return !text.empty() && text.size() <= 48 && text.front() >= 'a' && text.front() <= 'z' &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
}

bool is_name(std::string_view text) {
  const std::size_t dot = text.find('.');
  return dot == std::string_view::npos
             ? is_identifier(text)
             : is_identifier(text.substr(0, dot)) && is_identifier(text.substr(dot + 1));
}

bool flag_of(const Node* node, bool otherwise) {
  return node && node->is_scalar() ? node->text == "true" : otherwise;
}

std::string definitions_reference() {
  std::string out;
  std::vector<const Words*> done;
  out += "### Every document\n\n| word | value | meaning |\n|---|---|---|\n";
  for (const Word& word : document_list) {
    out += "| `" + std::string(word.name) + "`" + (word.required ? " (required)" : "") + " | ";
    if (word.name == "kind") {
      std::string known;
      for (const KindInfo& kind : kind_list) {
        if (kind.words) known += (known.empty() ? "`" : ", `") + std::string(kind.name) + "`";
      }
      out += known;
    } else {
      out += shape_text(word);
    }
    out += " | " + std::string(word.doc) + " |\n";
  }
  out += "\n";
  for (const KindInfo& kind : kind_list) {
    if (kind.words) describe(out, *kind.words, kind.words->words, "###", done);
  }
  while (out.size() > 1 && out[out.size() - 1] == '\n' && out[out.size() - 2] == '\n') out.pop_back();
  return out;
}

}  // namespace caravan::model
