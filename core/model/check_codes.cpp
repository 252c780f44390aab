#include "model/check_codes.h"

#include <algorithm>

namespace caravan::model {
namespace {

constexpr bool error = true, warning = false;

constexpr CheckCode codes[] = {
    {"after-cycle", error, "`after:` words go in a circle, so there is no order.", "a: {after: b}\nb: {after: a}", "a: {}\nb: {after: a}"},
    {"alias", error, "YAML anchors and aliases are refused: a value would change at a distance, and a small file could stand for a huge one.", "label: &name Trip\nplural: *name", "label: Trip\nplural: Trips"},
    {"always-true", warning, "A condition, or a part of one, holds for every record, so it asks nothing. What is known of the fields counts: `required`, `require`, `min`, `max`, options, and the states that a transition leaves.", "pay: {from: booked, to: paid, when: \"record.state == 'booked'\"}", "pay: {from: booked, to: paid}"},
    {"automatic-circle", error, "A step that is taken by itself leads to the state that it leaves, so it would be taken at every change, and change the record again.", "tick: {from: open, to: open, automatic: true}", "tick: {from: open, to: done, automatic: true}"},
    {"automatic-form", error, "A step is taken by itself, but needs something that only a person can give: a comment, or a field of its form.", "close: {from: open, to: done, automatic: true, comment: required}", "close: {from: open, to: done, automatic: true}"},
    {"automatic-never", error, "Two steps leave a state by themselves, both without a condition: the first in the definition is always taken, the second never.", "a: {from: open, to: done, automatic: true}\nb: {from: open, to: lost, automatic: true}", "b: {from: open, to: lost, automatic: true, when: \"record.late\"}  # and before a"},
    {"automatic-overlap", warning, "Two steps leave a state by themselves, and both conditions may hold at once: then the first in the definition is taken.", "a: {from: open, to: done, automatic: true, when: \"record.paid\"}\nb: {from: open, to: lost, automatic: true, when: \"record.late\"}", "b: {from: open, to: lost, automatic: true, when: \"record.late && !record.paid\"}"},
    {"bad-address", error, "The address of a web service is not one: it begins with https:// (or http://) and names a host, without a user.", "webhook: example.com", "webhook: https://example.com/hook"},
    {"bad-chart", error, "What a chart asks for cannot be computed: the group or the measure does not fit the field.", "chart: line\nentity: shop.trip\ngroup: created_at", "chart: line\nentity: shop.trip\ngroup: created_at:month"},
    {"bad-cron", error, "The times of a schedule are five fields: minute, hour, day of month, month, day of week.", "cron: \"8 o'clock\"", "cron: \"0 8 * * mon-fri\""},
    {"bad-default", error, "The default does not fit the field's type or bounds, so no record could be made with it.", "seats: {type: int, max: 9, default: 12}", "seats: {type: int, max: 9, default: 2}"},
    {"bad-delimiter", error, "An import map's `delimiter` is one character.", "delimiter: \"::\"", "delimiter: \";\""},
    {"bad-duration", error, "A time is written in hours, minutes and seconds. A day has no fixed length in working time.", "within: 2d", "within: 16h"},
    {"bad-effect", error, "An effect sets fields, creates a record or takes a step: one of them, of the record or of one that it refers to.", "do: {pay: {set: {paid: \"true\"}, create: shop.bill}}", "do: {pay: {set: {paid: \"true\"}}, bill: {create: shop.bill, with: {}}}"},
    {"bad-encoding", error, "An import map names an encoding that cannot be read.", "encoding: utf-7", "encoding: utf-8"},
    {"bad-event", error, "`on` of an automation names an entity and what happens to its record.", "on: shop.trip", "on: shop.trip.created"},
    {"bad-group", error, "A board's columns are states or the options of a choice, a timeline's lanes besides those the records of a ref. Other values are no columns.", "type: board\ngroup: price", "type: board\ngroup: channel"},
    {"bad-hours", error, "A part of a working day is wrong: it ends before it begins, overlaps the one before it, or is no time. Hours over midnight are two parts.", "monday: [\"22:00-06:00\"]", "monday: [\"22:00-24:00\"]\ntuesday: [\"00:00-06:00\"]"},
    {"bad-icon", error, "The name of an icon has small letters, digits and `-`.", "icon: Phone!", "icon: phone"},
    {"bad-key", error, "A key of a map must be a plain word.", "? [a, b]\n: 1", "a: 1\nb: 1"},
    {"bad-locale", error, "A language is named by its tag.", "label: {english: Trip}", "label: {en: Trip, zh-CN: 旅程}"},
    {"bad-moment", error, "`at` is a date or a timestamp over the record's own fields: of other records' changes nothing is planned anew.", "at: \"record.person.birthday\"", "at: \"workdays(record.end_on, 3)\""},
    {"bad-name", error, "Names become columns, tables and addresses, so they are small letters, digits and `_`, begin with a letter and have at most 48 characters. Documents have their module before a dot.", "name: My Trip", "name: shop.trip"},
    {"bad-place", error, "A place in a text, between `{{` and `}}`, has no end, no beginning or nothing in it.", "notify: \"Trip {{record.number is sold\"", "notify: \"Trip {{record.number}} is sold\""},
    {"bad-template", error, "A template of an import map has braces that do not pair, or names nothing.", "text: \"{first\"", "text: \"{first} {last}\""},
    {"bad-value", error, "The value is empty or too long.", "kind: agency\nname: \"\"", "kind: agency\nname: Example Travel"},
    {"block-nobody-sees", warning, "What a block shows is under the viewer's own rights, and nobody who sees the page has them, so the block is never there.", "roles: [clerk]  # may not read shop.bill\nblocks: {bills: {type: view, view: shop.bill_list}}", "roles: [cashier]"},
    {"board-without-columns", warning, "A board is grouped by a choice that offers no option.", "options: {a: {active: false}}", "options: {a: {}, b: {}}"},
    {"calendar-cycle", error, "A calendar is based on itself, perhaps by others.", "kind: calendar\nname: shop.office\nbase: office", "kind: calendar\nname: shop.office\nbase: china.workdays"},
    {"choice-in-use", error, "Records have a value that the list of choices no longer offers: forms could not show it, and nobody could find out what it meant. Told by `check --database` and at a reload.", "options: {web: {}}  # records came by `fax`", "options: {web: {}, fax: {active: false}}"},
    {"clock-never-starts", error, "No record can start the clock: it has no `start` and no state names it. Nobody would miss the watch that is not kept.", "kind: clock\nname: shop.answer\nentity: shop.trip\nwithin: 24h", "workflow: {states: {fresh: {clock: answer}}}"},
    {"clock-never-stops", warning, "Once begun the clock runs for ever, and every record breaches it.", "start: \"true\"", "start: \"true\"\nstop: \"record.answered_at != null\""},
    {"clock-starts-twice", error, "A state names a clock that has a `start` of its own; which of the two would begin it?", "states: {fresh: {clock: answer}}  # answer: {start: …}", "states: {fresh: {}}"},
    {"clock-user", error, "A clock runs for everybody alike, and also when nobody is there; its expressions cannot ask who looks.", "stop: \"record.owner == user.id\"", "stop: \"record.owner != null\""},
    {"compute-cycle", error, "A computed field is computed from itself, perhaps by others.", "a: {type: int, compute: \"record.b + 1\"}\nb: {type: int, compute: \"record.a\"}", "a: {type: int, compute: \"record.b + 1\"}\nb: {type: int}"},
    {"constant-compute", warning, "A computed field reads no field, so it holds the same in every record.", "vat: {type: decimal, compute: \"decimal('0.06')\"}", "vat: {type: decimal, default: 0.06}"},
    {"contradiction", error, "Two words exclude each other; one of them would silently not count.", "code: {type: text, required: true, read_only: true}", "code: {type: text, read_only: true}"},
    {"control-character", error, "The file or a text holds a control character that no one can see.", "", ""},
    {"cron-never", error, "The times of a schedule never come.", "cron: \"0 8 30 2 *\"", "cron: \"0 8 28 2 *\""},
    {"dead-end-state", warning, "No transition leaves a state that is open or waiting: records stay in it for ever and count as work to do.", "states: {parked: {category: open}}", "states: {parked: {category: cancelled}}"},
    {"default-not-list", error, "`ENTITY_list` is the list that an entity begins with, so it is a list. Boards, calendars and timelines stand beside it.", "kind: view\nname: shop.trip_list\ntype: board", "kind: view\nname: shop.trip_board\ntype: board"},
    {"department-cycle", error, "A department is part of itself.", "kind: department\nname: desk\nparent: desk", "kind: department\nname: desk"},
    {"depends-cycle", error, "Dependent choices go in a circle, so nothing could be chosen first.", "a: {type: choice, choices: shop.a, depends_on: b}\nb: {type: choice, choices: shop.b, depends_on: a}", "a: {type: choice, choices: shop.a}\nb: {type: choice, choices: shop.b, depends_on: a}"},
    {"duplicate-definition", error, "The same layer defines a thing twice; which one would count?", "kind: role\nname: shop.clerk\n---\nkind: role\nname: shop.clerk", "kind: role\nname: shop.clerk"},
    {"duplicate-key", error, "A key stands twice in one map; YAML readers silently take one of them.", "label: Trip\nlabel: Journey", "label: Trip"},
    {"effect-empties-required", warning, "An effect empties a field that every record must fill, so the step always fails.", "do: {clear: {set: {person: \"null\"}}}", "do: {clear: {set: {note: \"null\"}}}"},
    {"effect-out-of-range", warning, "An effect gives a field a value beyond its bounds, so the step always fails.", "do: {more: {set: {seats: \"900\"}}}", "do: {more: {set: {seats: \"record.seats + 1\"}}}"},
    {"empty", error, "An import map has no records.", "records: {}", "records: {person: {entity: shop.person}}"},
    {"empty-grant", warning, "A role is granted nothing on an entity; the line only looks like a right.", "grants: {shop.trip: {read: false}}", "grants: {shop.trip: {read: true}}"},
    {"empty-group", warning, "A group of a form has no fields: an empty box.", "groups: {more: {label: More, fields: []}}", "groups: {more: {label: More, fields: [note]}}"},
    {"empty-module", warning, "A module has no entity and no page, so nothing of it is shown.", "kind: module\nname: ghost", "kind: module\nname: shop"},
    {"empty-setting", warning, "A setting has neither a default nor a value: it is empty, and no rule that compares with it holds.", "limit: {type: int}", "limit: {type: int, default: 9}"},
    {"exclusive-broken", warning, "Records of one resource overlap in time, which a new or changed `exclusive` forbids. They stay as they are, but none of them can be moved to another taken time. Told by `check --database` and at a reload, with some ids.", "exclusive: {busy: {resource: driver, from: start_on, to: end_on}}  # two trips of a driver on one day", ""},
    {"exclusive-type", error, "`exclusive` needs a reference, whose row is locked while it is looked for overlaps, and two dates or two instants.", "busy: {resource: title, from: start_on, to: seats}", "busy: {resource: driver, from: start_on, to: end_on}"},
    {"expression", error, "An expression has a mistake: a field that does not exist, a type that does not fit, or its syntax. It is told where in the expression.", "when: \"record.seatz > 1\"", "when: \"record.seats > 1\""},
    {"expression-type", error, "The expression's value does not fit the field that it goes into.", "set: {paid: \"1\"}", "set: {paid: \"true\"}"},
    {"field-prefix", error, "Fields that an agency adds begin with `x_`, and only those, so that a later version of a plugin cannot collide with them.", "fields: {size: {type: int}}", "fields: {x_size: {type: int}}"},
    {"grant-without-read", warning, "A role may change or delete records that it may not see; a record that one may not see does not exist for him.", "grants: {shop.trip: {delete: true}}", "grants: {shop.trip: {read: true, delete: true}}"},
    {"hidden-in-view", warning, "A board, calendar or timeline hangs on a field that nobody may read, so nobody sees it.", "type: calendar\nstart: born_on  # right: hidden", "fields: {shop.person: {born_on: read}}  # of a role"},
    {"hidden-on-form", warning, "A form shows a field that nobody but administrators may see.", "groups: {main: {fields: [passport]}}  # right: hidden, and no role may read it", "fields: {shop.person: {passport: read}}  # of a role"},
    {"hidden-title", warning, "A role hides the field by which records are called; their number is shown instead.", "fields: {shop.person: {name: hidden}}", "fields: {shop.person: {name: masked}}"},
    {"idle-depends-on", warning, "A choice depends on another, but all of its options are offered with every value of that one.", "depends_on: channel  # no option has `of`", "options: {mobile: {of: [phone]}}"},
    {"idle-duplicates", warning, "A duplicate rule warns of records that a unique key forbids.", "unique: {code: [code]}\nduplicates: {same: {warn: [code, name]}}", "duplicates: {same: {warn: [name]}}"},
    {"idle-effect", warning, "An effect sets a field to what it is.", "set: {note: \"record.note\"}", "set: {note: \"record.reason\"}"},
    {"idle-of", warning, "An option says with which options of another field it is offered, but no field with this list has `depends_on`.", "mobile: {of: [phone]}", "line: {type: choice, choices: shop.line, depends_on: channel}"},
    {"idle-transition", warning, "A transition leads to the state that it leaves, and has no effect, form or comment: a button that does nothing.", "stay: {from: open, to: open}", "note: {from: open, to: open, comment: required}"},
    {"import-without-required", warning, "An import map leaves out a field that every record must fill, so rows of records that are not there yet fail.", "records: {person: {entity: shop.person, fields: {note: {column: Note}}}}", "records: {person: {entity: shop.person, fields: {name: {column: Name}, note: {column: Note}}}}"},
    {"inactive-default", warning, "New records begin with an option that is no longer offered.", "channel: {default: fax}  # fax: {active: false}", "channel: {default: web}"},
    {"include-cycle", error, "A role includes itself, perhaps by others.", "includes: [boss]  # who includes this one", "includes: []"},
    {"includes-administrator", error, "A role includes one that may do everything; that should be visible in the role itself.", "includes: [core.administrator]", "administrator: true"},
    {"index-too-wide", error, "An index is wider than the database allows (3072 bytes, 4 a character; 16 fields).", "by_note: [note]  # max: 2000", "by_code: [code]  # max: 40"},
    {"invariant-broken", error, "Records break an invariant that is new or was changed. What speaks of the record's own fields and of constants is kept by the database itself, which takes no rule that rows break: an error. Of other rules it is a warning: the records stay as they are, but nothing of them can be changed until they are mended. Told by `check --database` and at a reload, with some ids.", "invariants: {seats: {check: \"record.seats >= 1\"}}  # records with 0", ""},
    {"label-language", warning, "A text is missing in a language in which the others are.", "label: {en: Trip}", "label: {en: Trip, zh-CN: 旅程}"},
    {"ledger-effect", error, "An effect changes a record of a ledger, where records are only added.", "do: {mark: {set: {paid: \"true\"}, of: payment}}", "do: {mark: {create: shop.payment, with: {…}}}"},
    {"ledger-grant", warning, "A role may change or delete records of a ledger, which nobody can.", "grants: {shop.entry: {read: true, update: true}}  # ledger: true", "grants: {shop.entry: {read: true, create: true}}"},
    {"min-above-max", error, "The greatest value is below the smallest: no value fits.", "seats: {min: 9, max: 3}", "seats: {min: 3, max: 9}"},
    {"missing-label", warning, "What people see has no label; its name is shown instead.", "seats: {type: int}", "seats: {type: int, label: {en: Seats, zh-CN: 座位}}"},
    {"missing-required", error, "An effect creates a record without a field that it must have.", "do: {bill: {create: shop.bill}}", "do: {bill: {create: shop.bill, with: {trip: \"record.id\"}}}"},
    {"missing-word", error, "A word that must be there is not.", "person: {type: ref}", "person: {type: ref, to: shop.person}"},
    {"moved-breaks-rule", error, "Records of a removed state or option would break an invariant where `moved` sends them. Told at a reload and at a start, with some ids.", "moved: {parked: lost}  # records without a reason\ninvariants: {reason: {check: \"record.state != 'lost' || record.reason != null\"}}", "moved: {parked: waiting}"},
    {"moved-cycle", error, "A removed state or option is moved to itself, perhaps by others.", "moved: {a: b, b: a}", "moved: {a: b, b: waiting}"},
    {"moved-records", warning, "Records are in a state, or hold an option, that is no more, and go where `moved` says when the definitions are put in use. Told by `check --database` and at a reload.", "", ""},
    {"moved-still-there", warning, "A state or option that is still there is moved nowhere: `moved` is for what was taken away.", "states: {parked: {}}\nmoved: {parked: waiting}", "states: {parked: null}\nmoved: {parked: waiting}"},
    {"named-twice", error, "A list names something twice.", "fields: [a, a]", "fields: [a]"},
    {"never-equal", warning, "A field is compared with a value that it cannot have: an option, a state, a role or a department that does not exist.", "when: \"record.channel == 'webb'\"", "when: \"record.channel == 'web'\""},
    {"never-offered", warning, "An option is offered only with options that are themselves no longer offered.", "mobile: {of: [fax]}  # fax: {active: false}", "mobile: {of: [phone]}"},
    {"never-true", warning, "A condition, or a part of one, holds for no record. A guard that never holds makes a button that never works; a right that never holds gives nothing. What is known of the fields counts: `required`, `require`, `min`, `max`, options, and the states that a transition leaves.", "when: \"record.seats > 9 && record.seats < 3\"", "when: \"record.seats > 9 || record.seats < 3\""},
    {"never-written", warning, "`write` on a field that nobody may set gives no more than `read`.", "fields: {shop.trip: {total: write}}  # computed", "fields: {shop.trip: {total: read}}"},
    {"no-active-option", warning, "A list of choices offers nothing.", "options: {a: {active: false}}", "options: {a: {active: false}, b: {}}"},
    {"no-blocks", error, "A page without blocks.", "blocks: {}", "blocks: {welcome: {type: markdown, text: Good morning}}"},
    {"no-core", error, "The core's own definitions are missing.", "", ""},
    {"no-effect", error, "An automation or a schedule does nothing.", "do: {}", "do: {close: {transition: close}}"},
    {"no-end-state", warning, "No state ends the workflow, so every record counts as open for ever.", "states: {on: {}, off: {}}", "states: {on: {}, off: {category: done}}"},
    {"no-fields", error, "A list of fields is empty.", "columns: []", "columns: [number]"},
    {"no-grant", error, "A role restricts fields of an entity that it may not read.", "fields: {shop.trip: {price: hidden}}", "grants: {shop.trip: {read: true}}\nfields: {shop.trip: {price: hidden}}"},
    {"no-hours", error, "A calendar, or a day that is said to be worked, has no working hours: nothing that counts with it would ever end.", "kind: calendar\nname: shop.office", "kind: calendar\nname: shop.office\nhours: {weekdays: [\"09:00-17:00\"]}"},
    {"no-main-record", error, "An import map does not say which of its records is the row's own.", "entity: shop.trip\nrecords: {p: {entity: shop.person}}", "entity: shop.trip\nrecords: {t: {entity: shop.trip}}"},
    {"no-options", error, "A list of choices without options: no record could have a value.", "options: {}", "options: {web: {label: Web}}"},
    {"no-settings", error, "A group of settings has none.", "kind: settings\nname: shop\nsettings: {}", "settings: {limit: {type: int, default: 9}}"},
    {"no-states", error, "A workflow without states.", "states: {}", "states: {open: {}, closed: {category: done}}"},
    {"no-such-day", error, "A date does not exist, or a range of dates ends before it begins.", "holidays: {\"2026-02-30\": {}}", "holidays: {\"2026-02-28\": {}}"},
    {"no-value", error, "A word has no value.", "label:", "label: Trip"},
    {"no-way-out", warning, "From this state no state that is done or cancelled can be reached: records go round in a circle.", "a → b → a", "a → b → a, b → closed"},
    {"nobody-may", warning, "No role may take a transition, so only administrators can.", "pay: {from: open, to: paid}  # and no role may update", "pay: {from: open, to: paid, by: [clerk]}"},
    {"nobody-reads", warning, "An entity stands in the menu, but no role may read it.", "kind: entity\nname: shop.trip", "grants: {shop.trip: {read: true}}  # of a role"},
    {"not-a-choice", error, "A choice depends on a field that is none, so there are no options to depend on.", "depends_on: seats", "depends_on: channel"},
    {"not-a-document", error, "A document must be a map that begins with `kind` and `name`.", "- trip", "kind: entity\nname: shop.trip"},
    {"not-a-reference", error, "An import map takes a record for a field that is no ref.", "note: {record: person}", "person: {record: person}"},
    {"not-a-time", error, "A calendar and a timeline place records by dates or instants, and the two ends are of the same type.", "type: calendar\nstart: seats", "type: calendar\nstart: depart_on"},
    {"not-available", error, "The word or kind is known, but this version of Caravan does not have it yet.", "cover: {type: image}", "cover: {type: text}"},
    {"not-comparable", error, "Records are not compared by such a field: its values have no bounded length, are several, are sealed, or are the same in no two records.", "duplicates: {same: {warn: [note]}}  # multiline", "duplicates: {same: {warn: [person, start_on]}}"},
    {"not-in-sql", error, "Rights, filters and invariants are also tested by the database, for lists and counts; this expression cannot be.", "filter: \"record.note.matches('^a')\"", "filter: \"record.note.startsWith('a')\""},
    {"not-indexable", error, "Texts without a greatest length, json, and fields that hold several values cannot be indexed.", "by_note: [note]  # multiline", "by_code: [code]  # max: 40"},
    {"not-own-fields", error, "`where` of a rollup or of `exclusive` decides with each write which records count, so it may ask only for what changes with a write of that record: its own fields, not the time, not other records.", "where: \"record.trip.state == 'open'\"", "where: \"record.state == 'open'\""},
    {"not-settable", error, "An import map fills a field that only the system sets.", "fields: {created_at: {column: made}}", "fields: {start_on: {column: made}}"},
    {"not-sortable", error, "Records cannot be sorted by a text of any length, by json, or by a field that holds several values.", "sort: [note]", "sort: [-created_at]"},
    {"not-utf8", error, "The file is not UTF-8.", "", ""},
    {"nothing-offered", warning, "A required choice has no option that is offered with some value of the field that it depends on: such records could not be made.", "options: {mobile: {of: [phone]}}  # and nothing of web", "options: {mobile: {of: [phone]}, browser: {of: [web]}}"},
    {"nothing-removed", warning, "A word without a value removes what an earlier layer says; here no earlier layer says anything.", "fields: {seets: null}", "fields: {seats: null}"},
    {"number-format", error, "The format of numbers has a mistake.", "number: \"TRIP-{year}\"", "number: \"TRIP-{yyyy}-{seq:6}\""},
    {"one-document", error, "The file must hold exactly one map.", "a: 1\n---\nb: 2", "a: 1\nb: 2"},
    {"one-source", error, "A field of an import map has one source: `column`, `text`, `value` or `record`.", "name: {column: a, value: b}", "name: {column: a}"},
    {"other-entity", error, "A transition names a form of another entity.", "lose: {form: shop.person_form}", "lose: {form: shop.lose_trip}"},
    {"out-of-range", error, "A number is beyond what is possible.", "rate: {type: decimal, scale: 30}", "rate: {type: decimal, scale: 6}"},
    {"page-nobody-sees", error, "`roles` of a page names none, so nobody would see it.", "roles: []", "roles: [clerk]"},
    {"redundant-index", warning, "An index is the beginning of another one, which serves the same queries; each index makes every write slower.", "indexes: {a: [day], b: [day, channel]}", "indexes: {b: [day, channel]}"},
    {"require-not-asked", warning, "A transition requires a field that its form does not ask for: the user must leave the step, fill it in elsewhere and come back.", "lose: {form: lose_trip, require: [reason, start_on]}", "lose: {form: lose_trip, require: [reason]}"},
    {"require-on-no-form", warning, "A transition requires a field that is on no form: nobody can fill it in, so nobody can take the step.", "book: {require: [code]}", "groups: {main: {fields: [code]}}  # of a form"},
    {"required-not-on-form", warning, "Every record needs a field that the form for new records does not show.", "code: {type: text, required: true}", "groups: {main: {fields: [code]}}  # of ENTITY_form"},
    {"reserved-name", error, "The name is taken by the core.", "fields: {version: {type: int}}", "fields: {trip_version: {type: int}}"},
    {"role-cannot-see", warning, "A transition is for a role that may not read the record, so it cannot find it.", "by: [porter]  # without any grant on the entity", "grants: {shop.trip: {read: true}}  # of porter"},
    {"role-without-holder", warning, "No active user has the role, so what only it may do nobody can do. Told by `check --database`.", "", ""},
    {"role-without-rights", warning, "A role may do nothing.", "kind: role\nname: shop.guest", "kind: role\nname: shop.guest\ngrants: {shop.trip: {read: true}}"},
    {"rollup-cycle", error, "A rollup is made of itself, by way of other rollups or computed fields.", "total: {type: money, rollup: {sum: total, of: shop.trip, by: parent}}", "total: {type: money, rollup: {sum: price, of: shop.trip, by: parent}}"},
    {"rollup-type", error, "A rollup is one of count, sum, min and max, and its field has the type and scale of what it is made of; a count is an int.", "paid: {type: int, rollup: {sum: amount, of: shop.payment, by: trip}}  # amount: money", "paid: {type: money, rollup: {sum: amount, of: shop.payment, by: trip}}"},
    {"rule-circle", warning, "Automations and automatic steps may set each other off for ever: the chain is stopped after 16 rules or 200 effects, and the change is refused; after the commit it would go on. A circle whose conditions exclude each other is none.", "on: shop.trip.updated\ndo: {more: {set: {seats: \"record.seats + 1\"}}}", "when: \"record.seats < 9\""},
    {"same-invariant", warning, "Two invariants say the same; every write pays for both.", "a: {check: \"record.x > 0\"}\nb: {check: \"record.x > 0\"}", "a: {check: \"record.x > 0\"}"},
    {"same-label", warning, "Two things that stand in one list are called the same in a language; people cannot tell them apart.", "tel: {label: Phone}\nphone: {label: Phone}", "tel: {label: Call centre}\nphone: {label: Phone}"},
    {"same-transition", warning, "Two transitions do the same for the same people.", "drop: {from: open, to: lost}\nlose: {from: open, to: lost}", "lose: {from: open, to: lost}"},
    {"sensitive-open", warning, "A sensitive field is shown in full to every role that says nothing about it; what is worth sealing is worth a right.", "passport: {type: text, sensitive: true}", "passport: {type: text, sensitive: true, right: masked}"},
    {"sensitive-order", error, "A sensitive field is sealed, so the database has no order for it: it is no part of an index (but of a unique key), and nothing is sorted by it.", "indexes: {by_passport: [passport]}", "unique: {passport: [passport]}"},
    {"sensitive-search", error, "A sensitive field is sealed, so the search box cannot look for parts of it. A filter finds equal values.", "passport: {type: text, sensitive: true, search: true}", "passport: {type: text, sensitive: true}"},
    {"sensitive-title", error, "The title of a record stands wherever it is referred to, so it cannot be a sensitive field.", "title: passport", "title: name"},
    {"state-in-use", error, "Records are in a state that the workflow no longer has: no transition would lead out of it. Told by `check --database` and at a reload.", "states: {parked: null}  # with records in it", "states: {parked: {category: waiting}}  # until the last has left it"},
    {"step-form", error, "A form that a transition asks for completes a record; it cannot make one from a page.", "type: form\nform: shop.lose_trip", "type: form\nform: shop.trip_form"},
    {"syntax", error, "The file is not YAML here.", "label: \"Trip", "label: \"Trip\""},
    {"system-field", error, "The field is set by the system: no form, effect or rule of fields may say otherwise.", "fields: [created_at]  # of a form", "fields: [start_on]"},
    {"table-name", error, "Two entities would have one table.", "shop.a_b and shop_a.b", "shop.a_b and shop.ab"},
    {"tag", error, "YAML tags are refused: they turn text into something else in some readers.", "name: !!str 5", "name: \"5\""},
    {"tells-hidden", warning, "A field that all may read is computed from one that is hidden, and so tells it.", "copy: {compute: \"record.passport\"}", "copy: {compute: \"record.passport\", right: hidden}"},
    {"tells-sensitive", error, "A field that is not sealed, or the queue of messages, would hold a sensitive value in the clear.", "passport: {type: text, sensitive: true}\nshown: {type: text, compute: \"record.passport\"}", "has_passport: {type: bool, compute: \"record.passport != null\"}"},
    {"too-deep", error, "The file is nested too deeply.", "", ""},
    {"too-large", error, "The file is larger than 4 MiB.", "", ""},
    {"too-long", error, "A text of an import map is too long.", "", ""},
    {"too-many", error, "There are more mistakes than are shown.", "", ""},
    {"too-many-entries", error, "A map or list has more than 5000 entries.", "", ""},
    {"unique-flag", warning, "A unique key over a flag allows two records in all.", "unique: {one: [paid]}", "unique: {one: [paid, person]}"},
    {"unknown-after", error, "`after:` names something that is not there, perhaps because a layer removed it.", "x_size: {after: seets}", "x_size: {after: seats}"},
    {"unknown-calendar", error, "There is no calendar of that name.", "calendar: ofice", "calendar: office"},
    {"unknown-choices", error, "There is no list of choices of that name.", "choices: shop.chanel", "choices: shop.channel"},
    {"unknown-clock", error, "There is no clock of that name.", "states: {fresh: {clock: anser}}", "states: {fresh: {clock: answer}}"},
    {"unknown-color", error, "The colour is neither a preset nor `#rrggbb`.", "color: reddish", "color: red"},
    {"unknown-currency", error, "Currencies have ISO 4217 codes.", "currency: RMB", "currency: CNY"},
    {"unknown-department", error, "There is no department of that name.", "department: dessk", "department: desk"},
    {"unknown-entity", error, "There is no entity of that name.", "to: shop.persons", "to: shop.person"},
    {"unknown-field", error, "The entity has no field of that name, perhaps because a layer removed it.", "require: [begin_on]", "require: [start_on]"},
    {"unknown-form", error, "There is no form of that name.", "form: shop.lost_trip", "form: shop.lose_trip"},
    {"unknown-kind", error, "There is no such kind of document.", "kind: entty", "kind: entity"},
    {"unknown-option", error, "The list of choices has no option of that name.", "default: webb", "default: web"},
    {"unknown-record", error, "An import map names a record that it does not have.", "person: {record: p}", "person: {record: person}"},
    {"unknown-role", error, "There is no role of that name.", "by: [clark]", "by: [clerk]"},
    {"unknown-state", error, "The workflow has no state of that name, perhaps because a layer removed it.", "to: bookd", "to: booked"},
    {"unknown-time-zone", error, "Time zones have IANA names.", "time_zone: Beijing", "time_zone: Asia/Shanghai"},
    {"unknown-transition", error, "An effect or an automation names a step that the workflow does not have.", "do: {pay: {transition: payy}}", "do: {pay: {transition: pay}}"},
    {"unknown-value", error, "The word takes one of a few values, and this is none.", "type: number", "type: int"},
    {"unknown-view", error, "There is no view of that name.", "view: shop.trip_bord", "view: shop.trip_board"},
    {"unknown-word", error, "There is no such word here; it would silently not count.", "seats: {type: int, maximum: 9}", "seats: {type: int, max: 9}"},
    {"unreachable-state", warning, "No transition leads to a state.", "states: {parked: {}}", "transitions: {park: {from: open, to: parked}}"},
    {"unused-calendar", warning, "Nothing counts with the calendar.", "", "agency: {calendar: shop.office}"},
    {"unused-choices", warning, "No field takes its values from a list of choices.", "kind: choices\nname: shop.way", "way: {type: choice, choices: shop.way}  # a field"},
    {"unused-form", warning, "A form is shown nowhere: only `ENTITY_form` and the forms that transitions or pages name are.", "kind: form\nname: shop.details", "lose: {form: shop.details}  # a transition"},
    {"unused-setting", warning, "No expression reads a setting of the agency's own.", "settings: {x_limit: {type: int, default: 9}}", "check: \"record.seats <= settings.shop.x_limit\""},
    {"unused-view", warning, "A view is shown nowhere: its entity is not in the menu, and no page has it.", "menu: false  # of shop.trip\n---\nkind: view\nname: shop.trip_board", "blocks: {board: {type: view, view: shop.trip_board}}"},
    {"useless-grants", warning, "An administrator may do everything, so his grants say nothing.", "administrator: true\ngrants: {shop.trip: {read: true}}", "administrator: true"},
    {"useless-message", warning, "A message is said when the guard does not hold, but there is no guard.", "pay: {message: Pay first}", "pay: {when: \"record.paid\", message: Pay first}"},
    {"useless-require", warning, "A transition requires a field that every record has.", "name: {required: true}  # and require: [name]", "name: {required: true}"},
    {"warn-too-early", error, "A warning would come before the clock starts: it is longer before the end than there is time.", "within: 1h\nwarn: {soon: {before: 2h}}", "within: 1h\nwarn: {soon: {before: 15m}}"},
    {"word-not-for-type", error, "The word means nothing for this type of field, view or block.", "paid: {type: bool, scale: 2}", "paid: {type: bool}"},
    {"wrong-kind", error, "The value is of the wrong kind for this file.", "port: many", "port: 8080"},
    {"wrong-reference", error, "A reference is filled with one to something else, or with a number that is no reference.", "set: {person: \"record.id\"}", "set: {person: \"record.person\"}"},
    {"wrong-type", error, "The word takes another shape of value: a map, a list, a text, a number or a flag.", "menu: \"yes\"", "menu: true"},
};

std::string indented(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    out += std::string(text.substr(0, end)) + "\n";
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

}  // namespace

std::span<const CheckCode> check_codes() { return codes; }

const CheckCode* find_check_code(std::string_view code) {
  const auto found = std::find_if(std::begin(codes), std::end(codes), [&](const CheckCode& one) { return one.code == code; });
  return found == std::end(codes) ? nullptr : found;
}

std::string explain_check(const CheckCode& code) {
  std::string out = "### " + std::string(code.code) + "\n\n" + (code.error ? "Error. " : "Warning. ") + std::string(code.what) + "\n";
  if (code.wrong.empty()) return out;
  return out + "\nWrong:\n\n```yaml\n" + indented(code.wrong) + "```\n\nRight:\n\n```yaml\n" + indented(code.right) + "```\n";
}

std::string checks_reference() {
  std::string out =
      "# What `caravan check` finds\n\n"
      "Every mistake has a code, which stands in square brackets at the end of its line. An error refuses the definitions as a\n"
      "whole; what is in use stays in use. A warning names something that works, but hardly as it was meant.\n"
      "`caravan check --explain CODE` prints one of these pages. This file is what `caravan docs checks` prints.\n";
  for (const CheckCode& code : codes) out += "\n" + explain_check(code);
  return out;
}

}  // namespace caravan::model
